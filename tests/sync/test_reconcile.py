"""A night's comparison with a real org: access granted and lost, rows that vanished without a key, nights that failed. R8, R9."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql

from orchestration.entitlement.users import set_licence
from orchestration.salesforce.ids import to_18
from orchestration.sync.changes import read_keys
from orchestration.sync.objects import CATALOGUE, CHILDREN
from orchestration.sync.reconciling.findings import Kind, Outcome
from orchestration.sync.reconciling.judging import Withheld
from tests.sync.bench import TABLES, Bench
from tests.sync.nights import told, tombstones
from tests.sync.sharing import Sharing
from tests.sync.test_changes import _new_deal

OBJECTS = tuple(sobject.table_name for sobject in CATALOGUE if not sobject.is_whole)


@pytest.fixture
def sharing(bench: Bench) -> Iterator[Sharing]:
    """The administrator's hand on the integration user; afterwards it sees everything again.

    It begins an hour after whatever other tests of this org wrote, so that no window of changes shows it any more.
    """
    bench.org.admin("POST", "/clock", {"seconds": 3600})
    made = Sharing(bench)
    yield made
    made.restore()


def _shareable(bench: Bench, count: int) -> set[str]:
    """So many deals in scope that a team may see: a private one is its owner's alone."""
    private = bench.ids("SELECT Id FROM Opportunity WHERE IsPrivate = true")
    return set(sorted(bench.entitled() - private)[:count])


def _children_in_the_org(bench: Bench, sobject: str, parent: str) -> set[str]:
    deals = bench.live("opportunity")
    rows = bench.records(f"SELECT Id, {parent} FROM {sobject} WHERE IsDeleted = false")
    return {row["Id"] for row in rows if row[parent] in deals}


@pytest.mark.slow
def test_access_that_is_granted_brings_the_rest_and_access_that_is_lost_takes_nothing(
    bench: Bench, sharing: Sharing
) -> None:
    """airbyte#27048: half of an object is missing under a green run; and the other way round, half of it marked as deleted."""
    everything = bench.entitled()
    part = _shareable(bench, 60)
    sharing.share(part)
    sharing.view_all("Opportunity", granted=False)
    bench.load()
    assert bench.live("opportunity") == part
    assert bench.reconcile().findings["opportunity"].is_complete  # all that it can see is held
    sharing.view_all("Opportunity", granted=True)
    granted = bench.reconcile()
    found = granted.findings["opportunity"]
    assert bench.live("opportunity") == everything
    brought = {each.id for each in found.differences if each.outcome is Outcome.BROUGHT_IN}
    assert brought == everything - part
    assert f"{len(brought):,} that Salesforce shows and that were not held were brought in" in told(granted)
    assert "View All Records on Opportunity was granted" in told(granted)
    for child in CHILDREN:
        assert bench.live(child.table_name) == _children_in_the_org(bench, child.name, str(child.parent))
    assert granted.is_remembered
    before = {table: (bench.live(table), tombstones(bench, table)) for table in OBJECTS}
    sharing.view_all("Opportunity", granted=False)
    lost = bench.reconcile()
    assert {table: (bench.live(table), tombstones(bench, table)) for table in OBJECTS} == before
    assert lost.findings["opportunity"].withheld is Withheld.PERMISSIONS_CHANGED
    assert {each.id for each in lost.findings["opportunity"].open} == everything - part
    assert (
        "because Modify All Records on Opportunity was taken away, and View All Records on Opportunity was taken away"
        in told(lost)
    )
    assert not lost.is_remembered
    sharing.view_all("Opportunity", granted=True)
    again = bench.reconcile()
    assert again.findings["opportunity"].is_complete
    assert again.changed == []


