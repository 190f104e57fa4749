"""A build follows every input, writes what differs and nothing else, and never takes a table from under somebody's view."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from orchestration.errors import BugError
from orchestration.modelling import marts_are_behind
from tests.dbt.workspace import MARTS, NOW, Rows, Workspace


def a_book(rows: Rows) -> None:
    """Two deals of one licensed owner, with a contact and a mail on the first."""
    rows.connected()
    rows.raw("user", "005A", email="ada@acme.example", username="ada@acme.example")
    rows.raw("user", "005B", email="bo@acme.example", username="bo@acme.example")
    rows.person(1, "ada@acme.example")
    rows.raw("opportunity_stage", "01JA", api_name="Open", master_label="Open")
    rows.deal("006A", account_id="001A", account_name="Acme", amount=1000, currency_iso_code="EUR")
    rows.deal("006B")
    rows.raw("contact", "003A", account_id="001A", account_name="Acme")
    rows.raw("opportunity_contact_role", "00KA", opportunity_id="006A", contact_id="003A")
    rows.raw("email_message", "02sA", related_to_id="006A")


@pytest.mark.parametrize(
    "seed",
    [
        1,
        *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 8)),
        *(pytest.param(n, marks=pytest.mark.long) for n in range(8, 40)),
    ],
)
def test_a_build_after_any_history_equals_one_from_nothing(workspace: Workspace, seed: int) -> None:
    """A forgotten input leaves a row stale until somebody rebuilds the mart, and nobody knows that they should."""
    choose = random.Random(seed)
    with workspace.writing() as rows:
        a_book(rows)
        rows.run("drop index fluint_app.app_user_email_key")  # an app's own table need not have one
    workspace.dbt.build()
    for round_ in range(4):
        for _ in range(choose.randint(3, 8)):
            with workspace.writing() as rows:
                for _ in range(choose.randint(1, 4)):
                    _one_change(rows, choose, round_)
        workspace.dbt.build()
    built = workspace.marts()
    assert built["fluint.deals"]
    workspace.empty_marts()
    workspace.dbt.build()
    assert workspace.marts() == built


def _one_change(rows: Rows, choose: random.Random, round_: int) -> None:
    """One thing that happens in Salesforce, in the app or in the sync, to one of a handful of records."""
    pick = choose.randint(0, 5)
    stamp = NOW + timedelta(hours=round_, seconds=choose.randint(0, 3000))
    deleted = choose.choice([None, None, "soft_deleted"])
    deal, contact, mail = f"006{choose.choice('ABCDE')}", f"003{choose.choice('ABC')}", f"02s{pick}"
    changes = [
        lambda: rows.deal(
            deal, owner_id=choose.choice(["005A", "005B"]), system_modstamp=stamp, deleted=deleted
        ),
        lambda: rows.raw("opportunity", f"006{pick}", owner_id="005B", stage_name="Won"),
        lambda: rows.deal(
            deal,
            account_id=choose.choice(["001A", "001B", None]),
            account_name=f"Name {pick}",
            system_modstamp=stamp,
        ),
        lambda: rows.deal(deal, stage_name=choose.choice(["Open", "Won", "Gone"]), record_type_id="012A"),
        lambda: rows.admit(f"006{pick}") if round_ == 2 and pick == choose.randint(0, 5) else None,
        lambda: rows.raw(
            "user",
            f"005{choose.choice('AB')}",
            is_active=choose.choice([True, False]),
            email=f"{choose.choice(['ada', 'bo'])}@acme.example",
        ),
        lambda: rows.person(
            choose.randint(1, 2),
            f"{choose.choice(['ada', 'bo', 'cy'])}{round_ if pick else ''}@acme.example",
            licensed=pick < 4,
        ),
        lambda: rows.raw(
            "opportunity_stage",
            f"01J{choose.choice('AB')}",
            api_name=choose.choice(["Open", "Won"]),
            master_label=f"Label {pick}",
        ),
        lambda: rows.raw("record_type", "012A", name=f"Type {pick}"),
        lambda: rows.raw(
            "contact", contact, title=f"Title {pick}", deleted=choose.choice([deleted, "moved_out_of_scope"])
        ),
        lambda: rows.raw(
            "opportunity_contact_role",
            f"00K{pick}",
            opportunity_id=f"006{'ABCDEA'[pick]}",  # Salesforce never lets a role move to another deal
            contact_id=contact,
            deleted=deleted,
        ),
        lambda: rows.raw(
            "email_message",
            mail,
            related_to_id=deal,
            message_date=stamp,
            deleted=choose.choice([deleted, "moved_out_of_scope"]),
        ),
        lambda: rows.raw(
            "account",
            choose.choice(["001A", "001B"]),
            name=f"Named {pick}",
            industry=choose.choice(["Energy", None]),
            deleted=choose.choice([deleted, "moved_out_of_scope"]),
        ),
        lambda: rows.raw(
            *choose.choice([("task", f"00T{pick}"), ("event", f"00U{pick}")]),
            what_id=deal,
            subject=f"Subject {round_}",
            deleted=choose.choice([deleted, "moved_out_of_scope"]),
        ),
        lambda: rows.connected(f"https://acme{pick}.my.salesforce.example"),
        lambda: rows.document(f"{pick}", deal, version=round_ + 1, uploaded=pick > 2),
    ]
    choose.choice(changes)()


def test_a_transaction_that_commits_after_a_build_is_not_lost(workspace: Workspace) -> None:
    """A time stamp, or the highest transaction seen, would skip rows of a long backfill that commits late."""
    with workspace.writing() as rows:
        a_book(rows)
    with workspace.writing() as late:
        late.deal("006Z", name="Written early, committed late")
        with workspace.writing() as rows:
            rows.deal("006A", name="Renamed")
        workspace.dbt.build()
        assert workspace.ask("select deal_id, deal_name from fluint.deals order by 1") == [
            ("006A", "Renamed"),
            ("006B", "A deal"),
        ]
    assert marts_are_behind(workspace.database)
    workspace.dbt.build()
    assert (
        workspace.value("select deal_name from fluint.deals where deal_id = '006Z'")
        == "Written early, committed late"
    )
    assert not marts_are_behind(workspace.database)


def test_a_lost_licence_reaches_the_deals_without_a_change_in_salesforce(workspace: Workspace) -> None:
    """The app's row carries no transaction of ours; a mart that asks Salesforce's rows only would call the owner licensed."""
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    assert workspace.value("select bool_and(is_owner_licensed) from fluint.deals") is True
    with workspace.writing() as rows:
        rows.person(1, "ada@acme.example", licensed=False)
    assert marts_are_behind(workspace.database)
    workspace.dbt.build()
    assert workspace.ask("select count(*), bool_or(is_owner_licensed) from fluint.deals") == [(2, False)]


@pytest.mark.slow
def test_an_org_that_moved_to_another_address_is_told_of_without_a_change_of_a_deal(
    workspace: Workspace,
) -> None:
    """Links of every deal to the My Domain of before, until somebody changes something: on a quiet week-end, for days."""
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    assert not marts_are_behind(workspace.database)
    with workspace.writing() as rows:
        rows.connected("https://renamed.my.salesforce.example/")
    assert marts_are_behind(workspace.database)
    workspace.dbt.build()
    assert workspace.ask("select distinct salesforce_url like 'https://renamed.%' from fluint.deals") == [
        (True,)
    ]
    assert not marts_are_behind(workspace.database)


def test_a_mail_that_moves_is_counted_on_both_deals(workspace: Workspace) -> None:
    """Its row names the new deal only, so the old one would keep counting a mail that it no longer has."""
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    with workspace.writing() as rows:
        rows.raw("email_message", "02sA", related_to_id="006B")
    workspace.dbt.build()
    assert workspace.ask("select deal_id, email_count from fluint.deals order by 1") == [
        ("006A", 0),
        ("006B", 1),
    ]


def test_a_build_without_a_change_writes_no_row(workspace: Workspace) -> None:
    """Rewriting equal rows each minute would bloat the tables and make every row look changed to who reads by _xact_id."""
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    places = "select array_agg(ctid::text || _xact_id::text order by 1) from {}"
    before = [workspace.ask(places.format(name)) for name in MARTS]
    workspace.dbt.build()
    workspace.dbt.build(full_refresh=True)
    assert [workspace.ask(places.format(name)) for name in MARTS] == before


def test_a_model_that_fails_keeps_its_table_and_mark_while_the_others_are_built(workspace: Workspace) -> None:
    """A mark that moved on would skip the rows of the failed build; a mart that stopped all others would stop the app."""
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    mark = "select snapshot_xmin::text from fluint_sync.modelled where model = 'deals'"
    before = workspace.value(mark)
    with workspace.writing() as rows:
        rows.deal("006A", name="Secret plan", created_date=None)  # the contract wants a date
        rows.raw("contact", "003A", title="CFO")
    with pytest.raises(BugError) as caught:
        workspace.dbt.build()
    assert "deals (" in str(caught.value)
    assert "Secret plan" not in str(caught.value)
    assert workspace.value(mark) == before
    assert workspace.value("select deal_name from fluint.deals where deal_id = '006A'") == "A deal"
    assert workspace.value("select title from fluint.contacts") == "CFO"
    with workspace.writing() as rows:
        rows.deal("006A", created_date=NOW)
    workspace.dbt.build()
    assert workspace.value("select deal_name from fluint.deals where deal_id = '006A'") == "Secret plan"


@pytest.mark.slow
@pytest.mark.parametrize(
    "restored",
    ["system_identifier = 1", "snapshot_xmin = '9000000000000000000'"],
    ids=["another server", "a mark from the future"],
)
def test_a_restored_database_is_built_whole(workspace: Workspace, restored: str) -> None:
    """Transaction numbers of another server mean nothing here; trusting the mark would skip rows for ever."""
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    with workspace.writing() as rows:
        rows.run(f"update fluint_sync.modelled set {restored}")
        rows.run("update fluint.deals set deal_name = 'left over' where deal_id = '006A'")
        rows.run("delete from fluint.contacts")
    workspace.dbt.build()
    assert workspace.value("select deal_name from fluint.deals where deal_id = '006A'") == "A deal"
    assert workspace.value("select count(*) from fluint.contacts") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("today")
def test_the_daily_snapshot_keeps_what_it_captured(workspace: Workspace) -> None:
    """The past cannot be captured again: neither a second run on one day nor a full refresh may touch it."""
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    workspace.dbt.build("deal_daily_snapshot")
    with workspace.writing() as rows:
        rows.run("update fluint.deal_daily_snapshot set snapshot_date = snapshot_date - 1, amount = 1")
    workspace.dbt.build("deal_daily_snapshot")
    with workspace.writing() as rows:
        rows.deal("006A", amount=2000)
    workspace.dbt.build()
    workspace.dbt.build("deal_daily_snapshot", full_refresh=True)
    days = workspace.ask(
        "select deal_id, array_agg(amount::int order by snapshot_date) from fluint.deal_daily_snapshot group by 1 order by 1"
    )
    assert days == [("006A", [1, 1000]), ("006B", [1, None])]


@pytest.mark.slow
@pytest.mark.usefixtures("today")
def test_an_unchanged_open_deal_has_its_row_on_every_day(workspace: Workspace) -> None:
    """dbt_salesforce PR#86: a daily history built from changes alone, in which an open deal at rest is missing after the first day."""
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    days = 3
    for _ in range(days):
        workspace.dbt.build("deal_daily_snapshot")
        with workspace.writing() as rows:  # another day dawns
            rows.run("update fluint.deal_daily_snapshot set snapshot_date = snapshot_date - 1")
    workspace.dbt.build("deal_daily_snapshot", full_refresh=True)
    kept = workspace.ask(
        "select deal_id, count(*), count(distinct snapshot_date), max(snapshot_date) - min(snapshot_date)"
        " from fluint.deal_daily_snapshot group by 1 order by 1"
    )
    assert kept == [(deal, days + 1, days + 1, days) for deal in ("006A", "006B")]


