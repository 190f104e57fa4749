"""The fetch phase: pending ids become rows, tombstones, or nothing (R1 second phase, R10).

What is held is asked for by its id; what is not held, and every mail and activity (they move), together with the whole scope
predicate, so that a deal that was reassigned a moment ago is never read in full. Queries serve for all of it: retrieving by
`/composite/sobjects` takes no field of a parent (`Account.Name`) and fewer ids a call. How ids became pending is keys.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql

from orchestration.entitlement.filters import owned_by
from orchestration.errors import FluintError, IncompleteReadError, RejectedRequestError
from orchestration.postgres.connection import Connection
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page
from orchestration.sync import ledger, under_way
from orchestration.sync.arrivals import store_page
from orchestration.sync.fields import Readable, readable
from orchestration.sync.keys import classify, staged_keys
from orchestration.sync.ledger import Announced
from orchestration.sync.named import named_now
from orchestration.sync.objects import BY_TABLE, OPPORTUNITY, SObject
from orchestration.sync.options import Collaborators, Counts
from orchestration.sync.plan import IDS_IN_A_QUERY, QUERIES_IN_A_COMPOSITE, chunks
from orchestration.sync.scope import Scope, scope_now
from orchestration.sync.wide import rest_of

# Both times come from the org's Date, which is cut to the second.
_SAME_MOMENT = timedelta(seconds=5)


def fetch_pending(with_: Collaborators, table: str) -> Counts:
    """Fetches every id of one object that is due, oldest first; one bad record delays only itself."""
    what = readable(with_, BY_TABLE[table])
    total = Counts()
    with with_.salesforce.purpose("fetch"):
        while True:
            with with_.database.transaction() as connection:
                due = ledger.pending_ids(connection, table, IDS_IN_A_QUERY * QUERIES_IN_A_COMPOSITE)
            if not due:
                return total
            total += _Fetcher(with_, what).fetch(due)


def _held(connection: Connection, table: str, ids: Sequence[str]) -> set[str]:
    """Which ids have a row that follows Salesforce; a mail that moved out of scope has one that does not."""
    query = sql.SQL(
        "select id from {} where id = any (%s) and coalesce(_deleted_reason, '') <> 'moved_out_of_scope'"
    ).format(sql.Identifier("raw_salesforce", table))
    return {row[0] for row in connection.execute(query, [list(ids)])}


@dataclass(frozen=True)
class _Question:
    """One query of pending ids; without SOQL nothing can match and only the keys are asked.

    `scope` is the predicate with which rows were asked for: what it refused is judged by it (R10). `announced` is what was known of
    each id (stamp and parent): one that was announced anew meanwhile is not judged.
    """

    announced: Mapping[str, Announced]
    scope: Scope
    soql: str | None

    @property
    def ids(self) -> list[str]:
        """The ids asked for, in order."""
        return list(self.announced)


@dataclass(frozen=True)
class _Fetcher:
    with_: Collaborators
    what: Readable

    def fetch(self, ids: Sequence[str]) -> Counts:
        """Reads these ids with as few calls as they take."""
        questions = [self._question(some) for some in chunks(ids, IDS_IN_A_QUERY)]
        statements = [question.soql for question in questions if question.soql]
        answers = iter(self.with_.salesforce.query_many(statements) if statements else [])
        total = Counts()
        for question in questions:
            total += self._take(question, next(answers) if question.soql else None)
        return total

    def _take(self, question: _Question, first: Page | FluintError | None) -> Counts:
        """Stores one answer; if it cannot be used, halves its ids until the one bad record stands alone."""
        try:
            if isinstance(first, FluintError):
                raise first
            return self._store(question, first) + self._settle_the_rest(question)
        except (RejectedRequestError, IncompleteReadError) as error:
            if len(question.ids) == 1:
                self._postpone(question.ids, "unreadable", error)
                return Counts()
            middle = len(question.ids) // 2
            return self.fetch(question.ids[:middle]) + self.fetch(question.ids[middle:])

    def _store(self, question: _Question, first: Page | None) -> Counts:
        total = Counts()
        pages = [first, *self.with_.salesforce.next_pages(first)] if first else []
        for page in pages:
            rest = rest_of(self.with_, self.what, page)
            with self.with_.database.transaction() as connection:
                # The cursor stays where it is until this is committed.
                cursor = ledger.cursor_of(connection, self.what.sobject.table_name, lock=True)
                scope = question.scope
                total += store_page(connection, self.what, page, rest, run_id=self.with_.run_id, scope=scope)
                if cursor and cursor > page.read_at + _SAME_MOMENT:
                    self._ask_again(connection, question, page.read_at)
        return total

    def _ask_again(self, connection: Connection, question: _Question, read_at: datetime) -> None:
        """Makes rows pending that the cursor overtook on their way (R1).

        What changed between their answer and the cursor was judged without them: the key of a row that was not held is forgotten.
        """
        sobject = self.what.sobject
        parent = "owner_id" if sobject.name == OPPORTUNITY.name else sobject.parent_column
        statement = sql.SQL(
            """
            insert into fluint_sync.pending (object, id, parent_id, reason, stamp, since)
            select %(table)s, held.id, {parent}, 'overtaken', held.system_modstamp, %(read_at)s from {raw} as held
            where held.id = any (%(ids)s) and held._deleted_at is null and held._read_at <= %(read_at)s
            on conflict (object, id) do nothing
            """
        ).format(
            parent=sql.Identifier("held", parent) if parent else sql.SQL("null"),
            raw=sql.Identifier("raw_salesforce", sobject.table_name),
        )
        connection.execute(statement, {"table": sobject.table_name, "ids": question.ids, "read_at": read_at})

    def _question(self, ids: Sequence[str]) -> _Question:
        with self.with_.database.transaction() as connection:
            scope = scope_now(connection)
            announced = ledger.announced(connection, self.what.sobject.table_name, ids)
            parents = _parents(connection, self.what.sobject, ids)
            sobject = self.what.sobject
            may_come = named_now(connection, sobject, ids) if sobject.named_by else list(ids)
            held = _held(connection, self.what.sobject.table_name, ids)
        alternatives = self._alternatives(may_come, held, parents, scope) if may_come else []
        if not alternatives:
            return _Question(announced, scope, None)
        conditions = [soql.equal("IsDeleted", False), soql.any_of(alternatives)]
        return _Question(announced, scope, soql.select(self.what.paths, self.what.sobject.name, conditions))

    def _alternatives(
        self, ids: Sequence[str], held: set[str], parents: Sequence[str], scope: Scope
    ) -> list[str]:
        """Which rows may come: held ones by their id alone, the others (and every child that can move) within the whole predicate."""
        sobject = self.what.sobject
        if sobject.parent and not sobject.parent_is_fixed:
            related = soql.is_in(sobject.parent, parents) if parents else None
            return [soql.all_of([soql.is_in("Id", ids), related])] if related else []
        if sobject.name != OPPORTUNITY.name:
            return [soql.is_in("Id", ids)]
        alternatives = [soql.is_in("Id", sorted(held))] if held else []
        new = [record_id for record_id in ids if record_id not in held]
        # Owners of the keys at hand only. A deal that went to another licensed owner meanwhile has a newer stamp than its
        # key, so the next keys phase finds it again.
        owners = [owner for owner in parents if owner in scope.owners]
        if new and owners:
            predicate = [soql.is_in("Id", new), owned_by(owners), *scope.filters.conditions()]
            alternatives.append(soql.all_of(predicate))
        return alternatives

    def _settle_the_rest(self, question: _Question) -> Counts:
        """Judges the ids that no row came for, by their keys (R10)."""
        table = self.what.sobject.table_name
        with self.with_.database.transaction() as connection:
            rest = list(ledger.announced(connection, table, question.ids))
        if not rest:
            return Counts()
        query = soql.select(self.what.key_paths, self.what.sobject.name, [soql.is_in("Id", rest)])
        (first,) = self.with_.salesforce.query_many([query])
        if isinstance(first, FluintError):
            raise first
        pages = [first, *self.with_.salesforce.next_pages(first)]
        with self.with_.database.transaction() as connection:
            return self._judge(connection, question, rest, pages)

    def _judge(
        self, connection: Connection, question: _Question, rest: Sequence[str], pages: list[Page]
    ) -> Counts:
        table = self.what.sobject.table_name
        since = ledger.cursor_of(connection, table) or pages[0].read_at
        with staged_keys(connection, self.what.sobject, self.what.shown, pages) as (keys, _):
            tombstoned = classify(
                connection,
                self.what.sobject,
                keys,
                scope_now(connection),
                read_at=pages[0].read_at,
                since=since,
                run_id=self.with_.run_id,
            )
            there = connection.execute(sql.SQL("select id, is_deleted from {}").format(keys.name)).fetchall()
        # What has changed again since it was asked for stays due: the answer that it did not get was about another state.
        same = {
            i
            for i, what in ledger.announced(connection, table, rest).items()
            if what == question.announced[i]
        }
        visible = {record_id for record_id, _ in there}
        ledger.postpone(connection, table, sorted(same - visible), "not_visible")
        ledger.drop_pending(connection, table, [i for i, is_deleted in there if is_deleted and i in same])
        live = [record_id for record_id, is_deleted in there if not is_deleted and record_id in same]
        held = self._wanted_still(connection, live)
        # Held and visible, yet no row newer than announced came: it will, when its transaction is visible everywhere.
        ledger.postpone(connection, table, sorted(held), "not_yet_visible")
        self._drop_refused(connection, [i for i in live if i not in held], question.scope)
        return Counts(tombstoned=tombstoned)

    def _wanted_still(self, connection: Connection, live: Sequence[str]) -> set[str]:
        """Those of these visible ids that no predicate has refused: what is asked for by its id alone comes as soon as it can."""
        sobject = self.what.sobject
        if sobject.named_by:
            # By the rows of now: one may have come to name it since it was asked for (R6).
            return set(named_now(connection, sobject, live))
        return set(live) if sobject.parent_is_fixed else _held(connection, sobject.table_name, live)

    def _drop_refused(self, connection: Connection, refused: Sequence[str], scope: Scope) -> None:
        """Forgets ids that exist but do not match, with the coverage that another predicate had promised (R10)."""
        table = self.what.sobject.table_name
        if self.what.sobject.name == OPPORTUNITY.name:
            ledger.drop_coverage_of_refused(
                connection, refused, list(scope.owners), scope.filters.digest, scope.filters.created_since
            )
            return ledger.set_aside(connection, table, refused, 2 * self.with_.options.overlap)
        if self.what.sobject.parent:
            parents = sql.SQL(
                "select object, parent_id from fluint_sync.pending"
                " where object = {} and id = any ({}::text[]) and parent_id is not null"
            ).format(sql.Literal(table), sql.Literal(list(refused)))
            under_way.uncover_deals(connection, parents)
        ledger.drop_pending(connection, table, refused)

    def _postpone(self, ids: Sequence[str], reason: str, error: FluintError) -> None:
        with self.with_.database.transaction() as connection:
            ledger.postpone(
                connection, self.what.sobject.table_name, ids, reason, error.code or type(error).__name__
            )


def _parents(connection: Connection, sobject: SObject, ids: Sequence[str]) -> list[str]:
    """The parents that these pending ids were announced with; of children that can move, those deals that are in scope."""
    in_scope = (
        "exists (select from fluint_entitlement.scope_deals as scope where scope.opportunity_id = p.parent_id)"
        if sobject.parent and not sobject.parent_is_fixed
        else "p.parent_id is not null"
    )
    rows = connection.execute(
        sql.SQL(
            "select distinct p.parent_id from fluint_sync.pending as p"
            " where p.object = %s and p.id = any (%s) and {} order by 1"
        ).format(sql.SQL(in_scope)),
        [sobject.table_name, list(ids)],
    )
    return [row[0] for row in rows]