def test_one_row_of_many_that_is_missing_is_found_by_the_counts_alone(loaded: Bench) -> None:
    """A row that some fault left out once: no change will ever show it again."""
    bench = loaded
    bench.org.admin("POST", "/clock", {"seconds": 3600})  # long after its stamp: no window shows it any more
    bench.follow()
    lost, resting = sorted(bench.live("opportunity"))[7:9]
    mail = sorted(bench.live("email_message"))[5]
    with bench.database.transaction() as connection:
        # As if it had not been visible when its key was read: it rests for up to a day.
        connection.execute(
            "insert into fluint_sync.pending (object, id, parent_id, reason, stamp, since, attempts, retry_at)"
            " select 'opportunity', id, owner_id, 'not_visible', system_modstamp, now(), 9, now() + interval '1 day'"
            " from raw_salesforce.opportunity where id = %s",
            [resting],
        )
        connection.execute("delete from raw_salesforce.opportunity where id = any (%s)", [[lost, resting]])
        connection.execute("delete from raw_salesforce.email_message where id = %s", [mail])
    bench.follow()
    assert lost not in bench.live("opportunity")
    doubt = bench.reconcile()
    assert {lost, resting} <= bench.live("opportunity")
    assert mail in bench.live("email_message")
    assert [(each.id, each.outcome) for each in doubt.findings["opportunity"].differences] == [
        (lost, Outcome.BROUGHT_IN),
        (resting, Outcome.BROUGHT_IN),
    ]
    kept = bench.ask("select object, id, kind, outcome from fluint_sync.difference order by 1, 2")
    assert kept == [
        ("email_message", mail, Kind.NOT_HELD, "brought_in"),
        ("opportunity", lost, Kind.NOT_HELD, "brought_in"),
        ("opportunity", resting, Kind.NOT_HELD, "brought_in"),
    ]
    different = bench.ask("select count(*) from fluint_sync.completeness where in_salesforce <> held")
    assert different == [(0,)]
    per_owner = dict(
        bench.ask(
            "select owner_id, sum(in_salesforce)::int from fluint_sync.completeness where object = 'opportunity' group by 1"
        )
    )
    assert per_owner == {
        owner: len(bench.entitled([owner])) for owner in bench.owners() if bench.entitled([owner])
    }


def _forge(bench: Bench, table: str, record_id: str, as_: str) -> None:
    """A row that is held and that Salesforce does not have: a copy of another one, under another id."""
    with bench.database.transaction() as connection:
        connection.execute(
            sql.SQL(
                "insert into {table} select (jsonb_populate_record(t, jsonb_build_object('id', %s::text,"
                " '_read_at', now() - interval '1 year'))).* from {table} as t where id = %s"
            ).format(table=sql.Identifier("raw_salesforce", table)),
            [as_, record_id],
        )


def test_what_is_missing_beside_something_too_much_is_found_by_ids_where_the_counts_agree(
    loaded: Bench,
) -> None:
    """A purge and a row that a fault left out, in one month: 12 here and 12 there, and green for ever."""
    bench = loaded
    bench.org.admin("POST", "/clock", {"seconds": 3600})
    bench.follow()
    lost = {
        table: max(bench.live(table))
        for table in ("opportunity", "email_message", "task", "user", "opportunity_stage", "record_type")
    }
    # Not an owner whose deals are in scope: they would have to be listed anew.
    lost["user"] = min(bench.live("user") - set(bench.owners()))
    forged = {table: to_18(record_id[:3] + "Qy0Z0000FORG") for table, record_id in lost.items()}
    before = {table: len(bench.live(table)) for table in lost}
    for table, record_id in lost.items():
        _forge(bench, table, record_id, forged[table])
        with bench.database.transaction() as connection:
            connection.execute(f"delete from raw_salesforce.{table} where id = %s".encode(), [record_id])
    assert {table: len(bench.live(table)) for table in lost} == before
    doubt = bench.reconcile()
    for table, record_id in lost.items():
        found = {each.id: each.outcome for each in doubt.findings[table].differences}
        gone = Outcome(tombstones(bench, table)[forged[table]])
        assert found == {record_id: Outcome.BROUGHT_IN, forged[table]: gone}, table
        assert record_id in bench.live(table)
        assert doubt.findings[table].is_complete
    assert tombstones(bench)[forged["opportunity"]] == "hard_deleted"
    assert tombstones(bench, "user")[forged["user"]] == "not_visible"
    # What was merely hidden on a night with fewer permissions is proven by those of today.
    with bench.database.transaction() as connection:
        hidden = "update raw_salesforce.opportunity set _deleted_reason = 'not_visible' where id = %s"
        connection.execute(hidden.encode(), [forged["opportunity"]])
    assert bench.reconcile().findings["opportunity"].differences == ()
    assert tombstones(bench)[forged["opportunity"]] == "hard_deleted"
    with bench.database.transaction() as connection:
        for table, record_id in forged.items():
            connection.execute(f"delete from raw_salesforce.{table} where id = %s".encode(), [record_id])


