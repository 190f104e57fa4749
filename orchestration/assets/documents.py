"""The outbox of generated documents as an asset: what of it is in Salesforce. Sending is `orchestration.documents`."""

import dagster as dg

from orchestration.assets.reports import IS_CURRENT, TRIED_AGAIN, failure, told_as_failure
from orchestration.assets.salesforce import POOL
from orchestration.documents.upload import UploadReport, drain
from orchestration.errors import QuotaReachedError
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce

UPLOAD = dg.AssetKey(["fluint_sync", "upload"])
SENDING = dg.AssetCheckSpec(
    IS_CURRENT,
    asset=UPLOAD,
    description="The last run sent all that was due. A warning: the API allowance deferred the rest.",
)


@dg.asset(
    key=UPLOAD,
    check_specs=[SENDING],
    deps=[dg.AssetKey(["fluint_app", "document_version"])],
    group_name="documents",
    kinds={"salesforce", "postgres"},
    owners=["team:data"],
    pool=POOL,
    retry_policy=TRIED_AGAIN,
    description="The outbox: each document version that Fluint generated, and what became of it in Salesforce.",
)
def uploaded_documents(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[Database],
    salesforce: dg.ResourceParam[Salesforce],
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it, and knows no other form
    """Sends every version that is due; a document that Salesforce refuses holds up no other."""
    with told_as_failure():
        report = drain(database, salesforce, run_id=context.run.run_id)
    if report.error and not isinstance(report.error, QuotaReachedError):
        raise failure({"documents": report.error}) from report.error
    sent = dg.AssetCheckResult(
        passed=report.error is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=str(report.error) if report.error else None,
        metadata=_deferred(report),
    )
    return dg.MaterializeResult(metadata=_metadata(report), check_results=[sent])


def _metadata(report: UploadReport) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        "uploaded": dg.MetadataValue.int(report.uploaded),
        "bytes_sent": dg.MetadataValue.int(report.bytes_sent),
        "found_in_salesforce": dg.MetadataValue.int(report.found),
        "complete": dg.MetadataValue.bool(report.error is None),
    }
    metadata |= _deferred(report)
    if report.not_uploaded:
        metadata["not_uploaded"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"reason": reason, "versions": count})
                for reason, count in sorted(report.not_uploaded.items())
            ]
        )
    return metadata


def _deferred(report: UploadReport) -> dict[str, dg.MetadataValue]:
    if not isinstance(report.error, QuotaReachedError):
        return {}
    return {"deferred_until": dg.MetadataValue.timestamp(report.error.until)}
