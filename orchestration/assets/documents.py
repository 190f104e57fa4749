"""The outbox of generated documents as an asset: what of it is in Salesforce. Sending is `orchestration.documents`."""

from collections import Counter
from collections.abc import Mapping, Sequence

import dagster as dg

from orchestration.assets.reports import IS_CURRENT, TRIED_AGAIN, failure, told_as_failure
from orchestration.assets.salesforce import POOL
from orchestration.documents.standing import OpenVersion, Standing, read_standing, uploaded_in
from orchestration.documents.upload import UploadReport, drain
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce

UPLOAD = dg.AssetKey(["fluint_sync", "upload"])
STARTED_BY_SENSOR = "fluint/due_documents"
"""The tag of a run that the sensor started, with how many versions were due. Such a run waits a little for the next document."""

LINGERS = 10.0  # seconds
SENDING = dg.AssetCheckSpec(
    IS_CURRENT,
    asset=UPLOAD,
    description="The last run sent all that was due. A warning: a limit of the org deferred the rest.",
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
        run = context.run
        report = drain(database, salesforce, run_id=run.run_id, lingers=lingers(run.tags))
    if report.error and not report.until:
        raise failure({"documents": report.error}) from report.error
    sent = dg.AssetCheckResult(
        check_name=IS_CURRENT,
        passed=report.error is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=str(report.error) if report.error else None,
        metadata=_deferred(report),
    )
    metadata = _metadata(report, read_standing(database), uploaded_in(database, context.run.run_id))
    return dg.MaterializeResult(metadata=metadata, check_results=[sent])


def lingers(tags: Mapping[str, str]) -> float:
    """For how many seconds a run with these tags waits for the next document: a person who started it wants its end."""
    return LINGERS if STARTED_BY_SENSOR in tags else 0.0


def _metadata(
    report: UploadReport, standing: Standing, uploaded: Sequence[OpenVersion]
) -> dict[str, dg.MetadataValue]:
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
    if standing.reasons:
        metadata["open_by_reason"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"reason": code, "waits for": outlook.replace("_", " "), "versions": count})
                for (code, outlook), count in _by_code(standing).items()
            ]
        )
    for name, versions in (("uploaded_versions", uploaded), ("open_versions", standing.open_versions)):
        if versions:
            metadata[name] = dg.MetadataValue.md(_listed(versions))
    return metadata


def _by_code(standing: Standing) -> Counter[tuple[str, str]]:
    """Versions by reason and outlook: a reason's sentences can differ, for they quote Salesforce."""
    counted: Counter[tuple[str, str]] = Counter()
    for reason in standing.reasons:
        counted[reason.code, reason.outlook] += reason.versions
    return counted


def _listed(versions: Sequence[OpenVersion]) -> str:
    """A table of versions with links to the opportunities: ids and codes, for titles are content."""
    head = "| opportunity | document | version | state | waits for | reason |\n|---|---|---|---|---|---|\n"
    return head + "\n".join(
        f"| {_link(v.opportunity_id, v.opportunity_url)} | {v.document_id} | {v.version_number} | {v.state} |"
        f" {(v.outlook or '').replace('_', ' ')} | {v.reason or ''} |"
        for v in versions
    )


def _link(text: str, url: str | None) -> str:
    return f"[{text}]({url})" if url else text


def _deferred(report: UploadReport) -> dict[str, dg.MetadataValue]:
    return {"deferred_until": dg.MetadataValue.timestamp(report.until)} if report.until else {}
