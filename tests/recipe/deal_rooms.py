"""Runs in the copy that `test_add_an_object` makes, as a test of tests/sync: the invented object against a running org."""

from __future__ import annotations

from orchestration.definitions import build_definitions
from orchestration.modelling import Dbt
from orchestration.settings import Settings
from tests.sync.bench import Bench
from tests.sync.test_changes import _new_deal


def _room(bench: Bench, deal: str, visits: int) -> str:
    body = {"Name": f"Room {visits}", "Deal__c": deal, "Visits__c": visits}
    return str(bench.administer("POST", "/sobjects/Deal_Room__c", body)["id"])


def test_rooms_of_deals_in_scope_reach_their_mart_and_follow_every_change(bench: Bench) -> None:
    """The recipe leaves out a place."""
    ours, foreign = _new_deal(bench), _new_deal(bench, OwnerId=bench.owners("unmatched")[0])
    first, _ = _room(bench, ours, 1), _room(bench, foreign, 2)
    bench.load()
    assert bench.live("deal_room_c") == {first}
    second = _room(bench, ours, 3)
    bench.administer("PATCH", f"/sobjects/Deal_Room__c/{first}", {"Visits__c": 10})
    bench.follow()
    assert bench.live("deal_room_c") == {first, second}
    Dbt(bench.database).build()
    assert bench.ask("select deal_room_id, deal_id, visit_count::int from fluint.deal_rooms order by 3") == [
        (second, ours, 3),
        (first, ours, 10),
    ]
    bench.administer("PATCH", f"/sobjects/Deal_Room__c/{second}", {"Deal__c": foreign})
    bench.administer("DELETE", f"/sobjects/Deal_Room__c/{first}")
    bench.follow()
    gone = dict(bench.ask("select id, _deleted_reason from raw_salesforce.deal_room_c"))
    assert gone == {first: "soft_deleted", second: "moved_out_of_scope"}
    Dbt(bench.database).build()
    assert bench.ask("select * from fluint.deal_rooms") == []
    assert bench.ask(
        "select parents_entitled = parents_covered from fluint.sync_freshness where object = 'deal_room_c'"
    ) == [(True,)]


def test_the_object_is_an_asset_with_its_check() -> None:
    """An object that is synced and that nobody sees in Dagster."""
    graph = build_definitions(Settings()).resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.materializable_asset_keys}
    assert {"raw_salesforce/deal_room_c", "fluint/deal_rooms"} <= keys
    assert "raw_salesforce/deal_room_c" in {key.asset_key.to_user_string() for key in graph.asset_check_keys}