def test_foreign_views_survive_builds_refreshes_and_upgrades(workspace: Workspace) -> None:
    """Analysts hang views on marts; dbt's own way to rebuild a table or a view drops them without a word."""
    with workspace.writing() as rows:
        a_book(rows)
        rows.run("create schema analysts")
        for relation in (
            "fluint.deals",
            "fluint.email_bodies",
            "fluint.sync_freshness",
            "fluint_entitlement.user_matches",
        ):
            rows.run(f"create view analysts.{relation.replace('.', '_')} as select * from {relation}")
    workspace.dbt.build()
    workspace.dbt.build(full_refresh=True)
    with (
        workspace.writing() as rows
    ):  # as an earlier release would have left it: a column less, views of another shape
        rows.run("alter table fluint.deal_stages drop column sort_order")
        rows.run("drop view fluint_staging.stg_salesforce__users cascade")
        rows.run("create view fluint_staging.stg_salesforce__users as select 1 as another_column")
        rows.run("update fluint_sync.deployed_views set views_hash = 'earlier'")
    workspace.dbt.deploy_views()
    workspace.dbt.build()
    assert workspace.value("select count(*) from analysts.fluint_deals") == 2
    assert workspace.value("select count(*) from analysts.fluint_email_bodies") == 1
    assert workspace.value("select sort_order from fluint.deal_stages") == 1


