"""What is read of the ledgers: every fact from the rows that other rooms write."""

from __future__ import annotations

from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from orchestration.postgres.connection import Database
from orchestration.status.facts import Expectations, Facts, ObjectFacts
from orchestration.status.judging import judge
from orchestration.status.reading import read_facts
from orchestration.sync.objects import BY_TABLE

TABLES = tuple(table for table in BY_TABLE if table != "event")
EXPECTED = Expectations(timedelta(seconds=60), 0.8, TABLES)

LEDGERS = """
insert into fluint_sync.cursor (object, position, is_of_deals) values
    ('opportunity', now(), false), ('contact', now(), false), ('email_message', now(), true);
insert into fluint_sync.pending (object, id, reason, since, attempts) values
    ('opportunity', 'a', 'changed', now() - interval '1 hour', 0),
    ('opportunity', 'b', 'overtaken', now() - interval '2 hours', 0),
    ('opportunity', 'c', 'unreadable', now() - interval '3 hours', 4),
    ('opportunity', 'd', 'not_visible', now() - interval '4 hours', 9),
    ('opportunity', 'e', 'refused', now() + interval '40 minutes', 0),
    ('contact', 'f', 'refused', now() + interval '40 minutes', 0);
insert into fluint_sync.unavailable_object (object, since, seen_at) values ('task', now() - interval '1 day', now());
insert into fluint_sync.api_call (run_id, purpose, calls, at) values
    ('r', 'keys', 3, now()), ('r', 'keys', 2, now() - interval '23 hours'), ('r', 'fetch', 9, now() - interval '25 hours'),
    ('r', 'listing', 7, now());
insert into fluint_sync.api_usage (used, allowed, seen_at) values (40, 15000, now());
insert into raw_salesforce.opportunity (id, _read_at, _run_id) values ('1', now(), 'r'), ('2', now(), 'r');
insert into raw_salesforce.opportunity (id, _read_at, _run_id, _deleted_at) values ('3', now(), 'r', now());
"""
REPORT = {
    "opportunity": {"read": 5, "inserted": 1, "updated": 2, "tombstoned": 1},
    "contact": {"read": 1, "inserted": 1},
}


def read(database: Database, *statements: str) -> Facts:
    """The facts after these statements."""
    with database.transaction() as connection:
        for statement in statements:
            connection.execute(statement.encode())
    return read_facts(database, EXPECTED)


def of(facts: Facts, table: str) -> ObjectFacts:
    """The facts of one object."""
    return next(each for each in facts.objects if each.table == table)


def ended(database: Database, run_id: str, mode: str, state: str, error: str | None, minutes: int) -> None:
    """A run in the ledger that began so long ago."""
    with database.transaction() as connection:
        connection.execute(
            "insert into fluint_sync.run (run_id, mode, started_at, ended_at, state, report, error)"
            " values (%s, %s, now() - make_interval(mins => %s), now(), %s, %s, %s)",
            [run_id, mode, minutes, state, Jsonb(REPORT), error],
        )


def test_every_object_is_told_with_what_holds_it_up(deployed: Database) -> None:
    """One number of what waits says neither that somebody fetches it nor that nobody could."""
    facts = read(deployed, LEDGERS)
    deals = of(facts, "opportunity")
    assert (deals.rows, deals.rows_are_estimated) == (2, False)
    assert (deals.pending, deals.unreadable, deals.not_visible) == (5, 1, 1)
    assert deals.cursor is not None
    assert deals.cursor == deals.moved_at
    assert deals.untried_since == deals.cursor - timedelta(hours=2)
    assert deals.data_as_of == deals.cursor - timedelta(hours=3)
    assert (deals.parents, deals.parents_covered) == (0, 0)
    assert (of(facts, "contact").parents, of(facts, "user").cursor) == (None, None)
    assert (of(facts, "contact").pending, of(facts, "contact").untried_since) == (
        1,
        None,
    )  # set aside, wanted by nobody
    assert of(facts, "task").absent_since == deals.cursor - timedelta(days=1)
    assert [each.table for each in facts.objects if not each.is_enabled] == ["event"]
    assert of(facts, "email_message").cadence == timedelta(minutes=1)
    assert of(facts, "user").cadence == timedelta(minutes=5)  # in turn with four others, one at a tick
    assert (facts.calls.by_purpose, facts.calls.used) == ({"listing": 7, "keys": 5}, 40)
    assert (facts.connection, facts.dagster, facts.missing.count) == (None, None, 0)


