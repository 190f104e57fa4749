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

app.command("upgrade")(speaking(database.upgrade))
app.command("env")(speaking(database.env))
app.add_typer(database.group, name="db")
app.command("connect")(speaking(connecting.connect))
app.command("disconnect")(speaking(connecting.disconnect))
app.command("rotate-key")(speaking(connecting.rotate_key))
app.command("sync")(speaking(syncing.sync))
app.command("backfill")(speaking(syncing.backfill))
app.command("reconcile")(speaking(reconciling.reconcile))
app.command("status")(speaking(status.status))
app.command("check")(speaking(check.check))
app.command("alerts")(speaking(alerts.alerts))
app.command("why")(speaking(why.why))
app.add_typer(users.group, name="users")
app.add_typer(filters.group, name="filters")
app.command("preview")(speaking(preview.preview))
app.add_typer(documents.group, name="documents")
app.command("erase")(speaking(erase.erase))
app.command("serve")(speaking(serving.serve))
app.command("demo")(speaking(local.demo))
app.command("ui")(speaking(local.ui))
app.add_typer(local.group, name="local-org")