def test_the_reader_sees_the_marts_and_no_other_schema(workspace: Workspace) -> None:
    """BI tools get this role; what was read of a mailbox beyond the marts is not theirs."""
    seen = workspace.ask(
        "select table_schema, count(*) from information_schema.tables"
        " where table_schema like any (array['fluint%', 'raw%'])"
        " and has_schema_privilege('fluint_reader', table_schema, 'usage')"
        " and has_table_privilege('fluint_reader', quote_ident(table_schema) || '.' || quote_ident(table_name), 'select')"
        " group by 1"
    )
    assert seen == [("fluint", len(MARTS) + 6)]


@pytest.mark.slow
def test_an_account_that_is_read_later_or_renamed_reaches_its_mart_by_itself(workspace: Workspace) -> None:
    """A renamed customer that keeps the old name until one of its deals changes."""
    shown = "select account_name, industry, is_read, deal_count::int from fluint.accounts where account_id = '001A'"
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    assert workspace.ask(shown) == [("Acme", None, False, 1)]
    with workspace.writing() as rows:
        rows.raw("account", "001A", name="Acme SE", industry="Energy")
    assert marts_are_behind(workspace.database)
    workspace.dbt.build()
    assert workspace.ask(shown) == [("Acme SE", "Energy", True, 1)]
    with workspace.writing() as rows:
        rows.raw("account", "001A", deleted="moved_out_of_scope")
    workspace.dbt.build()
    assert workspace.ask(shown) == [("Acme", None, False, 1)]
