"""Columns over time: hidden and visible again, added by fluint.yaml, changed in type or name.

Each column is read alone for the rows that lack it, and what cannot be read is told with the permission and the next step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orchestration.errors import SetupError
from orchestration.modelling import Dbt
from orchestration.salesforce import soql
from orchestration.sync import raw_columns
from orchestration.sync.arrivals import store_page
from orchestration.sync.column_states import texts
from orchestration.sync.coverage import missing_parents
from orchestration.sync.fields import readable
from orchestration.sync.objects import CONTACT, OPPORTUNITY
from orchestration.sync.options import ExtraField
from orchestration.sync.run import reread_columns
from orchestration.sync.scope import scope_now
from tests.sync.bench import TABLES, Bench
from tests.sync.test_fields import _hidden

CUSTOM = "Competition__c"


@pytest.fixture
def bench(loaded: Bench) -> Iterator[Bench]:
    """A workspace that has read everything; afterwards org and settings are as before, and everything is covered."""
    before, options = loaded.org.admin("GET", "/switches"), loaded.options
    yield loaded
    loaded.options = options
    loaded.org.admin("DELETE", "/faults")
    loaded.org.admin("PATCH", "/switches", before)
    look_again(loaded)
    loaded.follow()
    loaded.load()


def look_again(bench: Bench) -> None:
    """As when the hour of a describe is over, and the ten minutes of an object that was not there."""
    with bench.database.transaction() as connection:
        connection.execute(
            "update fluint_sync.described_object set described_at = now() - interval '2 hours'"
        )
        connection.execute("update fluint_sync.unavailable_object set seen_at = now() - interval '2 hours'")


def _want(bench: Bench, *extras: ExtraField) -> None:
    bench.options = replace(bench.options, extra_fields={"opportunity": extras})


def _state(bench: Bench, column: str, table: str = "opportunity") -> tuple[str, bool]:
    """What an analyst is told of a column: its state, and whether it is stale."""
    ((state, is_stale),) = bench.ask(
        f"select state, is_stale from fluint.column_freshness where object = '{table}' and column_name = '{column}'"
    )
    return state, is_stale


def _values(bench: Bench, column: str) -> dict[str, Any]:
    return dict(bench.ask(f"select id, {column} from raw_salesforce.opportunity where _deleted_at is null"))


def _in_org(bench: Bench, field: str) -> dict[str, Any]:
    """The org's values of a field of every live deal that is held, asked beside the client."""
    rows = bench.records(f"SELECT Id, {field} FROM Opportunity WHERE IsDeleted = false")
    held = bench.live("opportunity")
    return {row["Id"]: row[field] for row in rows if row["Id"] in held}


def _change(bench: Bench, deal: str, **values: object) -> None:
    """Changes a deal as a person who may see every field."""
    change = {"update": "Opportunity", "id": deal, "values": values}
    bench.org.admin("POST", "/transactions", {"changes": [change], "commit": True})


def _selected(queries: list[str], sobject: str = "Opportunity") -> set[str]:
    """What was selected of the object, in each form in which it was."""
    return {
        query.partition(" FROM ")[0].removeprefix("SELECT ")
        for query in queries
        if f" FROM {sobject} " in query
    }


def test_a_hidden_column_keeps_its_values_and_is_read_again_once_it_is_visible(bench: Bench) -> None:
    """SFDX-Data-Move-Utility#793: a column that empties itself row by row, and stays so after the admin has granted Read again."""
    deal, other = sorted(bench.live("opportunity"))[:2]
    _change(bench, deal, NextStep="before")
    bench.follow()
    before = _values(bench, "next_step")
    assert before[deal] == "before"
    with _hidden(bench, "Opportunity", "NextStep"):
        look_again(bench)
        _change(bench, deal, NextStep="meanwhile")
        _change(bench, other, Description="another field")
        bench.follow()
        bench.org.admin(
            "POST", "/clock", {"seconds": 90}
        )  # or the row is read once more for its stamp's sake
        report = bench.follow()["opportunity"]
        assert report.state == "complete"
        assert _values(bench, "next_step") == before
        assert _state(bench, "next_step") == ("hidden", True)
        (text,) = texts("opportunity", [s for s in report.columns.wrong if s.field == "NextStep"])
        assert (
            "grants Read on Opportunity.NextStep (field-level security) in the integration user's permission set"
            in text
        )
        assert ("NextStep", "hidden") in {change[:2] for change in report.columns.changes}
    look_again(bench)
    report = bench.follow()["opportunity"]
    assert ("NextStep", "visible_again") in {change[:2] for change in report.columns.changes}
    assert _state(bench, "next_step") == ("being_read", False)
    assert missing_parents(bench.database).columns == 1
    mark = bench.log_position()
    assert bench.load()["opportunity"].counts.updated == 1
    assert "Id, SystemModstamp, NextStep" in _selected(bench.queries(mark))
    assert not [what for what in _selected(bench.queries(mark)) if "StageName" in what and "NextStep" in what]
    assert _values(bench, "next_step") == before | {deal: "meanwhile"}
    assert _state(bench, "next_step") == ("current", False)
    assert missing_parents(bench.database).count == 0


