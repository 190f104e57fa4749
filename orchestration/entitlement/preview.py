"""What a filter would bring in, in counts: Salesforce counts by owner, stage and year, and what is held is subtracted.

No name, amount or body is asked for. How long reading it all would take is sync/estimate.py's; how it looks is the CLI's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestration.entitlement.filters import BackfillFilter, owned_by
from orchestration.errors import FluintError, ObjectUnavailableError, SetupError
from orchestration.postgres.connection import Connection, Database
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Page, Record

MOST_GROUPS = 1_900
"""Groups asked for in one query: a grouped query returns 2,000 at most and has no second page (SOQL limits); deals made
between the count and the query need some room."""

_YEAR = "CALENDAR_YEAR(CreatedDate)"


@dataclass(frozen=True)
class Owner:
    """A licensed owner, for a person's eyes; `board` counts the live deals that are held, whatever the filter."""

    owner_id: str
    name: str
    email: str
    board: int


@dataclass(frozen=True)
class Group:
    """Deals of one owner, stage and year of CreatedDate (UTC) that the filter lets in: how many, and how many of them are held."""

    owner_id: str
    stage: str
    year: int
    deals: int
    held: int

    @property
    def new(self) -> int:
        """How many would come in. What is held may be newer than the count by a deal or two."""
        return max(0, self.deals - self.held)


@dataclass(frozen=True)
class OrgTotals:
    """All live deals of the org and what hangs on them: from these the children of some deals are estimated."""

    deals: int
    roles: int
    mails: int
    tasks: int
    events: int


@dataclass(frozen=True)
class Preview:
    """What the filter would bring in; owners without a deal in it are there, too."""

    owners: tuple[Owner, ...]
    groups: tuple[Group, ...]
    totals: OrgTotals


@dataclass(frozen=True)
class Spread:
    """How an owner's deals are spread, as Salesforce counts them: no query of them can have more groups than `groups`."""

    owner_id: str
    deals: int
    stages: int
    first_year: int
    last_year: int

    @property
    def groups(self) -> int:
        """The most groups of stage and year that these deals can make."""
        return min(self.deals, self.stages * (self.last_year - self.first_year + 1))


def preview(database: Database, salesforce: Salesforce, filters: BackfillFilter) -> Preview:
    """Counts what this filter would bring in for the owners who are licensed now; SetupError when there is none."""
    with database.transaction() as connection:
        owners = _licensed_owners(connection, filters)
        held = _held(connection, [owner.owner_id for owner in owners], filters)
    if not owners:
        raise SetupError(
            "No licensed Fluint user is matched with a Salesforce user, so nothing would come in. `fluint users list` says who is"
            " licensed and why nobody is matched; `fluint sync` reads the org's users."
        )
    spreads = _spreads(salesforce, [owner.owner_id for owner in owners], filters)
    groups = []
    for record in _records(salesforce, [_count(*part, filters) for part in packed(spreads)]):
        key = (str(record["OwnerId"]), str(record["StageName"]), int(record["year"]))
        groups.append(Group(*key, deals=int(record["deals"]), held=held.get(key, 0)))
    return Preview(tuple(owners), tuple(groups), _totals(salesforce))


def packed(spreads: Sequence[Spread]) -> Iterator[tuple[list[str], int | None]]:
    """Owners whose groups fit one query together; an owner with more than that alone, year by year."""
    together: list[str] = []
    groups = 0
    for spread in spreads:
        if spread.groups > MOST_GROUPS:
            yield from (([spread.owner_id], year) for year in range(spread.first_year, spread.last_year + 1))
            continue
        if together and (groups + spread.groups > MOST_GROUPS or len(together) == soql.MAX_ID_LIST):
            yield together, None
            together, groups = [], 0
        together.append(spread.owner_id)
        groups += spread.groups
    if together:
        yield together, None


