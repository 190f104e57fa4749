"""The workspace's backfill filter: its value, its digest, and the same rule as SOQL (the authority) and as SQL over keys.

Owners are left out by the view `scope_owners` (licences.py), which stands beside what is here; what a person may write for a
stage, a record type or an owner is known.py's; what the sync does when a filter changes is in sync/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orchestration.postgres.connection import Connection
from orchestration.salesforce import soql


@dataclass(frozen=True)
class BackfillFilter:
    """What an opportunity must satisfy besides its owner; an empty one lets everything pass.

    `created_since` is aware (UTC) or None for the beginning of time; stages are API names, record types and owners are ids
    (18 characters). A deal without an amount is below any minimum.

    The date is a date, also where a person said "last year": whoever is licensed next month then gets the same deals as
    everybody else, and a load from scratch the same as the tables that grew. A start that moves with the clock would also be
    another filter at each midnight, and end the listings that run through it.
    """

    created_since: datetime | None = None
    excluded_stages: tuple[str, ...] = ()
    excluded_record_types: tuple[str, ...] = ()
    minimum_amount: Decimal | None = None
    excluded_owners: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Identifies what a deal itself must satisfy, apart from `created_since`, which coverage expresses as a range (R4).

        Coverage is kept per owner, so leaving one out is no business of the others': it must not list them again. What is
        added here later must leave the digest of filters that do not use it as it is, or an upgrade lists everything anew.
        """
        parts = [
            sorted(self.excluded_stages),
            sorted(self.excluded_record_types),
            # None and zero differ: a deal without an amount is below any minimum.
            "" if self.minimum_amount is None else str(self.minimum_amount),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def rules(self) -> tuple[FilterRule, ...]:
        """What a deal must satisfy besides its owner and `created_since`: a rule per part that is set, in the order of reasons."""
        rules: list[FilterRule] = []
        if self.excluded_stages:
            rules.append(_not_among("stage_excluded", "StageName", self.excluded_stages))
        if self.excluded_record_types:
            rules.append(_not_among("record_type_excluded", "RecordTypeId", self.excluded_record_types))
        if self.minimum_amount is not None:
            # Without an ISO code before it SOQL compares the bare number in whatever currency the deal has, as Postgres does in
            # `ledger` and `held`; with one it would convert at a rate that we do not have ("Querying Currency Fields in Multicurrency
            # Orgs", SOQL reference).
            too_small = soql.compare("Amount", "<", self.minimum_amount)
            refuses = soql.any_of([too_small, soql.equal("Amount", None)])
            passes = soql.compare("Amount", ">=", self.minimum_amount)
            rules.append(FilterRule("amount_below_minimum", passes, refuses))
        return tuple(rules)

    def conditions(self) -> list[str]:
        """The filter as SOQL conditions on the deals of owners in scope."""
        return soql.within("CreatedDate", self.created_since, None) + [rule.passes for rule in self.rules()]


@dataclass(frozen=True)
class FilterRule:
    """One part of the filter: the reason it gives, and SOQL that is true of deals that pass it or are refused by it."""

    reason: str
    passes: str
    refuses: str


def _not_among(reason: str, field: str, values: Sequence[str]) -> FilterRule:
    # SOQL's NOT IN lets empty values pass, so that both sides together are all deals.
    return FilterRule(reason, soql.is_not_in(field, sorted(values)), soql.is_in(field, sorted(values)))


# What a key alone can tell; the amount is not part of a key, so the fetch decides on it.
KEY_PASSES = """
    (f.created_since is null or k.created_date >= f.created_since)
    and (k.stage_name is null or not k.stage_name = any (f.excluded_stages))
    and (k.record_type_id is null or not k.record_type_id = any (f.excluded_record_types))
"""


def read_filter(connection: Connection) -> BackfillFilter:
    """The filter in force; call it inside the transaction that uses the answer (R6)."""
    row = connection.execute(
        """
        select created_since, excluded_stages, excluded_record_types, minimum_amount, excluded_owners
        from fluint_app.backfill_filter
        """
    ).fetchone()
    if row is None:
        return BackfillFilter()
    since, stages, record_types, minimum, owners = row
    return BackfillFilter(since, tuple(stages), tuple(record_types), minimum, tuple(owners))


def owned_by(owner_ids: Sequence[str]) -> str:
    """The SOQL condition on the owner."""
    return soql.is_in("OwnerId", sorted(owner_ids))


def write_filter(connection: Connection, new: BackfillFilter) -> None:
    """Puts a filter in force; what was admitted before stays."""
    connection.execute(
        """
        insert into fluint_app.backfill_filter (singleton, created_since, excluded_stages, excluded_record_types,
                                                minimum_amount, excluded_owners)
        values (true, %s, %s, %s, %s, %s)
        on conflict (singleton) do update
        set created_since = excluded.created_since, excluded_stages = excluded.excluded_stages,
            excluded_record_types = excluded.excluded_record_types, minimum_amount = excluded.minimum_amount,
            excluded_owners = excluded.excluded_owners, updated_at = now()
        """,
        [
            new.created_since,
            list(new.excluded_stages),
            list(new.excluded_record_types),
            new.minimum_amount,
            list(new.excluded_owners),
        ],
    )
