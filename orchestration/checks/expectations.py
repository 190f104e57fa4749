"""Great Expectations on fluint.deals, nightly: what a column may hold. Counts leave this file, values never.

A rule that SQL says in one line is a dbt test. Belongs here: ranges and shapes over a whole table.
"""

from typing import TYPE_CHECKING

import dagster as dg

from orchestration.postgres.connection import Database

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations import Expectation

DEALS = dg.AssetKey(["fluint", "deals"])
# Named one by one: Great Expectations cannot describe a column of type xid8, and reads no other than these.
_COLUMNS = "deal_id, owner_id, stage_name, admitted_at, probability, contact_count, email_count"


@dg.asset_check(
    asset=DEALS,
    name="deals_are_plausible",
    description="Great Expectations: ids, probabilities and counts of deals are within what Salesforce can hold.",
)
def deals_are_plausible(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Validates the whole table; the result names expectations and numbers of rows."""
    result = _validate(database)
    return dg.AssetCheckResult(
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


def _validate(database: Database) -> "ExpectationSuiteValidationResult":
    # Imported here: three seconds that only this check needs.
    import great_expectations as gx
    from great_expectations.core import ExpectationSuite

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_postgres("fluint", connection_string=database.sqlalchemy_url())
    try:
        deals = source.add_query_asset("deals", query=f"select {_COLUMNS} from fluint.deals")  # noqa: S608
        batch = deals.add_batch_definition_whole_table("all").get_batch()
        suite = ExpectationSuite(name="deals", expectations=_expectations())
        # With a count of zero, BASIC gives numbers of rows without a sample of their values.
        return batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
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
