"""Where the lessons from other connectors' failures are held: lesson by lesson, the tests that fail without it.

The lessons are reports about public connectors (repository#number). Here is the way to the tests, and those tests that
belong to no rule of ours alone. What a whole rule needs stands in the file of that rule.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import IncompleteReadError, MissingFieldError
from tests.contract.running_org import serving
from tests.postgres_fixtures import PostgresServer
from tests.sync.bench import Bench, connected
from tests.sync.test_halves import DEALS, _lose

TESTS = Path(__file__).parents[1]
LESSONS = {
    "1 airbyte#27146: stamped before the cursor, visible after it, loaded once": (
        "sync/test_changes.py::test_a_row_stamped_before_the_cursor_and_visible_after_it_is_loaded_once",
        "sync/test_faults.py::test_a_transaction_of_ten_minutes_arrives_though_the_cursor_passed_its_stamp",
    ),
    # What a reader who lacks access is never told of, reconciling finds: a listing can only compare counts of the same reader.
    "2 airbyte#27048: half an object missing while the run is green": (
        "sync/test_lessons.py::test_a_listing_that_gives_fewer_deals_than_were_counted_names_range_and_shortfall",
        "sync/test_faults.py::test_a_listing_by_rest_with_a_page_missing_covers_nothing_and_heals",
        "sync/test_scope.py::test_a_first_load_holds_every_deal_of_matched_owners_and_no_other",
        "sync/test_reconcile.py::test_access_that_is_granted_brings_the_rest_and_access_that_is_lost_takes_nothing",
        "sync/test_reconcile.py::test_one_row_of_many_that_is_missing_is_found_by_the_counts_alone",
        "sync/test_reconcile.py::test_what_is_missing_beside_something_too_much_is_found_by_ids_where_the_counts_agree",
    ),
    "3 airbyte#9883: thousands of rows of one stamp over many pages": (
        "sync/test_changes.py::test_rows_that_share_one_stamp_all_arrive",
        "sync/test_faults.py::test_a_mass_update_of_one_stamp_arrives_whole",
        "sync/test_lessons.py::test_five_thousand_deals_of_one_stamp_arrive_over_many_pages",
    ),
    "4 airbyte#19014: a Bulk result cut short": (
        "sync/test_faults.py::test_bulk_results_that_are_not_whole_cover_nothing_and_heal",
    ),
    "5 Stitch 2018-12-12: both halves after QUERY_TIMEOUT, the first one empty": (
        "sync/test_halves.py::test_a_window_of_keys_that_times_out_is_read_in_halves_the_empty_ones_too",
        "sync/test_halves.py::test_a_listing_of_deals_that_times_out_is_read_in_halves",
        "sync/test_halves.py::test_children_that_time_out_are_read_deal_by_deal_and_a_large_deal_by_time",
        "sync/test_windows.py::test_halves_are_the_whole_and_come_to_an_end",
    ),
    "6 airbyte#77627: a schema change during the run": (
        "sync/test_faults.py::test_a_fault_that_stays_fails_the_interval_and_loses_nothing",
        "sync/test_lessons.py::test_a_field_that_is_hidden_between_two_pages_loses_no_row_and_covers_nothing",
    ),
    "7 airbyte#37528: without a start date everything, with one the number that stays out": (
        "sync/test_scope.py::test_a_first_load_holds_every_deal_of_matched_owners_and_no_other",
        "sync/test_scope.py::test_filters_keep_deals_out_and_a_wider_filter_lists_only_what_is_missing",
    ),
    "8 airbyte#42490: changed by a system process, new within an interval": (
        "sync/test_changes.py::test_five_changes_in_the_org_are_exactly_the_five_that_arrive",
    ),
    "9 airbyte#29455: the overlap reads a row again": (
        "sync/test_lessons.py::test_a_row_that_the_overlap_shows_again_is_one_row_written_once_per_change",
        "sync/test_models.py::test_every_live_deal_that_is_held_is_in_the_mart_with_its_counts",
        "dbt/test_builds.py::test_a_build_without_a_change_writes_no_row",
    ),
    "10 airbyte#8300: what Postgres cannot hold is cleaned and counted": (
        "postgres/test_copy.py::test_what_postgres_cannot_hold_is_left_out_and_counted",
        "postgres/test_clean.py::test_any_json_text_keeps_all_but_nul_and_lone_surrogates",
    ),
    "11 airbyte PR#81535: killed between the checkpoint and the rows": (
        "sync/test_failures.py::test_a_kill_at_any_step_loses_nothing",
        "e2e/test_killed_sync.py::test_a_load_that_was_killed_is_completed_by_the_next_sync",
    ),
    "12 airbyte#14866: a failed attempt keeps the earlier cursor": (
        "sync/test_faults.py::test_a_fault_that_stays_fails_the_interval_and_loses_nothing",
        "sync/test_halves.py::test_keys_that_cannot_be_had_in_any_part_move_no_cursor_and_are_told_by_object_and_time",
    ),
    "13 tap-salesforce 2.4.0: empty windows move the cursor": (
        "sync/test_changes.py::test_cursors_move_over_empty_windows_and_never_back",
    ),
    "14 dbt_salesforce PR#86: an unchanged open deal has its row every day": (
        "dbt/test_builds.py::test_an_unchanged_open_deal_has_its_row_on_every_day",
        "dbt/test_builds.py::test_the_daily_snapshot_keeps_what_it_captured",
    ),
    "15 airbyte#44845: a row that was deleted for good is marked within the night": (
        "sync/test_reconcile.py::test_what_was_purged_is_marked_with_its_roles_and_its_document_stays",
        "sync/test_reconcile.py::test_a_deal_that_was_kept_is_doubted_too",
    ),
    "16 django-heroku-connect#97: a soft delete stays as a tombstone and comes back": (
        "sync/test_changes.py::test_a_deleted_deal_keeps_its_row_and_comes_back_when_undeleted",
        "sync/test_reconcile.py::test_an_undelete_that_moved_no_stamp_is_found_by_the_counts",
    ),
    "17 simple-salesforce#760: Bulk shows what REST shows, the recycle bin too": (
        "contract/test_bulk_and_files.py::test_a_bulk_job_gives_every_row_that_rest_gives",
        "sync/test_odd_data.py::test_both_ways_give_the_same_rows",
    ),
    "18 DLRS#217: no total adds amounts of two currencies, and one currency is no fault": (
        "dbt/test_project.py::test_no_model_adds_amounts_up",
        "definitions/test_reports.py::test_a_stale_column_warns_with_the_permission_and_what_the_org_never_had_does_not",
    ),
    "19 airbyte#6886: a field that the chosen way cannot return is named, never dropped": (
        "postgres/test_copy.py::test_another_header_is_a_failed_read_that_names_the_columns",
        "sync/test_drift.py::test_columns_that_there_cannot_be_are_refused_before_anything_is_asked",
    ),
    "20 SFDX-Data-Move-Utility#793: a hidden field is told with the permission to grant": (
        "sync/test_columns.py::test_a_hidden_column_keeps_its_values_and_is_read_again_once_it_is_visible",
        "sync/test_fields.py::test_a_hidden_required_field_fails_its_object_by_name_and_the_others_go_on",
    ),
    "21 meltano/sdk#2179: one new column is read alone": (
        "sync/test_columns.py::test_a_field_of_fluint_yaml_gets_its_column_and_that_column_alone_is_read",
    ),
    "22 heroku/roadmap#319: a formula whose parent changed": (
        "sync/test_columns.py::test_what_changes_without_a_stamp_is_read_again_and_only_rows_that_differ_are_written",
    ),
    "23 dbt_salesforce_formula_utils#83: a misspelt field is refused with the nearest names": (
        "sync/test_columns.py::test_a_misspelt_field_of_fluint_yaml_is_refused_by_name_and_the_rest_goes_on",
        "sync/test_drift.py::test_a_misspelt_field_is_refused_with_the_nearest_names_and_a_hidden_one_is_not",
    ),
    "24 airbyte#10111: 800 fields in statements that fit a URI": (
        "sync/test_wide.py::test_an_object_of_800_fields_is_read_whole_by_queries_that_fit_a_uri",
    ),
    "27 estuary PR#2683: pages of megabytes, and no request that hangs": (
        "salesforce/test_query.py::test_mails_are_asked_for_in_small_pages_to_the_last_one",
        "contract/test_faults.py::test_an_answer_that_drips_is_left_when_the_whole_takes_too_long",
    ),
    "28 airbyte#11692: memory stays under a ceiling": (
        "salesforce/test_bulk.py::test_memory_stays_flat_however_large_a_page_is",
    ),
    "29 airbyte#17148: a job that is stuck, a query that times out": (
        "salesforce/test_bulk.py::test_a_job_that_is_stuck_is_aborted_at_its_deadline",
        "sync/test_halves.py::test_deals_of_one_second_that_cannot_be_split_cover_nobody_though_the_others_came",
    ),
    "30 cli#2968: a result locator that answers 404": (
        "sync/test_lessons.py::test_a_locator_that_answers_404_restarts_the_listing_without_a_row_twice",
        "salesforce/test_bulk.py::test_results_that_are_gone_make_the_read_incomplete",
    ),
}  # fmt: skip


@cache
def _names_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_lesson_has_its_tests(lesson: str) -> None:
    """A lesson whose test was renamed or dropped is learnt again, from a customer."""
    tests = [test.partition("::") for test in LESSONS[lesson]]
    assert tests
    assert not [name for path, _, name in tests if name not in _names_in(path)]


def test_no_lesson_is_left_out() -> None:
    """These are requirements of the sync; the allowance, signing in and writing back have theirs elsewhere."""
    assert [int(lesson.split()[0]) for lesson in LESSONS] == [*range(1, 25), *range(27, 31)]


@pytest.fixture
def bench(loaded: Bench) -> Iterator[Bench]:
    """A workspace that has read everything; afterwards the org is as before."""
    before, options = loaded.org.admin("GET", "/switches"), loaded.options
    yield loaded
    loaded.options = options
    loaded.org.admin("DELETE", "/faults")
    loaded.org.admin("PATCH", "/switches", before)


def _rows(bench: Bench, table: str) -> list[tuple[Any, ...]]:
    return bench.ask(f"select id, _run_id from raw_salesforce.{table} order by id")


def _short_answer(bench: Bench, soql: str) -> tuple[dict[str, Any], int]:
    """A composite's answer to the query as the org gives it, with half of the rows, of which it knows no more; and how many it lacks."""
    records = bench.records(soql)
    left = records[::2]
    page = {"totalSize": len(left), "done": True, "records": left}
    part = {"body": page, "httpHeaders": {}, "httpStatusCode": 200, "referenceId": "q0"}
    return {"compositeResponse": [part]}, len(records) - len(left)


