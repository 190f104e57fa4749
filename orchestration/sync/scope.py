"""Who and what may come in, read once for all the statements of a transaction that depend on it (R6).

A transaction of ours sees what others commit between two of its statements. An owner who is judged unlicensed by one statement and
licensed by the next would lose a change for good: the key is forgotten, and the coverage that says nothing is missing stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from orchestration.entitlement.filters import KEY_PASSES, BackfillFilter, read_filter
from orchestration.entitlement.licences import scope_owners
from orchestration.postgres.connection import Connection


@dataclass(frozen=True)
class Scope:
    """The scope predicate at one moment; `owners` maps a Salesforce user's id to the rule that matched it."""

    owners: dict[str, str]
    filters: BackfillFilter

    def admits(self) -> sql.Composed:
        """SQL that is true of a key `k` of an opportunity that may come in, as far as a key can tell.

        Owners with `in`, which Postgres evaluates once: 12,000 keys among 10,000 users took 79 s with a correlated `exists`.
        """
        filters = self.filters
        return sql.SQL(
            """
            (k.owner_id in (select unnest({owners}::text[]))
             and exists (select from (select {since}::timestamptz as created_since, {stages}::text[] as excluded_stages,
                                             {record_types}::text[] as excluded_record_types) as f where {key_passes}))
            """
        ).format(
            owners=sql.Literal(list(self.owners)),
            since=sql.Literal(filters.created_since),
            stages=sql.Literal(list(filters.excluded_stages)),
            record_types=sql.Literal(list(filters.excluded_record_types)),
            key_passes=sql.SQL(KEY_PASSES),
        )


def scope_now(connection: Connection) -> Scope:
    """The scope predicate as it stands in this transaction."""
    return Scope(scope_owners(connection), read_filter(connection))
