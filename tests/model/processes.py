"""The processes of the sync as generators: between two `yield`s lies one call of the transport or one transaction.

A kill is a generator that is not gone on with; several of them may be under way at once. What is yielded says what has just
happened, as the stories name it: "mail keys read".
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from tests.model.ledger import Ledger, Pending, Scope, Since
from tests.model.org import CONTACT, DEAL, LONGEST, MAIL, NAMES, OBJECTS, ROLE, Org, Record
from tests.model.rules import Rule

Steps = Iterator[str]
PAGE = 2


class ReadFailedError(Exception):
    """A read that failed."""


class Processes:
    """What can be under way over one org and one ledger."""

    def __init__(self, org: Org, ledger: Ledger) -> None:
        self.org, self.ledger = org, ledger
        self.faults = 0  # so many of the next reads fail
        self.overlap = LONGEST if ledger.has(Rule.OVERLAP) else 0

    def _read(self) -> int:
        """The time that a read of now gets; raises ReadFailedError."""
        if self.faults:
            self.faults -= 1
            if self.ledger.has(Rule.FAILED_IS_NOT_EMPTY):
                raise ReadFailedError
            return -1  # and is taken for an empty answer
        return self.org.now - int(self.org.rng.random() * 2)

    def follow(self) -> Steps:
        """The keys phase, then the fetch of everything that is pending, then children of what came."""
        yield from self.keys()
        yield from self.fetch(DEAL)
        for sobject in (ROLE, MAIL):
            yield from self.children(sobject)
        for sobject in (ROLE, MAIL, CONTACT):
            yield from self.fetch(sobject)

    def list_missing(self) -> Steps:
        """Everything that is entitled and not covered."""
        for sobject in list(self.ledger.owed):
            yield from self._keys_pass(sobject, self.org.now, lambda _: None)
        scope = self.ledger.scope
        for owner, months in self.ledger.missing().items():
            yield from self._list(owner, months, scope)
        yield from self.fetch(DEAL)
        for sobject in (ROLE, MAIL):
            yield from self.children(sobject)
        for sobject in (ROLE, MAIL, CONTACT):
            yield from self.fetch(sobject)

    # -- keys --------------------------------------------------------------------------------------------------------------------

    def keys(self) -> Steps:
        """What changed since the cursors."""
        ledger, org = self.ledger, self.org
        horizon, early = org.now, ledger.scope
        yield "keys begun"
        for sobject in OBJECTS:
            cursor = ledger.cursor[sobject]
            read_at = self._read()
            keys = org.keys(sobject, cursor - self.overlap, horizon) if read_at >= 0 else []
            yield f"{NAMES[sobject]} keys read"
            end = horizon if ledger.has(Rule.HORIZON_BEFORE_THE_QUERY) else org.now
            if (ledger.cursor[sobject] != cursor or end < cursor) and ledger.has(Rule.COMPARE_AND_SET):
                continue
            ledger.cursor[sobject] = end
            if not ledger.has(Rule.ONE_TRANSACTION):
                yield "cursor moved"
            if sobject == DEAL:
                ledger.drop_skipped(ledger.scope)
            scope = ledger.scope if ledger.has(Rule.ENTITLEMENT_IN_THE_TRANSACTION) else early
            ledger.classify(sobject, keys, read_at, Since(cursor, follows=True), scope, end - self.overlap)
            yield f"{NAMES[sobject]} keys taken"

    # -- fetch -------------------------------------------------------------------------------------------------------------------

    def fetch(self, sobject: int) -> Steps:
        """Pending ids become rows, or are judged by their keys."""
        ledger = self.ledger
        asked: set[tuple[int, int, int]] = set()
        while True:
            due = [
                (i, p)
                for i, p in ledger.pending[sobject].items()
                if self._is_due(p) and (i, p.stamp, p.parent) not in asked
            ]
            if not due:
                return
            due = due[:3]
            asked |= {(i, p.stamp, p.parent) for i, p in due}
            yield from self._ask(sobject, {i: (p.stamp, p.parent) for i, p in due})

    def _is_due(self, waits: Pending) -> bool:
        return not waits.aside or (waits.aside == "refused" and self.org.now >= waits.retry)

    def _ask(self, sobject: int, due: dict[int, tuple[int, int]]) -> Steps:
        ledger, org, scope = self.ledger, self.org, self.ledger.scope
        may = {i for i in due if self._may_come(sobject, i, due[i][1], scope)}
        held = {i for i in due if (h := ledger.raw[sobject].get(i)) and h.gone != "moved"}
        parents = {parent for _, parent in due.values()}
        yield f"{NAMES[sobject]} asked for"
        read_at = self._read()
        there = [r for i in due if (r := org.records[sobject].get(i)) and not r.deleted]
        rows = [r.copy() for r in there if r.id in may and self._matches(sobject, r, held, parents, scope)]
        yield f"{NAMES[sobject]} read"
        ledger.store(sobject, rows if read_at >= 0 else [], read_at, scope)
        if ledger.has(Rule.OVERTAKEN_IS_ASKED_AGAIN):
            ledger.ask_again(sobject, rows, read_at)
        yield f"{NAMES[sobject]} stored"
        rest = [i for i in due if i in ledger.pending[sobject]]
        if rest:
            read_at = self._read()
            keys = [r.copy() for i in rest if (r := org.records[sobject].get(i))] if read_at >= 0 else []
            yield f"{NAMES[sobject]} missed"
            self._judge(sobject, due, rest, keys, read_at, scope)
            yield f"{NAMES[sobject]} judged"

    def _may_come(self, sobject: int, id: int, parent: int, scope: Scope) -> bool:
        if sobject == CONTACT:
            return self.ledger.is_named(id) or not self.ledger.has(Rule.CONTACTS_LEAVE)
        return sobject != MAIL or self.ledger.in_scope(parent)

    def _matches(self, sobject: int, row: Record, held: set[int], parents: set[int], scope: Scope) -> bool:
        """Whether the query's predicate gives this row."""
        if sobject == DEAL and row.id not in held:
            return row.parent in parents and scope.takes(row)
        return sobject != MAIL or (row.parent in parents and self.ledger.in_scope(row.parent))

    def _judge(
        self,
        sobject: int,
        due: dict[int, tuple[int, int]],
        rest: list[int],
        keys: list[Record],
        read_at: int,
        asked: Scope,
    ) -> None:
        ledger = self.ledger
        ledger.classify(sobject, keys, read_at, Since(ledger.cursor[sobject]), ledger.scope)
        seen = {key.id: key for key in keys}
        for id in rest:
            waits = ledger.pending[sobject].get(id)
            if waits is None:
                continue
            if (waits.stamp, waits.parent) != due[id] and ledger.has(Rule.JUDGED_ONLY_IF_UNCHANGED):
                continue
            held = ledger.raw[sobject].get(id)
            if id not in seen:
                waits.aside = "not visible"
            elif seen[id].deleted:
                del ledger.pending[sobject][id]
            elif sobject == CONTACT and ledger.is_named(id) and ledger.has(Rule.CONTACTS_NAMED_MEANWHILE):
                continue
            elif sobject != ROLE and not (held and held.gone != "moved"):
                ledger.refuse(sobject, id, asked, self.org.now)

    # -- listing -----------------------------------------------------------------------------------------------------------------

    def _list(self, owner: int, months: int, scope: Scope) -> Steps:
        ledger, org = self.ledger, self.org
        if owner not in ledger.scope.owners or (
            ledger.scope != scope and ledger.scope.owners == scope.owners
        ):
            return
        began = org.now
        yield "deal listing begun"
        deals = [
            d.id
            for d in org.records[DEAL].values()
            if not d.deleted and d.parent == owner and months >> d.created & 1 and scope.takes(d)
        ]
        left_out = yield from self._pages(
            DEAL, deals, began, scope, lambda: ledger.cover(owner, scope, months, ledger.scope)
        )

        def cover(now: Scope) -> None:
            if not (left_out and ledger.has(Rule.LEFT_OUT_IS_NOT_COVERED)):
                ledger.cover(owner, scope, months, now)

        yield from self._keys_pass(DEAL, began, cover)

    def children(self, sobject: int) -> Steps:
        """The children of deals that are in scope and have no coverage."""
        ledger, org = self.ledger, self.org
        wanted = [d for d in ledger.admitted if ledger.live(DEAL, d) and d not in ledger.deals[sobject]]
        if not wanted:
            return
        began, marked = org.now, ledger.clock
        yield f"{NAMES[sobject]} listing begun"
        found = [r.id for r in org.records[sobject].values() if not r.deleted and r.parent in wanted]

        def cover(_: object = None) -> None:
            ledger.cover_children(sobject, wanted, marked)

        yield from self._pages(sobject, found, began, ledger.scope, cover)
        yield from self._keys_pass(sobject, began, cover)

    def _pages(
        self, sobject: int, ids: list[int], began: int, scope: Scope, cover: object
    ) -> Generator[str, None, bool]:
        """Pages come unordered and one by one; a row that has moved or gone meanwhile is not in its page. True if some were left out."""
        ledger, org, left_out = self.ledger, self.org, False
        matched = {i: (org.records[sobject][i].parent, org.records[sobject][i].amount) for i in ids}
        self.org.rng.shuffle(ids)
        for place in range(0, len(ids), PAGE):
            read_at = self._read()
            there = [
                r for i in ids[place : place + PAGE] if (r := org.records[sobject].get(i)) and not r.deleted
            ]
            rows = [r.copy() for r in there if (r.parent, r.amount) == matched[r.id]] if read_at >= 0 else []
            yield f"{NAMES[sobject]} page read"
            left_out |= ledger.store(sobject, rows, read_at, scope)
            if ledger.has(Rule.LISTINGS_OWE_KEYS):
                ledger.owed[sobject] = min(began, ledger.owed.get(sobject, began))
            if not ledger.has(Rule.COVERAGE_AFTER_THE_LAST_PAGE) and callable(cover):
                cover()
            yield f"{NAMES[sobject]} page stored"
        return left_out

    def _shown_last(self, cursor: int) -> int:
        """Keys stamped before then are shown by the pass of a listing for the last time."""
        return cursor - self.overlap if self.ledger.has(Rule.LATE_TIES_OF_LISTINGS) else 0

    def _keys_pass(self, sobject: int, began: int, cover: object) -> Steps:
        """The keys of the time that the listing took; they and the coverage in one transaction, not behind the cursor."""
        ledger, org = self.ledger, self.org
        assert callable(cover)
        while ledger.has(Rule.KEYS_PASS):
            end, start = org.now, min(began, ledger.owed.get(sobject, began))
            yield f"{NAMES[sobject]} pages done"
            read_at = self._read()
            keys = org.keys(sobject, start - self.overlap, end) if read_at >= 0 else []
            yield f"{NAMES[sobject]} pass read"
            if ledger.cursor[sobject] > end and ledger.has(Rule.KEYS_PASS_WITH_COVERAGE):
                continue
            cursor = ledger.cursor[sobject]
            ledger.classify(sobject, keys, read_at, Since(cursor), ledger.scope, self._shown_last(cursor))
            if ledger.owed.get(sobject, start) >= start:
                ledger.owed.pop(sobject, None)
            if not ledger.has(Rule.KEYS_PASS_WITH_COVERAGE):
                yield f"{NAMES[sobject]} pass taken"
            break
        cover(ledger.scope)
        yield f"{NAMES[sobject]} covered"