@pytest.mark.slow
def test_a_field_of_fluint_yaml_gets_its_column_and_that_column_alone_is_read(bench: Bench) -> None:
    """meltano/sdk#2179: one new column, and everything is read anew or the rows that are held stay empty for ever."""
    bench.org.admin("PATCH", "/switches", {"custom_fields": True})
    deals = sorted(bench.live("opportunity"))
    for number, deal in enumerate(deals[:5]):
        _change(bench, deal, **{CUSTOM: f"rival {number}"})
    bench.follow()
    with bench.database.transaction() as connection:
        connection.execute(
            "create or replace view public.an_analysts as select * from raw_salesforce.opportunity"
        )
    _want(bench, ExtraField("competition__C"), ExtraField("Account.Industry"))
    mark, report = bench.log_position(), bench.load()["opportunity"]
    assert (report.state, report.counts.read >= len(deals)) == ("complete", True)
    assert _selected(bench.queries(mark)) & {
        "Id, SystemModstamp, Account.Industry, Competition__c",
        "Id, SystemModstamp, Competition__c, Account.Industry",
    }
    assert not [what for what in _selected(bench.queries(mark)) if "StageName" in what and CUSTOM in what]
    assert _values(bench, "competition_c") == _in_org(bench, CUSTOM)
    industries = _values(bench, "account_industry")
    rows = bench.records("SELECT Id, Account.Industry FROM Opportunity WHERE IsDeleted = false")
    theirs = {row["Id"]: row["Account"] and row["Account"]["Industry"] for row in rows}
    assert industries == {deal: theirs[deal] for deal in industries}
    assert bench.ask("select count(*) from public.an_analysts") == [
        tuple(bench.ask("select count(*) from raw_salesforce.opportunity")[0])
    ]
    _change(bench, deals[0], **{CUSTOM: "changed"})
    bench.follow()
    assert _values(bench, "competition_c")[deals[0]] == "changed"


@pytest.mark.slow
def test_a_misspelt_field_of_fluint_yaml_is_refused_by_name_and_the_rest_goes_on(bench: Bench) -> None:
    """dbt_salesforce_formula_utils#83: a typing error that is found a quarter later, as a column of nulls."""
    bench.org.admin("PATCH", "/switches", {"custom_fields": True})
    _want(bench, ExtraField("Competitoin__c"))
    reports = bench.follow()
    error = reports["opportunity"].error
    assert isinstance(error, SetupError)
    for words in (
        "objects.opportunity.fields",
        "Competitoin__c",
        "Competition__c",
        "Everything else goes on",
    ):
        assert words in str(error)
    assert {table for table, report in reports.items() if report.error} == {"opportunity"}
    _want(bench, ExtraField(CUSTOM))
    assert bench.follow()["opportunity"].state == "complete"


@pytest.mark.slow
def test_what_is_newer_than_the_held_row_is_read_whole_and_not_by_column(bench: Bench) -> None:
    """A column of now in a row of yesterday: a deal that is won by its stage and has the rival of the week before."""
    bench.org.admin("PATCH", "/switches", {"custom_fields": True})
    deal = sorted(bench.live("opportunity"))[0]
    bench.follow()
    _want(bench, ExtraField(CUSTOM))
    _change(bench, deal, NextStep="newer", **{CUSTOM: "newer"})
    mark = bench.log_position()
    ahead = (
        "update fluint_sync.cursor set position = position {} interval '1 hour' where object = 'opportunity'"
    )
    with bench.database.transaction() as connection:
        connection.execute(ahead.format("+").encode())
    bench.load()  # follows no keys of deals; what it comes across is fetched in the same run
    with bench.database.transaction() as connection:
        connection.execute(ahead.format("-").encode())
    assert [q for q in bench.queries(mark) if "StageName" in q and "NextStep" in q and deal in q]
    ((next_step, competition),) = bench.ask(
        f"select next_step, competition_c from raw_salesforce.opportunity where id = '{deal}'"
    )
    assert (next_step, competition) == ("newer", "newer")


