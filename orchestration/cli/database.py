"""Commands about the workspace's Postgres: bring it up to this version, say where it is, give a bare `dagster …` its environment."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.console import console, done, speaking, working
from orchestration.cli.jobs import dagster_instance
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    from orchestration.postgres.embedded import EmbeddedPostgres

group = typer.Typer(help="The workspace's Postgres.", no_args_is_help=True)


Step = Callable[[], object]


class Place(StrEnum):
    """The commands of this machine that keep a Postgres, the one that a person is more likely to mean first."""

    UI = "ui"
    DEMO = "demo"


_Place = Annotated[Place, typer.Argument(help="Whose Postgres.")]


def upgrade_steps(workspace: Workspace) -> list[tuple[str, Step]]:
    """What `fluint upgrade` does, in order, each step with a name for a person."""
    return [
        ("Ledger and the application's tables", lambda: _migrate(workspace)),
        ("Raw tables", lambda: _bring_up_raw(workspace)),
        ("Views and the tables of the models", lambda: _deploy(workspace)),
        ("Erasures that a restored database does not know", lambda: _erase_again(workspace)),
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


def _erase_again(workspace: Workspace) -> None:
    from orchestration.cli.erase import replay_copies

    replay_copies(workspace)


def _open_instance(workspace: Workspace) -> None:
    """Creates Dagster's tables once and alone: two processes that create them at once can leave half of them."""
    if workspace.settings.dagster_database_url is None:
        return
    from orchestration.assets.models import report_views
    from orchestration.modelling.project import read_manifest

    with dagster_instance(workspace) as instance:
        report_views(instance, read_manifest())


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
    settings = load_settings()
    if settings.database_url is not None:
        console.out(Workspace(settings).database.url)
        return
    for place in Place:
        server = _embedded(settings, place)
        if server.is_running():
            console.out(server.url("fluint"))
            return
    raise SetupError(
        "FLUINT_DATABASE_URL is not set and no Postgres of `make ui` or `make demo` is running."
        " `fluint db start` starts the one that the demo left."
    )


@group.command("start")
@speaking
def start(place: _Place = Place.DEMO) -> None:
    """Start the Postgres that the demo (or the ui) left, to look into it."""
    settings = load_settings()
    if not (settings.data_directory / place.value / "postgres").exists():
        raise SetupError(
            f"There is no data of `make {place.value}` in {settings.data_directory}. Run it first."
        )
    server = _embedded(settings, place)
    server.start()
    done(f"Postgres runs until `fluint db stop {place.value}`. psql or any other client reaches it at")
    console.out(server.url("fluint"))


@group.command("stop")
@speaking
def stop(place: _Place = Place.DEMO) -> None:
    """Stop that Postgres."""
    server = _embedded(load_settings(), place)
    was_running = server.is_running()
    server.stop()
    done("Postgres has stopped." if was_running else f"No Postgres of `make {place.value}` was running.")


def _embedded(settings: Settings, place: Place) -> EmbeddedPostgres:
    from orchestration.postgres.embedded import EmbeddedPostgres

    return EmbeddedPostgres(
        settings.data_directory / place.value / "postgres", bin_directory=settings.postgres_bin
    )


def env() -> None:
    """Print, as shell exports, the environment that a bare `dagster …` needs. Holds secrets."""
    for name, value in sorted(Workspace.here().settings.variables().items()):
        console.out(f"export {name}={shlex.quote(value)}")
