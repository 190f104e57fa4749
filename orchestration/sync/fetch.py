"""The fetch phase: pending ids become rows, tombstones, or nothing (R1 second phase, R10).

Held deals, roles and contacts are retrieved by id; what is not held, and every mail, is asked for together with the whole
scope predicate, so that a deal that was reassigned a moment ago is never read in full. How ids became pending is keys.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from orchestration.entitlement.filters import BackfillFilter, owned_by, read_filter
from orchestration.entitlement.licences import scope_owners
from orchestration.errors import FluintError, IncompleteReadError, RejectedRequestError
from orchestration.postgres.connection import Connection
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page
from orchestration.sync import ledger
from orchestration.sync.arrivals import store_page
from orchestration.sync.fields import Readable, readable
from orchestration.sync.keys import classify, staged_keys
from orchestration.sync.objects import BY_TABLE, EMAIL_MESSAGE, OPPORTUNITY
from orchestration.sync.options import Collaborators, Counts
from orchestration.sync.plan import IDS_IN_A_RETRIEVE, chunks

# Ids of one query by GET: 500 of them leave room for the owners' condition below the 16,384 bytes of a URI only in small
# workspaces, so queries go as composite subrequests, whose URLs stand in the body.
_IDS_IN_A_QUERY = 500


@dataclass(frozen=True)
class Scope:
    """The predicate with which rows were asked for: kept, because what it refused is judged by it (R10)."""

    owners: dict[str, str]
    filters: BackfillFilter

    def conditions(self) -> list[str]:
        """SOQL for opportunities in scope now; no owner in scope is expressed by the caller not asking."""
        return [owned_by(list(self.owners)), *self.filters.conditions()]


def scope_now(connection: Connection) -> Scope:
    """The scope predicate as it stands in this transaction (R6)."""
    return Scope(scope_owners(connection), read_filter(connection))


def fetch_pending(with_: Collaborators, table: str) -> Counts:
    """Fetches every id of one object that is due, oldest first; one bad record delays only itself."""
    what = readable(with_, BY_TABLE[table])
    total = Counts()
    with with_.salesforce.purpose("fetch"):
        while True:
            with with_.database.transaction() as connection:
                due = ledger.pending_ids(connection, table, IDS_IN_A_RETRIEVE)
                held = _held(connection, table, [record_id for record_id, _ in due])
            if not due:
                return total
            by_id = [
                record_id for record_id, _ in due if record_id in held and what.sobject is not EMAIL_MESSAGE
            ]
            by_query = [record_id for record_id, _ in due if record_id not in set(by_id)]
            total += _Fetcher(with_, what, is_held=True).fetch(by_id) if by_id else Counts()
            for chunk in chunks(by_query, _IDS_IN_A_QUERY):
                total += _Fetcher(with_, what, is_held=False).fetch(chunk)


def _held(connection: Connection, table: str, ids: Sequence[str]) -> set[str]:
    """Which ids have a row that follows Salesforce; a mail that moved out of scope has one that does not."""
    query = sql.SQL(
        "select id from {} where id = any (%s) and coalesce(_deleted_reason, '') <> 'moved_out_of_scope'"
    ).format(sql.Identifier("raw_salesforce", table))
    return {row[0] for row in connection.execute(query, [list(ids)])}


@dataclass(frozen=True)
class _Fetcher:
    with_: Collaborators
    what: Readable
    is_held: bool

    def fetch(self, ids: Sequence[str]) -> Counts:
        """Reads these ids; on an answer that cannot be used, halves them until the one bad record stands alone."""
        try:
            return self._fetch_once(ids)
        except (RejectedRequestError, IncompleteReadError) as error:
            if len(ids) == 1:
                self._postpone(ids, "unreadable", error)
                return Counts()
            middle = len(ids) // 2
            return self.fetch(ids[:middle]) + self.fetch(ids[middle:])

    def _fetch_once(self, ids: Sequence[str]) -> Counts:
        with self.with_.database.transaction() as connection:
            scope = scope_now(connection)
        total = Counts()
        for page in self._pages(ids, scope):
            with self.with_.database.transaction() as connection:
                total += store_page(
                    connection, self.what, page, run_id=self.with_.run_id, owners=scope.owners
                )
        return total + self._settle_the_rest(ids, scope)

    def _pages(self, ids: Sequence[str], scope: Scope) -> list[Page]:
        client, sobject = self.with_.salesforce, self.what.sobject
        if self.is_held:
            return [client.retrieve(sobject.name, ids, self.what.paths)]
        predicate = self._predicate(ids, scope)
        if predicate is None:
            return []
        conditions = [soql.is_in("Id", ids), soql.equal("IsDeleted", False), *predicate]
        (first,) = client.query_many([soql.select(self.what.paths, sobject.name, conditions)])
        if isinstance(first, FluintError):
            raise first
        return [first, *client.next_pages(first)]

    def _predicate(self, ids: Sequence[str], scope: Scope) -> list[str] | None:
        """What rows must satisfy besides their id; None when nothing can."""
        if self.what.sobject is OPPORTUNITY:
            return scope.conditions() if scope.owners else None
        if self.what.sobject is EMAIL_MESSAGE:
            with self.with_.database.transaction() as connection:
                parents = _parents_in_scope(connection, EMAIL_MESSAGE.table_name, ids)
            return [soql.is_in("RelatedToId", parents)] if parents else None
        return []

    def _settle_the_rest(self, ids: Sequence[str], scope: Scope) -> Counts:
        """Judges the ids that no row came for, by their keys (R10)."""
        table = self.what.sobject.table_name
        with self.with_.database.transaction() as connection:
            rest = ledger.unsettled(connection, table, ids)
        if not rest:
            return Counts()
        query = soql.select(self.what.key_paths, self.what.sobject.name, [soql.is_in("Id", rest)])
        (first,) = self.with_.salesforce.query_many([query])
        if isinstance(first, FluintError):
            raise first
        pages = [first, *self.with_.salesforce.next_pages(first)]
        with self.with_.database.transaction() as connection:
            return self._judge(connection, rest, pages, scope)

    def _judge(self, connection: Connection, rest: Sequence[str], pages: list[Page], scope: Scope) -> Counts:
        table = self.what.sobject.table_name
        since = ledger.cursor_of(connection, table) or pages[0].read_at
        with staged_keys(connection, self.what.sobject, self.what.shown, pages) as (keys, _):
            read = classify(
                connection,
                self.what.sobject,
                keys,
                read_at=pages[0].read_at,
                since=since,
                run_id=self.with_.run_id,
            )
            there = connection.execute(sql.SQL("select id, is_deleted from {}").format(keys.name)).fetchall()
        visible = {record_id for record_id, _ in there}
        ledger.postpone(connection, table, [i for i in rest if i not in visible], "not_visible")
        held = _held(connection, table, [record_id for record_id, is_deleted in there if not is_deleted])
        ledger.drop_pending(connection, table, [i for i, is_deleted in there if is_deleted])
        # Held and visible, yet no row newer than announced came: it will, when its transaction is visible everywhere.
        ledger.postpone(connection, table, sorted(held), "not_yet_visible")
        self._drop_refused(
            connection, [i for i, is_deleted in there if not is_deleted and i not in held], scope
        )
        return Counts(tombstoned=read.tombstoned)

    def _drop_refused(self, connection: Connection, refused: Sequence[str], scope: Scope) -> None:
        """Forgets ids that exist but do not match, with the coverage that another predicate had promised (R10)."""
        table = self.what.sobject.table_name
        if self.what.sobject is OPPORTUNITY:
            ledger.drop_coverage_of_refused(
                connection, refused, list(scope.owners), scope.filters.digest, scope.filters.created_since
            )
        elif self.what.sobject.parent:
            connection.execute(
                """
                delete from fluint_sync.deal_coverage as covered using fluint_sync.pending as p
                where p.object = %(table)s and p.id = any (%(ids)s)
                  and covered.object = p.object and covered.opportunity_id = p.parent_id
                """,
                {"table": table, "ids": list(refused)},
            )
        ledger.drop_pending(connection, table, refused)

    def _postpone(self, ids: Sequence[str], reason: str, error: FluintError) -> None:
        with self.with_.database.transaction() as connection:
            ledger.postpone(
                connection, self.what.sobject.table_name, ids, reason, error.code or type(error).__name__
            )


def _parents_in_scope(connection: Connection, table: str, ids: Sequence[str]) -> list[str]:
    rows = connection.execute(
        """
        select distinct p.parent_id from fluint_sync.pending as p
        join fluint_entitlement.scope_deals as scope on scope.opportunity_id = p.parent_id
        where p.object = %s and p.id = any (%s) order by 1
        """,
        [table, list(ids)],
    )
    return [row[0] for row in rows]
