"""A query that Salesforce finds too long (QUERY_TIMEOUT): its halves are read, both of them, and nothing is proved before all are in.

Stitch's release note of 2018-12-12 tells of the second half that was never read where the first one was empty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from orchestration.errors import RejectedRequestError
from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import Staged
from orchestration.sync import changes
from orchestration.sync.changes import read_keys
from orchestration.sync.keys import classify
from orchestration.sync.objects import OPPORTUNITY, SObject
from orchestration.sync.options import ObjectReport
from tests.sync.bench import TABLES, Bench

KEYS = r"FROM Opportunity WHERE SystemModstamp"
DEALS = r"NextStep.* FROM Opportunity "
MAILS = r"TextBody.* FROM EmailMessage "
TIME_OUT = '[{"message":"Your query request was running for too long.","errorCode":"QUERY_TIMEOUT"}]'


@pytest.fixture
def bench(loaded: Bench) -> Iterator[Bench]:
    """A workspace that has read everything, in an org in which every query is fast again afterwards."""
    before = loaded.org.admin("GET", "/switches")
    yield loaded
    loaded.org.admin("DELETE", "/faults")
    loaded.org.admin("PATCH", "/switches", before)


def _slow(bench: Bench, about: str, rows: int) -> None:
    """From now on queries about this that give more than so many rows run too long."""
    bench.org.admin("PATCH", "/switches", {"slow_query": about, "slow_query_rows": rows})


def _cursor(bench: Bench) -> Any:
    return bench.ask("select position from fluint_sync.cursor where object = 'opportunity'")[0][0]


def _asked(bench: Bench, after: int, about: str) -> list[str]:
    return [query for query in bench.queries(after) if re.search(about, query)]


def _lose(bench: Bench, table: str) -> set[str]:
    """Makes an object to be listed anew, with every second row lost; returns all ids that were held."""
    held = bench.live(table)
    with bench.database.transaction() as connection:
        if table == "opportunity":
            connection.execute("delete from fluint_sync.owner_coverage")
        connection.execute("delete from fluint_sync.deal_coverage where object = %s", [table])
        connection.execute(
            f"delete from raw_salesforce.{table} where id = any (%s)".encode(), [sorted(held)[::2]]
        )
    return held


def test_a_window_of_keys_that_times_out_is_read_in_halves_the_empty_ones_too(bench: Bench) -> None:
    """Twenty minutes without a change, then ten changes: with only the first half read, the cursor moves over all of them."""
    bench.org.admin("POST", "/clock", {"seconds": 3_000})
    bench.follow()
    bench.org.admin("POST", "/clock", {"seconds": 3_000})
    deals = sorted(bench.live("opportunity") & bench.entitled())[:10]
    for deal in deals:
        bench.update("Opportunity", deal, NextStep="In the last of the halves")
        bench.org.admin("POST", "/clock", {"seconds": 2})
    _slow(bench, KEYS, 3)
    before, cursor = bench.log_position(), _cursor(bench)
    assert bench.follow()["opportunity"].state == "complete"
    held = "select count(*) from raw_salesforce.opportunity where next_step = 'In the last of the halves'"
    assert bench.ask(held) == [(len(deals),)]
    assert len(_asked(bench, before, KEYS)) > 5
    assert _cursor(bench) > cursor


def test_a_part_of_the_keys_that_is_dated_earlier_holds_the_cursor_back(bench: Bench) -> None:
    """The first part is of now, a later one out of a cache: who believes the first date passes by what the later one does not show."""
    bench.follow()
    deals = sorted(bench.live("opportunity") & bench.entitled())[:6]
    for deal in deals:
        bench.update("Opportunity", deal, NextStep="In several parts")
        bench.org.admin("POST", "/clock", {"seconds": 2})
    _slow(bench, KEYS, 2)
    cursor = _cursor(bench)
    of_a_cache = {"kind": "skewed_date", "seconds": -7_200, "about": KEYS, "skip": 2, "times": 99}
    bench.org.admin("POST", "/faults", of_a_cache)
    bench.follow()
    assert bench.org.admin("GET", "/faults/hits")
    assert _cursor(bench) == cursor
    bench.org.admin("DELETE", "/faults")
    bench.follow()
    assert _cursor(bench) > cursor


def test_a_window_with_more_keys_than_memory_holds_is_followed_in_parts_and_a_failed_part_stops_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that touches a million deals: every key in memory at once, and after a failure at the last page all of them again."""
    bench.follow()
    bench.org.admin("POST", "/clock", {"seconds": 3_000})
    bench.follow()
    deals = sorted(bench.live("opportunity") & bench.entitled())[:12]
    for deal in deals:
        bench.update("Opportunity", deal, NextStep="Migrated")
        bench.org.admin("POST", "/clock", {"seconds": 300})
    cursor, at_once = _cursor(bench), list[int]()
    with monkeypatch.context() as patched:
        patched.setattr(bench, "options", replace(bench.options, most_keys_at_once=3))
        patched.setattr(changes, "classify", _noting(at_once))
        bench.org.admin(
            "POST", "/faults", {"kind": "unavailable_json", "times": 99, "about": KEYS, "skip": 6}
        )
        assert bench.follow()["opportunity"].error is not None
        half_way = _cursor(bench)
        assert cursor < half_way
        waiting = bench.ask(
            "select count(*), min(since) from fluint_sync.pending where object = 'opportunity'"
        )
        assert 0 < waiting[0][0] < len(deals)
        assert waiting[0][1] == cursor
        bench.org.admin("DELETE", "/faults")
        assert bench.follow()["opportunity"].state == "complete"
    assert _cursor(bench) > half_way + timedelta(minutes=20)
    assert max(at_once) <= 3
    held = "select count(*) from raw_salesforce.opportunity where next_step = 'Migrated'"
    assert bench.ask(held) == [(len(deals),)]
    assert bench.ask("select count(*) from fluint_sync.pending where object = 'opportunity'") == [(0,)]


