"""The migrations of fluint_sync (our ledger) and fluint_app (the application's side), run by Alembic from inside the program.

There is no ini file: `upgrade` brings the connection. The raw tables belong to raw_tables, everything else to dbt.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg import errors
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection, Database

SCHEMA = "fluint_sync"
# What a statement, or whoever asked before it, says of a database that is not at this version.
_LACKS = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InvalidSchemaName,
    SetupError,
)


def upgrade(database: Database) -> None:
    """Brings both schemas to the newest revision in one transaction; a second or simultaneous call changes nothing."""
    config = _config()
    engine = create_engine("postgresql+psycopg://", creator=database.connect, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtextextended('fluint migrations', 0))"))
        connection.execute(text(f"create schema if not exists {SCHEMA}"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def insist_on_newest(database: Database) -> None:
    """Returns if both schemas are at the newest revision that this program knows; SetupError says who is older."""
    scripts = ScriptDirectory.from_config(_config())
    with database.transaction() as connection:
        held = _revision(connection)
    if held == scripts.get_current_head():
        return
    if held is not None and not _is_known(scripts, held):
        raise SetupError(
            f"The database {database} was brought up by a newer version of Fluint (revision {held}) than this one. Nothing was changed."
            " Whoever runs Fluint installs that version here, too."
        )
    state = "is older than this installation" if held else "was never set up for Fluint"
    raise SetupError(
        f"The database {database} {state}. Nothing was changed, and what it holds stays readable. Whoever runs Fluint runs"
        " `fluint upgrade`; it is safe to repeat."
    )


def not_upgraded(database: Database, error: Exception) -> SetupError | None:
    """What to say in place of an error that names something missing, where it is missing because the database is not at this version.

    Asks the database only after such an error: what succeeds costs nothing more.
    """
    if not isinstance(error, _LACKS):
        return None
    try:
        insist_on_newest(database)
    except SetupError as told:
        return told
    return None


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "orchestration.postgres:migrations")
    return config


def _revision(connection: Connection) -> str | None:
    """The revision that the database is at; None where no migration ever ran."""
    there = connection.execute("select to_regclass(%s)", [f"{SCHEMA}.alembic_version"]).fetchone()
    if there is None or there[0] is None:
        return None
    row = connection.execute("select version_num from fluint_sync.alembic_version").fetchone()
    return str(row[0]) if row else None


def _is_known(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False