@pytest.mark.slow
def test_rows_that_are_stored_without_a_column_end_a_reading_of_it(bench: Bench) -> None:
    """A listing that began while the field was hidden, and stores rows behind the reading that is to fill them."""
    with bench.database.transaction() as connection:
        connection.execute(
            "update fluint_sync.raw_column set covered_at = null where object = 'opportunity' and column_name = 'next_step'"
        )
        (reading,) = raw_columns.begin_missing(connection, OPPORTUNITY, "reader")
    what = readable(bench.with_(), OPPORTUNITY)
    older = replace(what, fields=tuple(field for field in what.fields if field.path != "NextStep"))
    deal = soql.equal("Id", sorted(bench.live("opportunity"))[0])
    for reader, is_covered in ((older, False), (what, True)):
        (page,) = bench.client.query(soql.select(reader.paths, "Opportunity", [deal]))
        with bench.database.transaction() as connection:
            store_page(connection, reader, page, (), run_id="listing", scope=scope_now(connection))
            assert raw_columns.end(connection, "opportunity", reading) is is_covered
            (reading,) = raw_columns.begin_missing(connection, OPPORTUNITY, "reader") or [reading]
    assert missing_parents(bench.database).columns == 0


@pytest.mark.slow
def test_a_reading_of_a_column_that_was_stopped_is_gone_on_with(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million rows from the beginning after each pause for the org's allowance: a column that is never filled."""
    monkeypatch.setattr("orchestration.sync.column_reads._ROWS_AT_ONCE", 40)
    bench.org.admin("PATCH", "/switches", {"custom_fields": True})
    _want(bench, ExtraField(CUSTOM))
    fault = {"kind": "quota_used_up", "path": ".*/composite", "about": CUSTOM, "skip": 1}
    bench.org.admin("POST", "/faults", fault)
    assert bench.load()["opportunity"].state == "deferred"
    ((through,),) = bench.ask(
        "select through_id from fluint_sync.raw_column where column_name = 'competition_c'"
    )
    bench.org.admin("DELETE", "/faults")
    bench.client._transport.usage = None
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.api_usage")
    mark = bench.log_position()
    assert bench.load()["opportunity"].state == "complete"
    asked = [query for query in bench.queries(mark) if CUSTOM in query and " FROM Opportunity " in query]
    assert through
    assert not [query for query in asked if through in query]
    assert _state(bench, "competition_c") == ("current", False)


@pytest.mark.slow
def test_what_changes_without_a_stamp_is_read_again_and_only_rows_that_differ_are_written(
    bench: Bench,
) -> None:
    """heroku/roadmap#319: a formula whose parent changed, and an account that was renamed: wrong until somebody touches the deal."""
    bench.org.admin("PATCH", "/switches", {"custom_fields": True})
    _want(bench, ExtraField("Account_Industry__c", None))
    bench.load()
    bench.org.admin("POST", "/clock", {"seconds": 1_500})
    bench.follow()  # what earlier tests changed is read once more, with its account's name
    ((account,),) = bench.ask(
        "select account_id from raw_salesforce.opportunity where account_id is not null and _deleted_at is null"
        " group by 1 order by count(*) desc, 1 limit 1"
    )
    change = {"update": "Account", "id": account, "values": {"Name": "Renamed", "Industry": "Energy"}}
    bench.org.admin("POST", "/transactions", {"changes": [change], "commit": True})
    bench.follow()
    concerned = f"raw_salesforce.opportunity where account_id = '{account}' and _deleted_at is null"
    assert bench.ask(f"select count(*) from {concerned} and account_name = 'Renamed'") == [(0,)]
    mark = bench.log_position()
    reports = {report.table: report for report in reread_columns(bench.with_(), TABLES)}
    assert not [report.error for report in reports.values() if report.error]
    assert "Id, SystemModstamp, Account.Name, Account_Industry__c" in _selected(bench.queries(mark))
    assert bench.ask(f"select distinct account_name, account_industry_c from {concerned}") == [
        ("Renamed", "Energy")
    ]
    assert reports["opportunity"].counts.updated == bench.ask(f"select count(*) from {concerned}")[0][0]
    of_contacts = (
        "select count(*) from raw_salesforce.contact where account_name = 'Renamed' and _deleted_at is null"
    )
    assert reports[CONTACT.table_name].counts.updated == bench.ask(of_contacts)[0][0]
    assert {report.counts.updated for report in reread_columns(bench.with_(), TABLES)} == {0}


@pytest.mark.slow
def test_a_changed_type_fills_a_column_beside_the_one_that_views_hang_on(bench: Bench) -> None:
    """A number that became a text: every page that holds it fails, and the deals stand still until somebody changes our code."""
    before = _values(bench, "amount")
    fault = {
        "kind": "changed_type",
        "sobject": "Opportunity",
        "field": "Amount",
        "type": "string",
        "value": "12 EUR",
    }
    bench.org.admin("POST", "/faults", fault)
    look_again(bench)
    report = bench.load()["opportunity"]
    assert report.state == "complete", report.error
    assert _values(bench, "amount") == before
    assert set(_values(bench, "amount_text").values()) == {"12 EUR"}
    assert _state(bench, "amount") == ("retyped", True)
    assert ("Amount", "type_changed", "currency", "string") in {
        change[:4] for change in report.columns.changes
    }
    assert "beside amount" in "".join(texts("opportunity", report.columns.wrong))
    bench.org.admin("DELETE", "/faults")
    look_again(bench)
    bench.load()
    assert _state(bench, "amount") == ("current", False)


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [1, 10_000], ids=["bulk", "rest"])
def test_a_field_that_is_renamed_in_case_goes_on_in_its_column(bench: Bench, threshold: int) -> None:
    """Names have no case in Salesforce, answers do: the column went empty, row by row, because nobody asked for `COMPETITION__c`."""
    bench.org.admin("PATCH", "/switches", {"custom_fields": True})
    _want(bench, ExtraField(CUSTOM))
    deal = sorted(bench.live("opportunity"))[0]
    _change(bench, deal, **{CUSTOM: f"rival {threshold}"})
    bench.follow()
    bench.load()
    bench.org.admin("PATCH", "/switches", {"custom_names_in_capitals": True})
    bench.options = replace(bench.options, bulk_threshold=threshold)
    _change(bench, deal, NextStep="after the new name")
    # The first may find that the answer has other names than it asked for; the next one asks anew.
    first = bench.follow()["opportunity"]
    assert _values(bench, "competition_c")[deal] == f"rival {threshold}"
    assert first.error is None or bench.follow()["opportunity"].state == "complete"
    assert bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'") == [
        ("after the new name",)
    ]
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.owner_coverage")
    assert bench.load()["opportunity"].state == "complete"
    assert _values(bench, "competition_c") == _in_org(bench, "COMPETITION__c")


