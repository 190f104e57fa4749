"""The set-up in Salesforce as an asset, checked daily: one asset check an item. The check itself is `orchestration.setup`."""

import dagster as dg

from orchestration.assets.reports import TRIED_AGAIN, told_as_failure
from orchestration.assets.salesforce import POOL
from orchestration.postgres.api_ledger import recall_usage, record_calls
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce
from orchestration.setup.check import check_setup
from orchestration.setup.items import ITEMS
from orchestration.setup.outcome import Outcome
from orchestration.setup.report import Answer, Finding, Report
from orchestration.setup.seen import Numbers

SETUP = dg.AssetKey(["fluint_sync", "setup"])
_ERRORS = (Outcome.STOPS, Outcome.DATA)
_PASSES = (Outcome.OK, Outcome.ADVICE)


def setup_asset(tables: tuple[str, ...], numbers: Numbers) -> dg.AssetsDefinition:
    """The asset for these raw tables and the operator's numbers."""

    @dg.asset(
        key=SETUP,
        check_specs=[
            dg.AssetCheckSpec(item.key, asset=SETUP, description=f"{item.title}. Tested: {item.tested}.")
            for item in ITEMS
        ],
        group_name="setup",
        kinds={"salesforce", "postgres"},
        owners=["team:data"],
        pool=POOL,
        retry_policy=TRIED_AGAIN,
        description="How Salesforce and this workspace are set up for each other, item by item: what is wrong, what people notice,"
        " who can mend it, and where. A wrong set-up turns its check red, not this asset; `fluint check` says the same with names.",
    )
    def setup(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        salesforce: dg.ResourceParam[Salesforce],
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it, and knows no other form
        with told_as_failure():
            recall_usage(database, salesforce.learn)
            try:
                report = check_setup(database, salesforce, enabled=tables, numbers=numbers)
            finally:
                record_calls(database, context.run.run_id, salesforce.take_calls(), salesforce.usage)
        return dg.MaterializeResult(
            metadata=_metadata(report), check_results=list(map(_result, report.answers))
        )

    return setup


def _metadata(report: Report) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        outcome.value: dg.MetadataValue.int(number) for outcome, number in report.counts().items()
    }
    metadata["outcome"] = dg.MetadataValue.text(report.outcome.value)
    if report.drift:
        changes = [
            dg.TableRecord(
                {
                    "item": drift.title,
                    "before": drift.before.value,
                    "now": drift.now.value,
                    "new": ", ".join(drift.new),
                    "mended": ", ".join(drift.gone),
                }
            )
            for drift in report.drift
        ]
        metadata["changed since the last check"] = dg.MetadataValue.table(changes)
    return metadata


def _result(answer: Answer) -> dg.AssetCheckResult:
    """Red for what stops the sync or spoils data, yellow for a missing feature and for what could not be tested; advice passes."""
    error = answer.outcome in _ERRORS
    return dg.AssetCheckResult(
        asset_key=SETUP,
        check_name=answer.item,
        passed=answer.outcome in _PASSES,
        severity=dg.AssetCheckSeverity.ERROR if error else dg.AssetCheckSeverity.WARN,
        description="\n\n".join(map(_text, answer.findings)) or answer.seen,
        metadata={"outcome": answer.outcome.value, "tested": answer.tested},
    )


def _text(finding: Finding) -> str:
    said = " ".join(filter(None, (finding.salesforce_code, finding.request_id)))
    support = f" For Salesforce's support: {said}." if said else ""
    return f"{finding.seen} People notice: {finding.symptom} Still works: {finding.works} Mended by {finding.who}: {finding.step}.{support}"
