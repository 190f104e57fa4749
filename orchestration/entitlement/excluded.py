"""What stays out and why, in counts: Salesforce counts, we subtract what is held. No record is read for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from orchestration.entitlement.filters import BackfillFilter, owned_by, read_filter
from orchestration.entitlement.licences import reasons_out_of_scope, scope_owners
from orchestration.errors import FluintError, TooMuchAskedError
from orchestration.postgres.connection import Connection, Database
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Record


def count_excluded(database: Database, salesforce: Salesforce) -> int:
    """Writes how many live deals per owner and reason Salesforce has and we do not hold; returns their number.

    The first reason that applies counts: the owner, then the date, the stage, the record type, the amount.
    """
    with database.transaction() as connection:
        in_scope, out_of_scope = scope_owners(connection), reasons_out_of_scope(connection)
        filters = read_filter(connection)
    questions = list(_questions(sorted(in_scope), sorted(out_of_scope), filters))
    counted: dict[tuple[str, str], int] = {}
    with salesforce.purpose("counts"):
        for reason, row in _answers(salesforce, questions):
            owner = row["OwnerId"]
            counted[owner, reason or out_of_scope.get(owner, "owner_not_in_fluint")] = int(row["deals"])
    with database.transaction() as connection:
        return _write(connection, _without_held(connection, counted, filters))


@dataclass(frozen=True)
class _Question:
    """How many live deals of each of these owners are left out for a reason; an empty one means that the owner's own applies."""

    reason: str
    owners: Sequence[str]
    where: tuple[str, ...] = ()

    @property
    def soql(self) -> str:
        """The question as Salesforce reads it."""
        where = [owned_by(self.owners), *self.where, soql.equal("IsDeleted", False)]
        return soql.select(["OwnerId", "COUNT(Id) deals"], "Opportunity", where, group_by=["OwnerId"])


def _questions(in_scope: Sequence[str], out: Sequence[str], filters: BackfillFilter) -> Iterator[_Question]:
    # A chunk is below the 2,000 groups that a grouped query returns at most (SOQL limits); here a group is an owner.
    for some in soql.chunked(out):
        yield _Question("", some)
    for some in soql.chunked(in_scope):
        passed: tuple[str, ...] = ()
        if filters.created_since:
            before = soql.compare("CreatedDate", "<", filters.created_since)
            yield _Question("created_before", some, (before,))
            passed = (soql.compare("CreatedDate", ">=", filters.created_since),)
        for rule in filters.rules():
            yield _Question(rule.reason, some, (*passed, rule.refuses))
            passed = (*passed, rule.passes)


def _answers(salesforce: Salesforce, questions: Sequence[_Question]) -> Iterator[tuple[str, Record]]:
    """(reason, owner with the number of deals); what is too much for one answer is asked for half of the owners at a time."""
    answers = salesforce.query_many([question.soql for question in questions])
    for question, answer in zip(questions, answers, strict=True):
        if isinstance(answer, TooMuchAskedError) and len(question.owners) > 1:
            middle = len(question.owners) // 2
            halves = (question.owners[:middle], question.owners[middle:])
            yield from _answers(salesforce, [replace(question, owners=half) for half in halves])
        elif isinstance(answer, FluintError):
            raise answer
        else:
            yield from ((question.reason, row) for row in answer.records())


def _without_held(
    connection: Connection, counted: dict[tuple[str, str], int], filters: BackfillFilter
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
    left = dict(counted)
    for owner, reason, deals in held:
        for key in left:
            if key[0] == owner and (key[1] == reason or (reason is None and key[1].startswith("owner_"))):
                left[key] = max(0, left[key] - deals)
    return {key: deals for key, deals in left.items() if deals}


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
