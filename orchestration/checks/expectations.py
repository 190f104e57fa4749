"""Great Expectations on fluint.deals, nightly: what a column may hold. Counts leave this file, values never.

A rule that SQL says in one line is a dbt test. Belongs here: ranges and shapes over a whole table.
"""

from typing import TYPE_CHECKING

import dagster as dg

from orchestration.postgres.connection import Database

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.expectations import Expectation

DEALS = dg.AssetKey(["fluint", "deals"])


@dg.asset_check(
    asset=DEALS,
    name="deals_are_plausible",
    description="Great Expectations: ids, probabilities, dates and counts of deals are within what Salesforce can hold.",
)
def deals_are_plausible(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Validates the whole table; the result names expectations and numbers of rows."""
    result = _validate(database)
    rows = [
        dg.TableRecord(
            {
                "expectation": one.expectation_config.type if one.expectation_config else "",
                "column": str(
                    (one.expectation_config.kwargs if one.expectation_config else {}).get("column", "")
                ),
                "success": bool(one.success),
                "unexpected rows": int(one.result.get("unexpected_count") or 0),
            }
        )
        for one in result.results
    ]
    return dg.AssetCheckResult(
        passed=bool(result.success), metadata={"expectations": dg.MetadataValue.table(rows)}
    )


def _validate(database: Database) -> "ExpectationSuiteValidationResult":
    # Imported here: three seconds that only this check needs.
    import great_expectations as gx
    from great_expectations.core import ExpectationSuite

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_postgres("fluint", connection_string=database.sqlalchemy_url("psycopg"))
    try:
        table = source.add_table_asset("deals", table_name="deals", schema_name="fluint")
        batch = table.add_batch_definition_whole_table("all").get_batch()
        suite = ExpectationSuite(name="deals", expectations=_expectations())
        # BOOLEAN_ONLY and BASIC differ: only this form gives counts without a sample of the values.
        return batch.validate(
            suite,
            result_format={
                "result_format": "BASIC",
                "partial_unexpected_count": 0,
                "include_unexpected_rows": False,
            },
        )
    finally:
        source.get_engine().dispose()


def _expectations() -> "list[Expectation]":
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValueLengthsToEqual(column="deal_id", value=18),
        gxe.ExpectColumnValueLengthsToEqual(column="owner_id", value=18),
        gxe.ExpectColumnValuesToNotBeNull(column="stage_name"),
        gxe.ExpectColumnValuesToNotBeNull(column="admitted_at"),
        gxe.ExpectColumnValuesToBeBetween(column="probability", min_value=0, max_value=100),
        gxe.ExpectColumnValuesToBeBetween(column="contact_count", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="email_count", min_value=0),
    ]