def test_the_last_run_of_each_mode_is_told_in_rows_and_its_text_goes_to_the_object_that_failed(
    deployed: Database,
) -> None:
    """Ten objects that are told to be broken because one of them is."""
    ended(deployed, "1", "changes", "complete", None, 9)
    ended(deployed, "2", "history", "complete", None, 8)
    ended(
        deployed,
        "3",
        "changes",
        "failed",
        "contact: LastName is hidden.\nAn admin shows it.\nuser: Down.\ntask: Down.",
        7,
    )
    facts = read(deployed)
    assert [(run.mode, run.run_id, run.state, run.read, run.changed) for run in facts.runs] == [
        ("changes", "3", "failed", 6, 5),
        ("history", "2", "complete", 6, 5),
    ]
    said = {each.table: each.error for each in facts.objects if each.error}
    assert said == {"contact": "LastName is hidden. An admin shows it."}
    ended(deployed, "4", "changes", "complete", None, 1)
    assert not [each for each in read(deployed).objects if each.error]


@pytest.mark.parametrize("failed", [None, "changes", "history"])
def test_a_look_for_alerts_judges_as_a_whole_one_does(deployed: Database, failed: str | None) -> None:
    """What is left out for the sake of speed would decide what nobody is told of."""
    if failed:
        ended(deployed, "1", failed, "failed", "contact: LastName is hidden.", 200)
    covered = "insert into fluint_sync.raw_column (object, column_name, field, type, need, is_read) values"
    whole = read(deployed, LEDGERS, f"{covered} ('contact', 'title', 'Title', 'text', 'optional', true)")
    looked = read_facts(deployed, EXPECTED, for_alerts=True)
    assert [(e.subject, e.level, e.cause) for e in judge(looked) if e.subject != "coverage"] == [
        (e.subject, e.level, e.cause) for e in judge(whole) if e.subject != "coverage"
    ]
    assert whole.missing.count == 1
    assert looked.missing.count == (failed == "history")
    assert looked.marts_are_behind == (failed == "changes")
    assert whole.marts_are_behind


def test_versions_are_grouped_by_what_people_can_do_about_them(deployed: Database) -> None:
    """A document whose deal was deleted would keep the light yellow for ever."""
    versions = [
        # document, version, state, outlook, reason; one that the outbox does not know yet has none
        ("a", 1, "uploaded", None, None),
        ("a", 2, "given_up", "given_up", "too_large"),
        ("b", 1, "given_up", "given_up", "too_large"),
        ("b", 2, "uploaded", None, None),
        ("c", 1, "given_up", "given_up", "deal_deleted"),
        ("d", 1, "failed", "needs_admin", "storage_full"),
        ("e", 1, "uploaded", "needs_admin", "files_list_missing"),
        ("f", 1, None, None, None),
    ]
    with deployed.transaction() as connection:
        for document in "abcdef":
            connection.execute(
                "insert into fluint_app.document (document_id, opportunity_id, title) values (md5(%s)::uuid, '006', 'x')",
                [document],
            )
        for document, number, state, outlook, reason in versions:
            connection.execute(
                "insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256,"
                " content, generated_at) values (md5(%s)::uuid, %s, 'x', 'x', 1, 'x', 'x', now() - interval '1 hour')",
                [document, number],
            )
            if state:
                connection.execute(
                    "insert into fluint_sync.upload (document_id, version_number, state, outlook, reason, retry_at)"
                    " values (md5(%s)::uuid, %s, %s, %s, %s, now() + interval '1 day')",
                    [document, number, state, outlook, reason],
                )
    uploads = read(deployed).uploads
    assert uploads.uploaded == 3
    assert {(group.state, group.reason, group.versions, group.needs_a_person) for group in uploads.open} == {
        ("given_up", "too_large", 1, True),
        ("given_up", "too_large", 1, False),
        ("given_up", "deal_deleted", 1, False),
        ("failed", "storage_full", 1, True),
        ("uploaded", "files_list_missing", 1, True),
        ("waiting", None, 1, False),
    }
    assert uploads.due == 1
    assert uploads.due_since is not None


def test_the_rows_of_a_large_table_are_taken_from_statistics(
    deployed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor that asks every minute would read a table of a million mails each time."""
    monkeypatch.setattr("orchestration.status.reading._MOST_BYTES_COUNTED", 0)
    facts = read(deployed, LEDGERS, "analyze raw_salesforce.opportunity")
    assert (of(facts, "opportunity").rows, of(facts, "opportunity").rows_are_estimated) == (3, True)
    assert (of(facts, "contact").rows, of(facts, "contact").rows_are_estimated) == (0, False)
