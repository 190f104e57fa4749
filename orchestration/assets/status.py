"""How the sync stands, as an asset with a check for each part. It is judged by `orchestration.status`; Salesforce is asked nothing."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import dagster as dg

from orchestration.assets.reports import told_as_failure
from orchestration.postgres.connection import Database
from orchestration.sensors.instance import dagster_facts
from orchestration.status.as_json import next_looks
from orchestration.status.facts import Expectations, Facts
from orchestration.status.judgement import Judgement, Level, worst
from orchestration.status.judging import judge
from orchestration.status.reading import read_facts
from orchestration.status.words import age

STATUS = dg.AssetKey(["fluint_sync", "status"])
_PARTS = {
    "connection": "There is a connection to Salesforce, and it does not die of disuse.",
    "dagster": "Dagster's daemon runs, and nobody stopped a sensor or schedule.",
    "coverage": "Everything that is entitled was listed.",
    "runs": "The last run of every job ended well, or what it was to do was done since.",
    "api_calls": "The org has API calls left for the sync.",
    "uploads": "Every document is sent or on its way, and none waits for a person.",
}


def age_check(table: str) -> str:
    """The name of the check of the age of an object's data."""
    return f"data_of_{table}"


def status_asset(expected: Expectations, sensors: Sequence[dg.SensorDefinition]) -> dg.AssetsDefinition:
    """The asset for the operator's numbers and the sensors of this code location."""

    @dg.asset(
        key=STATUS,
        check_specs=[
            *(dg.AssetCheckSpec(name, asset=STATUS, description=text) for name, text in _PARTS.items()),
            *(_age_spec(table) for table in expected.tables),
        ],
        group_name="status",
        kinds={"postgres"},
        owners=["team:data"],
        description="How the sync stands, from its own ledgers: the connection, how old the data of each object is, what waits, API calls,"
        " documents. Whatever stands still turns its check red with who can do what; `fluint status` says the same with names.",
    )
    def status(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it, and knows no other form
        with told_as_failure():
            facts = read_facts(database, expected, dagster_facts(context.instance, sensors))
        judgements = judge(facts)
        return dg.MaterializeResult(
            metadata=_metadata(facts, judgements), check_results=_results(judgements, expected.tables)
        )

    return status


def _age_spec(table: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        age_check(table),
        asset=STATUS,
        description=f"The rows of raw_salesforce.{table} are right up to a moment ago.",
    )


def _results(judgements: Iterable[Judgement], tables: Sequence[str]) -> list[dg.AssetCheckResult]:
    """One for each check; an object that is switched off has none."""
    of: dict[str, list[Judgement]] = defaultdict(list)
    for each in judgements:
        part, _, name = each.subject.partition(".")
        of[age_check(name) if part == "data" else part].append(each)
    return [_result(name, of[name]) for name in (*_PARTS, *map(age_check, tables))]


def _result(name: str, judgements: Sequence[Judgement]) -> dg.AssetCheckResult:
    level = worst(judgements)
    causes = sorted({each.cause for each in judgements})
    return dg.AssetCheckResult(
        asset_key=STATUS,
        check_name=name,
        passed=level is Level.OK,
        severity=dg.AssetCheckSeverity.ERROR if level is Level.ERROR else dg.AssetCheckSeverity.WARN,
        description="\n\n".join(each.in_one() for each in judgements),
        metadata={"level": level.value, "cause": ", ".join(causes)},
    )


def _metadata(facts: Facts, judgements: Sequence[Judgement]) -> dict[str, dg.MetadataValue]:
    calls, uploads = facts.calls.by_purpose, facts.uploads.open
    tables: dict[str, list[dict[str, str | int]]] = {
        "objects": [
            {
                "object": each.table,
                "rows": each.rows,
                "waiting": each.pending,
                "right up to (UTC)": f"{each.data_as_of:%Y-%m-%d %H:%M:%S}"
                if each.data_as_of
                else "never read",
                "behind by": age(facts.now - each.data_as_of) if each.data_as_of else "",
                "deals or owners covered": ""
                if each.parents is None
                else f"{each.parents_covered} of {each.parents}",
            }
            for each in facts.objects
        ],
        "API calls of 24 hours": [{"purpose": purpose, "calls": number} for purpose, number in calls.items()],
        "documents not uploaded": [
            {"state": group.state, "reason": group.reason or "", "versions": group.versions}
            for group in uploads
        ],
        "next": [
            {"what": each.name, "at (UTC)": f"{each.next_at:%Y-%m-%d %H:%M:%S}"} for each in next_looks(facts)
        ],
    }
    shown = {
        name: dg.MetadataValue.table([dg.TableRecord(row) for row in rows])
        for name, rows in tables.items()
        if rows
    }
    return {"level": dg.MetadataValue.text(worst(judgements).value), **shown}
