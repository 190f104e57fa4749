"""The command `fluint`: one module for each group of commands. Here they are put together; nothing heavy is imported for it.

What fills our tables from Salesforce, or writes to Salesforce, launches a Dagster job; questions ask directly; what belongs to
the workspace (users, filters, documents, the connection) is written to Postgres.
"""

from __future__ import annotations

import typer

from orchestration.cli import (
    alerts,
    check,
    connecting,
    database,
    documents,
    erase,
    filters,
    local,
    preview,
    reconciling,
    serving,
    status,
    syncing,
    users,
    why,
)
from orchestration.cli.console import speaking

app = typer.Typer(
    name="fluint",
    help="Keeps a Fluint workspace's Postgres and a Salesforce org in step, in both directions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_DAILY, _WHO, _SET_UP, _HERE = "Every day", "Who and what comes in", "Set up and operate", "On this machine"

app.command("sync", rich_help_panel=_DAILY)(speaking(syncing.sync))
app.command("status", rich_help_panel=_DAILY)(speaking(status.status))
app.command("why", rich_help_panel=_DAILY)(speaking(why.why))
app.command("alerts", rich_help_panel=_DAILY)(speaking(alerts.alerts))
app.command("backfill", rich_help_panel=_DAILY)(speaking(syncing.backfill))
app.command("reconcile", rich_help_panel=_DAILY)(speaking(reconciling.reconcile))
app.add_typer(documents.group, name="documents", rich_help_panel=_DAILY)
app.add_typer(users.group, name="users", rich_help_panel=_WHO)
app.command("preview", rich_help_panel=_WHO)(speaking(preview.preview))
app.add_typer(filters.group, name="filters", rich_help_panel=_WHO)
app.command("erase", rich_help_panel=_WHO)(speaking(erase.erase))
app.command("upgrade", rich_help_panel=_SET_UP)(speaking(database.upgrade))
app.command("connect", rich_help_panel=_SET_UP)(speaking(connecting.connect))
app.command("check", rich_help_panel=_SET_UP)(speaking(check.check))
app.command("disconnect", rich_help_panel=_SET_UP)(speaking(connecting.disconnect))
app.command("rotate-key", rich_help_panel=_SET_UP)(speaking(connecting.rotate_key))
app.command("serve", rich_help_panel=_SET_UP)(speaking(serving.serve))
app.command("env", rich_help_panel=_SET_UP)(speaking(database.env))
app.add_typer(database.group, name="db", rich_help_panel=_SET_UP)
app.command("demo", rich_help_panel=_HERE)(speaking(local.demo))
app.command("ui", rich_help_panel=_HERE)(speaking(local.ui))
app.add_typer(local.group, name="local-org", rich_help_panel=_HERE)
