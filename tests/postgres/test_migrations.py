"""The migrations: what a fresh, a used and an application's database look like afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from orchestration.postgres.connection import Database
from orchestration.postgres.migrations import upgrade

_TABLES = "select table_schema || '.' || table_name from information_schema.tables where table_schema like 'fluint%'"


def _tables(database: Database) -> set[str]:
    with database.transaction() as conn:
        return {name for (name,) in conn.execute(_TABLES)}


def test_an_empty_database_gets_both_schemas_and_the_version_in_the_ledger(empty_database: Database) -> None:
    """Alembic's own table in `public` would collide with the application's migrations in the same database."""
    upgrade(empty_database)
    held = _tables(empty_database)
    assert {
        "fluint_sync.alembic_version",
        "fluint_sync.cursor",
        "fluint_sync.upload",
        "fluint_app.app_user",
    } <= held
    with empty_database.transaction() as conn:
        assert conn.execute("select to_regclass('public.alembic_version')").fetchone() == (None,)
        assert conn.execute(
            "select excluded_stages, created_since from fluint_app.backfill_filter"
        ).fetchall() == [([], None)]


def test_two_upgrades_at_once_both_return_and_a_third_changes_nothing(empty_database: Database) -> None:
    """Webserver, daemon and CLI may start together; without the lock one would fail with DuplicateTable."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(upgrade, empty_database) for _ in range(2)]:
            done.result()
    before = _tables(empty_database)
    upgrade(empty_database)
    assert _tables(empty_database) == before


def test_the_applications_own_tables_stay_as_they_are(empty_database: Database) -> None:
    """The application owns its schema: a migration that insisted on our columns or index would fail its deployment."""
    with empty_database.transaction() as conn:
        conn.execute(
            "create schema fluint_app; create table fluint_app.app_user (user_id uuid, email text, is_licensed boolean);"
            "insert into fluint_app.app_user (email) values ('a@example.com'), ('A@example.com')"
        )
    upgrade(empty_database)
    with empty_database.transaction() as conn:
        assert conn.execute("select count(*) from fluint_app.app_user").fetchone() == (2,)


def test_one_address_is_one_account_in_whatever_case_it_is_written(database: Database) -> None:
    """Two accounts for one mailbox would make every deal of that person ambiguous."""
    with database.transaction() as conn:
        conn.execute("insert into fluint_app.app_user (email) values ('Rep@Example.com')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            conn.execute("insert into fluint_app.app_user (email) values (' rep@example.com ')")


def test_an_upgrade_that_fails_leaves_nothing_behind(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration that committed could neither be repeated nor taken back."""
    monkeypatch.setattr("alembic.op.execute", _fail_at_the_application)
    with pytest.raises(RuntimeError, match="killed"):
        upgrade(empty_database)
    monkeypatch.undo()
    assert _tables(empty_database) == set()
    upgrade(empty_database)


def _fail_at_the_application(statement: str) -> None:
    from alembic import context

    if "fluint_app" in statement:
        raise RuntimeError("killed")
    context.get_context().impl.execute(statement)
