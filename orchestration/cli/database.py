"""Commands about the workspace's Postgres: bring it up to this version, say where it is, give a bare `dagster …` its environment."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import typer

from orchestration.cli.console import console, done, speaking, working
from orchestration.cli.workspace import Workspace

group = typer.Typer(help="The workspace's Postgres.", no_args_is_help=True)


Step = Callable[[], object]


def upgrade_steps(workspace: Workspace) -> list[tuple[str, Step]]:
    """What `fluint upgrade` does, in order, each step with a name for a person."""
    return [
        ("Ledger and the application's tables", lambda: _migrate(workspace)),
        ("Raw tables", lambda: _bring_up_raw(workspace)),
        ("Views and the tables of the models", lambda: _deploy(workspace)),
        ("Dagster's storage", lambda: _open_instance(workspace)),
    ]


def _migrate(workspace: Workspace) -> None:
    from orchestration.postgres.migrations import upgrade as migrate

    workspace.database.check_server()
    migrate(workspace.database)


def _bring_up_raw(workspace: Workspace) -> None:
    from orchestration.postgres.raw_tables import bring_up
    from orchestration.sync.objects import CATALOGUE

    with workspace.database.transaction() as connection:
        bring_up(connection, [sobject.raw_table() for sobject in CATALOGUE])


def _deploy(workspace: Workspace) -> None:
    from orchestration.modelling import Dbt, prepare
    from orchestration.postgres.locks import views_lock

    prepare()
    with views_lock(workspace.database, shared=False):
        Dbt(workspace.database).deploy_views()


def _open_instance(workspace: Workspace) -> None:
    """Creates Dagster's tables once and alone: two processes that create them at once can leave half of them."""
    if workspace.settings.dagster_database_url is None:
        return
    from orchestration.settings import export

    export(workspace.settings)
    import dagster as dg

    dg.DagsterInstance.get().dispose()


def upgrade() -> None:
    """Bring the database to this version: ledger, raw tables, views, models, Dagster's storage. Safe to run again."""
    workspace = Workspace.here()
    for text, step in upgrade_steps(workspace):
        with working(text):
            step()
    done(f"{workspace.database} is at this version.")


@group.command("url")
@speaking
def url() -> None:
    """Print the database's URL, password included, for psql and BI tools."""
    console.out(Workspace.here().database.url)


def env() -> None:
    """Print, as shell exports, the environment that a bare `dagster …` needs. Holds secrets."""
    for name, value in sorted(Workspace.here().settings.environment().items()):
        console.out(f"export {name}={shlex.quote(value)}")
