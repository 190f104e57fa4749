"""One history: begun with an empty org, checked at its end against a load from scratch."""

from __future__ import annotations

import local_org.rest.query
from orchestration.entitlement.filters import BackfillFilter
from orchestration.postgres.connection import Database
from tests.histories import truth
from tests.histories.points import Plan
from tests.histories.workspace import Workspace


class History:
    """A workspace, and a second database for what a load from scratch gives."""

    def __init__(self, workspace: Workspace, database: Database) -> None:
        self.workspace = workspace
        self.people = workspace.people
        self._truth = database.connect()
        self.licensed: set[str] = set()
        self.filters = BackfillFilter()
        self.ever_entitled: set[str] = set()
        self._cursors: dict[str, object] = {}

    def close(self) -> None:
        """Closes every connection."""
        self._truth.close()
        self.workspace.close()

    def begin(self) -> None:
        """An empty org and an empty workspace without a licence."""
        self.licensed, self.filters, self.ever_entitled, self._cursors = set(), BackfillFilter(), set(), {}
        self.workspace.begin()

    def license(self, owner: int, is_licensed: bool) -> None:
        """The app gives or takes a licence; the last owner is nobody whom the workspace knows."""
        user = self.people.owners[owner % len(self.people.owners)]
        if self.workspace.emails[user]:
            self.workspace.license(owner, is_licensed)
            (self.licensed.add if is_licensed else self.licensed.discard)(user)
        self.note()

    def filter(self, new: BackfillFilter) -> None:
        """The app sets the filter."""
        self.workspace.filter(new)
        self.filters = new
        self.note()

    def note(self) -> None:
        """Notes who is entitled now; called after everything that can change it."""
        self.ever_entitled |= truth.entitled(self.people, self.licensed, self.filters)

    def check(self) -> None:
        """What holds at every moment, whatever is under way."""
        back = self.people.run_back()
        assert not back, f"the org stamps these with a time that has passed: {back}"
        ask = self.workspace.ask
        admitted = {row[0] for row in ask("select opportunity_id from fluint_sync.admission")}
        held = {row[0] for row in ask("select id from raw_salesforce.opportunity")}
        assert held <= admitted, f"held without having been admitted: {sorted(held - admitted)}"
        assert admitted <= self.ever_entitled, f"never entitled: {sorted(admitted - self.ever_entitled)}"
        cursors = dict(ask("select object, position from fluint_sync.cursor"))
        lost = [table for table, at in self._cursors.items() if cursors[table] < at]  # type: ignore[operator]
        assert not lost, f"cursors ran back: {lost}"
        self._cursors = cursors

    def expect_the_truth(self) -> None:
        """Settles, and compares every live row with what a load from scratch would hold."""
        while self.people.late:
            self.people.end_one(0)
        self.note()
        self.workspace.settle()
        self.check()
        page, local_org.rest.query.PAGE = local_org.rest.query.PAGE, 2_000
        with self._truth.transaction():
            truth.read_everything(self.workspace._with(0, Plan()), self._truth)
        local_org.rest.query.PAGE = page
        everything = {s: truth.live_rows(self._truth, s) for s in truth.FOLLOWED}
        self._truth.rollback()
        admitted = {row[0] for row in self.workspace.ask("select opportunity_id from fluint_sync.admission")}
        now = truth.entitled(self.people, self.licensed, self.filters)
        expected = truth.cut(everything, now | admitted)
        there = {
            s: {str(row[0]) for row in self.people.store.select(f'select Id from "{s.name}"')}
            for s in truth.FOLLOWED
        }
        held = {s: truth.live_rows(self.workspace.connection, s) for s in truth.FOLLOWED}
        found = truth.differences(truth.without_the_gone(held, there), expected)
        assert not found, "\n".join(found)
