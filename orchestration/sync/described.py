"""The ledger of describes in SQL: what each object showed last, how that changed, which objects are not there. No decisions.

Every function works inside the caller's transaction. What our columns hold is raw_columns.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestration.postgres.connection import Connection
from orchestration.salesforce.describe import DescribedField
from orchestration.sync.drift import Change, Remembered


def is_known(connection: Connection, table: str, asked: Sequence[str]) -> bool:
    """Whether the object was described within the hour by somebody who wanted the same of it."""
    row = connection.execute(
        "select asked = %s from fluint_sync.described_object where object = %s and described_at > now() - interval '1 hour'",
        [list(asked), table],
    ).fetchone()
    return bool(row and row[0])


def forget(connection: Connection, table: str) -> None:
    """Makes the next reader describe the object again; what it showed stays known, for comparison."""
    connection.execute("delete from fluint_sync.described_object where object = %s", [table])


def fields_before(connection: Connection, table: str) -> dict[str, Remembered]:
    """Path in lower case → the field as it was last described, those that are gone included."""
    rows = connection.execute(
        "select field, type, length, gone_at is not null from fluint_sync.described_field where object = %s",
        [table],
    )
    return {field.lower(): Remembered(field, *rest) for field, *rest in rows}


def remember(
    connection: Connection,
    table: str,
    shown: Mapping[str, DescribedField],
    changes: Iterable[Change],
    asked: Sequence[str],
) -> None:
    """Keeps a describe: the fields as they are now, what is gone since the last one, and what changed."""
    connection.execute(
        """
        insert into fluint_sync.described_object (object, fields, described_at, asked) values (%s, %s, now(), %s)
        on conflict (object) do update
        set fields = excluded.fields, described_at = excluded.described_at, asked = excluded.asked
        """,
        [table, sorted(shown), list(asked)],
    )
    _keep_fields(connection, table, shown)
    connection.cursor().executemany(
        "insert into fluint_sync.field_change (object, field, kind, was, is_now) values (%s, %s, %s, %s, %s)",
        [(table, each.field, each.kind, each.was, each.is_now) for each in changes],
    )


def _keep_fields(connection: Connection, table: str, shown: Mapping[str, DescribedField]) -> None:
    # A field that was renamed in case is the same field.
    connection.execute(
        "delete from fluint_sync.described_field where object = %s and lower(field) = any (%s) and not field = any (%s)",
        [table, [path.lower() for path in shown], list(shown)],
    )
    connection.execute(
        """
        insert into fluint_sync.described_field as held (object, field, type, length, is_calculated)
        select %(table)s, * from unnest(%(paths)s::text[], %(types)s::text[], %(lengths)s::int[], %(calculated)s::boolean[])
        on conflict (object, field) do update
        set type = excluded.type, length = excluded.length, is_calculated = excluded.is_calculated, gone_at = null
        where (held.type, held.length, held.is_calculated) is distinct from (excluded.type, excluded.length, excluded.is_calculated)
           or held.gone_at is not null
        """,
        {
            "table": table,
            "paths": list(shown),
            "types": [each.type for each in shown.values()],
            "lengths": [each.length for each in shown.values()],
            "calculated": [each.calculated for each in shown.values()],
        },
    )
    connection.execute(
        "update fluint_sync.described_field set gone_at = now() where object = %s and gone_at is null and not field = any (%s)",
        [table, list(shown)],
    )


def changes_since(connection: Connection, table: str, since: datetime) -> list[tuple[Any, ...]]:
    """What changed since then (UTC): field, kind, what it was, what it is now, and when that was seen; the newest first."""
    return connection.execute(
        """
        select field, kind, was, is_now, seen_at from fluint_sync.field_change
        where object = %s and seen_at >= %s order by seen_at desc, field, kind
        """,
        [table, since],
    ).fetchall()


def note_unavailable(connection: Connection, table: str) -> None:
    """Notes that the org does not show the object now."""
    connection.execute(
        """
        insert into fluint_sync.unavailable_object (object, seen_at) values (%s, now())
        on conflict (object) do update set seen_at = excluded.seen_at
        """,
        [table],
    )


def note_available(connection: Connection, table: str) -> None:
    """Notes that it does."""
    connection.execute("delete from fluint_sync.unavailable_object where object = %s", [table])


def was_unavailable(connection: Connection, table: str) -> bool:
    """Whether the org did not show the object when it was asked within the last ten minutes."""
    row = connection.execute(
        "select from fluint_sync.unavailable_object where object = %s and seen_at > now() - interval '10 minutes'",
        [table],
    ).fetchone()
    return row is not None
