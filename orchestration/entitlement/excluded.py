"""What stays out and why, in counts: Salesforce counts, we subtract what is held. No record is read for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestration.entitlement.filters import BackfillFilter, owned_by, read_filter
from orchestration.entitlement.licences import reasons_out_of_scope, scope_owners
from orchestration.errors import FluintError, TooMuchAskedError
from orchestration.postgres.connection import Connection, Database
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Record
from orchestration.salesforce.spans import FOUNDED, middle_of


def count_excluded(database: Database, salesforce: Salesforce) -> int:
    """Writes how many live deals per owner and reason Salesforce has and we do not hold; returns their number.

    The first reason that applies counts: the owner, then the date, the stage, the record type, the amount.
    """
    with database.transaction() as connection:
        in_scope, out_of_scope = scope_owners(connection), reasons_out_of_scope(connection)
        filters = read_filter(connection)
    questions = list(_questions(sorted(in_scope), sorted(out_of_scope), filters))
    counted: Counter[tuple[str, str]] = Counter()
    with salesforce.purpose("counts"):
        for reason, row in _answers(salesforce, questions):
            owner = row["OwnerId"]
            counted[owner, reason or out_of_scope.get(owner, "owner_not_in_fluint")] += int(row["deals"])
    with database.transaction() as connection:
        return _write(connection, _without_held(connection, counted, filters))


@dataclass(frozen=True)
class _Question:
    """How many live deals of each of these owners are left out for a reason; an empty one means that the owner's own applies.

    Only those created in [start, end) are asked for; None is open.
    """

    reason: str
    owners: Sequence[str]
    where: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None

    @property
    def soql(self) -> str:
        """The question as Salesforce reads it."""
        created = soql.within("CreatedDate", self.start, self.end)
        where = [owned_by(self.owners), *created, *self.where, soql.equal("IsDeleted", False)]
        return soql.select(["OwnerId", "COUNT(Id) deals"], "Opportunity", where, group_by=["OwnerId"])

    def halves(self, now: datetime) -> list[_Question]:
        """Two questions that together are this one: half of the owners each, or half of one owner's time. None of one second."""
        if len(self.owners) > 1:
            middle = len(self.owners) // 2
            return [replace(self, owners=half) for half in (self.owners[:middle], self.owners[middle:])]
        cut = middle_of(self.start or FOUNDED, self.end or now)
        return [replace(self, end=cut), replace(self, start=cut)] if cut else []


def _questions(in_scope: Sequence[str], out: Sequence[str], filters: BackfillFilter) -> Iterator[_Question]:
    # A chunk is below the 2,000 groups that a grouped query returns at most (SOQL limits); here a group is an owner.
    for some in soql.chunked(out):
        yield _Question("", some)
    since = filters.created_since
    for some in soql.chunked(in_scope):
        if since:
            yield _Question("created_before", some, end=since)
        passed: tuple[str, ...] = ()
        for rule in filters.rules():
            yield _Question(rule.reason, some, (*passed, rule.refuses), start=since)
            passed = (*passed, rule.passes)


def _answers(salesforce: Salesforce, questions: Sequence[_Question]) -> Iterator[tuple[str, Record]]:
    """(reason, owner with the number of deals), in several parts where it was too much for one answer."""
    answers = salesforce.query_many([question.soql for question in questions])
    for question, answer in zip(questions, answers, strict=True):
        if isinstance(answer, TooMuchAskedError) and (halves := question.halves(salesforce.server_time())):
            yield from _answers(salesforce, halves)
        elif isinstance(answer, FluintError):
            raise answer
        else:
            yield from ((question.reason, row) for row in answer.records())


def _without_held(
    connection: Connection, counted: Mapping[tuple[str, str], int], filters: BackfillFilter
) -> dict[tuple[str, str], int]:
    """Subtracts deals that were admitted before and are held, though they would not come in today."""
    held = connection.execute(
        """
        select owner_id,
               case when not exists (select from fluint_entitlement.scope_owners as s where s.owner_id = deal.owner_id)
                         then null
                    when created_date < %(since)s then 'created_before'
                    when stage_name = any (%(stages)s) then 'stage_excluded'
                    when record_type_id = any (%(record_types)s) then 'record_type_excluded'
                    when coalesce(amount < %(minimum)s, %(minimum)s is not null) then 'amount_below_minimum'
                    else 'in_scope' end,
               count(*)
        from raw_salesforce.opportunity as deal where _deleted_at is null group by 1, 2
        """,
        {
            "since": filters.created_since,
            "stages": list(filters.excluded_stages),
            "record_types": list(filters.excluded_record_types),
            "minimum": filters.minimum_amount,
        },
    ).fetchall()
    by_owner = {(owner, reason): deals for owner, reason, deals in held}
    left = {
        # Who is out of scope has one reason for all of its deals, whichever it is.
        (owner, reason): deals - by_owner.get((owner, None if reason.startswith("owner_") else reason), 0)
        for (owner, reason), deals in counted.items()
    }
    return {key: deals for key, deals in left.items() if deals > 0}


def _write(connection: Connection, excluded: dict[tuple[str, str], int]) -> int:
    # Two runs may count at once; they would lock the same rows in different orders.
    connection.execute("lock table fluint_sync.excluded_count in share row exclusive mode")
    connection.execute(
        "delete from fluint_sync.excluded_count where (owner_id, reason) not in (select * from unnest(%s::text[], %s::text[]))",
        [[owner for owner, _ in excluded], [reason for _, reason in excluded]],
    )
    connection.cursor().executemany(
        """
        insert into fluint_sync.excluded_count as held (owner_id, reason, deals, counted_at) values (%s, %s, %s, now())
        on conflict (owner_id, reason) do update
        set deals = excluded.deals, counted_at = excluded.counted_at, _xact_id = pg_current_xact_id()
        where held.deals <> excluded.deals
        """,
        [(owner, reason, deals) for (owner, reason), deals in excluded.items()],
    )
    return sum(excluded.values())