def test_what_was_purged_is_marked_with_its_roles_and_its_document_stays(loaded: Bench) -> None:
    """airbyte#44845: purged from the recycle bin between two ticks, a deal is in no answer any more, and lives on for ever."""
    bench = loaded
    deal = bench.ask(
        "select opportunity_id from raw_salesforce.opportunity_contact_role where _deleted_at is null order by 1 limit 1"
    )[0][0]
    roles = {
        row[0]
        for row in bench.ask(
            f"select id from raw_salesforce.opportunity_contact_role where opportunity_id = '{deal}' and _deleted_at is null"
        )
    }
    with bench.database.transaction() as connection:
        connection.execute(
            "insert into fluint_app.document (opportunity_id, title) values (%s, 'Business case')", [deal]
        )
    bench.reconcile()
    bench.update("Opportunity", deal, NextStep="last words")
    bench.org.admin("POST", "/clock", {"seconds": 2})
    read_keys(bench.with_(), TABLES)  # it waits to be fetched, and would wait for ever
    bench.write("DELETE", f"/sobjects/Opportunity/{deal}")
    bench.org.admin("POST", f"/records/Opportunity/{deal}/purge")
    bench.follow()
    assert deal in bench.live("opportunity")
    assert bench.ask("select id from fluint_sync.pending where reason = 'not_visible'") == [(deal,)]
    doubt = bench.reconcile()
    assert tombstones(bench)[deal] == "hard_deleted"
    assert {tombstones(bench, "opportunity_contact_role")[role] for role in roles} == {"hard_deleted"}
    assert f"1 were deleted in Salesforce for good ({deal})" in told(doubt)
    assert bench.ask(f"select title from fluint_app.document where opportunity_id = '{deal}'") == [
        ("Business case",)
    ]
    assert bench.ask("select object, id from fluint_sync.pending") == []
    assert bench.reconcile().findings["opportunity"].differences == ()


@pytest.mark.slow
def test_a_deal_that_was_kept_is_doubted_too(bench: Bench) -> None:
    """Deals of owners without a licence match no predicate, so that no count contains them: nobody would learn of a purge."""
    bench.load()
    person = next(m for m in bench.people if m["role"] == "rep")
    deal = sorted(bench.entitled([person["user_id"]]))[0]
    set_licence(bench.database, person["fluint_email"], is_licensed=False)
    bench.follow()
    bench.write("DELETE", f"/sobjects/Opportunity/{deal}")
    bench.org.admin("POST", f"/records/Opportunity/{deal}/purge")
    doubt = bench.reconcile()
    assert tombstones(bench)[deal] == "hard_deleted"
    parts = dict(
        bench.ask(
            "select part, sum(held)::int from fluint_sync.completeness where object = 'opportunity' group by 1"
        )
    )
    assert parts["kept"] == len(bench.entitled([person["user_id"]]))
    assert doubt.findings["opportunity"].is_complete


@pytest.mark.slow
@pytest.mark.parametrize("licensed", [True, False], ids=["in scope", "kept"])
def test_a_row_that_is_no_longer_shown_is_kept_as_not_visible_and_comes_back(
    bench: Bench, sharing: Sharing, licensed: bool
) -> None:
    """One deal that was unshared, marked as deleted for good; or, shared again, missing for ever because no stamp moved."""
    part = _shareable(bench, 40)
    sharing.share(part)
    sharing.view_all("Opportunity", granted=False)
    bench.load()
    bench.reconcile()
    deal = min(part)
    owner = bench.ask(f"select owner_id from raw_salesforce.opportunity where id = '{deal}'")[0][0]
    person = next(m for m in bench.people if m["user_id"] == owner)
    set_licence(bench.database, person["fluint_email"], is_licensed=licensed)
    bench.follow()
    stamp = bench.ask(f"select system_modstamp from raw_salesforce.opportunity where id = '{deal}'")
    sharing.unshare(deal)
    doubt = bench.reconcile()
    assert tombstones(bench)[deal] == "not_visible"
    assert "it is not proven that they were deleted" in told(doubt)
    sharing.view_all("Opportunity", granted=True)  # who shares a deal must see it
    sharing.share([deal])
    sharing.view_all("Opportunity", granted=False)
    bench.follow()
    assert deal not in bench.live("opportunity")
    bench.reconcile()
    assert deal in bench.live("opportunity")
    assert bench.ask(f"select system_modstamp from raw_salesforce.opportunity where id = '{deal}'") == stamp


