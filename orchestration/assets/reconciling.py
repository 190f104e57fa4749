"""The nightly comparison as an asset: a row per object, owner and month, a check per object, and a calendar of the months.

What is compared, and what follows, is decided in `orchestration.sync.reconciling`, not here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from orchestration.assets.calendar import calendar
from orchestration.assets.modes import was_accepted
from orchestration.assets.reports import TRIED_AGAIN, failure, told_as_failure
from orchestration.assets.salesforce import POOL
from orchestration.errors import QuotaReachedError
from orchestration.modelling import Dbt
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import views_lock
from orchestration.salesforce.client import Salesforce
from orchestration.sync.options import Collaborators, SyncOptions, is_absence
from orchestration.sync.reconciling.doubt import Doubt
from orchestration.sync.reconciling.findings import Finding, Outcome, Row
from orchestration.sync.reconciling.texts import MOST_IDS, summary
from orchestration.sync.run import reconcile

COMPLETENESS = dg.AssetKey(["fluint_sync", "completeness"])
GROUP = "reconciling"
PERMISSIONS = "permissions_are_as_before"


def is_complete(table: str) -> str:
    """The name of the check that says whether all rows of an object are held."""
    return f"{table}_is_complete"


def completeness_asset(options: SyncOptions) -> dg.AssetsDefinition:
    """The asset of the comparison of the objects that `options` names."""
    tables = list(options.tables)

    @dg.asset(
        key=COMPLETENESS,
        check_specs=[*(_check(table) for table in tables), _PERMISSIONS_CHECK],
        group_name=GROUP,
        kinds={"salesforce", "postgres"},
        owners=["team:data"],
        pool=POOL,
        retry_policy=TRIED_AGAIN,
        description="Per object, owner and month of the deals: how many records Salesforce counts and how many are held."
        " What was missing is read by the run itself; `fluint_sync.difference` names by id what differed and what became of it.",
        metadata={"dagster/relation_identifier": "fluint_sync.completeness"},
    )
    def completeness(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        salesforce: dg.ResourceParam[Salesforce],
        dbt: dg.ResourceParam[Dbt],
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """Compares what is held with Salesforce, object by object; one that fails leaves the others."""
        with_ = Collaborators(database, salesforce, context.run.run_id, options)
        # Entitlement is read from views, which `fluint upgrade` must not take away meanwhile.
        with told_as_failure(), views_lock(database, shared=True):
            dbt.check_deployed_views()
            doubt = reconcile(with_, options.tables, accept=was_accepted(context.run.tags))
        yield from events(doubt, tables)

    return completeness


_PERMISSIONS_CHECK = dg.AssetCheckSpec(
    PERMISSIONS,
    asset=COMPLETENESS,
    description="The integration user may see what it could see when all that is held was last found in Salesforce. A warning: it"
    " could not be told, because the permission records cannot be read.",
)


def _check(table: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        is_complete(table),
        asset=COMPLETENESS,
        description=f"Salesforce's own counts and ids are the live rows of raw_salesforce.{table}; what differs is named by id. The ids"
        " of each month are compared within seven nights, whatever their counts say.",
    )


def events(doubt: Doubt, tables: Sequence[str]) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """The checks with the materialization if anything was compared, then one failure for the objects that could not be.

    An object that the org lacks and may lack is told in its check and fails nothing else.
    """
    findings = [doubt.findings.get(table, Finding(table)) for table in tables]
    checks = [_result(doubt, finding) for finding in findings] + [_permissions(doubt)]
    if all(finding.error for finding in findings):
        yield from checks
    else:
        yield dg.MaterializeResult(asset_key=COMPLETENESS, metadata=_metadata(findings), check_results=checks)
    failed = {
        finding.table: finding.error
        for finding in findings
        if finding.error
        and not isinstance(finding.error, QuotaReachedError)
        and not is_absence(finding.table, finding.error)
    }
    if failed:
        raise failure(failed)


def _result(doubt: Doubt, finding: Finding) -> dg.AssetCheckResult:
    is_late = finding.is_absent or isinstance(finding.error, QuotaReachedError)
    only_waits = finding.error is None and not finding.withheld
    ids = [each.id for each in finding.open][:MOST_IDS]
    return dg.AssetCheckResult(
        asset_key=COMPLETENESS,
        check_name=is_complete(finding.table),
        passed=finding.is_complete,
        severity=dg.AssetCheckSeverity.WARN if is_late or only_waits else dg.AssetCheckSeverity.ERROR,
        description=summary(finding, doubt.changed, permissions_told=doubt.permissions_told),
        metadata={
            "in Salesforce": finding.in_salesforce,
            "held": finding.held,
            "brought in": finding.count(Outcome.BROUGHT_IN),
            "differ": len(finding.open),
            "months compared by id": len(finding.by_id),
            **({"ids that differ": ", ".join(ids)} if ids else {}),
        },
    )


def _permissions(doubt: Doubt) -> dg.AssetCheckResult:
    changed = doubt.changed
    is_red = bool(changed) and not doubt.is_remembered
    if not doubt.permissions_told:
        text = "Could not be told: the integration user may not read its permission records (View Setup and Configuration)."
    elif changed:
        text = f"Since the last comparison {', '.join(map(str, changed))}."
    else:
        text = "No permission of the integration user changed since the last comparison."
    return dg.AssetCheckResult(
        asset_key=COMPLETENESS,
        check_name=PERMISSIONS,
        passed=doubt.permissions_told and not is_red,
        severity=dg.AssetCheckSeverity.ERROR if is_red else dg.AssetCheckSeverity.WARN,
        description=text,
    )


def _metadata(findings: Sequence[Finding]) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        "compared": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        # First what matters most: Dagster shows the first columns, and the others by scrolling.
                        "object": finding.table,
                        "differ": len(finding.open),
                        "held": finding.held,
                        "in Salesforce": finding.in_salesforce,
                        "brought in": finding.count(Outcome.BROUGHT_IN),
                        "marked as gone": finding.count(
                            Outcome.SOFT_DELETED, Outcome.HARD_DELETED, Outcome.NOT_VISIBLE
                        ),
                        "told": finding.error is None,
                    }
                )
                for finding in findings
            ]
        ),
    }
    calendars = {finding.table: calendar(_by_month(finding.rows)) for finding in findings if finding.rows}
    return metadata | {f"calendar of {table}": dg.MetadataValue.md(text) for table, text in calendars.items()}


def _by_month(rows: Sequence[Row]) -> dict[date, tuple[int, int]]:
    """How many records Salesforce has and how many are held, over all owners."""
    months: dict[date, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        there, held = months[row.bucket.month]
        months[row.bucket.month] = there + row.in_salesforce, held + row.held
    return months
