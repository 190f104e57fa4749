"""Keys and what becomes of them: held, entitled, deleted, moved away or none of our business (R1, first phase).

Staged keys are classified in SQL against the holdings of the same transaction. Reading full rows is not done here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from psycopg import sql

from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import Staged, staged
from orchestration.postgres.erased import keep_out
from orchestration.postgres.merge import lock_for_writing
from orchestration.salesforce.pages import Page
from orchestration.sync import under_way
from orchestration.sync.named import is_named, leave_unnamed, named_by_gone, reread_naming
from orchestration.sync.objects import CHILDREN, OPPORTUNITY, SObject, named_by
from orchestration.sync.scope import Scope

# A row read within this many seconds of its own stamp may be read before a second change with the same stamp was
# visible: stamps have a resolution of one second, and Salesforce shows a row only after its transaction has ended.
SETTLED = "interval '60 seconds'"
# That transaction can be a long one: it stamps a row in the second in which another change of it was committed, and is visible
# minutes later. So a row is read once more when its key is shown for the last time, unless it was read as late as that.
LONGEST = "interval '20 minutes'"


@contextmanager
def staged_keys(
    connection: Connection, sobject: SObject, shown: Collection[str], pages: Iterable[Page]
) -> Iterator[tuple[Staged, int]]:
    """Yields the keys of all pages as a temporary table with every key column, and how many there are."""
    with staged(connection, sobject.raw_table(sobject.keys(shown))) as table:
        count = sum(table.add_json(page.body, page.records_path) for page in pages)
        for absent in set(sobject.keys()) - set(sobject.keys(shown)):
            connection.execute(
                sql.SQL("alter table {} add column {} {}").format(
                    table.name, sql.Identifier(absent.column), sql.SQL(absent.type)
                )
            )
        yield table, count


def classify(
    connection: Connection,
    sobject: SObject,
    keys: Staged,
    scope: Scope,
    *,
    read_at: datetime,
    since: datetime,
    run_id: str,
    last_before: datetime | None = None,
    follows: bool = False,
) -> int:
    """Turns staged keys into tombstones, which it counts, and pending ids; the order of the steps is R1's.

    `scope` is read in the same transaction, once for everything in it that depends on it (R6). `read_at` is when the keys were
    true (UTC), `since` the cursor before this read: pending ids carry it, so that `data_as_of` does not run ahead of them. A window
    that `follows` the cursor begins there; keys of a listing may be older, and are pending since their stamps. No later window
    shows the keys that are stamped before `last_before`.
    """
    names = _names(sobject, keys, scope, read_at=read_at, run_id=run_id, last_before=last_before)
    names["since"] = sql.SQL(_FOLLOWED if follows else _MAYBE_OLDER).format(since=sql.Literal(since))
    _lock(connection, sobject)
    keep_out(connection, keys.name, keys.table)
    tombstoned = _run(connection, _TOMBSTONE_DELETED, names)
    _run(connection, _SETTLE_DELETED, names)
    if sobject.name == OPPORTUNITY.name:
        under_way.uncover_deals(connection, sql.SQL(_CHILDREN_OF_DEAL).format(**names))
    if sobject.named_by:
        reread_naming(connection, sobject, keys.name, read_at=read_at, since=since)
        _run(connection, _UNDELETED_WITHOUT_NAME, names)
    if sobject.can_be_merged:
        _run(connection, _NAME_THE_WINNER, names)
    tombstoned += _leave(connection, sobject, names, read_at=read_at, run_id=run_id)
    _run(connection, _PEND_HELD, names)
    _run(connection, _PEND_ENTITLED, names)
    return tombstoned


def pend_other(
    connection: Connection, sobject: SObject, rows: Staged, *, read_at: datetime, since: datetime
) -> None:
    """Makes held rows pending that did not take what arrived of them in part, read at `read_at`: they are another state, or were
    read later (R3). `since` is the cursor."""
    connection.execute(
        sql.SQL(_PEND_OTHER).format(
            table=sql.Literal(sobject.table_name),
            raw=sql.Identifier("raw_salesforce", sobject.table_name),
            arrived=rows.name,
            parent=_parent(sobject, "held"),
            read_at=sql.Literal(read_at),
            since=sql.Literal(since),
            into_pending=sql.SQL(_INTO_PENDING),
        )
    )


def pend_unseen(connection: Connection, sobject: SObject, ids: Sequence[str]) -> None:
    """Makes held rows pending that were asked for in part by these ids and did not come."""
    if not ids:
        return
    lock_for_writing(connection, sobject.raw_table())
    connection.execute(
        sql.SQL(_PEND_UNSEEN).format(
            table=sql.Literal(sobject.table_name),
            raw=sql.Identifier("raw_salesforce", sobject.table_name),
            parent=_parent(sobject, "held"),
        ),
        [list(ids)],
    )


def pend_incomplete(connection: Connection, sobject: SObject, rows: Staged, whole: Staged) -> int:
    """Makes pending what is among `rows` and not among the `whole` ones, because it changed while it was read; returns how many."""
    _lock(connection, sobject)  # who stores the whole ones next takes it too, and then it would be too late
    return connection.execute(
        sql.SQL(_PEND_INCOMPLETE).format(
            table=sql.Literal(sobject.table_name),
            arrived=rows.name,
            whole=whole.name,
            parent=_parent(sobject, "arrived"),
            into_pending=sql.SQL(_INTO_PENDING),
        )
    ).rowcount


def _lock(connection: Connection, sobject: SObject) -> None:
    if sobject.named_by:
        # In this order, as everybody takes them who stores rows that name others.
        lock_for_writing(connection, sobject.named_by.sobject.raw_table())
    lock_for_writing(connection, sobject.raw_table())


Names = dict[str, sql.Composable]


def _leave(connection: Connection, sobject: SObject, names: Names, *, read_at: datetime, run_id: str) -> int:
    """Tombstones what is out of scope by these keys; counts rows of this object, not those that the ones gone had named."""
    left = 0
    if sobject.parent and not sobject.parent_is_fixed:
        left += _run(connection, _TOMBSTONE_MOVED, names)
    for other in named_by(sobject):
        leave_unnamed(connection, other, named_by_gone(other, names["keys"]), read_at=read_at, run_id=run_id)
    if sobject.named_by:
        concerned = sql.SQL("select id from {keys}").format(**names)
        left += leave_unnamed(connection, sobject, concerned, read_at=read_at, run_id=run_id)
    return left


def _names(
    sobject: SObject,
    keys: Staged,
    scope: Scope,
    *,
    read_at: datetime,
    run_id: str,
    last_before: datetime | None,
) -> Names:
    """What the statements below are filled with."""
    return {
        "keys": keys.name,
        "raw": sql.Identifier("raw_salesforce", sobject.table_name),
        "table": sql.Literal(sobject.table_name),
        "read_at": sql.Literal(read_at),
        "run_id": sql.Literal(run_id),
        "settled": sql.SQL(SETTLED),
        "longest": sql.SQL(LONGEST),
        "last_before": sql.Literal(last_before),
        "reason": sql.SQL(_MERGED_OR_DELETED if sobject.can_be_merged else "'soft_deleted'"),
        "parent_column": sql.Identifier(sobject.parent_column or "id"),
        "parent": _parent(sobject),
        "entitled": _entitled(sobject, scope),
        "is_named": is_named(sobject, sql.SQL("held.id")) if sobject.named_by else sql.SQL("true"),
        "children": sql.Literal([child.table_name for child in CHILDREN]),
        "into_pending": sql.SQL(_INTO_PENDING),
    }


def _parent(sobject: SObject, alias: str = "k") -> sql.Composable:
    """The parent of a key `k`, or of a row, whose coverage goes when it turns out to be nobody's (R10)."""
    if sobject.name == OPPORTUNITY.name:
        return sql.Identifier(alias, "owner_id")
    return sql.Identifier(alias, sobject.parent_column) if sobject.parent_column else sql.SQL("null")