def _noting(at_once: list[int]) -> Callable[..., int]:
    """Classifies as ever, and notes how many keys of deals there were."""

    def noted(connection: Connection, sobject: SObject, keys: Staged, *args: Any, **kwargs: Any) -> int:
        if sobject is OPPORTUNITY:
            rows = connection.execute(sql.SQL("select count(*) from {}").format(keys.name)).fetchall()
            at_once.append(rows[0][0])
        return classify(connection, sobject, keys, *args, **kwargs)

    return noted


def test_a_part_of_many_keys_that_is_dated_earlier_holds_the_cursor_back_for_the_later_ones(
    bench: Bench,
) -> None:
    """The earlier part out of a cache, the later ones of now: the cursor passes by what the cache did not show."""
    bench.follow()
    bench.org.admin("POST", "/clock", {"seconds": 3_000})
    bench.follow()
    for deal in sorted(bench.live("opportunity") & bench.entitled())[:6]:
        bench.update("Opportunity", deal, NextStep="In several parts")
        bench.org.admin("POST", "/clock", {"seconds": 2})
    cursor, options = _cursor(bench), bench.options
    bench.options = replace(options, most_keys_at_once=2)
    of_a_cache = {"kind": "skewed_date", "seconds": -7_200, "about": KEYS, "skip": 1, "times": 1}
    bench.org.admin("POST", "/faults", of_a_cache)
    bench.follow()
    assert bench.org.admin("GET", "/faults/hits")
    assert _cursor(bench) == cursor
    bench.org.admin("DELETE", "/faults")
    bench.follow()
    bench.options = options
    assert _cursor(bench) > cursor


def test_a_tick_whose_keys_time_out_moves_nothing_and_leaves_them_to_a_run(bench: Bench) -> None:
    """A sensor that has a minute, and spends it on queries of two."""
    bench.follow()
    cursor = _cursor(bench)
    _slow(bench, KEYS, -1)
    outcome = read_keys(bench.with_(), TABLES, most_pages=5)
    assert outcome.left_to_run == ("opportunity",)
    assert outcome.changed
    assert not outcome.errors
    assert _cursor(bench) == cursor