def test_a_listing_that_gives_fewer_deals_than_were_counted_names_range_and_shortfall(bench: Bench) -> None:
    """airbyte#27048: half of an object missing, from answers that contradict nothing but Salesforce's own count; and a green run."""
    held = bench.live("opportunity")
    mark = bench.log_position()
    _lose(bench, "opportunity")
    bench.load()
    # Deals that an earlier test wrote within the minute are fetched once more, by their ids.
    asked = [q for q in bench.queries(mark) if "NextStep" in q and " FROM Opportunity " in q]
    (query,) = [q for q in asked if "Id IN (" not in q.replace("OwnerId", "")]
    body, missing = _short_answer(bench, query)
    _lose(bench, "opportunity")
    fault = {
        "kind": "answer",
        "status": 200,
        "body": json.dumps(body),
        "path": ".*/composite",
        "about": DEALS,
    }
    bench.org.admin("POST", "/faults", fault | {"headers": {"content-type": "application/json"}})
    error = bench.load()["opportunity"].error
    assert isinstance(error, IncompleteReadError)
    assert f"Opportunity created at any time and gave {len(held) - missing}: {missing} are missing" in str(
        error
    )
    assert bench.ask("select count(*) from fluint_sync.owner_coverage") == [(0,)]
    assert bench.load()["opportunity"].state == "complete"
    assert bench.live("opportunity") == held


