"""Commands for a machine without a Salesforce account: the demo, the Dagster UI with everything under it, the local org alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.console import console, done, speaking, working
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError
from orchestration.settings import PROJECT, Settings, load_settings

group = typer.Typer(help="A Salesforce org of our own on this machine.", no_args_is_help=True)

_POLL = 0.5  # seconds


@group.command("serve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
@speaking
def serve(
    context: typer.Context,
    directory: Annotated[Path, typer.Option(help="Where the org lives; made if missing.")] = PROJECT
    / ".fluint"
    / "org",
    opportunities: Annotated[int, typer.Option(help="Deals to make if the org is empty.")] = 300,
    live: Annotated[bool, typer.Option("--live", help="Let life go on by itself: deals, mails.")] = False,
    pace: Annotated[
        float | None, typer.Option(help="With --live: seconds between two acts, on average.")
    ] = None,
) -> None:
    """Serve a local org until Ctrl-C, with pages for people; further options as in `python -m local_org serve --help`."""
    command = [sys.executable, "-m", "local_org", "serve", "--directory", str(directory)]
    command += ["--with-parent", str(os.getpid())]
    command += ["--opportunities", str(opportunities), *(["--live"] if live else [])]
    command += [] if pace is None else ["--pace", str(pace)]
    raise typer.Exit(_served([*command, *context.args]))


def _served(command: list[str]) -> int:
    """Runs the org in the foreground and says where its pages are. Returns its exit code."""
    from orchestration.cli.services import ended_by_signals

    with ended_by_signals(), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # a pipe was asked for
            line = process.stdout.readline()
            if line:
                card = json.loads(line)
                done(f"The org is at {card['base_url']}: open it in a browser and play a rep.")
                for text in (
                    f"The browser does not know its certificate authority, {card['ca_file']}, and will say so once.",
                    f"Ctrl-C ends it; what it holds stays in {card['directory']}.",
                ):
                    console.print(f"  {text}", soft_wrap=True)
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            return process.wait()


def demo(
    directory: Annotated[
        Path | None, typer.Option(help="Keep the data here, to look into it afterwards.")
    ] = None,
) -> None:
    """Do the whole way once, from an empty machine to modelled deals and back, and compare every figure with the org's own."""
    from orchestration.cli.demo import run_demo

    raise typer.Exit(0 if run_demo(directory) else 1)


def ui(port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000) -> None:
    """Open the project in the Dagster UI, with a Postgres and a living Salesforce org under it where none is set."""
    from orchestration.cli.dagster_services import HOST, dagster_services, insist_on_all
    from orchestration.cli.services import ended_by_signals

    given = load_settings()
    _insist_on_free(port)
    with ended_by_signals(), ExitStack() as stack:
        settings = _with_what_is_missing(stack, given)
        with working("Starting the Dagster UI"):
            running = stack.enter_context(dagster_services(settings, port))
        done(f"The Dagster UI is at http://{HOST}:{port}")
        if settings.salesforce_url != given.salesforce_url:
            console.print(f"  The Salesforce org under it is at {settings.salesforce_url}: play a rep there.")
        console.print(f"  Ctrl-C ends all of it; the data stays in {settings.data_directory}.")
        try:
            while True:
                insist_on_all(running)
                time.sleep(_POLL)
        except KeyboardInterrupt:
            console.print("Ending …")


def _insist_on_free(port: int) -> None:
    from orchestration.cli.dagster_services import HOST

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise SetupError(
                f"Port {port} is taken by another program, perhaps another `make ui`. End that, or run `fluint ui --port {port + 1}`."
            ) from None


def _with_what_is_missing(stack: ExitStack, settings: Settings) -> Settings:
    """Starts what no setting leads to, brings the database up, and connects an org that was started here."""
    from orchestration.cli.services import alone, embedded_databases, local_org, with_services
    from orchestration.cli.starting import introduce, license_people

    directory = settings.data_directory / "ui"
    stack.enter_context(alone(directory))
    if settings.database_url is None:
        with working("Starting Postgres"):
            made = stack.enter_context(embedded_databases(directory, settings.postgres_bin))
        settings = with_services(settings, made)
    org = None
    if not (settings.salesforce_url or settings.salesforce_subdomain):
        with working("Starting a Salesforce org"):
            org, made = stack.enter_context(local_org(directory, opportunities=1_200, is_live=True))
        settings = with_services(settings, made)
    introduce(Workspace(settings), org)
    if org is not None:
        license_people(Workspace(settings), org)
    return settings
