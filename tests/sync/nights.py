"""What the tests of reconciling ask of a night: what it says of an object, and which rows are marked as gone."""

from __future__ import annotations

from orchestration.sync.reconciling.doubt import Doubt
from orchestration.sync.reconciling.texts import summary
from tests.sync.bench import Bench


def told(doubt: Doubt, table: str = "opportunity") -> str:
    """The sentences of the check."""
    return summary(doubt.findings[table], doubt.changed, permissions_told=doubt.permissions_told)


def tombstones(bench: Bench, table: str = "opportunity") -> dict[str, str]:
    """Id → reason of every row that is marked as gone."""
    return dict(
        bench.ask(f"select id, _deleted_reason from raw_salesforce.{table} where _deleted_at is not null")
    )
