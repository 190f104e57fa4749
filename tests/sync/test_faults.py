"""Every fault of the org against the sync: what was read stays, nothing is lost, no cursor or coverage moves on a lie, the next run heals.

One loaded workspace serves the whole file: each test changes a deal of its own, lets something go wrong, and leaves everything healed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestration.errors import (
    FluintError,
    IncompleteReadError,
    MissingFieldError,
    QuotaReachedError,
    TransientSalesforceError,
)
from tests.sync.bench import Bench

KEYS = {
    "path": ".*/composite",
    "about": r"SystemModstamp >= .*FROM Opportunity |FROM Opportunity .*SystemModstamp >=",
}
ROWS = {"path": ".*/composite", "about": "NextStep.*FROM Opportunity "}
Fault = dict[str, Any]
NO_DATE = {"sobject": "EmailMessage", "field": "MessageDate", "value": "soon"}


def rarely(*values: object) -> Any:
    """A case for `make test-all`: like another one, it meets the same code of ours on a different fault."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture
def bench(loaded: Bench) -> Iterator[Bench]:
    """That workspace; afterwards the org is as before, and what was left pending may be fetched."""
    before = loaded.org.admin("GET", "/switches")
    options = loaded.options
    yield loaded
    loaded.options = options
    loaded.org.admin("DELETE", "/faults")
    loaded.org.admin("PATCH", "/switches", before)
    _heal(loaded)


def _heal(bench: Bench) -> None:
    """Time passes: back-off ends, and what was seen of the org's allowance is forgotten."""
    usage = bench.client.usage
    if usage is not None:
        bench.client._transport.usage = replace(usage, seen_at=usage.seen_at - timedelta(hours=2))
    with bench.database.transaction() as connection:
        connection.execute("update fluint_sync.api_usage set seen_at = seen_at - interval '2 hours'")
        connection.execute("update fluint_sync.pending set retry_at = null")


def _change(bench: Bench, text: str) -> str:
    """A rep changes a deal; returns it."""
    deal = sorted(bench.live("opportunity") & bench.entitled())[0]
    bench.update("Opportunity", deal, NextStep=text)
    return deal


def _next_step(bench: Bench, deal: str) -> Any:
    return bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'")[0][0]


def _cursor(bench: Bench) -> Any:
    return bench.ask("select position from fluint_sync.cursor where object = 'opportunity'")[0][0]


def _is_accounted_for(bench: Bench, deal: str, cursor: Any) -> bool:
    """A change that did not come is still before the cursor's window, or pending."""
    pending = bench.ask(f"select 1 from fluint_sync.pending where object = 'opportunity' and id = '{deal}'")
    return bool(pending) or _cursor(bench) == cursor


def _hits(bench: Bench) -> list[str]:
    return [hit["kind"] for hit in bench.org.admin("GET", "/faults/hits")]


@pytest.mark.parametrize(
    "fault",
    [
        rarely({"kind": "unavailable_json", "times": 2}),
        rarely({"kind": "unavailable_html"}),
        rarely({"kind": "unavailable_empty"}),
        rarely({"kind": "too_many_requests", "times": 2}),
        rarely({"kind": "drop", "after_bytes": 60}),
        rarely({"kind": "reset", "after_bytes": 60}),
        rarely({"kind": "lose_answer"}),
        {"kind": "truncated_gzip"},
        {"kind": "expired_token"},
    ],
    ids=lambda fault: fault["kind"],
)
@pytest.mark.parametrize("place", [KEYS, ROWS], ids=["keys", "rows"])
def test_a_fault_of_the_moment_does_not_even_delay_a_change(bench: Bench, fault: Fault, place: Fault) -> None:
    """One bad answer that fails a whole interval, or is taken for an empty one."""
    deal = _change(bench, f"{fault['kind']} {place is KEYS}")
    bench.org.admin("POST", "/faults", {**fault, **place})
    reports = bench.follow()
    assert set(_hits(bench)) == {fault["kind"]}
    assert reports["opportunity"].state == "complete"
    assert _next_step(bench, deal) == f"{fault['kind']} {place is KEYS}"