def test_keys_that_cannot_be_had_in_any_part_move_no_cursor_and_are_told_by_object_and_time(
    bench: Bench,
) -> None:
    """Splitting without an end, each part at two minutes; or a cursor over what was never read."""
    bench.follow()
    cursor = _cursor(bench)
    _slow(bench, KEYS, -1)
    before = bench.log_position()
    reports = bench.follow()
    error = reports["opportunity"].error
    assert isinstance(error, RejectedRequestError)
    assert error.code == "QUERY_TIMEOUT"
    assert re.match(
        r"Opportunity changed from 20\d\d-\S+ \S+ to 20\d\d-\S+ \S+ UTC is too much for one answer",
        str(error),
    )
    assert 5 < len(_asked(bench, before, KEYS)) < 20
    assert _cursor(bench) == cursor
    assert reports["email_message"].state == "complete"


def test_a_listing_of_deals_that_times_out_is_read_in_halves(bench: Bench) -> None:
    """A first load of a large org that fails at the same query for ever."""
    held = _lose(bench, "opportunity")
    _slow(bench, DEALS, 40)
    before = bench.log_position()
    assert bench.load()["opportunity"].state == "complete"
    assert bench.live("opportunity") == held
    halves = [query for query in _asked(bench, before, DEALS) if "CreatedDate >= " in query]
    assert len(halves) > 5
    assert bench.ask("select count(*) > 0, bool_and(created = '{(,)}') from fluint_sync.owner_coverage") == [
        (True, True)
    ]


@pytest.mark.slow
def test_a_count_of_deals_that_times_out_is_the_sum_of_its_halves(bench: Bench) -> None:
    """A listing that takes an owner for one without deals, because the half with them was not counted."""
    held = _lose(bench, "opportunity")
    _slow(bench, rf"COUNT\(Id\) deals.*{bench.owners('rep')[0]}", 6)
    before = bench.log_position()
    report = bench.load()["opportunity"]
    assert report.state == "complete", report.error
    assert bench.live("opportunity") == held
    assert any("CreatedDate" in query for query in _asked(bench, before, r"COUNT\(Id\) deals"))


STAYS_OUT = "select owner_id, reason, deals from fluint_sync.excluded_count order by 1, 2"


def _forget_what_stays_out(bench: Bench) -> list[tuple[Any, ...]]:
    """Empties the counts and returns what stood there."""
    bench.follow()
    counted = bench.ask(STAYS_OUT)
    assert len(counted) > 2
    with bench.database.transaction() as connection:
        connection.execute("truncate fluint_sync.excluded_count")
    return counted


def test_what_stays_out_is_counted_owner_by_owner_where_the_whole_times_out(bench: Bench) -> None:
    """Every run of a large org red, though all rows are there, because one number beside them could not be had."""
    counted = _forget_what_stays_out(bench)
    _slow(bench, r"COUNT\(Id\) deals", 1)
    assert bench.follow()["opportunity"].state == "complete"
    assert bench.ask(STAYS_OUT) == counted


def test_what_stays_out_of_one_owner_is_counted_by_time_where_the_whole_times_out(bench: Bench) -> None:
    """One owner with a million deals, whose number cannot be had at once, and with it the numbers of all the others."""
    counted = _forget_what_stays_out(bench)
    _slow(bench, r"COUNT\(Id\) deals(?!.*CreatedDate)", 0)
    before = bench.log_position()
    assert not _notes_of_counting(bench.follow()["opportunity"])
    assert bench.ask(STAYS_OUT) == counted
    assert any("CreatedDate < " in query for query in _asked(bench, before, r"COUNT\(Id\) deals"))


def test_a_count_of_what_stays_out_that_fails_is_a_note_beside_deals_that_were_read(bench: Bench) -> None:
    """Every run red, and the permissions compared every hour anew, for a number that no deal depends on."""
    bench.follow()
    counted = bench.ask(STAYS_OUT)
    fault = {"kind": "unavailable_json", "times": 1_000, "path": ".*/composite"}
    bench.org.admin("POST", "/faults", fault | {"about": r"COUNT\(Id\) deals FROM Opportunity"})
    report = bench.follow()["opportunity"]
    assert report.state == "complete"
    assert _notes_of_counting(report)
    assert bench.ask(STAYS_OUT) == counted
    night = bench.reconcile()
    assert bench.org.admin("GET", "/faults/hits")
    assert night.findings["opportunity"].error is None
    assert night.is_remembered


def _notes_of_counting(report: ObjectReport) -> list[str]:
    return [note for note in report.notes if "could not be counted" in note]


