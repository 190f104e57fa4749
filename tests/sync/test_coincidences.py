"""Two things at once: a change, a licence or a kill between two steps of a run. Each was found by a history of tests/histories or
tests/model, and lost or kept a row for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from psycopg import sql

from orchestration.entitlement.users import set_licence
from orchestration.postgres.copy import staged
from orchestration.sync import changes, fetch, ledger, listing, under_way
from orchestration.sync.changes import read_keys
from orchestration.sync.fields import readable
from orchestration.sync.objects import CONTACT, EMAIL_MESSAGE
from orchestration.sync.run import list_missing
from tests.contract.running_org import RunningOrg, serving
from tests.sync.bench import TABLES, Bench
from tests.sync.conftest import OPPORTUNITIES
from tests.sync.test_changes import _new_deal

HOURS = 3 * 3600


@pytest.fixture(scope="module")
def sync_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """An org of this file's own: hours pass in it, and the room's org would end up days ahead of the database's clock."""
    with serving(tmp_path_factory.mktemp("coincidences-org"), OPPORTUNITIES) as org:
        yield org


class Killed(BaseException):
    """Nothing catches it, like a kill."""


def _unmatched(bench: Bench) -> str:
    return bench.owners("unmatched")[0]


def _time_passes(bench: Bench) -> None:
    """Past every window, and past what the ledger has put off."""
    bench.org.admin("POST", "/clock", {"seconds": HOURS})
    with bench.database.transaction() as connection:
        connection.execute("update fluint_sync.pending set retry_at = null")


def _settle(bench: Bench) -> None:
    for _ in range(2):
        _time_passes(bench)
        bench.follow()
        bench.load()


def test_a_deal_that_gets_another_owner_within_the_second_of_its_key_arrives(bench: Bench) -> None:
    """Equal stamps: the key was read under one owner, and the fetch asks for it under that one until it forgets it."""
    bench.load()
    deal = _new_deal(bench, OwnerId=bench.rep()["user_id"])
    bench.org.admin("POST", "/clock", {"seconds": 2})
    read_keys(bench.with_(), TABLES)
    with bench.database.transaction() as connection:
        connection.execute(
            "update fluint_sync.pending set parent_id = %s where id = %s",
            [bench.rep(1)["user_id"], deal],
        )
    bench.follow()
    assert deal in bench.live("opportunity")


def test_a_deal_that_changes_hands_between_key_and_fetch_does_not_wait(bench: Bench) -> None:
    """Refused under its former owner, put aside for forty minutes, while `data_as_of` says that nothing is missing."""
    bench.load()
    deal = _new_deal(bench, OwnerId=bench.rep()["user_id"])
    bench.org.admin("POST", "/clock", {"seconds": 2})
    read_keys(bench.with_(), TABLES)
    bench.update("Opportunity", deal, OwnerId=bench.rep(1)["user_id"])
    fetch.fetch_pending(bench.with_(), "opportunity")
    assert deal in bench.live("opportunity")


