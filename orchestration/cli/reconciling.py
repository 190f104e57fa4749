"""The command that compares what is held with Salesforce now, and says what differs. The comparison itself is a Dagster run."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.console import console, table, working
from orchestration.cli.jobs import insist, run_job
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError

_MOST_IDS = 40
_COMPARED = """
    select object, sum(in_salesforce)::bigint, sum(held)::bigint, sum(brought_in)::bigint, min(compared_at)
    from fluint_sync.completeness group by object order by object
"""
_OPEN = """
    select object, id, outcome, count(*) over () from fluint_sync.difference
    where outcome in ('waiting', 'permissions_changed', 'too_many', 'unknown') order by object, id limit %s
"""


def reconcile(
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Mark what Salesforce no longer shows as gone, whatever permissions changed."
        ),
    ] = False,
) -> None:
    """Compare what is held with Salesforce's own counts, read what is missing, mark what is gone, and model it."""
    from orchestration.assets.modes import ACCEPT_TAG, ACCEPTED
    from orchestration.jobs import BUILD_MODELS, RECONCILE_SALESFORCE
    from orchestration.sync.reconciling.findings import Outcome
    from orchestration.sync.reconciling.texts import BECAUSE

    workspace = Workspace.here()
    with working("Comparing what is held with Salesforce"):
        insist(run_job(workspace, RECONCILE_SALESFORCE, tags={ACCEPT_TAG: ACCEPTED} if accept else {}))
    with working("Modelling it"):
        insist(run_job(workspace, BUILD_MODELS))
    with workspace.database.transaction() as connection:
        compared = connection.execute(_COMPARED).fetchall()
        still_open = connection.execute(_OPEN, [_MOST_IDS]).fetchall()
    rows = [(name, there, held, came, f"{at:%Y-%m-%d %H:%M}") for name, there, held, came, at in compared]
    console.print(
        table(
            "Salesforce and Fluint", ["object", "in Salesforce", "held", "brought in", "compared (UTC)"], rows
        )
    )
    if not still_open:
        console.print("Nothing differs.")
        return
    told = [(name, record_id, BECAUSE[Outcome(why)]) for name, record_id, why, _ in still_open]
    console.print(table("What differs", ["object", "id", "because"], told))
    raise SetupError(
        f"{still_open[0][3]} records differ; the first are listed above, all of them in fluint_sync.difference. Nothing of them was"
        " marked as deleted. The checks of fluint_sync/completeness in Dagster say why; `fluint reconcile --accept` marks them."
    )
