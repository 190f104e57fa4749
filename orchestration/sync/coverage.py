"""Questions about what is covered: parents without coverage, months that are complete. Reads our ledger only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from orchestration.entitlement.filters import read_filter
from orchestration.postgres.connection import Database
from orchestration.sync import ledger
from orchestration.sync.objects import BY_TABLE, CHILDREN
from orchestration.sync.raw_columns import count_missing

_MOST_IDS = 20


@dataclass(frozen=True)
class MissingParents:
    """Entitled parents without coverage: how many, and the ids of at most twenty owners among them; and columns without."""

    owners: int
    deals: int
    owner_ids: tuple[str, ...]
    columns: int = 0

    @property
    def count(self) -> int:
        """Owners, deals and columns together."""
        return self.owners + self.deals + self.columns


def missing_parents(database: Database, tables: Collection[str] = tuple(BY_TABLE)) -> MissingParents:
    """Counts owners and deals whose rows or children are not all held, and columns that are not, whatever the cause.

    `tables` are those that are read; what the org does not have at all is not missing.
    """
    children = [child.table_name for child in CHILDREN if child.table_name in tables]
    with database.transaction() as connection:
        filters = read_filter(connection)
        ranges = ledger.missing_ranges(connection, filters.digest, filters.created_since)
        owners = sorted({owner for some in ranges.values() for owner in some})
        deals = connection.execute(
            """
            select count(distinct deal.id) from fluint_entitlement.scope_deals as scope
            join raw_salesforce.opportunity as deal on deal.id = scope.opportunity_id and deal._deleted_at is null
            cross join unnest(%s::text[]) as wanted (object)
            where wanted.object not in (select object from fluint_sync.unavailable_object)
              and not exists (select from fluint_sync.deal_coverage as covered
                              where covered.object = wanted.object and covered.opportunity_id = deal.id)
            """,
            [children],
        ).fetchone()
        columns = count_missing(connection, tables)
    return MissingParents(len(owners), int(deals[0]) if deals else 0, tuple(owners[:_MOST_IDS]), columns)


def covered_months(database: Database, first: date) -> dict[date, bool]:
    """First day of month (UTC, from `first` to the current one) → whether every entitled owner's range covers it.

    Months that end before the filter's `created_since` are left out, and so is everything while no owner is entitled.
    The first month stands for all that was created before it, too.
    """
    with database.transaction() as connection:
        filters = read_filter(connection)
        rows = connection.execute(
            """
            with entitled as (
                select coalesce(coverage.created, '{}') as created
                from fluint_entitlement.scope_owners as scope
                left join fluint_sync.owner_coverage as coverage
                  on coverage.owner_id = scope.owner_id and coverage.digest = %(digest)s
            ), months as (
                select month::date as month,
                       tstzrange(case when month = %(first)s then null else month at time zone 'UTC' end,
                                 least((month + interval '1 month') at time zone 'UTC', now()))
                       * tstzrange(%(since)s, null) as wanted
                from generate_series(%(first)s::timestamp, now() at time zone 'UTC', interval '1 month') as month
            )
            select months.month, bool_and(entitled.created @> months.wanted)
            from months cross join entitled where not isempty(months.wanted)
            group by 1 order by 1
            """,
            {"digest": filters.digest, "since": filters.created_since, "first": first},
        ).fetchall()
    return dict(rows)
