"""What is held, to be compared with Salesforce's counts: the scope predicate over raw rows, in SQL. Asks our tables only.

Every function works inside the caller's transaction. Rows that were read after a comparison began are no candidates of it: Salesforce
may have shown them for the first time then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import sql

from orchestration.postgres.connection import Connection
from orchestration.postgres.erased import erased_among
from orchestration.sync.named import still_names
from orchestration.sync.objects import OPPORTUNITY, SObject
from orchestration.sync.scope import Scope

# Owner of a deal (empty for everything else) and the first day of a month in UTC: a row of the comparison.
Place = tuple[str, date]

# The filter's rules over rows that are held, as `BackfillFilter.rules` says them in SOQL: an empty value is not among excluded ones,
# and a deal without an amount is below any minimum.
_MATCHES = sql.SQL(
    """
    (deal.owner_id = any (%(owners)s)
     and (%(since)s::timestamptz is null or deal.created_date >= %(since)s)
     and not coalesce(deal.stage_name = any (%(stages)s), false)
     and not coalesce(deal.record_type_id = any (%(record_types)s), false)
     and (%(minimum)s::numeric is null or coalesce(deal.amount >= %(minimum)s, false)))
    """
)
_MONTH = sql.SQL("date_trunc('month', {}.created_date at time zone 'UTC')::date")
_DEAL_MONTH = _MONTH.format(sql.Identifier("deal"))


@dataclass(frozen=True)
class DealWithChildren:
    """An admitted deal and how many live children of one object are held of it."""

    id: str
    month: date
    children: int


def _parameters(scope: Scope) -> dict[str, Any]:
    filters = scope.filters
    return {
        "owners": list(scope.owners),
        "since": filters.created_since,
        "stages": list(filters.excluded_stages),
        "record_types": list(filters.excluded_record_types),
        "minimum": filters.minimum_amount,
    }


def covered_owners(connection: Connection, scope: Scope) -> list[str]:
    """Owners in scope whose deals were all listed under the filter in force; of others a count says nothing yet."""
    rows = connection.execute(
        """
        select owner_id from fluint_sync.owner_coverage
        where digest = %(digest)s and owner_id = any (%(owners)s)
          and created @> tstzrange(%(since)s::timestamptz, null) order by 1
        """,
        _parameters(scope) | {"digest": scope.filters.digest},
    )
    return [row[0] for row in rows]


def count_deals(connection: Connection, scope: Scope, owners: Sequence[str]) -> dict[Place, int]:
    """(owner, month) → live deals of these owners that match the scope predicate now."""
    rows = connection.execute(
        sql.SQL(
            """
            select deal.owner_id, {month}, count(*) from raw_salesforce.opportunity as deal
            where deal._deleted_at is null and {matches} group by 1, 2
            """
        ).format(month=_DEAL_MONTH, matches=_MATCHES),
        _parameters(scope) | {"owners": list(owners)},
    )
    return {(owner, month): count for owner, month, count in rows}


def deals_of(
    connection: Connection, scope: Scope, owners: Sequence[str], first: date, end: date, before: datetime
) -> dict[str, Place]:
    """Live deals of these owners of the months from `first` up to `end` that match the predicate and were read before then."""
    rows = connection.execute(
        sql.SQL(
            """
            select deal.id, deal.owner_id, {month} from raw_salesforce.opportunity as deal
            where deal._deleted_at is null and deal._read_at < %(before)s and {matches}
              and deal.created_date >= %(first)s::date and deal.created_date < %(end)s::date
            """
        ).format(month=_DEAL_MONTH, matches=_MATCHES),
        _parameters(scope) | {"owners": list(owners), "first": first, "end": end, "before": before},
    )
    return {record_id: (owner_id, month) for record_id, owner_id, month in rows}


def kept_deals(connection: Connection, scope: Scope, before: datetime) -> dict[str, Place]:
    """Live deals that came in earlier and do not match the scope predicate now: nobody's count contains them."""
    rows = connection.execute(
        sql.SQL(
            """
            select deal.id, deal.owner_id, {month} from raw_salesforce.opportunity as deal
            where deal._deleted_at is null and deal._read_at < %(before)s and not {matches} order by 1
            """
        ).format(month=_DEAL_MONTH, matches=_MATCHES),
        _parameters(scope) | {"before": before},
    )
    return {record_id: (owner_id, month) for record_id, owner_id, month in rows}


def read_before(connection: Connection, sobject: SObject, before: datetime) -> dict[str, Place]:
    """Live rows that were read before then, each with its place: of what has no parent, the month in which it was created."""
    which = sql.SQL("held._deleted_at is null and held._read_at < %s")
    rows = connection.execute(_placed(sobject, which), [before])
    return {record_id: (owner, month) for record_id, owner, month in rows}


