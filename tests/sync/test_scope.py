"""What comes in and what stays out: owners, filters, licences that come and go. Rules R4, R5, R6."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest

from orchestration.entitlement.filters import BackfillFilter
from orchestration.entitlement.known import known_record_types
from orchestration.entitlement.users import set_licence
from orchestration.sync import listing
from orchestration.sync.changes import read_keys
from orchestration.sync.options import Counts
from tests.sync.bench import Bench


def test_a_first_load_holds_every_deal_of_matched_owners_and_no_other(bench: Bench) -> None:
    """A half-loaded table under a green run (airbyte#27048), or a deal of somebody without a licence."""
    bench.load()
    held = bench.live("opportunity")
    assert held
    assert held == bench.entitled()


def test_children_of_the_deals_in_scope_come_in_and_no_others(bench: Bench) -> None:
    """Mail of other deals, of accounts or cases, or contacts that nobody in scope works with."""
    bench.load()
    deals = bench.live("opportunity")
    mails = bench.records("SELECT Id, RelatedToId FROM EmailMessage WHERE IsDeleted = false")
    roles = bench.records(
        "SELECT Id, OpportunityId, ContactId FROM OpportunityContactRole WHERE IsDeleted = false"
    )
    assert (
        bench.live("email_message") == {mail["Id"] for mail in mails if mail["RelatedToId"] in deals} != set()
    )
    in_scope = [role for role in roles if role["OpportunityId"] in deals]
    assert bench.live("opportunity_contact_role") == {role["Id"] for role in in_scope} != set()
    alive = bench.ids("SELECT Id FROM Contact WHERE IsDeleted = false")
    assert bench.live("contact") == {role["ContactId"] for role in in_scope} & alive


def test_names_and_bodies_outside_the_scope_are_never_asked_for(bench: Bench) -> None:
    """Data of people who never agreed to be in Fluint crossing the wire, filtered only after it came."""
    before = bench.log_position()
    bench.load()
    bench.org.admin("POST", "/changes/all")
    bench.follow()
    scope = set(bench.owners())
    asked = [
        q
        for q in bench.queries(before)
        if " FROM Opportunity " in q and re.search(r"\bName\b", q.split(" FROM ")[0])
    ]
    assert asked
    for query in asked:
        owners = re.search(r"OwnerId IN \(([^)]*)\)", query)
        held = re.search(r"\bId IN \(([^)]*)\)", query)
        assert owners or held, query
        if owners:
            assert set(re.findall(r"005\w{15}", owners[1])) <= scope
        else:
            assert held is not None
            assert set(re.findall(r"006\w{15}", held[1])) <= bench.live("opportunity") | {
                row[0] for row in bench.ask("select id from raw_salesforce.opportunity")
            }
    mail = [q for q in bench.queries(before) if "TextBody" in q]
    assert mail
    assert all("RelatedToId IN (" in query for query in mail)


def test_a_newly_licensed_owner_brings_only_the_deals_of_that_owner(bench: Bench) -> None:
    """A new licence that re-reads the whole org, or that brings nothing until somebody starts a backfill."""
    person = next(m for m in bench.people if m["role"] == "rep")
    set_licence(bench.database, person["fluint_email"], is_licensed=False)
    bench.load()
    assert not bench.entitled([person["user_id"]]) & bench.live("opportunity")
    set_licence(bench.database, person["fluint_email"], is_licensed=True)
    before = bench.log_position()
    report = bench.load()["opportunity"]
    assert bench.live("opportunity") == bench.entitled()
    assert report.counts.inserted == len(bench.entitled([person["user_id"]]))
    listed = [q for q in bench.queries(before) if "COUNT(Id) deals" in q and "GROUP BY OwnerId" in q]
    assert any(f"OwnerId IN ('{person['user_id']}')" in query for query in listed)


def test_deals_of_an_owner_who_loses_the_licence_stay_and_are_followed(bench: Bench) -> None:
    """Retention broken: imported deals that vanish, or freeze, when a rep leaves."""
    bench.load()
    person = next(m for m in bench.people if m["role"] == "rep")
    deal = sorted(bench.entitled([person["user_id"]]))[0]
    set_licence(bench.database, person["fluint_email"], is_licensed=False)
    bench.update("Opportunity", deal, NextStep="Followed although unlicensed")
    bench.follow()
    assert deal in bench.live("opportunity")
    assert bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'") == [
        ("Followed although unlicensed",)
    ]