@pytest.mark.parametrize(
    ("fault", "place", "error", "words"),
    [
        rarely({"kind": "unavailable_html"}, KEYS, TransientSalesforceError, "the next sync tries again"),
        rarely({"kind": "too_many_requests"}, KEYS, TransientSalesforceError, "the next sync tries again"),
        rarely({"kind": "truncated_gzip"}, KEYS, TransientSalesforceError, "cut off"),
        rarely({"kind": "reset", "after_bytes": 20}, ROWS, TransientSalesforceError, "cut off"),
        ({"kind": "quota_used_up"}, KEYS, QuotaReachedError, "goes on by itself"),
        rarely({"kind": "quota_used_up"}, ROWS, QuotaReachedError, "goes on by itself"),
        (
            {"kind": "hidden_field", "sobject": "Opportunity", "field": "NextStep"},
            ROWS,
            MissingFieldError,
            "Opportunity.NextStep",
        ),
        ({"kind": "hide_row"}, KEYS, IncompleteReadError, "announced"),
        rarely({"kind": "short_count", "times": 99}, KEYS, IncompleteReadError, "announced"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) and "kind" in value else None,
)
def test_a_fault_that_stays_fails_the_interval_and_loses_nothing(
    bench: Bench, fault: Fault, place: Fault, error: type[FluintError], words: str
) -> None:
    """A cursor that moved over a change that never came: gone until somebody compares with Salesforce."""
    text = f"stays {fault['kind']} {place is KEYS}"
    deal, before = _change(bench, text), _cursor(bench)
    bench.org.admin("POST", "/faults", {"times": 99, **fault, **place})
    report = bench.follow()["opportunity"]
    assert set(_hits(bench)) == {fault["kind"]}
    assert isinstance(report.error, error), report.error
    assert words in str(report.error)
    assert _next_step(bench, deal) != text
    assert _is_accounted_for(bench, deal, before)
    bench.org.admin("DELETE", "/faults")
    _heal(bench)
    assert bench.follow()["opportunity"].state == "complete"
    assert _next_step(bench, deal) == text


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hide_row"},
        {"kind": "changed_type", "sobject": "Opportunity", "field": "Amount", "value": "12 EUR"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_row_that_cannot_be_had_stays_pending_and_holds_data_as_of_back(bench: Bench, fault: Fault) -> None:
    """One bad record delays only itself, and does not pass for read."""
    deal = _change(bench, f"pending {fault['kind']}")
    bench.org.admin("POST", "/faults", {**fault, **ROWS})
    report = bench.follow()["opportunity"]
    assert fault["kind"] in _hits(bench)
    assert report.pending >= 1
    assert report.data_as_of is not None
    assert report.data_as_of < _cursor(bench)
    bench.org.admin("DELETE", "/faults")
    _heal(bench)
    bench.follow()
    assert _next_step(bench, deal) == f"pending {fault['kind']}"


def test_an_answer_of_an_earlier_interval_moves_no_cursor(bench: Bench) -> None:
    """A cache on the way that gives the answer of half an hour ago: nothing new in it, and the cursor goes on."""
    bench.org.admin("POST", "/faults", {"kind": "repeat", **KEYS})
    bench.follow()
    deal = _change(bench, "behind a cache")
    bench.org.admin("POST", "/clock", {"seconds": 1_800})
    bench.follow()
    assert "repeat" in _hits(bench)
    bench.follow()
    assert _next_step(bench, deal) == "behind a cache"


def test_a_clock_that_ran_ahead_for_a_moment_does_not_skip_what_comes_after(bench: Bench) -> None:
    """A proxy that dates one answer two hours ahead: the cursor follows it, and two hours of changes lie behind the cursor."""
    bench.org.admin(
        "POST", "/faults", {"kind": "skewed_date", "seconds": 7_200, "path": "/services/data", "times": 1}
    )
    bench.follow()
    assert "skewed_date" in _hits(bench)
    bench.org.admin("DELETE", "/faults")
    deal = _change(bench, "in the skipped hours")
    bench.follow()
    assert _next_step(bench, deal) == "in the skipped hours"


def test_dates_that_are_ahead_for_a_while_do_not_skip_what_comes_after(bench: Bench) -> None:
    """Every answer is dated two hours ahead, until somebody mends the clock: cursors stand in the future then."""
    bench.org.admin("POST", "/faults", {"kind": "skewed_date", "seconds": 7_200})
    bench.follow()
    bench.org.admin("DELETE", "/faults")
    deal = _change(bench, "after the clock was mended")
    bench.follow()
    assert _next_step(bench, deal) == "after the clock was mended"


def test_a_transaction_of_ten_minutes_arrives_though_the_cursor_passed_its_stamp(bench: Bench) -> None:
    """airbyte#27146, with an org that shows the row to nobody before it commits: changed, new and deleted rows alike."""
    deals = sorted(bench.live("opportunity") & bench.entitled())
    changed, gone = deals[1], deals[2]
    new = {
        "Name": "Slow",
        "StageName": "Prospecting",
        "CloseDate": "2027-01-31",
        "OwnerId": bench.owners("rep")[0],
    }
    changes = [
        {"update": "Opportunity", "id": changed, "values": {"NextStep": "slow"}},
        {"insert": "Opportunity", "values": new},
        {"insert": "EmailMessage", "values": {"RelatedToId": changed, "Subject": "Slow", "Status": "3"}},
        {"delete": "Opportunity", "id": gone},
    ]
    begun = bench.org.admin("POST", "/transactions", {"changes": changes})
    for _ in range(2):
        bench.org.admin("POST", "/clock", {"seconds": 300})
        bench.follow()
    made, mail = begun["ids"][1], begun["ids"][2]
    assert made not in bench.live("opportunity")
    bench.org.admin("POST", f"/transactions/{begun['transaction']}/commit")
    bench.follow()
    assert {changed, made} <= bench.live("opportunity")
    assert gone not in bench.live("opportunity")
    assert mail in bench.live("email_message")
    assert _next_step(bench, changed) == "slow"


def test_a_mass_update_of_one_stamp_arrives_whole(bench: Bench) -> None:
    """airbyte#9883: all rows share one stamp and come over several queries."""
    deals = sorted(bench.entitled())
    changes = [{"update": "Opportunity", "id": deals, "values": {"NextStep": "in one transaction"}}]
    bench.org.admin("POST", "/transactions", {"changes": changes, "commit": True})
    bench.follow()
    held = bench.ask("select count(*) from raw_salesforce.opportunity where next_step = 'in one transaction'")
    assert held == [(len(deals),)]


def _uncover_mails(bench: Bench) -> set[str]:
    """Makes every mail to be listed anew, one of them lost; returns all that are held before."""
    held = bench.live("email_message")
    lost = sorted(held)[len(held) // 2]
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.deal_coverage where object = 'email_message'")
        connection.execute("delete from raw_salesforce.email_message where id = %s", [lost])
    return held


def _covered_mails(bench: Bench) -> int:
    return int(
        bench.ask("select count(*) from fluint_sync.deal_coverage where object = 'email_message'")[0][0]
    )


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "dead_locator"},
        rarely(
            {
                "kind": "hide_row",
                "path": ".*/query(All)?/0r8.*|.*/composite",
                "about": "^(?!.*SystemModstamp >=).*FROM EmailMessage|^$",
            }
        ),
        rarely({"kind": "repeat", "path": ".*/query(All)?/0r8.*", "times": 1}),
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_listing_by_rest_with_a_page_missing_covers_nothing_and_heals(bench: Bench, fault: Fault) -> None:
    """Pages two and three of a listing, one of which was never seen: covered, the mail would be missing for ever."""
    held = _uncover_mails(bench)
    bench.org.admin("POST", "/faults", fault)
    report = bench.load()["email_message"]
    assert fault["kind"] in _hits(bench)
    assert isinstance(report.error, IncompleteReadError), report.error
    assert _covered_mails(bench) == 0
    bench.org.admin("DELETE", "/faults")
    assert bench.load()["email_message"].state == "complete"
    assert held <= bench.live("email_message")


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"kind": "failed_job"}, "complete"),
        rarely({"kind": "dead_locator"}, "failed"),
        ({"kind": "short_csv", "rows": 2}, "failed"),
        rarely({"kind": "short_count", "path": ".*/results"}, "failed"),
        rarely({"kind": "short_count", "path": ".*/jobs/query/750.*", "method": "GET", "times": 99}, "failed"),
        rarely({"kind": "hide_row", "path": ".*/results"}, "failed"),
        ({"kind": "truncated_gzip", "path": ".*/results"}, "failed"),
        rarely({"kind": "reset", "path": ".*/results", "after_bytes": 5_000}, "failed"),
        rarely({"kind": "repeat", "path": ".*/results", "times": 1}, "failed"),
        rarely({"kind": "changed_type", "path": ".*/results", **NO_DATE}, "failed"),
        rarely({"kind": "expired_token", "path": ".*/results", "skip": 1}, "complete"),
        rarely({"kind": "unavailable_html", "path": ".*/results", "skip": 1}, "complete"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)  # fmt: skip