def named_and_not_held(connection: Connection, sobject: SObject) -> list[str]:
    """What a live or hidden row names and that is neither held, pending nor erased: nobody would ever ask for it."""
    by = sobject.named_by
    if by is None:
        return []
    rows = connection.execute(
        sql.SQL(
            """
            select distinct namer.{column} from {namer} as namer
            where {still} and namer.{column} is not null
              and not exists (select from {raw} as held
                              where held.id = namer.{column} and coalesce(held._deleted_reason, '') <> 'moved_out_of_scope')
              and not exists (select from fluint_sync.pending as p where p.object = {table} and p.id = namer.{column})
            """
        ).format(
            column=sql.Identifier(by.column),
            still=still_names("namer"),
            namer=_raw(by.sobject),
            raw=_raw(sobject),
            table=sql.Literal(sobject.table_name),
        )
    )
    named = [row[0] for row in rows]
    erased = erased_among(connection, named)
    return [record_id for record_id in named if record_id not in erased]


def deals_with_children(connection: Connection, sobject: SObject) -> list[DealWithChildren]:
    """Admitted deals and how many children of the object are held of each, in the order of their creation.

    Live ones whose children were listed, and deleted ones of which some are still held: a deal that was purged takes its roles along
    without a word.
    """
    rows = connection.execute(
        sql.SQL(
            """
            select deal.id, {month}, count(child.id)
            from fluint_entitlement.scope_deals as scope
            join raw_salesforce.opportunity as deal on deal.id = scope.opportunity_id
            left join {children} as child on child.{parent} = deal.id and child._deleted_at is null
            where deal._deleted_at is not null
               or exists (select from fluint_sync.deal_coverage as covered
                          where covered.object = {table} and covered.opportunity_id = deal.id)
            group by deal.id having deal._deleted_at is null or count(child.id) > 0
            order by deal.created_date, deal.id
            """
        ).format(
            month=_DEAL_MONTH,
            children=_raw(sobject),
            parent=_parent(sobject),
            table=sql.Literal(sobject.table_name),
        )
    )
    return [DealWithChildren(*row) for row in rows]


def children_of(
    connection: Connection, sobject: SObject, deals: Sequence[str], before: datetime
) -> dict[str, Place]:
    """Live children of these deals that were read before then, each with the month of its deal."""
    rows = connection.execute(
        sql.SQL(
            """
            select child.id, {month} from {raw} as child
            join raw_salesforce.opportunity as deal on deal.id = child.{parent}
            where child.{parent} = any (%s) and child._deleted_at is null and child._read_at < %s
            """
        ).format(month=_DEAL_MONTH, parent=_parent(sobject), raw=_raw(sobject)),
        [list(deals), before],
    )
    return {record_id: ("", month) for record_id, month in rows}


def held_among(
    connection: Connection, sobject: SObject, ids: Collection[str], before: datetime | None = None
) -> dict[str, Place]:
    """Which of these ids are held live (and were read before then, if given), each with its place."""
    which = sql.SQL(
        "held.id = any (%(ids)s) and held._deleted_at is null"
        " and (%(before)s::timestamptz is null or held._read_at < %(before)s)"
    )
    rows = connection.execute(_placed(sobject, which), {"ids": list(ids), "before": before})
    return {record_id: (owner, month) for record_id, owner, month in rows}


def hidden(connection: Connection, sobject: SObject) -> dict[str, Place]:
    """Rows that were marked because Salesforce no longer showed them: it may show them again, and no stamp tells."""
    rows = connection.execute(_placed(sobject, sql.SQL("held._deleted_reason = 'not_visible'")))
    return {record_id: (owner, month) for record_id, owner, month in rows}


def _placed(sobject: SObject, which: sql.SQL) -> sql.Composed:
    """A query of rows (alias `held`) with their places: those of children are the months of their deals."""
    has_deal = sobject.parent is not None
    deal = sql.SQL("left join raw_salesforce.opportunity as deal on deal.id = held.{}")
    return sql.SQL(
        "select held.id, {owner}, coalesce({month}, date '1970-01-01') from {raw} as held {deal} where {which}"
    ).format(
        owner=sql.SQL("held.owner_id" if sobject.name == OPPORTUNITY.name else "''"),
        month=_DEAL_MONTH if has_deal else _MONTH.format(sql.Identifier("held")),
        raw=_raw(sobject),
        deal=deal.format(_parent(sobject)) if has_deal else sql.SQL(""),
        which=which,
    )


def live(connection: Connection, sobject: SObject, ids: Collection[str]) -> set[str]:
    """Which of these ids are held and not tombstoned."""
    rows = connection.execute(
        sql.SQL("select id from {} where id = any (%s) and _deleted_at is null").format(_raw(sobject)),
        [list(ids)],
    )
    return {row[0] for row in rows}


def count_live(connection: Connection, sobject: SObject) -> int:
    """How many rows of the object are held and not tombstoned."""
    row = connection.execute(
        sql.SQL("select count(*) from {} where _deleted_at is null").format(_raw(sobject))
    ).fetchone()
    return int(row[0]) if row else 0


def _raw(sobject: SObject) -> sql.Identifier:
    return sql.Identifier("raw_salesforce", sobject.table_name)


def _parent(sobject: SObject) -> sql.Identifier:
    return sql.Identifier(sobject.parent_column or "id")
