"""The models over rows that the real sync read: incremental equals full refresh, after everything that the demo changes."""

from __future__ import annotations

from typing import Any

from orchestration.modelling import Dbt
from tests.sync.bench import Bench

MARTS = (
    "accounts",
    "contacts",
    "deal_contacts",
    "deal_documents",
    "deal_stages",
    "deals",
    "email_activity",
    "email_bodies",
    "excluded_deals",
    "owners",
)


def _marts(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    return {mart: sorted(bench.ask(f"select to_jsonb(t)::text from fluint.{mart} t")) for mart in MARTS}


def test_after_the_demos_changes_incremental_tables_equal_a_full_refresh(bench: Bench) -> None:
    """A mart that misses one kind of change and is right again only after somebody rebuilds it."""
    dbt = Dbt(bench.database)
    bench.load()
    dbt.build()
    first = _marts(bench)
    bench.org.admin("POST", "/changes/all")
    bench.follow()
    dbt.build()
    incremental = _marts(bench)
    dbt.build(full_refresh=True)
    assert _marts(bench) == incremental
    assert incremental["deals"] != first["deals"]
    assert all(incremental[mart] for mart in MARTS if mart != "deal_documents")


def test_every_live_deal_that_is_held_is_in_the_mart_with_its_counts(bench: Bench) -> None:
    """A join that drops or doubles deals: a stage that was retired, an owner who left, a contact with two roles."""
    bench.load()
    Dbt(bench.database).build()
    deals = bench.ask("select deal_id, email_count from fluint.deals where not is_deleted_in_salesforce")
    assert {deal for deal, _ in deals} == bench.live("opportunity")
    assert len(deals) == len({deal for deal, _ in deals})
    assert sum(count for _, count in deals) == len(bench.live("email_message"))
