"""The state machine: histories of at most 70 steps, drawn by Hypothesis, through the real sync."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orchestration.entitlement.filters import BackfillFilter
from tests.histories.history import History
from tests.histories.people import STAGES
from tests.histories.points import KINDS, Plan

SMALL = st.integers(0, 9)
FOLLOWED = st.sampled_from(["Opportunity", "OpportunityContactRole", "Contact", "EmailMessage"])
# Requests and transactions of a run come in this number, its statements in ten times as many.
PLACES = {kind: st.integers(0, 300 if kind == "statement" else 40) for kind in KINDS}
POINTS = st.one_of([st.tuples(st.just(kind), PLACES[kind]) for kind in KINDS])

# What people do, as (name of the method, its arguments).
DEEDS = st.one_of(
    st.tuples(st.just("new_deal"), st.tuples(SMALL, st.integers(0, 2), SMALL, SMALL, SMALL)),
    st.tuples(st.just("new_mail"), st.tuples(SMALL)),
    st.tuples(st.just("new_role"), st.tuples(SMALL, SMALL)),
    st.tuples(st.just("edit"), st.tuples(FOLLOWED, SMALL)),
    st.tuples(st.just("reassign"), st.tuples(SMALL, SMALL)),
    st.tuples(st.just("relate"), st.tuples(SMALL, SMALL)),
    st.tuples(st.just("renumber"), st.tuples(SMALL, SMALL)),
    st.tuples(st.just("restage"), st.tuples(SMALL, SMALL)),
    st.tuples(st.just("reprice"), st.tuples(SMALL, SMALL)),
    st.tuples(st.just("delete"), st.tuples(FOLLOWED, SMALL)),
    st.tuples(st.just("undelete"), st.tuples(FOLLOWED, SMALL)),
    st.tuples(st.just("merge"), st.tuples(SMALL, SMALL)),
)
SWITCHES = st.one_of(
    st.tuples(st.just("license"), st.tuples(SMALL, st.booleans())),
    st.tuples(st.just("filter"), st.tuples(SMALL)),
)
OTHERS = st.tuples(st.just("beside"), st.tuples(st.sampled_from(["tick", "changes", "list"])))
HAPPENINGS = st.one_of(DEEDS, DEEDS, SWITCHES, OTHERS)


class Histories(RuleBasedStateMachine):
    """Every rule is one step; the check against the truth is at the end."""

    history: History
    steps = 0
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.history.begin()
        self.people, self.workspace = self.history.people, self.history.workspace

    @initialize(
        owners=st.lists(SMALL, min_size=1, max_size=2),
        deals=st.lists(SMALL, min_size=2, max_size=6),
        bulk_threshold=st.sampled_from([10_000, 1, 3]),
        keys_at_once=st.sampled_from([200_000, 200_000, 4]),
    )
    def start(self, owners: list[int], deals: list[int], bulk_threshold: int, keys_at_once: int) -> None:
        """Somebody is licensed, there is some business; in most histories some listings go through Bulk, in a third keys come in parts."""
        self.workspace.options = replace(
            self.workspace.options, bulk_threshold=bulk_threshold, most_keys_at_once=keys_at_once
        )
        for owner in owners:
            self.history.license(owner, True)
        for _ in range(3):
            self.people.new_contact()
        for number, deal in enumerate(deals):
            self.people.new_deal(deal, deal % 3, 0, deal, deal)
            self.people.new_role(number, deal)
            self.people.new_mail(number)
        self.history.note()

    def _deed(self, name: str, arguments: tuple[Any, ...]) -> Callable[[], None]:
        def act() -> None:
            if name == "license":
                self.history.license(*arguments)
            elif name == "filter":
                self.history.filter(_filter(self.history, *arguments))
            elif name == "beside":
                self.workspace.beside(*arguments)()
            else:
                getattr(self.people, name)(*arguments)
                self.history.note()

        return act

    @rule(deed=DEEDS)
    def people_work(self, deed: tuple[str, tuple[Any, ...]]) -> None:
        self._deed(*deed)()

    @rule(deeds=st.lists(DEEDS, min_size=2, max_size=3))
    def people_work_in_one_second(self, deeds: list[tuple[str, tuple[Any, ...]]]) -> None:
        for deed in deeds:
            self._deed(*deed)()

    @rule(deal=SMALL, owner=SMALL)
    def a_deal_is_reassigned(self, deal: int, owner: int) -> None:
        self._deed("reassign", (deal, owner))()

    @rule(kind=st.sampled_from(["deal", "mail", "edit"]), number=SMALL, other=SMALL)
    def a_slow_transaction_begins(self, kind: str, number: int, other: int) -> None:
        self.people.slow(kind, number, other)

    @rule(pick=SMALL)
    def a_slow_transaction_ends(self, pick: int) -> None:
        self.people.end_one(pick)
        self.history.note()

    @rule(sobject=FOLLOWED, number=SMALL)
    def a_record_is_deleted_for_good(self, sobject: str, number: int) -> None:
        self.people.purge(sobject, number)

    @rule(owner=SMALL, is_licensed=st.booleans())
    def a_licence_changes(self, owner: int, is_licensed: bool) -> None:
        self.history.license(owner, is_licensed)

    @rule(number=SMALL)
    def the_filter_changes(self, number: int) -> None:
        self.history.filter(_filter(self.history, number))

    @rule(seconds=st.sampled_from([1, 2, 30, 61, 70, 300, 1100, 4000, 90000]))
    def time_passes(self, seconds: int) -> None:
        self.workspace.wait(seconds)
        self.history.note()

    @rule(
        kind=st.sampled_from(["answer", "drop", "lose_answer"]),
        skip=st.integers(0, 12),
        times=st.integers(1, 5),
    )
    def the_org_falters(self, kind: str, skip: int, times: int) -> None:
        self.workspace.fault(kind, skip, times)

    @rule(kind=st.sampled_from(["tick", "changes", "list", "fetch"]))
    def a_run(self, kind: str) -> None:
        self._run(kind, Plan())

    @rule(kind=st.sampled_from(["tick", "changes", "list", "fetch", "reread"]), kill=POINTS)
    def a_run_is_killed(self, kind: str, kill: tuple[str, int]) -> None:
        self._run(kind, Plan(kill))

    @rule(
        kind=st.sampled_from(["changes", "list", "list", "reread"]),
        meanwhile=st.lists(st.tuples(POINTS, HAPPENINGS), min_size=1, max_size=4),
        kill=st.none() | POINTS,
    )
    def a_run_while_things_happen(
        self,
        kind: str,
        meanwhile: list[tuple[tuple[str, int], tuple[str, tuple[Any, ...]]]],
        kill: tuple[str, int] | None,
    ) -> None:
        plan = Plan(kill)
        for point, deed in meanwhile:
            plan.acts.setdefault(point, []).append(self._deed(*deed))
        self._run(kind, plan)

    def _run(self, kind: str, plan: Plan) -> None:
        type(self).runs += 1
        self.workspace.run(kind, plan)

    @invariant()
    def what_always_holds(self) -> None:
        type(self).steps += 1
        self.history.check()

    def teardown(self) -> None:
        self.history.expect_the_truth()


def _filter(history: History, number: int) -> BackfillFilter:
    since = (None, history.people.start - timedelta(days=600))[number % 2]
    kinds = [kind for kind in history.people.record_types if kind]
    return (
        BackfillFilter(since),
        BackfillFilter(since, (STAGES[-1],)),
        BackfillFilter(since, (), tuple(kinds[:1])),
        BackfillFilter(since, minimum_amount=Decimal(100)),
        BackfillFilter(since, (STAGES[-1],), minimum_amount=Decimal(0)),
    )[number // 2 % 5]