@pytest.fixture
def bench_of_its_own(
    tmp_path: Path, postgres_server: PostgresServer, deployed_template: str
) -> Iterator[Bench]:
    """A workspace with an org that no other test meets, for what would make theirs fifteen times as large."""
    with serving(tmp_path / "org", 60) as org, connected(org, postgres_server, deployed_template) as made:
        made.load()
        yield made


@pytest.mark.slow
def test_five_thousand_deals_of_one_stamp_arrive_over_many_pages(bench_of_its_own: Bench) -> None:
    """airbyte#9883: of rows that share a stamp only those of the first page, because the second begins after that stamp."""
    bench = bench_of_its_own
    owner = bench.owners("rep")[0]
    deal = {"Name": "Twin", "StageName": "Prospecting", "CloseDate": "2027-01-31", "OwnerId": owner}
    changes = [{"insert": "Opportunity", "values": deal}] * 5_000
    made = set(bench.org.admin("POST", "/transactions", {"changes": changes, "commit": True})["ids"])
    bench.follow()
    assert made <= bench.live("opportunity")
    stamps = "select count(distinct system_modstamp) from raw_salesforce.opportunity where name = 'Twin'"
    assert bench.ask(stamps) == [(1,)]


def test_a_field_that_is_hidden_between_two_pages_loses_no_row_and_covers_nothing(bench: Bench) -> None:
    """airbyte#77627: a schema that changes while it is read; the rest of the pages never come, and the table looks whole."""
    held = _lose(bench, "email_message")
    fault = {"kind": "hidden_field", "sobject": "EmailMessage", "field": "IsTracked"}
    bench.org.admin("POST", "/faults", fault | {"path": ".*/query(All)?/0r8.*"})
    error = bench.load()["email_message"].error
    assert isinstance(error, MissingFieldError)
    assert "EmailMessage.IsTracked" in str(error)
    assert bench.ask("select count(*) from fluint_sync.deal_coverage where object = 'email_message'") == [
        (0,)
    ]
    assert bench.load()["email_message"].state == "complete"
    assert bench.live("email_message") == held
    assert any("EmailMessage.IsTracked is hidden" in note for note in bench.follow()["email_message"].notes)


