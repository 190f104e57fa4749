"""The outbox of generated documents as an asset: what of it is in Salesforce. Sending is `orchestration.documents`."""

import dagster as dg

from orchestration.assets.reports import IS_CURRENT, TRIED_AGAIN, failure, told_as_failure
from orchestration.assets.salesforce import POOL
from orchestration.documents.standing import Standing, read_standing
from orchestration.documents.upload import UploadReport, drain
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce

UPLOAD = dg.AssetKey(["fluint_sync", "upload"])
SENDING = dg.AssetCheckSpec(
    IS_CURRENT,
    asset=UPLOAD,
    description="The last run sent all that was due. A warning: a limit of the org deferred the rest.",
)
EXPLAINED = dg.AssetCheckSpec(
    "every_version_is_in_salesforce_or_has_a_reason",
    asset=UPLOAD,
    description="Every generated version of a document is in Salesforce, or says why not. A failure: one is overlooked.",
)


@dg.asset(
    key=UPLOAD,
    check_specs=[SENDING, EXPLAINED],
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
    if report.error and not report.until:
        raise failure({"documents": report.error}) from report.error
    standing = read_standing(database)
    sent = dg.AssetCheckResult(
        check_name=IS_CURRENT,
        passed=report.error is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=str(report.error) if report.error else None,
        metadata=_deferred(report),
    )
    explained = dg.AssetCheckResult(
        check_name=EXPLAINED.name,
        passed=standing.unexplained == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"versions without a reason": standing.unexplained},
    )
    return dg.MaterializeResult(metadata=_metadata(report, standing), check_results=[sent, explained])


def _metadata(report: UploadReport, standing: Standing) -> dict[str, dg.MetadataValue]:
    numbers = {
        "uploaded": report.uploaded,
        "found_in_salesforce": report.found,
        "bytes_sent": report.bytes_sent,
        "waiting": standing.waiting,
        "given_up": standing.given_up,
        "uploaded_in_total": standing.uploaded,
    }
    metadata: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(n) for name, n in numbers.items()}
    metadata["complete"] = dg.MetadataValue.bool(report.error is None)
    metadata |= _deferred(report)
    if report.not_uploaded:
        metadata["not_uploaded"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"reason": reason, "versions": count})
                for reason, count in sorted(report.not_uploaded.items())
            ]
        )
    if standing.open_versions:
        metadata["open_versions"] = dg.MetadataValue.md(_open(standing))
    return metadata


def _open(standing: Standing) -> str:
    """A table of what is not uploaded, with links to the opportunities: ids and codes, for titles are content."""
    head = "| opportunity | document | version | state | waits for | reason |\n|---|---|---|---|---|---|\n"
    return head + "\n".join(
        f"| {_link(v.opportunity_id, v.opportunity_url)} | {v.document_id} | {v.version_number} | {v.state} |"
        f" {(v.outlook or '').replace('_', ' ')} | {v.reason or ''} |"
        for v in standing.open_versions
    )


def _link(text: str, url: str | None) -> str:
    return f"[{text}]({url})" if url else text


def _deferred(report: UploadReport) -> dict[str, dg.MetadataValue]:
    return {"deferred_until": dg.MetadataValue.timestamp(report.until)} if report.until else {}
