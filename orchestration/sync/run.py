"""The ways to run: follow changes, list what is missing, read months or columns again, doubt what is held. Order of objects, a report each.

An object that fails keeps what it proved so far and is named; the others go on. What a step does stands in its own module.
The caller holds `views_lock` shared. Nobody takes it again in here: a second one would queue behind an upgrade that waits
for the first, and both would wait for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from orchestration.entitlement.excluded import count_excluded
from orchestration.errors import FluintError
from orchestration.postgres.api_ledger import recall_usage, record_calls
from orchestration.postgres.merge import lock_for_writing
from orchestration.sync import ledger
from orchestration.sync.changes import read_keys
from orchestration.sync.column_reads import read_missing_columns, reread_unstamped_columns
from orchestration.sync.column_states import columns_of
from orchestration.sync.fetch import fetch_pending
from orchestration.sync.fields import forget_if_refused
from orchestration.sync.listing import list_children, list_deals, list_missing_deals, pay_owed_keys
from orchestration.sync.objects import BY_TABLE, CATALOGUE, CHILDREN, NAMED, OPPORTUNITY
from orchestration.sync.options import Collaborators, Counts, ObjectReport
from orchestration.sync.reconciling import comparing
from orchestration.sync.reconciling.doubt import Doubt
from orchestration.sync.scope import scope_now
from orchestration.sync.windows import CreatedRange

# How long a change of the org's fields is told of.
CHANGES_ARE_TOLD = timedelta(days=7)
_NOT_COUNTED = (
    "How many deals stay out, and why, could not be counted; the numbers of the last count stay, and the next run counts again. Nothing"
    " that was read is concerned: {}"
)
_CHILDREN = tuple(child.table_name for child in CHILDREN)
_NAMED = tuple(named.table_name for named in NAMED)
_WHOLE = tuple(sobject.table_name for sobject in CATALOGUE if sobject.is_whole)


def sync_changes(
    with_: Collaborators, tables: Collection[str], *, keys_done: bool = False
) -> list[ObjectReport]:
    """Follows what changed since the cursors: keys, full rows, children of deals that came in with it.

    `keys_done` says that the sensor has just moved the cursors, so that an interval asks Salesforce only once.
    """
    with _running(with_, tables, "changes") as run:
        if not keys_done:
            run.follow_keys()
        run.each(OPPORTUNITY.table_name, lambda table: fetch_pending(with_, table))
        for table in _CHILDREN:
            run.each(table, lambda table: _children(with_, table, written_by=with_.run_id))
        run.fetch_children()
    return run.reports


def list_missing(with_: Collaborators, tables: Collection[str]) -> list[ObjectReport]:
    """Lists only what is entitled and not covered: the first load, a new licence, a wider filter, a resumed run."""
    with _running(with_, tables, "history") as run:
        run.begin()
        for table in run.found:
            run.each(table, lambda table: read_missing_columns(with_, table))
        for table in (OPPORTUNITY.table_name, *_CHILDREN):
            run.each(table, lambda table: pay_owed_keys(with_, table))
        run.each(OPPORTUNITY.table_name, lambda _: list_missing_deals(with_))
        run.each(OPPORTUNITY.table_name, lambda table: fetch_pending(with_, table))
        for table in _CHILDREN:
            run.each(table, lambda table: _children(with_, table))
        run.fetch_children()
    return run.reports


def reread_columns(with_: Collaborators, tables: Collection[str]) -> list[ObjectReport]:
    """Reads the columns again whose values change without a stamp (R11), of every row that is held, and whatever is newer whole."""
    with _running(with_, tables, "columns") as run:
        for table in run.found:
            run.each(table, lambda table: reread_unstamped_columns(with_, table))
        run.each(OPPORTUNITY.table_name, lambda table: fetch_pending(with_, table))
        run.fetch_children()
    return run.reports


def reread(
    with_: Collaborators,
    tables: Collection[str],
    created_from: datetime | None,
    created_before: datetime | None,
) -> list[ObjectReport]:
    """Reads the deals created in a half-open range (UTC), and their children, again, covered or not.

    A run of the same range that was killed within the last day is gone on with: what it covered is not read a third time.
    """
    created = CreatedRange(created_from, created_before)
    with _running(with_, tables, "months", work=f"months {created.multirange()}") as run:
        # Coverage is written in the name of the run that began, so that it tells what is done.
        begun = replace(with_, run_id=run.begun_by)
        run.begin()
        run.each(OPPORTUNITY.table_name, lambda _: _deals_of(begun, created))
        run.each(OPPORTUNITY.table_name, lambda table: fetch_pending(with_, table))
        for table in _CHILDREN:
            run.each(table, lambda table: list_children(begun, table, _admitted_in(begun, table, created)))
        run.fetch_children()
    return run.reports


def reconcile(with_: Collaborators, tables: Collection[str], *, accept: bool = False) -> Doubt:
    """Compares what is held with Salesforce's own counts and ids, reads what is missing and judges what is gone (R8, R9).

    Changes are followed first, so that what differs is no mere delay. The findings stand in what is returned; an object that could
    not be compared has one with its error. With `accept`, what is gone is marked whatever changed.
    """
    doubt = Doubt(with_, accept=accept)
    with _running(with_, tables, "reconcile") as run:
        run.follow_keys()
        for table in _WHOLE:  # first, because users decide which deals are in scope
            run.each(table, partial(comparing.whole, doubt))
        run.each(OPPORTUNITY.table_name, lambda table: fetch_pending(with_, table))
        run.fetch_children()
        run.each(OPPORTUNITY.table_name, partial(comparing.deals, doubt))
        for table in _CHILDREN:
            run.each(table, lambda table: _children(with_, table, written_by=with_.run_id))
            run.each(table, partial(comparing.children, doubt))
        for table in _NAMED:
            run.each(table, partial(comparing.named, doubt))
    doubt.conclude(run.reports)
    return doubt


def _children(with_: Collaborators, table: str, *, written_by: str | None = None) -> Counts:
    with with_.database.transaction() as connection:
        deals = ledger.deals_without(connection, table, written_by=written_by)
    return list_children(with_, table, deals)


def _deals_of(with_: Collaborators, created: CreatedRange) -> Counts:
    with with_.database.transaction() as connection:
        # Keys of deals may become pending at the same time, in another order.
        lock_for_writing(connection, OPPORTUNITY.raw_table())
        scope = scope_now(connection)
        ledger.want_admitted_again(connection, created.start, created.end)
        listed = ledger.owners_listed_by(connection, with_.run_id, scope.filters.digest)
    entitled = created.cut_to(scope.filters.created_since)
    owners = sorted(scope.owners.keys() - listed)
    return list_deals(with_, scope, owners, entitled) if entitled and owners else Counts()


def _admitted_in(with_: Collaborators, table: str, created: CreatedRange) -> list[str]:
    with with_.database.transaction() as connection:
        return ledger.deals_created_in(
            connection, created.start, created.end, not_covered_by=(table, with_.run_id)
        )


@contextmanager
def _running(
    with_: Collaborators, tables: Collection[str], mode: str, work: str | None = None
) -> Iterator[_Run]:
    """Keeps the run and its calls in the ledger, the calls of a run that a bug ends included."""
    with with_.database.transaction() as connection:
        begun_by = ledger.begin_run(connection, with_.run_id, mode, work)
    run = _Run(with_, tables, begun_by)
    recall_usage(with_.database, with_.salesforce.learn)
    try:
        yield run
        run.conclude()
    finally:
        record_calls(with_.database, with_.run_id, with_.salesforce.take_calls(), with_.salesforce.usage)
    with with_.database.transaction() as connection:
        ledger.end_run(connection, with_.run_id, run.reports)


@dataclass
class _Run:
    """Collects, per object, what the steps did; an object whose step failed takes no further step.

    `begun_by` is the run whose work this one goes on with, or this one.
    """

    with_: Collaborators
    tables: Collection[str]
    begun_by: str
    found: dict[str, ObjectReport] = field(default_factory=dict)
    reports: list[ObjectReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        wanted = [s.table_name for s in CATALOGUE if s.table_name in self.tables]
        self.found = {table: ObjectReport(table) for table in wanted if table in self.with_.options.tables}

    def follow_keys(self) -> None:
        """The keys phase for every object of this run."""
        self._take(list(self.found))

    def begin(self) -> None:
        """Reads users, stages and record types, and starts cursors where there are none, before anything is listed (R2)."""
        with self.with_.database.transaction() as connection:
            new = [table for table in self.found if ledger.cursor_of(connection, table) is None]
        whole = [table for table in self.found if BY_TABLE[table].is_whole]
        self._take([table for table in self.found if table in new or table in whole])

    def _take(self, tables: list[str]) -> None:
        try:
            outcome = read_keys(self.with_, tables)
        except FluintError as error:
            for table in tables:
                self._fail(table, error)
            return
        for table in tables:
            self._add(table, outcome.counts.get(table, Counts()), outcome.notes.get(table, ()))
        for table, failure in (outcome.errors | outcome.absent).items():
            self._fail(table, failure)

    def each(self, table: str, step: Callable[[str], Counts]) -> None:
        """Takes one step for one object, unless the object is not wanted or has failed."""
        if table not in self.found or self.found[table].error:
            return
        try:
            self._add(table, step(table))
        except FluintError as error:
            forget_if_refused(self.with_, BY_TABLE[table], error)
            self._fail(table, error)

    def fetch_children(self) -> None:
        """Fetches what is pending below the deals, and last what rows name, contacts and accounts."""
        for table in (*_CHILDREN, *_NAMED):
            self.each(table, lambda table: fetch_pending(self.with_, table))

    def conclude(self) -> None:
        """Counts what stays out, then makes one report per object, in the order of the catalogue, with what is true now."""
        self._count_excluded()
        with self.with_.database.transaction() as connection:
            self.reports = [
                replace(
                    report,
                    pending=ledger.count_pending(connection, table),
                    data_as_of=ledger.data_as_of(connection, table),
                    columns=columns_of(connection, table, datetime.now(UTC) - CHANGES_ARE_TOLD),
                )
                for table, report in self.found.items()
            ]

    def _count_excluded(self) -> None:
        """A number beside the deals: where it cannot be had the last one stays, and no deal is the less read for it."""
        table = OPPORTUNITY.table_name
        if table not in self.found or self.found[table].error:
            return
        try:
            count_excluded(self.with_.database, self.with_.salesforce)
        except FluintError as error:
            forget_if_refused(self.with_, OPPORTUNITY, error)
            self._add(table, Counts(), (_NOT_COUNTED.format(error),))

    def _add(self, table: str, counts: Counts, notes: tuple[str, ...] = ()) -> None:
        report = self.found[table]
        self.found[table] = replace(report, counts=report.counts + counts, notes=report.notes + notes)

    def _fail(self, table: str, error: FluintError) -> None:
        self.found[table] = replace(self.found[table], error=error)
