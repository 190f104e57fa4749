"""The workspace's backfill filter: its value, its digest, and the same rule as SOQL (the authority) and as SQL over keys.

The rule on owners is not here (licences.py), nor what the sync does when a filter changes (sync/).
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection
from orchestration.salesforce import soql


@dataclass(frozen=True)
class BackfillFilter:
    """What an opportunity must satisfy besides its owner; an empty one lets everything pass.

    `created_since` is aware (UTC) or None for the beginning of time; stages are API names, record types are ids. A deal
    without an amount is below any minimum.
    """

    created_since: datetime | None = None
    excluded_stages: tuple[str, ...] = ()
    excluded_record_types: tuple[str, ...] = ()
    minimum_amount: Decimal | None = None

    @property
    def digest(self) -> str:
        """Identifies the filter without `created_since`, which coverage expresses as a range instead (R4)."""
        parts = [
            sorted(self.excluded_stages),
            sorted(self.excluded_record_types),
            # None and zero differ: a deal without an amount is below any minimum.
            "" if self.minimum_amount is None else str(self.minimum_amount),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def rules(self) -> tuple[FilterRule, ...]:
        """The filter apart from `created_since`, one rule per part that is set, in the order in which reasons are given."""
        rules: list[FilterRule] = []
        if self.excluded_stages:
            rules.append(_not_among("stage_excluded", "StageName", self.excluded_stages))
        if self.excluded_record_types:
            rules.append(_not_among("record_type_excluded", "RecordTypeId", self.excluded_record_types))
        if self.minimum_amount is not None:
            too_small = soql.compare("Amount", "<", self.minimum_amount)
            refuses = soql.any_of([too_small, soql.equal("Amount", None)])
            passes = soql.compare("Amount", ">=", self.minimum_amount)
            rules.append(FilterRule("amount_below_minimum", passes, refuses))
        return tuple(rules)

    def conditions(self) -> list[str]:
        """The whole filter as SOQL conditions that a deal must satisfy."""
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
        "select created_since, excluded_stages, excluded_record_types, minimum_amount from fluint_app.backfill_filter"
    ).fetchone()
    if row is None:
        return BackfillFilter()
    since, stages, record_types, minimum = row
    return BackfillFilter(since, tuple(stages), tuple(record_types), minimum)


def owned_by(owner_ids: Sequence[str]) -> str:
    """The SOQL condition on the owner."""
    return soql.is_in("OwnerId", sorted(owner_ids))


def write_filter(connection: Connection, new: BackfillFilter) -> None:
    """Puts a filter in force; what was admitted before stays."""
    connection.execute("delete from fluint_app.backfill_filter")
    connection.execute(
        """
        insert into fluint_app.backfill_filter (created_since, excluded_stages, excluded_record_types, minimum_amount)
        values (%s, %s, %s, %s)
        """,
        [new.created_since, list(new.excluded_stages), list(new.excluded_record_types), new.minimum_amount],
    )


def known_stages(connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    """The stages as the org writes them; raises SetupError with the nearest names for one that it does not know."""
    rows = connection.execute("select api_name, api_name from raw_salesforce.opportunity_stage").fetchall()
    return tuple(_known("stage", name, dict(rows)) for name in names)


def known_record_types(connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    """The ids of Opportunity's record types given by name, developer name or id; raises SetupError for an unknown one."""
    rows = connection.execute(
        """
        select word, id from raw_salesforce.record_type, unnest(array[name, developer_name, id]) as word
        where sobject_type = 'Opportunity' and word is not null
        """
    ).fetchall()
    return tuple(_known("record type", name, dict(rows)) for name in names)


def _known(kind: str, name: str, known: dict[str, str]) -> str:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5) or sorted(known)[:10]
    among = (
        f"Near it: {', '.join(near)}." if near else "Connect and sync once, so that the org's own are known."
    )
    raise SetupError(f"The org knows no {kind} {name!r}. {among} Nothing was changed.")