def test_deals_of_one_second_that_cannot_be_split_cover_nobody_though_the_others_came(bench: Bench) -> None:
    """A coverage written after the halves that could be had: the rest would be missing for good."""
    owner = bench.owners("rep")[0]
    deal = {"Name": "Import", "StageName": "Prospecting", "CloseDate": "2027-01-31", "OwnerId": owner}
    changes = [{"insert": "Opportunity", "values": deal}] * 6
    made = set(bench.org.admin("POST", "/transactions", {"changes": changes, "commit": True})["ids"])
    bench.follow()
    held = _lose(bench, "opportunity")
    assert made <= held
    _slow(bench, DEALS, 5)
    error = bench.load()["opportunity"].error
    assert isinstance(error, RejectedRequestError)
    assert re.match(r"Opportunity created from \S+ \S+ to \S+ \S+ UTC is too much", str(error))
    covered = [row[0] for row in bench.ask("select owner_id from fluint_sync.owner_coverage")]
    assert owner not in covered
    bench.org.admin("PATCH", "/switches", {"slow_query": ""})
    assert bench.load()["opportunity"].state == "complete"
    assert bench.live("opportunity") == held


@pytest.mark.slow
def test_children_that_time_out_are_read_deal_by_deal_and_a_large_deal_by_time(bench: Bench) -> None:
    """A chunk of 500 deals whose mails are never listed because one of them has a mailbox of its own."""
    # Not one to which tests of other files wrote more mails within a second than are had at once here.
    mails: Counter[str] = Counter(
        row[0] for row in bench.ask("select related_to_id from raw_salesforce.email_message")
    )
    deal = min(bench.live("opportunity") & bench.entitled(), key=lambda deal: (mails[deal], deal))
    mail = {"RelatedToId": deal, "Subject": "One of many", "Status": "3"}
    for _ in range(4):
        changes = [{"insert": "EmailMessage", "values": mail}] * 3
        bench.org.admin("POST", "/transactions", {"changes": changes, "commit": True})
        bench.org.admin("POST", "/clock", {"seconds": 4_000})
    bench.follow()
    held = _lose(bench, "email_message")
    _slow(bench, MAILS, max(60, *mails.values()))
    before = bench.log_position()
    report = bench.load()["email_message"]
    assert report.state == "complete", report.error
    assert bench.live("email_message") == held
    assert len(_asked(bench, before, MAILS)) > 5
    assert not [query for query in _asked(bench, before, MAILS) if "CreatedDate >= " in query]
    with bench.database.transaction() as connection:
        connection.execute(
            "delete from fluint_sync.deal_coverage where object = 'email_message' and opportunity_id = %s",
            [deal],
        )
        connection.execute("delete from raw_salesforce.email_message where related_to_id = %s", [deal])
    _slow(bench, MAILS, 4)
    report = bench.load()["email_message"]
    assert report.state == "complete", report.error
    assert bench.live("email_message") == held
    assert [query for query in _asked(bench, before, MAILS) if "CreatedDate >= " in query]


def test_a_later_page_that_times_out_has_the_whole_read_again_in_halves(bench: Bench) -> None:
    """The first page is stored, the second one cannot be had: what is stored proves nothing."""
    held = _lose(bench, "email_message")
    headers = {"content-type": "application/json"}
    fault = {"kind": "answer", "status": 400, "body": TIME_OUT, "headers": headers}
    bench.org.admin("POST", "/faults", fault | {"path": ".*/query(All)?/0r8.*"})
    before = bench.log_position()
    assert bench.load()["email_message"].state == "complete"
    assert bench.org.admin("GET", "/faults/hits")
    assert bench.live("email_message") == held
    assert len(_asked(bench, before, MAILS)) > 2


@pytest.mark.slow
def test_users_that_time_out_at_their_first_reading_are_read_in_halves(bench: Bench) -> None:
    """An org of many thousand users whose first sync never gets beyond them."""
    users = bench.live("user")
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.cursor where object = 'user'")
        connection.execute("truncate raw_salesforce.user")
    _slow(bench, r"Username.* FROM User$", 0)
    before = bench.log_position()
    assert bench.load()["user"].state == "complete"
    assert bench.live("user") == users
    assert [query for query in _asked(bench, before, "FROM User") if "CreatedDate < " in query]
    assert bench.ask("select count(*) from fluint_sync.cursor where object = 'user'") == [(1,)]
