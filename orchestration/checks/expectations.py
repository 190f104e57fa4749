"""Great Expectations, nightly: what columns of fluint.deals may hold, and volumes and distributions against the past.

A rule that SQL says in one line is a dbt test. Belongs here: the checks, their expectations and what Dagster shows of them. What is
compared with the past is usual.py's; the pages are data_docs.py's. Counts leave this file, values never.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.assets.reports import told_as_failure
from orchestration.checks.usual import COLUMNS, USUAL, Measured, Usual
from orchestration.postgres.connection import Database

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations import Expectation

    from orchestration.checks.data_docs import DataDocs

DEALS = dg.AssetKey(["fluint", "deals"])
PLAUSIBLE = "deals_are_plausible"
# Where the webserver shows the pages: a path alone, so that the link holds under whatever address the UI is reached.
PAGES = "/data-docs"
# Named one by one: Great Expectations cannot describe a column of type xid8, and reads no other than these.
_COLUMNS = "deal_id, owner_id, stage_name, admitted_at, probability, contact_count, email_count"

SPECS = [
    dg.AssetCheckSpec(
        PLAUSIBLE,
        asset=DEALS,
        description="Great Expectations: ids, probabilities and counts of deals are within what Salesforce can hold.",
    ),
    *(
        dg.AssetCheckSpec(
            usual.name,
            asset=dg.AssetKey(["fluint", usual.mart]),
            description=f"Great Expectations: {usual.description}",
        )
        for usual in USUAL
    ),
]
KEYS = [spec.key for spec in SPECS]


def plausibility(directory: Path) -> dg.AssetChecksDefinition:
    """The checks in one step, which writes its Data Docs into `directory` anew.

    A backfill of some marts takes only their checks along; the pages then stay as they were, for they show a whole night.
    """

    @dg.multi_asset_check(
        name="plausibility",
        specs=SPECS,
        can_subset=True,
        description="Great Expectations over the marts; its Data Docs show dates, names of stages, columns and numbers.",
    )
    def check(
        context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[Database]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.name for key in context.selected_asset_check_keys}
        with told_as_failure():
            # Imported here: three seconds that only this step needs.
            from orchestration.checks.data_docs import DataDocs

            docs = DataDocs(directory)
            found = [_deals_are_plausible(docs, database)] if PLAUSIBLE in wanted else []
            found += [_is_usual(docs, database, usual) for usual in USUAL if usual.name in wanted]
            is_whole_night = len(wanted) == len(SPECS)
            if is_whole_night:
                docs.build()
        for result in found:
            link = dg.MetadataValue.url(f"{PAGES}/{result.check_name}.html")
            yield result._replace(
                metadata={**result.metadata, **({"Data Docs": link} if is_whole_night else {})}
            )

    return check


def _deals_are_plausible(docs: "DataDocs", database: Database) -> dg.AssetCheckResult:
    """Validates the whole table; the result names expectations and numbers of rows."""
    import great_expectations.expectations as gxe

    query = f"select {_COLUMNS} from fluint.deals"  # noqa: S608
    expectations: list[Expectation] = [
        gxe.ExpectColumnValueLengthsToEqual(column="deal_id", value=18),
        gxe.ExpectColumnValueLengthsToEqual(column="owner_id", value=18),
        gxe.ExpectColumnValuesToNotBeNull(column="stage_name"),
        gxe.ExpectColumnValuesToNotBeNull(column="admitted_at"),
        gxe.ExpectColumnValuesToBeBetween(column="probability", min_value=0, max_value=100),
        gxe.ExpectColumnValuesToBeBetween(column="contact_count", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="email_count", min_value=0),
    ]
    result = docs.validate_query(PLAUSIBLE, database.sqlalchemy_url(), query, expectations)
    return dg.AssetCheckResult(
        asset_key=DEALS,
        check_name=PLAUSIBLE,
        passed=bool(result.success),
        metadata={"expectations": dg.MetadataValue.table([_row(one) for one in result.results])},
    )


def _row(result: "ExpectationValidationResult") -> dg.TableRecord:
    config = result.expectation_config
    was_computed = "element_count" in result.result
    return dg.TableRecord(
        {
            "expectation": config.type if config else "",
            "column": str(config.kwargs.get("column", "")) if config else "",
            "outcome": ("holds" if result.success else "violated")
            if was_computed
            else "could not be computed",
            "rows": int(result.result.get("element_count", 0)),
            "unexpected rows": int(result.result.get("unexpected_count", 0)),
        }
    )


def _is_usual(docs: "DataDocs", database: Database, usual: Usual) -> dg.AssetCheckResult:
    """Warns when a part is far from the usual, and lists the parts that are; without enough past there is nothing to compare."""
    import great_expectations.expectations as gxe
    import pandas as pd

    rows = usual.rows(database)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    far = [row for row in rows if not usual.least <= row[3] <= usual.most]
    between = gxe.ExpectColumnValuesToBeBetween(
        column="share_of_usual",
        min_value=usual.least,
        max_value=usual.most,
        notes=[usual.description, _text(far, rows)],
    )
    result = docs.validate_frame(usual.name, frame, [between])
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(["fluint", usual.mart]),
        check_name=usual.name,
        passed=bool(result.success),
        severity=dg.AssetCheckSeverity.WARN,
        description=_text(far, rows),
        metadata={
            "compared": len(rows),
            "far from the usual": len(far),
            **({"now and usually": _table(rows, far)} if rows else {}),
        },
    )


def _table(rows: list[Measured], far: list[Measured]) -> dg.MetadataValue:
    """All parts in their order, as people read numbers."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "part": row[0],
                    "now": f"{row[1]:,.0f}",
                    "usually": f"{row[2]:,.0f}",
                    "share of the usual": f"{row[3]:.0%}",
                    "verdict": "far from the usual" if row in far else "as usual",
                }
            )
            for row in rows
        ]
    )


def _text(far: list[Measured], rows: list[Measured]) -> str:
    if not rows:
        return "There is not enough of the past to compare with."
    if not far:
        return f"{len(rows)} compared; none is far from the usual."
    told = "; ".join(f"{part}: {now:g}, usually {usual:g}" for part, now, usual, _ in far[:10])
    return f"{len(far)} of {len(rows)} are far from the usual. {told}."
