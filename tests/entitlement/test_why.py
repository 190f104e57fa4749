"""Why a deal is in Fluint or not, as a table: facts in, answer out. That the facts are right is shown against an org in tests/cli."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestration.entitlement.filters import BackfillFilter
from orchestration.entitlement.why import (
    DealFacts,
    Held,
    InSalesforce,
    OwnerFacts,
    PersonFacts,
    Waiting,
    why_deal,
    why_person,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
ADA = OwnerFacts("005A", "ada@acme.example", None, fluint_email="ada@acme.example", is_covered=True)
THERE = InSalesforce(is_deleted=False, created_at=MAY, stamp=NOON - timedelta(days=1))
SINCE_JUNE = BackfillFilter(created_since=MAY + timedelta(days=31))
# Not held, though everything speaks for it: what each case changes is the reason.
MISSING = DealFacts("006A", BackfillFilter(), THERE, ADA, cursor=NOON)
HELD = replace(MISSING, held=Held(THERE.stamp), admitted_at=MAY)


def owner(reason: str, **more: Any) -> OwnerFacts:
    """An owner whose deals stay out."""
    return OwnerFacts("005B", "ben@acme.example", reason, **more)


def but(**changes: Any) -> DealFacts:
    """The missing deal with something else about it."""
    return replace(MISSING, **changes)


def of(reason: str, **more: Any) -> DealFacts:
    """A deal of an owner whose deals stay out."""
    return but(owner=owner(reason, **more))


def refused(*reasons: str, **more: Any) -> DealFacts:
    """A deal that the filter refuses."""
    return but(in_salesforce=replace(THERE, refused_by=reasons), **more)


def gone(reason: str, there: InSalesforce | None) -> DealFacts:
    """A deal that was held and is marked as deleted."""
    return replace(HELD, held=Held(NOON, reason), in_salesforce=there, owner=ADA if there else None)


DELETED = replace(THERE, is_deleted=True)
NOWHERE: dict[str, Any] = {"in_salesforce": None, "owner": None}
TWO_USERS, TWO_PEOPLE = "two_active_salesforce_users", "one_salesforce_user_for_two_fluint_users"


@pytest.mark.parametrize(
    ("facts", "code", "state", "words"),
    [
        # It is held.
        (HELD, "in_fluint", "in", ["since 2026-05-01"]),
        (replace(HELD, held=Held(NOON, is_modelled=False)), "not_modelled", "waiting", ["fluint.deals"]),
        (gone("soft_deleted", DELETED), "deleted_in_salesforce", "out", ["recycle bin"]),
        (gone("hard_deleted", None), "deleted_in_salesforce", "out", ["for good"]),
        (gone("not_visible", None), "not_visible", "out", ["integration user", "nothing proves"]),
        (gone("soft_deleted", THERE), "restored", "waiting", ["there again"]),
        # Salesforce does not show it, or only as deleted.
        (but(**NOWHERE), "not_visible", "out", ["View All Records", "another org"]),
        (but(purged_at=MAY, **NOWHERE), "hard_deleted", "out", ["2026-05-01"]),
        (but(in_salesforce=DELETED), "deleted", "out", ["before Fluint had it"]),
        # It was erased: whatever else is so.
        (replace(HELD, is_erased=True), "erased", "out", ["stays out", "for good"]),
        (but(is_erased=True, **NOWHERE), "erased", "out", ["nothing was changed in Salesforce"]),
        # Its owner.
        (but(owner=None), "owner_unknown", "waiting", ["not read from Salesforce yet"]),
        (of("owner_not_in_fluint", near=("benn@x",)), "owner_not_in_fluint", "out", ["nearest address is benn@x", "users import"]),
        (of("owner_not_licensed", fluint_email="BEN@x"), "owner_not_licensed", "out", ["users license BEN@x"]),
        (of("owner_ambiguous", detail=TWO_USERS), "owner_ambiguous", "out", ["two active Salesforce users"]),
        (of("owner_ambiguous", detail=TWO_PEOPLE), "owner_ambiguous", "out", ["two Fluint users"]),
        (of("owner_excluded"), "owner_excluded", "out", ["left out", "--exclude-owner"]),
        # The filter, its parts in the order in which what stays out is counted.
        (but(filters=SINCE_JUNE), "created_before", "out", ["2026-05-01", "2026-06-01", "filters set"]),
        (refused("stage_excluded", filters=SINCE_JUNE), "created_before", "out", []),
        (refused("stage_excluded", "amount_below_minimum"), "stage_excluded", "out", ["stage"]),
        (refused("record_type_excluded"), "record_type_excluded", "out", ["record type"]),
        (refused("amount_below_minimum"), "amount_below_minimum", "out", ["amount"]),
        (but(filters=SINCE_JUNE, owner=owner("owner_not_licensed")), "owner_not_licensed", "out", []),
        # Nothing speaks against it: on its way.
        (but(waiting=Waiting("entitled")), "waiting", "waiting", ["fluint sync"]),
        (but(waiting=Waiting("unreadable", NOON, "BAD")), "waiting", "waiting", ["2026-05-04 12:00", "could not give its row (BAD)"]),
        (but(owner=replace(ADA, is_covered=False)), "not_listed", "waiting", ["not listed yet"]),
        (but(in_salesforce=replace(THERE, stamp=NOON)), "not_read_yet", "waiting", ["2026-05-04 12:00"]),
        (but(cursor=None), "not_read_yet", "waiting", []),
        (MISSING, "missing", "waiting", ["a fault", "--from 2026-05 --to 2026-05"]),
        # Admitted before: neither owner nor filter keep it out any more.
        (but(admitted_at=MAY, owner=owner("owner_not_licensed"), waiting=Waiting("changed")), "waiting", "waiting", []),
        (but(admitted_at=MAY, filters=SINCE_JUNE), "missing", "waiting", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_deal_is_answered_by_the_first_reason_that_holds(
    facts: DealFacts, code: str, state: str, words: list[str]
) -> None:
    """A reason that sends a person to the wrong administrator: a licence is given, and the filter keeps the deal out all the same."""
    answer = why_deal(facts)
    assert (answer.code, answer.state) == (code, state)
    for word in words:
        assert word in f"{answer.text} {answer.who}"
    assert answer.who


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        (replace(HELD, owner=owner("owner_not_licensed")), "holds no Fluint licence"),
        (replace(HELD, filters=SINCE_JUNE), "the filter begins on 2026-06-01"),
        (replace(HELD, in_salesforce=replace(THERE, stamp=NOON)), "newer version"),
        (replace(HELD, in_salesforce=None, owner=None), "no longer shows it"),
        (replace(HELD, in_salesforce=replace(THERE, is_deleted=True)), "deleted in Salesforce a moment ago"),
    ],
)
def test_a_deal_that_is_in_says_what_would_surprise(facts: DealFacts, note: str) -> None:
    """`It is in Fluint`, and a person who sees yesterday's stage, or wonders why a deal of somebody who left is there."""
    answer = why_deal(facts)
    assert (answer.code, len(answer.notes)) == ("in_fluint", 1)
    assert note in answer.notes[0]
    assert not why_deal(HELD).notes