def test_a_row_that_the_overlap_shows_again_is_one_row_written_once_per_change(bench: Bench) -> None:
    """airbyte#29455, #20471: twenty minutes of overlap that double rows in the tables, or make each of them a change for a day."""
    deal = sorted(bench.live("opportunity") & bench.entitled())[0]
    written = []
    for step in ("first", "second"):
        bench.update("Opportunity", deal, NextStep=step)
        for _ in range(2):
            bench.org.admin("POST", "/clock", {"seconds": 90})
            bench.follow()
            written.append(dict(_rows(bench, "opportunity"))[deal])
    assert [len(set(written[:2])), len(set(written[2:])), len(set(written))] == [1, 1, 2]


@pytest.mark.parametrize("way", ["rest", "bulk"])
def test_a_locator_that_answers_404_restarts_the_listing_without_a_row_twice(bench: Bench, way: str) -> None:
    """cli#2968: results that are gone at their second page, and a restart that begins behind the first one or doubles it."""
    # A row that is read within a minute of its stamp is read once more: what earlier tests wrote is older than that.
    bench.org.admin("POST", "/clock", {"seconds": 90})
    bench.follow()
    bench.load()  # a column that another test hid is read again first
    held = _lose(bench, "email_message")
    lost = len(held) - len(bench.live("email_message"))
    switches = {"invalid_query_locator_status": 404, "bulk_page_records": 400}
    bench.org.admin("PATCH", "/switches", switches)
    fault: dict[str, Any] = {"kind": "dead_locator", "path": ".*/query(All)?/0r8.*"}
    if way == "bulk":
        bench.options = replace(bench.options, bulk_threshold=1)
        fault = {"kind": "dead_locator", "path": ".*/results", "skip": 1}
    bench.org.admin("POST", "/faults", fault)
    mark = bench.log_position()
    first = bench.load()["email_message"]
    assert isinstance(first.error, IncompleteReadError)
    assert [e["status"] for e in bench.org.admin("GET", f"/log?after={mark}") if e["status"] == 404]
    stored = dict(_rows(bench, "email_message"))
    assert len(stored) > len(held) - lost
    second = bench.load()["email_message"]
    assert second.state == "complete"
    assert len(stored) - (len(held) - lost) + second.counts.inserted == lost
    after = dict(_rows(bench, "email_message"))
    assert set(after) == held
    assert {row: after[row] for row in stored} == stored, "rows that were there were written again"