def _entitled(sobject: SObject, scope: Scope) -> sql.Composable:
    """When a key `k` that is not held is entitled. A deal that was admitted is in scope whatever its owner is now: retention."""
    if sobject.named_by:
        return is_named(sobject, sql.SQL("k.id"))
    deal = sql.Identifier("k", sobject.parent_column or "id")
    admitted = sql.SQL(_ADMITTED).format(deal=deal)
    return admitted if sobject.parent else sql.SQL("({} or {})").format(admitted, scope.admits())


def _run(connection: Connection, statement: str, names: Names) -> int:
    return connection.execute(sql.SQL(statement).format(**names)).rowcount


_MERGED_OR_DELETED = "case when k.master_record_id is not null then 'merged_into' else 'soft_deleted' end"
_ADMITTED = "exists (select from fluint_entitlement.scope_deals as scope where scope.opportunity_id = {deal})"

# The stamp and the time of reading move too, so that an older read that arrives later does not bring the row back.
_TOMBSTONE_DELETED = """
    update {raw} as held
    set is_deleted = true, system_modstamp = k.system_modstamp, _deleted_at = {read_at}, _deleted_reason = {reason},
        _read_at = {read_at}, _synced_at = now(), _run_id = {run_id}, _xact_id = pg_current_xact_id()
    from {keys} as k
    where k.id = held.id and k.is_deleted
      and (held._deleted_at is null or held._deleted_reason in ('moved_out_of_scope', 'not_visible'))
      and (k.system_modstamp, {read_at}) >= (held.system_modstamp, held._read_at)
"""

_NAME_THE_WINNER = """
    update {raw} as held set master_record_id = k.master_record_id, _xact_id = pg_current_xact_id()
    from {keys} as k
    where k.id = held.id and k.is_deleted and held._deleted_at = {read_at}
      and held.master_record_id is distinct from k.master_record_id
"""