KNOWN = PersonFacts("ada@acme.example", "ada@acme.example", True, (ADA,), True, held=7)


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        (KNOWN, "in_scope", ["7 deals"]),
        (replace(KNOWN, excluded={"stage_excluded": 3}), "in_scope", ["3 stage_excluded"]),
        (replace(KNOWN, owners=(replace(ADA, is_covered=False),)), "not_listed", ["fluint sync"]),
        (replace(KNOWN, owners=(owner("owner_excluded"), ADA)), "in_scope", []),  # one of two users is enough
        (replace(KNOWN, is_licensed=False), "owner_not_licensed", ["users license ada@acme.example", "7 deals"]),
        (replace(KNOWN, owners=(), is_in_salesforce=False, near=("ada@acme.test",)), "no_match", ["ada@acme.test", "either side"]),
        (replace(KNOWN, owners=()), "owner_unknown", ["not read yet"]),
        (replace(KNOWN, owners=(owner("owner_ambiguous", detail="two_active_salesforce_users"),)), "owner_ambiguous", ["two active"]),
        (replace(KNOWN, owners=(owner("owner_excluded"),)), "owner_excluded", ["The user, ben@acme.example"]),
        (replace(KNOWN, fluint_email=None, is_licensed=False, owners=(owner("owner_not_in_fluint"),)), "owner_not_in_fluint", []),
        (replace(KNOWN, is_erased=True), "erased", ["This person was erased"]),
        (PersonFacts("x@y", None, False, (), near=("x@yy",)), "unknown", ["Neither", "x@yy"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_person_is_answered_by_what_stands_in_the_way(
    facts: PersonFacts, code: str, words: list[str]
) -> None:
    """`Where are my deals?` of a rep, and an answer that says licensed where the address differs by a letter."""
    answer = why_person(facts)
    assert answer.code == code
    for word in words:
        assert word in f"{answer.text} {answer.who} {answer.notes}"
