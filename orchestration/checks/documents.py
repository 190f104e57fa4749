"""Whether documents are where they should be: the outbox explains each version, and Salesforce holds each once, which it is asked daily."""

import dagster as dg

from orchestration.assets.documents import UPLOAD
from orchestration.assets.reports import told_as_failure
from orchestration.documents.standing import read_standing
from orchestration.documents.sweep import REACH, sweep
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce


@dg.asset_check(
    asset=UPLOAD,
    name="every_version_is_in_salesforce_once",
    description=f"Every version uploaded in the last {REACH.days} days is in Salesforce, and once. A failure: doubles, which a"
    " Salesforce admin deletes; fluint_sync.upload_double names them.",
)
def every_version_is_in_salesforce_once(
    context: dg.AssetCheckExecutionContext,
    database: dg.ResourceParam[Database],
    salesforce: dg.ResourceParam[Salesforce],
) -> dg.AssetCheckResult:
    """Fails for doubles alone: a file that a person deleted, or does not see, is theirs to decide about."""
    with told_as_failure():
        report = sweep(database, salesforce, run_id=context.run.run_id)
    return dg.AssetCheckResult(
        passed=report.doubles == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "versions looked at": report.looked_at,
            "doubles": report.doubles,
            "deleted in Salesforce": report.deleted,
            "not shown to the integration user": report.not_shown,
            "on pages without a Files list": report.not_listed,
        },
    )


@dg.asset_check(
    asset=UPLOAD,
    name="every_version_is_in_salesforce_or_has_a_reason",
    description="Every generated version of a document is in Salesforce, or says why not. A failure: one is overlooked.",
)
def every_version_is_in_salesforce_or_has_a_reason(
    database: dg.ResourceParam[Database],
) -> dg.AssetCheckResult:
    """After every run that sends, and once a day: where no run is started for a version, nobody else would notice."""
    with told_as_failure():
        standing = read_standing(database)
    return dg.AssetCheckResult(
        passed=standing.unexplained == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"versions without a reason": standing.unexplained},
    )