def test_what_happened_while_unlicensed_arrives_when_licensed_again(bench: Bench) -> None:
    """Coverage that survives a time in which nobody followed: deals created then would be missing for ever."""
    bench.load()
    person = next(m for m in bench.people if m["role"] == "rep")
    set_licence(bench.database, person["fluint_email"], is_licensed=False)
    bench.follow()
    made = bench.write(
        "POST",
        "/sobjects/Opportunity",
        {
            "Name": "Made meanwhile",
            "StageName": "Prospecting",
            "CloseDate": "2027-01-31",
            "OwnerId": person["user_id"],
        },
    )["id"]
    bench.follow()
    assert made not in bench.live("opportunity")
    set_licence(bench.database, person["fluint_email"], is_licensed=True)
    bench.load()
    assert made in bench.live("opportunity")


def test_filters_keep_deals_out_and_a_wider_filter_lists_only_what_is_missing(bench: Bench) -> None:
    """A filter that is applied after reading, or a widened one that needs a full reload."""
    read_keys(bench.with_(), ["record_type"])
    with bench.database.transaction() as connection:
        renewal = known_record_types(connection, ["Renewal"])
    since = datetime(datetime.now(UTC).year - 1, 1, 1, tzinfo=UTC)
    bench.filter(BackfillFilter(since, ("Closed Lost",), renewal))
    bench.load()
    scope = bench.entitled()
    lost = bench.ids("SELECT Id FROM Opportunity WHERE StageName = 'Closed Lost'")
    renewals = bench.ids(f"SELECT Id FROM Opportunity WHERE RecordTypeId = '{renewal[0]}'")
    old = bench.ids(f"SELECT Id FROM Opportunity WHERE CreatedDate < {since:%Y-%m-%dT%H:%M:%SZ}")
    assert scope & lost
    assert scope & renewals
    assert scope & old
    assert bench.live("opportunity") == scope - lost - renewals - old
    counted = dict(bench.ask("select reason, sum(deals)::int from fluint_sync.excluded_count group by 1"))
    alive = bench.ids("SELECT Id FROM Opportunity WHERE IsDeleted = false")
    assert counted["created_before"] == len(scope & old & alive)
    bench.filter(BackfillFilter(None, ("Closed Lost",), renewal))
    report = bench.load()["opportunity"]
    assert bench.live("opportunity") == scope - lost - renewals
    assert report.counts.inserted == len((scope & old) - lost - renewals)


def test_what_stays_out_is_counted_by_reason_and_agrees_with_the_org(bench: Bench) -> None:
    """Deals that are missing without anybody being able to say how many, and why."""
    bench.filter(BackfillFilter(None, ("Closed Lost",)))
    bench.load()
    counted = dict(bench.ask("select reason, sum(deals)::int from fluint_sync.excluded_count group by 1"))
    scope = bench.entitled()
    lost = bench.ids("SELECT Id FROM Opportunity WHERE StageName = 'Closed Lost' AND IsDeleted = false")
    assert counted["stage_excluded"] == len(scope & lost)
    assert counted["owner_ambiguous"] == len(bench.entitled(bench.owners("ambiguous_a", "ambiguous_b")))
    everything = bench.ids("SELECT Id FROM Opportunity WHERE IsDeleted = false")
    assert sum(counted.values()) == len(everything) - len(bench.live("opportunity"))


def _after_the_first_pack(monkeypatch: pytest.MonkeyPatch, change: Callable[[str], None]) -> None:
    """Lists one owner after the other, and calls `change` with the first one's conditions once those deals were read."""
    real, called = listing._read_deals, Event()

    def read(
        with_: Any, what: Any, scope: Any, where: Sequence[str], created: Any, rows: int, began: Any
    ) -> Counts:
        counts = real(with_, what, scope, where, created, rows, began)
        if rows and not called.is_set():
            called.set()
            change(" ".join(where))
        return counts

    monkeypatch.setattr("orchestration.sync.plan.OWNERS_IN_A_QUERY", 1)
    monkeypatch.setattr(listing, "_read_deals", read)