def _spreads(salesforce: Salesforce, owner_ids: Sequence[str], filters: BackfillFilter) -> list[Spread]:
    fields = ["OwnerId", "COUNT(Id) deals", "COUNT_DISTINCT(StageName) stages"]
    fields += ["MIN(CreatedDate) oldest", "MAX(CreatedDate) newest"]
    questions = [
        soql.select(fields, "Opportunity", _conditions(some, filters), group_by=["OwnerId"])
        for some in soql.chunked(owner_ids)
    ]
    return [
        Spread(
            str(record["OwnerId"]),
            int(record["deals"]),
            int(record["stages"]),
            int(str(record["oldest"])[:4]),
            int(str(record["newest"])[:4]),
        )
        for record in _records(salesforce, questions)
    ]


def _count(owner_ids: Sequence[str], year: int | None, filters: BackfillFilter) -> str:
    where = _conditions(owner_ids, filters)
    if year is not None:
        where += soql.within(
            "CreatedDate", datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        )
    fields = ["OwnerId", "StageName", f"{_YEAR} year", "COUNT(Id) deals"]
    return soql.select(fields, "Opportunity", where, group_by=["OwnerId", "StageName", _YEAR])


def _conditions(owner_ids: Sequence[str], filters: BackfillFilter) -> list[str]:
    return [owned_by(owner_ids), *filters.conditions(), soql.equal("IsDeleted", False)]


def _totals(salesforce: Salesforce) -> OrgTotals:
    """Five counts at one call. A mail or activity of a deal says so in the type of what it is related to.

    What the integration user cannot read counts nothing, for it would not come in either.
    """
    live = soql.equal("IsDeleted", False)
    questions = [
        soql.select(
            ["COUNT(Id) n"], sobject, [live, *([soql.equal(parent, "Opportunity")] if parent else [])]
        )
        for sobject, parent in (
            ("Opportunity", None),
            ("OpportunityContactRole", None),
            ("EmailMessage", "RelatedTo.Type"),
            ("Task", "What.Type"),
            ("Event", "What.Type"),
        )
    ]
    answers = salesforce.query_many(questions)
    return OrgTotals(*(_count_of(answer) for answer in answers))


def _count_of(answer: Page | FluintError) -> int:
    if isinstance(answer, ObjectUnavailableError):
        return 0
    if isinstance(answer, FluintError):
        raise answer
    return sum(int(record["n"]) for record in answer.records())


def _records(salesforce: Salesforce, questions: Sequence[str]) -> Iterator[Record]:
    for answer in salesforce.query_many(questions) if questions else []:
        if isinstance(answer, FluintError):
            raise answer
        yield from answer.records()


def _licensed_owners(connection: Connection, filters: BackfillFilter) -> list[Owner]:
    """Like the view `scope_owners`, but for a filter that is not in force."""
    rows = connection.execute(
        """
        select usr.id, concat_ws(' ', usr.first_name, usr.last_name), coalesce(usr.email, usr.username),
               (select count(*) from raw_salesforce.opportunity as deal where deal.owner_id = usr.id and deal._deleted_at is null)
        from fluint_entitlement.user_matches as matched join raw_salesforce."user" as usr on usr.id = matched.owner_id
        where matched.is_licensed and not matched.is_ambiguous and not usr.id = any (%s)
        order by 2, 1
        """,
        [list(filters.excluded_owners)],
    ).fetchall()
    return [Owner(*row) for row in rows]


def _held(
    connection: Connection, owner_ids: Sequence[str], filters: BackfillFilter
) -> Mapping[tuple[str, str, int], int]:
    """(owner, stage, year) → live deals that are held and match the filter."""
    rows = connection.execute(
        """
        select owner_id, stage_name, extract(year from created_date at time zone 'UTC')::int, count(*)
        from raw_salesforce.opportunity
        where _deleted_at is null and owner_id = any (%(owners)s)
          and (%(since)s::timestamptz is null or created_date >= %(since)s)
          and not stage_name = any (%(stages)s)
          and not coalesce(record_type_id = any (%(record_types)s), false)
          and (%(minimum)s::numeric is null or amount >= %(minimum)s)
        group by 1, 2, 3
        """,
        {
            "owners": list(owner_ids),
            "since": filters.created_since,
            "stages": list(filters.excluded_stages),
            "record_types": list(filters.excluded_record_types),
            "minimum": filters.minimum_amount,
        },
    ).fetchall()
    return {(owner, stage, year): deals for owner, stage, year, deals in rows}