@pytest.mark.slow
def test_a_field_is_shown_in_a_mart_because_fluint_yaml_says_so(bench: Bench) -> None:
    """A custom field that analysts can have only by a change of our models, and lose with the next release."""
    bench.org.admin("PATCH", "/switches", {"custom_fields": True})
    deals = sorted(bench.live("opportunity"))
    _change(bench, deals[0], **{CUSTOM: "one"})
    dbt = Dbt(bench.database)
    dbt.build()
    _want(bench, ExtraField(CUSTOM, "rival"), ExtraField("Amount", "order"))
    bench.follow()
    bench.load()
    dbt.build()
    shown = 'select deal_id, rival, "order" from fluint.deals where not is_deleted_in_salesforce'
    theirs = {
        row["Id"]: (row[CUSTOM], row["Amount"] and Decimal(str(row["Amount"])))
        for row in bench.records(f"SELECT Id, {CUSTOM}, Amount FROM Opportunity")
    }
    mart = bench.ask(shown)
    assert len(mart) == len(deals)
    assert {deal: (rival, order) for deal, rival, order in mart} == {deal: theirs[deal] for deal in deals}
    _change(bench, deals[0], **{CUSTOM: "two"})
    bench.follow()
    dbt.build()
    assert bench.ask(f"select rival from fluint.deals where deal_id = '{deals[0]}'") == [("two",)]
    incremental = sorted(map(repr, bench.ask("select to_jsonb(t) - '_xact_id' from fluint.deals t")))
    dbt.build(full_refresh=True)
    assert sorted(map(repr, bench.ask("select to_jsonb(t) - '_xact_id' from fluint.deals t"))) == incremental
    _want(bench)
    bench.follow()
    dbt.build()
    assert bench.ask("select count(*) from fluint.deals where rival is not null") == [(0,)]