def licence_flickers(bench: Bench, email: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """The call, with the licence away exactly while it runs."""

    def flickering(*args: Any, **kwargs: Any) -> Any:
        set_licence(bench.database, email, is_licensed=False)
        try:
            return real(*args, **kwargs)
        finally:
            set_licence(bench.database, email, is_licensed=True)

    return flickering


def test_a_licence_that_is_away_between_two_statements_loses_no_change(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is judged unlicensed and forgotten; the coverage, judged a moment earlier, says that nothing is missing."""
    bench.load()
    rep = bench.rep()
    deal = _new_deal(bench, OwnerId=rep["user_id"])
    bench.org.admin("POST", "/clock", {"seconds": 2})
    with monkeypatch.context() as patched:
        patched.setattr(changes, "classify", licence_flickers(bench, rep["fluint_email"], changes.classify))
        read_keys(bench.with_(), TABLES)
    _settle(bench)
    assert deal in bench.live("opportunity")


def test_a_licence_that_is_away_while_a_listing_ends_loses_no_change(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys pass skips what came during the listing, and the coverage is written all the same."""
    read_keys(bench.with_(), TABLES)
    rep = bench.rep()
    new: list[str] = []
    real = listing._read_deals

    def read(*args: Any) -> Any:
        counts = real(*args)
        new.append(_new_deal(bench, OwnerId=rep["user_id"]))
        bench.org.admin("POST", "/clock", {"seconds": 2})
        return counts

    with monkeypatch.context() as patched:
        patched.setattr(listing, "_read_deals", read)
        patched.setattr(listing, "classify", licence_flickers(bench, rep["fluint_email"], listing.classify))
        list_missing(bench.with_(), ["user", "opportunity"])
    _settle(bench)
    assert new
    assert set(new) <= bench.live("opportunity")


def test_a_listing_that_is_killed_before_its_keys_pass_is_made_up_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deal stored as it was an hour ago (Bulk), handed to somebody without a licence since: nobody would read it again."""
    deal = _new_deal(bench, OwnerId=bench.rep()["user_id"])

    def reassigned_then_killed(*_: Any) -> None:
        bench.update("Opportunity", deal, OwnerId=_unmatched(bench))
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(listing, "_keys_pass", reassigned_then_killed)
        with pytest.raises(Killed):
            bench.load()
    with bench.database.transaction() as connection:
        # As if other processes had followed changes for hours, to whom this deal was nobody's.
        connection.execute("update fluint_sync.cursor set position = position + interval '2 hours'")
    _settle(bench)
    assert bench.ask(f"select owner_id from raw_salesforce.opportunity where id = '{deal}'") == [
        (_unmatched(bench),)
    ]


def test_a_deal_that_nobody_may_have_any_more_when_its_old_answer_is_stored_is_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that lay about while the deal changed hands, was refused twice and forgotten: stored, and stale for good."""
    bench.load()
    deal = _new_deal(bench, OwnerId=bench.rep()["user_id"])
    bench.org.admin("POST", "/clock", {"seconds": 2})
    read_keys(bench.with_(), TABLES)

    real, left = fetch._Fetcher._store, [None]

    def store(*args: Any, **kwargs: Any) -> Any:
        if left:
            left.clear()
            bench.update("Opportunity", deal, OwnerId=_unmatched(bench))
            for _ in range(2):
                _time_passes(bench)
                bench.follow()
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(fetch._Fetcher, "_store", store)
        fetch.fetch_pending(bench.with_(), "opportunity")
    _settle(bench)
    owner = bench.ask(f"select owner_id from raw_salesforce.opportunity where id = '{deal}'")
    assert owner == [(_unmatched(bench),)]


def test_a_second_change_in_one_second_that_is_visible_minutes_later_arrives(bench: Bench) -> None:
    """A batch job that changes a record in the second of somebody's save and commits ten minutes later: same stamp, new values."""
    bench.load()
    deal = _new_deal(bench, NextStep="of the batch job")
    bench.org.admin("POST", "/clock", {"seconds": 300})
    bench.follow()
    with bench.database.transaction() as connection:
        # As if the read of five minutes after the stamp had still shown the save.
        connection.execute(
            "update raw_salesforce.opportunity set next_step = 'of the save', _read_at = system_modstamp + interval '5 minutes'"
            " where id = %s",
            [deal],
        )
    for _ in range(2):
        bench.org.admin("POST", "/clock", {"seconds": 1000})
        bench.follow()
    assert bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'") == [
        ("of the batch job",)
    ]


def test_children_whose_coverage_is_dropped_during_their_listing_are_listed_again(bench: Bench) -> None:
    """A deal deleted and brought back while its roles are listed: an undelete may leave their stamps, so no key tells of them."""
    bench.load()
    deal = sorted(bench.live("opportunity"))[0]
    covered = f"select count(*)::int from fluint_sync.deal_coverage where opportunity_id = '{deal}' and object = 'email_message'"
    for dropped, left in ((True, 0), (False, 1)):
        with bench.database.transaction() as connection:
            began = under_way.database_time(connection)
        with bench.database.transaction() as connection:
            if dropped:
                children = sql.SQL("select 'email_message', {}").format(sql.Literal(deal))
                under_way.uncover_deals(connection, children)
            ledger.cover_deals(connection, "email_message", [deal], "run", began)
        assert bench.ask(covered) == [(left,)]


@pytest.mark.parametrize("sobject", [EMAIL_MESSAGE, CONTACT])
def test_a_row_that_comes_back_into_scope_is_live_though_it_was_read_in_the_same_second(
    bench: Bench, sobject: Any
) -> None:
    """Times of reading are cut to the second: a row listed right after its tombstone looks older, and stays out for good."""
    bench.load()
    table = sobject.table_name
    row = sorted(bench.live(table))[0]
    with bench.database.transaction() as connection:
        connection.execute(
            f"update raw_salesforce.{table} set _deleted_at = now() + interval '1 hour', _read_at = now() + interval '1 hour',"
            " _deleted_reason = 'moved_out_of_scope' where id = %s".encode(),
            [row],
        )
        what = readable(bench.with_(), sobject)
        (page,) = bench.client.query(f"SELECT {', '.join(what.paths)} FROM {sobject.name} WHERE Id = '{row}'")
        with staged(connection, sobject.raw_table(what.fields)) as rows:
            rows.add_json(page.body, page.records_path)
            rows.merge(read_at=page.read_at, run_id="test")
    assert row in bench.live(table)


def test_a_contact_that_is_named_again_while_it_is_judged_arrives(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody named it when it was asked for; the role that names it now found it waiting, and nothing else will ask for it."""
    bench.load()
    contact = sorted(bench.live("contact"))[0]
    gone = "update raw_salesforce.opportunity_contact_role set _deleted_at = {} where contact_id = %s"

    def roles(deleted_at: str) -> None:
        with bench.database.transaction() as connection:
            connection.execute(gone.format(deleted_at).encode(), [contact])

    with bench.database.transaction() as connection:
        connection.execute(
            "insert into fluint_sync.pending (object, id, reason, stamp, since)"
            " select 'contact', id, 'entitled', system_modstamp, now() from raw_salesforce.contact where id = %s",
            [contact],
        )
        connection.execute("delete from raw_salesforce.contact where id = %s", [contact])
    roles("now()")
    real = fetch._Fetcher._settle_the_rest

    def named_meanwhile(self: Any, question: Any) -> Any:
        roles("null")
        return real(self, question)

    with monkeypatch.context() as patched:
        patched.setattr(fetch._Fetcher, "_settle_the_rest", named_meanwhile)
        patched.setattr(
            ledger, "pending_ids", _once(ledger.pending_ids)
        )  # one round: the next one is another run's
        fetch.fetch_pending(bench.with_(), "contact")
    _settle(bench)
    assert contact in bench.live("contact")


def _once(real: Callable[..., list[str]]) -> Callable[..., list[str]]:
    rounds = iter([real])
    return lambda *args: next(rounds, lambda *_: [])(*args)


def _during_a_listing(bench: Bench, patched: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Lists deals; `act` comes between the last page and the keys pass."""
    real, left = listing._read_deals, [act]

    def read(*args: Any) -> Any:
        counts = real(*args)
        if left:
            left.pop()()
        return counts

    patched.setattr(listing, "_read_deals", read)
    listing.list_missing_deals(bench.with_())


def test_a_deal_that_a_listing_finds_behind_the_cursor_holds_data_as_of_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor passed its key while its owner had no licence for a moment: covered, not there, and said to be up to date."""
    list_missing(bench.with_(), ["user"])
    read_keys(bench.with_(), TABLES)
    rep, new = bench.rep(), list[str]()

    def passed_by() -> None:
        new.append(_new_deal(bench, OwnerId=rep["user_id"]))
        bench.org.admin("POST", "/clock", {"seconds": 60})
        set_licence(bench.database, rep["fluint_email"], is_licensed=False)
        read_keys(bench.with_(), TABLES)
        set_licence(bench.database, rep["fluint_email"], is_licensed=True)

    with monkeypatch.context() as patched:
        _during_a_listing(bench, patched, passed_by)
    (record,) = bench.records(f"SELECT SystemModstamp FROM Opportunity WHERE Id = '{new[0]}'")
    with bench.database.transaction() as connection:
        assert new[0] in ledger.pending_ids(connection, "opportunity", 1000)
        as_of = ledger.data_as_of(connection, "opportunity")
    assert as_of is not None
    assert as_of <= datetime.fromisoformat(record["SystemModstamp"])


def test_a_late_change_under_a_stamp_that_a_listing_has_read_arrives(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page lay between network and database while a slow transaction with the same stamp ended: the keys pass is the last to show it."""
    list_missing(bench.with_(), ["user"])
    read_keys(bench.with_(), TABLES)
    deal = _new_deal(bench, OwnerId=bench.rep()["user_id"], NextStep="of the batch job")
    bench.org.admin("POST", "/clock", {"seconds": 2})

    def stored_late() -> None:
        bench.org.admin("POST", "/clock", {"seconds": 2700})
        with bench.database.transaction() as connection:
            connection.execute(
                "update raw_salesforce.opportunity set next_step = 'of the save',"
                " _read_at = system_modstamp + interval '5 minutes' where id = %s",
                [deal],
            )
            # As if another process had followed changes meanwhile, to whom this deal was nobody's.
            connection.execute("update fluint_sync.cursor set position = position + interval '40 minutes'")

    with monkeypatch.context() as patched:
        _during_a_listing(bench, patched, stored_late)
    _settle(bench)
    assert bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'") == [
        ("of the batch job",)
    ]


def test_roles_of_a_contact_that_was_never_held_are_listed_again_when_it_is_back(bench: Bench) -> None:
    """It went to the bin before it was fetched, its role with it; both come back, and only the contact has a new stamp."""
    bench.load()
    ((contact, deal),) = bench.ask(
        "select contact_id, opportunity_id from raw_salesforce.opportunity_contact_role where _deleted_at is null"
        " order by id limit 1"
    )
    with bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.contact where id = %s", [contact])
        connection.execute(
            "update raw_salesforce.opportunity_contact_role set _deleted_at = now() where contact_id = %s",
            [contact],
        )
    edited = {"update": "Contact", "id": contact, "values": {"Title": "Back"}}
    bench.org.admin("POST", "/transactions", {"changes": [edited], "commit": True})
    bench.org.admin("POST", "/clock", {"seconds": 2})
    read_keys(bench.with_(), TABLES)
    covered = f"select object from fluint_sync.deal_coverage where opportunity_id = '{deal}' order by 1"
    assert bench.ask(covered) == [("email_message",), ("event",), ("task",)]


def test_a_deleted_mail_that_comes_back_under_a_foreign_deal_does_not_wait_for_ever(bench: Bench) -> None:
    """Followed because it was held, refused because its deal is nobody's: it would hold `data_as_of` back for good."""
    bench.load()
    mail = sorted(bench.live("email_message"))[0]
    with bench.database.transaction() as connection:
        connection.execute(
            "update raw_salesforce.email_message set is_deleted = true, _deleted_at = now(), _deleted_reason = 'soft_deleted'"
            " where id = %s",
            [mail],
        )
    foreign = _new_deal(bench, OwnerId=_unmatched(bench))
    moved = {"update": "EmailMessage", "id": mail, "values": {"RelatedToId": foreign}}
    bench.org.admin("POST", "/transactions", {"changes": [moved], "commit": True})
    bench.follow()
    assert bench.ask(f"select reason from fluint_sync.pending where id = '{mail}'") == []
    assert bench.ask(f"select _deleted_reason from raw_salesforce.email_message where id = '{mail}'") == [
        ("moved_out_of_scope",)
    ]