def test_a_licence_that_is_taken_during_a_listing_keeps_the_rest_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deals admitted for good, hours after their owner lost the licence, because a first load had begun before."""
    left: list[str] = []

    def take(where: str) -> None:
        person = next(m for m in bench.people if m["role"] == "rep" and m["user_id"] not in where)
        set_licence(bench.database, person["fluint_email"], is_licensed=False)
        left.append(person["user_id"])

    _after_the_first_pack(monkeypatch, take)
    bench.load()
    assert bench.live("opportunity") == bench.entitled() - bench.entitled(left) != bench.entitled()


def test_a_filter_that_is_changed_during_a_listing_ends_it_and_the_next_one_goes_by_the_new(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deals that the new filter keeps out come in by the old one, or are covered by one under which nobody followed them."""
    with monkeypatch.context() as patched:
        _after_the_first_pack(patched, lambda _: bench.filter(BackfillFilter(None, ("Closed Lost",))))
        assert bench.load()["opportunity"].state == "failed"
    covered = [row[0] for row in bench.ask("select owner_id from fluint_sync.owner_coverage")]
    assert not covered or not bench.entitled(covered)  # those without deals come first
    first = bench.live("opportunity")
    assert bench.load()["opportunity"].state == "complete"
    lost = bench.ids("SELECT Id FROM Opportunity WHERE StageName = 'Closed Lost'")
    assert bench.live("opportunity") == first | (bench.entitled() - lost) != bench.entitled()


def test_an_owner_whom_the_filter_leaves_out_stays_out_and_comes_in_alone(bench: Bench) -> None:
    """Leaving one owner out that lists everybody's deals anew, or letting the owner in again that misses what happened between."""
    person = next(m for m in bench.people if m["role"] == "rep")
    bench.filter(BackfillFilter(excluded_owners=(person["user_id"],)))
    bench.load()
    assert bench.live("opportunity") == bench.entitled() - bench.entitled([person["user_id"]])
    counted = dict(bench.ask("select reason, sum(deals)::int from fluint_sync.excluded_count group by 1"))
    assert counted["owner_excluded"] == len(bench.entitled([person["user_id"]]))
    covered = bench.ask("select owner_id, listed_at from fluint_sync.owner_coverage order by 1")
    deal = {"Name": "Meanwhile", "StageName": "Qualification", "CloseDate": "2027-01-31"}
    made = bench.write("POST", "/sobjects/Opportunity", deal | {"OwnerId": person["user_id"]})["id"]
    bench.follow()
    assert made not in bench.live("opportunity")
    bench.filter(BackfillFilter())
    before = bench.log_position()
    bench.load()
    assert made in bench.live("opportunity") == bench.entitled()
    listed = {
        id_ for q in bench.queries(before) if "Account.Name" in q for id_ in re.findall(r"005\w{15}", q)
    }
    assert listed == {person["user_id"]}
    assert set(covered) <= set(bench.ask("select owner_id, listed_at from fluint_sync.owner_coverage"))


@pytest.mark.slow
def test_leaving_out_an_owner_whose_deals_are_in_removes_none_of_them(bench: Bench) -> None:
    """Retention: deals that vanish from a workspace, or freeze there, because somebody narrowed the filter."""
    bench.load()
    before = bench.live("opportunity")
    person = next(m for m in bench.people if m["role"] == "rep")
    deal = sorted(bench.entitled([person["user_id"]]))[0]
    bench.filter(BackfillFilter(excluded_owners=(person["user_id"],)))
    bench.update("Opportunity", deal, NextStep="Followed although left out")
    bench.follow()
    bench.load()
    assert bench.live("opportunity") == before
    assert bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'") == [
        ("Followed although left out",)
    ]


def test_the_same_words_set_again_later_list_nothing(bench: Bench) -> None:
    """A start that moves with the clock and makes every owner's coverage worthless at each midnight."""
    bench.filter(BackfillFilter(datetime(2025, 3, 1, tzinfo=UTC)))
    bench.load()
    bench.filter(BackfillFilter(datetime(2025, 3, 2, tzinfo=UTC)))
    bench.follow()
    before = bench.log_position()
    bench.load()
    assert bench.ask("select distinct lower(created) from fluint_sync.owner_coverage") == [
        (datetime(2025, 3, 2, tzinfo=UTC),)
    ]
    assert bench.queries(before)
    assert not [query for query in bench.queries(before) if "Account.Name" in query]
