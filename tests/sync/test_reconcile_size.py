"""Nights of size, by hand (`make test-long ARGS="tests/sync/test_reconcile_size.py -s"`): they print what they found and what it took."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from orchestration.salesforce.client import Salesforce
from orchestration.sync.reconciling.doubt import Doubt
from orchestration.sync.reconciling.findings import Outcome
from orchestration.sync.run import list_missing, reconcile
from tests.contract.running_org import serving
from tests.postgres_fixtures import PostgresServer
from tests.salesforce.scripted_org import MemoryStore
from tests.sync.bench import Bench
from tests.sync.sharing import Sharing

pytestmark = [pytest.mark.long, pytest.mark.timeout(3_600)]
DEALS = ["user", "opportunity_stage", "record_type", "opportunity"]


@contextmanager
def _opened(directory: Path, server: PostgresServer, template: str, opportunities: int) -> Iterator[Bench]:
    name = f"fluint_test_{uuid.uuid4().hex}"
    with serving(directory, opportunities) as org, requests.Session() as session:
        session.trust_env = False
        tokens = org.connect()
        client = Salesforce(org.app(), MemoryStore(tokens), session=session, quota_share=1.0)
        org.admin("PATCH", "/switches", {"daily_api_limit": 1_000_000})
        yield Bench(org, server.create(name, template), client, tokens)
    server.drop(name)


def _night(bench: Bench) -> tuple[Doubt, str]:
    """Compares the deals alone, and says what it took."""
    bench.org.admin("POST", "/clock", {"seconds": 2})
    before, began = bench.client.usage, time.monotonic()
    doubt = reconcile(bench.with_(), DEALS)
    after = bench.client.usage
    assert before is not None
    assert after is not None
    return doubt, f"{after.used - before.used} calls, {time.monotonic() - began:.1f} s"


def test_1204_of_some_5000_deals_are_seen_and_the_rest_comes_when_it_is_granted(
    tmp_path: Path, postgres_server: PostgresServer, deployed_template: str
) -> None:
    """The pilot that begins with an integration user without View All, and never hears of three quarters of its pipeline."""
    with _opened(tmp_path, postgres_server, deployed_template, 7_000) as bench:
        everything = bench.entitled()
        private = bench.ids("SELECT Id FROM Opportunity WHERE IsPrivate = true")
        seen = set(sorted(everything - private)[:1_204])
        sharing = Sharing(bench)
        sharing.share(seen)
        sharing.view_all("Opportunity", granted=False)
        list_missing(bench.with_(), DEALS)
        assert bench.live("opportunity") == seen
        _night(bench)
        sharing.view_all("Opportunity", granted=True)
        granted, took = _night(bench)
        came = granted.findings["opportunity"].count(Outcome.BROUGHT_IN)
        print(f"\n{len(seen):,} of {len(everything):,} deals seen; granted: {came:,} brought in ({took})")
        assert bench.live("opportunity") == everything
        assert came == len(everything) - len(seen)
        sharing.view_all("Opportunity", granted=False)
        lost, took = _night(bench)
        print(
            f"lost: {len(lost.findings['opportunity'].open):,} withheld, {', '.join(map(str, lost.changed))} ({took})"
        )
        assert bench.live("opportunity") == everything


def test_one_deal_of_a_hundred_thousand_that_was_hidden_is_found_within_a_night(
    tmp_path: Path, postgres_server: PostgresServer, deployed_template: str
) -> None:
    """One row that nobody showed us: no change will, and no total of ours says that it is missing."""
    with _opened(tmp_path, postgres_server, deployed_template, 150_000) as bench:
        manager = next(m for m in bench.org.admin("GET", "/cast") if m["role"] == "manager")["user_id"]
        (ceo,) = bench.records("SELECT Id FROM UserRole WHERE DeveloperName = 'CEO'")
        sharing = Sharing(bench)
        everything = bench.entitled()
        hidden = min(everything)
        # Everybody's deals are seen by the role above them; the manager's only one is not, for the manager has no role.
        bench.update("User", sharing.user_id, UserRoleId=ceo["Id"])
        bench.update("User", manager, UserRoleId=None)
        bench.update("Opportunity", hidden, OwnerId=manager)
        sharing.view_all("Opportunity", granted=False)
        began = time.monotonic()
        list_missing(bench.with_(), DEALS)
        print(f"\n{len(bench.live('opportunity')):,} deals loaded in {time.monotonic() - began:.1f} s")
        assert bench.live("opportunity") == everything - {hidden}
        bench.org.admin(
            "POST", "/clock", {"seconds": 3_600}
        )  # no window shows any more what changed when it was handed over
        quiet, took = _night(bench)
        print(f"a night without a difference: {took}")
        assert quiet.findings["opportunity"].is_complete
        sharing.view_all("Opportunity", granted=True)
        found, took = _night(bench)
        print(f"one hidden of {len(everything):,} found: {took}")
        assert [each.id for each in found.findings["opportunity"].differences] == [hidden]
        assert bench.live("opportunity") == everything
