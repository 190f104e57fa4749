"""The outbox of generated documents as an asset: what of it is in Salesforce. Sending is `orchestration.documents`."""

import dagster as dg

from orchestration.assets.reports import failure
from orchestration.assets.salesforce import POOL
from orchestration.documents.upload import UploadReport, drain
from orchestration.errors import QuotaReachedError
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce

UPLOAD = dg.AssetKey(["fluint_sync", "upload"])


@dg.asset(
    key=UPLOAD,
    deps=[dg.AssetKey(["fluint_app", "document_version"])],
    group_name="documents",
    kinds={"salesforce", "postgres"},
    owners=["team:data"],
    pool=POOL,
    description="The outbox: each document version that Fluint generated, and what became of it in Salesforce.",
)
def uploaded_documents(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[Database],
    salesforce: dg.ResourceParam[Salesforce],
) -> dg.MaterializeResult[None]:
    """Sends every version that is due; a document that Salesforce refuses holds up no other."""
    report = drain(database, salesforce, run_id=context.run_id)
    if report.error and not isinstance(report.error, QuotaReachedError):
        raise failure({"documents": report.error}) from report.error
    return dg.MaterializeResult(metadata=_metadata(report))


def _metadata(report: UploadReport) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        "uploaded": dg.MetadataValue.int(report.uploaded),
        "bytes_sent": dg.MetadataValue.int(report.bytes_sent),
        "found_in_salesforce": dg.MetadataValue.int(report.found),
        "complete": dg.MetadataValue.bool(report.error is None),
    }
    if isinstance(report.error, QuotaReachedError):
        metadata["deferred_until"] = dg.MetadataValue.timestamp(report.error.until)
    if report.not_uploaded:
        metadata["not_uploaded"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"reason": reason, "versions": count})
                for reason, count in sorted(report.not_uploaded.items())
            ]
        )
    return metadata