def test_bulk_results_that_are_not_whole_cover_nothing_and_heal(
    bench: Bench, fault: Fault, state: str
) -> None:
    """airbyte#19014: 14,900 of 49,000 rows and a green run. What Bulk cannot give, REST gives in the same run."""
    held = _uncover_mails(bench)
    bench.options = replace(bench.options, bulk_threshold=1)
    bench.org.admin("PATCH", "/switches", {"bulk_page_records": 400})
    bench.org.admin("POST", "/faults", fault)
    report = bench.load()["email_message"]
    assert fault["kind"] in _hits(bench)
    assert (report.state, bool(_covered_mails(bench))) == (state, state == "complete"), report.error
    if state == "failed":
        assert isinstance(report.error, IncompleteReadError | TransientSalesforceError)
    bench.org.admin("DELETE", "/faults")
    assert bench.load()["email_message"].state == "complete"
    assert held <= bench.live("email_message")
    assert bench.write("GET", "/jobs/query")["records"] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_of_random_faults_ends_with_everything_that_is_there(bench: Bench, seed: int) -> None:
    """No list of faults is complete: by chance, one call in four goes wrong, and in the end nothing may be missing."""
    choice = [
        {"kind": kind}
        for kind in (
            "unavailable_html",
            "too_many_requests",
            "reset",
            "lose_answer",
            "truncated_gzip",
            "expired_token",
        )
    ]
    choice += [{"kind": "hide_row", "path": ".*/composite"}, {"kind": "short_count", "path": ".*/composite"}]
    deals = sorted(bench.live("opportunity") & bench.entitled())
    chance = {"kind": "chance", "one_in": 4, "seed": seed, "path": ".*/v66.0/.*", "choice": choice}
    bench.org.admin("POST", "/faults", chance)
    for step in range(12):
        some = deals[3 * step : 3 * step + 3]
        mail = {"RelatedToId": some[0], "Subject": f"{seed}.{step}", "Status": "3"}
        changes = [
            {"update": "Opportunity", "id": some, "values": {"NextStep": f"{seed}.{step}"}},
            {"insert": "EmailMessage", "values": mail},
        ]
        bench.org.admin("POST", "/transactions", {"changes": changes, "commit": True})
        bench.org.admin("POST", "/clock", {"seconds": 120 * (step % 3)})
        bench.follow()
        _heal(bench)
    assert len(_hits(bench)) > 10
    bench.org.admin("DELETE", "/faults")
    bench.load()
    bench.follow()
    held = dict(bench.ask("select id, next_step from raw_salesforce.opportunity where _deleted_at is null"))
    there = {
        row["Id"]: row["NextStep"]
        for row in bench.records("SELECT Id, NextStep FROM Opportunity WHERE IsDeleted = false")
    }
    assert held == {deal: there[deal] for deal in held}
    mails = bench.ask(f"select count(*) from raw_salesforce.email_message where subject like '{seed}.%'")
    assert mails == [(12,)]
    assert bench.live("opportunity") >= bench.entitled()
