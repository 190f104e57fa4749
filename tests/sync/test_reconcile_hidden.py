"""What becomes of rows while Salesforce hides them: deleted meanwhile, and what they name. Hiding and showing are test_reconcile.py's."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sync.bench import Bench
from tests.sync.nights import tombstones
from tests.sync.sharing import Sharing
from tests.sync.test_reconcile import _shareable, sharing

__all__ = ["sharing"]


@pytest.mark.slow
@pytest.mark.parametrize("reason", ["soft_deleted", "hard_deleted"])
def test_what_is_deleted_while_it_is_hidden_is_told_from_the_hidden_and_keeps_its_contact_until_then(
    bench: Bench, sharing: Sharing, reason: str
) -> None:
    """Shown again, in the recycle bin: open in every pipeline for good. And while hidden: a deal with a role of nobody."""
    part = _shareable(bench, 40)
    sharing.share(part)
    roles = bench.records(
        "SELECT Id, OpportunityId, ContactId FROM OpportunityContactRole WHERE IsDeleted = false"
    )
    named = Counter(role["ContactId"] for role in roles)
    role, deal, contact = min(
        (role["Id"], role["OpportunityId"], role["ContactId"])
        for role in roles
        if role["OpportunityId"] in part and named[role["ContactId"]] == 1
    )
    sharing.view_all("Opportunity", granted=False)
    bench.load()
    bench.reconcile()
    sharing.unshare(deal)
    bench.reconcile()
    assert (tombstones(bench)[deal], tombstones(bench, "opportunity_contact_role")[role]) == (
        "not_visible",
    ) * 2
    assert contact in bench.live("contact")
    sharing.view_all("Opportunity", granted=True)
    bench.administer("DELETE", f"/sobjects/Opportunity/{deal}")
    if reason == "hard_deleted":
        bench.org.admin("POST", f"/records/Opportunity/{deal}/purge")
    bench.org.admin("POST", "/clock", {"seconds": 3600})  # past every window of keys
    bench.follow()
    bench.reconcile()
    assert tombstones(bench)[deal] == reason
    assert tombstones(bench, "opportunity_contact_role")[role] == reason
    assert contact not in bench.live("contact")