@pytest.mark.slow
def test_many_that_vanish_at_once_wait_for_a_person_and_are_marked_when_accepted(
    bench: Bench, sharing: Sharing
) -> None:
    """A sharing rule removed: no permission record tells of it, and 60 deals would be marked as gone in one night."""
    part = _shareable(bench, 60)
    sharing.share(part)
    sharing.view_all("Opportunity", granted=False)
    bench.load()
    bench.reconcile()
    bench.org.admin("PATCH", "/switches", {"opportunity_teams": False})
    doubt = bench.reconcile()
    assert doubt.findings["opportunity"].withheld is Withheld.TOO_MANY
    assert bench.live("opportunity") == part
    assert "sharing rules and teams" in told(doubt)
    accepted = bench.reconcile(accept=True)
    assert accepted.findings["opportunity"].is_complete
    assert {tombstones(bench)[deal] for deal in part} == {"not_visible"}
    bench.org.admin("PATCH", "/switches", {"opportunity_teams": True})
    bench.reconcile()
    assert bench.live("opportunity") == part


@pytest.mark.slow
def test_permission_records_that_cannot_be_read_are_told_as_such(bench: Bench, sharing: Sharing) -> None:
    """Without View Setup the permission that changed cannot be named; a guess would be worse."""
    bench.load()
    bench.reconcile()
    fault = {
        "kind": "answer",
        "times": 100,
        "status": 400,
        "about": "FROM PermissionSetAssignment",
        "path": ".*/composite",
        "body": '[{"message":"sObject type is not supported.","errorCode":"INVALID_TYPE"}]',
        "headers": {"content-type": "application/json"},
    }
    bench.org.admin("POST", "/faults", fault)
    sharing.view_all("Opportunity", granted=False)
    doubt = bench.reconcile()
    assert not doubt.permissions_told
    assert doubt.findings["opportunity"].withheld is Withheld.PERMISSIONS_CHANGED
    assert (
        "can no longer be read (View Setup and Configuration), so what else changed cannot be told"
        in told(doubt)
    )
    assert bench.live("opportunity")


@pytest.mark.slow
def test_an_undelete_that_moved_no_stamp_is_found_by_the_counts(bench: Bench) -> None:
    """Whether an undelete moves the stamp is not documented: if it does not, no window shows that the deal is back."""
    bench.org.admin("PATCH", "/switches", {"undelete_moves_stamp": False})
    bench.load()
    deal = _new_deal(bench)
    bench.follow()
    bench.write("DELETE", f"/sobjects/Opportunity/{deal}")
    bench.org.admin("POST", "/clock", {"seconds": 3600})
    bench.follow()
    bench.org.admin("POST", f"/records/Opportunity/{deal}/undelete")
    bench.org.admin("POST", "/clock", {"seconds": 3600})
    bench.follow()
    assert tombstones(bench)[deal] == "soft_deleted"
    bench.reconcile()
    assert deal in bench.live("opportunity")


@pytest.mark.slow
def test_more_than_a_thousand_missing_of_one_owner_are_listed_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand deals fetched id by id, where a listing could use Bulk."""
    monkeypatch.setattr("orchestration.sync.reconciling.closing.MOST_FETCHED", 3)
    bench.load()
    bench.org.admin("POST", "/clock", {"seconds": 3600})
    bench.follow()
    owner = bench.owners("rep")[0]
    lost = bench.entitled([owner])
    assert len(lost) > 3
    with bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id = any (%s)", [sorted(lost)])
    mark = bench.log_position()
    doubt = bench.reconcile()
    assert lost <= bench.live("opportunity")
    assert doubt.findings["opportunity"].count(Outcome.BROUGHT_IN) == len(lost)
    listed = [q for q in bench.queries(mark) if "NextStep" in q and " FROM Opportunity " in q]
    assert listed
    assert not [q for q in listed if " Id IN (" in q]


def test_a_night_without_a_difference_is_light_on_the_api(loaded: Bench) -> None:
    """A comparison that eats the allowance which customer and sync share, every night."""
    bench = loaded
    bench.reconcile()
    bench.org.admin("POST", "/clock", {"seconds": 90})
    bench.follow()
    bench.client.take_calls()
    before = bench.client.usage
    doubt = bench.reconcile()
    after = bench.client.usage
    assert all(finding.differences == () for finding in doubt.findings.values())
    assert before is not None
    assert after is not None
    # Keys 2, permissions 2, two for deals, one for each other object, as many lists of deletions, one for what stays out; and one for the
    # ids of deals, of each object that hangs on them, and of each that is read whole.
    whole = len(CATALOGUE) - len(OBJECTS)
    assert after.used - before.used <= 2 + 2 + (len(OBJECTS) + 1) + len(OBJECTS) + 1 + (
        1 + len(CHILDREN) + whole
    )