_SETTLE_DELETED = """
    delete from fluint_sync.pending as p using {keys} as k
    where p.object = {table} and p.id = k.id and k.is_deleted and (p.stamp is null or p.stamp <= k.system_modstamp)
"""

# A deal whose IsDeleted flipped moves its children without stamping all of them (R8).
_CHILDREN_OF_DEAL = """
    select child.object, k.id
    from {keys} as k join {raw} as held on held.id = k.id, unnest({children}::text[]) as child (object)
    where k.is_deleted or held._deleted_at is not null
"""

# What is back and what no live row names is out of scope until the rows that named it, read again, say otherwise.
_UNDELETED_WITHOUT_NAME = """
    update {raw} as held set _deleted_reason = 'moved_out_of_scope', _xact_id = pg_current_xact_id()
    from {keys} as k
    where k.id = held.id and not k.is_deleted and k.system_modstamp >= held.system_modstamp
      and held._deleted_at is not null and held._deleted_reason <> 'moved_out_of_scope' and not {is_named}
"""

# A deleted one too, which may be back under a foreign deal: it would be asked for, and never come, as long as it lives.
_TOMBSTONE_MOVED = """
    update {raw} as held
    set {parent_column} = {parent}, is_deleted = false, system_modstamp = k.system_modstamp, _deleted_at = {read_at},
        _deleted_reason = 'moved_out_of_scope', _read_at = {read_at}, _synced_at = now(), _run_id = {run_id},
        _xact_id = pg_current_xact_id()
    from {keys} as k
    where k.id = held.id and not k.is_deleted and (held._deleted_at is null or held._deleted_reason = 'soft_deleted')
      and (k.system_modstamp, {read_at}) >= (held.system_modstamp, held._read_at) and not {entitled}
"""

# Since when an id waits: see `classify`.
_FOLLOWED = "{since}::timestamptz"
_MAYBE_OLDER = "least({since}::timestamptz, k.system_modstamp)"

# One id pending twice keeps its oldest `since` and its newest stamp: data_as_of must not run ahead of it, nor the fetch
# settle with a row that is older than what was announced. Stamps have a resolution of a second: within one, a record can get
# another parent, and the fetch would go on asking for it by the former one.
_INTO_PENDING = """
    on conflict (object, id) do update
    set stamp = excluded.stamp, parent_id = excluded.parent_id, reason = excluded.reason,
        since = least(pending.since, excluded.since), retry_at = null
    where excluded.stamp > pending.stamp or pending.stamp is null
       or (excluded.stamp = pending.stamp and excluded.parent_id is distinct from pending.parent_id)
"""

_PEND_HELD = """
    insert into fluint_sync.pending (object, id, parent_id, reason, stamp, since)
    select {table}, k.id, {parent}, 'changed', k.system_modstamp, {since}
    from {keys} as k join {raw} as held on held.id = k.id
    where not k.is_deleted and coalesce(held._deleted_reason, '') <> 'moved_out_of_scope'
      and (k.system_modstamp > held.system_modstamp
           or (k.system_modstamp = held.system_modstamp and held._read_at < {read_at}
               and (held._read_at < held.system_modstamp + {settled}
                    or (k.system_modstamp < {last_before}::timestamptz
                        and held._read_at < held.system_modstamp + {longest})))
           or (k.system_modstamp = held.system_modstamp and held._deleted_at is not null))
    {into_pending}
"""

_PEND_OTHER = """
    insert into fluint_sync.pending (object, id, parent_id, reason, stamp, since)
    select {table}, arrived.id, {parent}, 'changed', greatest(arrived.system_modstamp, held.system_modstamp), {since}
    from {arrived} as arrived join {raw} as held on held.id = arrived.id
    where (arrived.system_modstamp <> held.system_modstamp or held._read_at > {read_at}) and held._deleted_at is null
    {into_pending}
"""

_PEND_UNSEEN = """
    insert into fluint_sync.pending (object, id, parent_id, reason, since)
    select {table}, held.id, {parent}, 'reread',
           coalesce((select position from fluint_sync.cursor where object = {table}), now())
    from {raw} as held where held.id = any (%s) and held._deleted_at is null
    on conflict (object, id) do nothing
"""

_PEND_INCOMPLETE = """
    insert into fluint_sync.pending (object, id, parent_id, reason, stamp, since)
    select {table}, arrived.id, {parent}, 'changed', arrived.system_modstamp,
           least(arrived.system_modstamp, (select position from fluint_sync.cursor where object = {table}))
    from {arrived} as arrived where not exists (select from {whole} as whole where whole.id = arrived.id)
    {into_pending}
"""

_PEND_ENTITLED = """
    insert into fluint_sync.pending (object, id, parent_id, reason, stamp, since)
    select {table}, k.id, {parent}, 'entitled', k.system_modstamp, {since}
    from {keys} as k
    where not k.is_deleted and {entitled}
      and not exists (select from {raw} as held where held.id = k.id and held._deleted_at is null)
    {into_pending}
"""
