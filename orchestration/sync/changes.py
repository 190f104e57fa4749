"""The keys phase: what changed in Salesforce since the cursor becomes tombstones and pending ids (R1, R2, R6).

The sensor calls it on every tick and a run calls it before it fetches. Full rows of deals, roles, contacts and mail are
never read here; users, stages and record types are small and are read whole at first, then by change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from orchestration.errors import FluintError, TooMuchAskedError
from orchestration.postgres.api_ledger import recall_usage, record_calls
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page
from orchestration.sync import ledger, raw_columns
from orchestration.sync.asking import ask, in_halves, pages_from
from orchestration.sync.fields import Readable, forget_if_refused, readable
from orchestration.sync.keys import classify, staged_keys
from orchestration.sync.named import want_all_named
from orchestration.sync.objects import BY_TABLE, OPPORTUNITY
from orchestration.sync.options import Collaborators, Counts, is_absence
from orchestration.sync.scope import scope_now
from orchestration.sync.wide import rest_of, whole_rows
from orchestration.sync.windows import CreatedRange, Window, followed_up_to, window_to_follow


@dataclass(frozen=True)
class KeysOutcome:
    """What one keys phase did; `left_to_run` names objects with more keys than the caller wanted to read.

    `absent` are objects that the org lacks and may lack, with the text that says so. `pending` counts all ids that can be fetched now:
    those of a run that failed or was deferred make no key anew.
    """

    counts: dict[str, Counts] = field(default_factory=dict)
    pending: int = 0
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    errors: dict[str, FluintError] = field(default_factory=dict)
    absent: dict[str, FluintError] = field(default_factory=dict)
    left_to_run: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether a run has something to do."""
        return bool(self.pending or self.left_to_run or any(c.changed for c in self.counts.values()))


def read_keys(with_: Collaborators, tables: Sequence[str], *, most_pages: int | None = None) -> KeysOutcome:
    """Follows the changes of these tables up to a horizon and moves their cursors.

    A table that fails is named in `errors` and keeps its cursor; the others go on. With `most_pages`, a table whose keys
    need more pages keeps its cursor too and is left to a run. The caller holds `views_lock` shared (see run.py).
    """
    follower = _Follower(with_, most_pages)
    try:
        recall_usage(with_.database, with_.salesforce.learn)
        follower.follow(tables)
    finally:
        record_calls(with_.database, with_.run_id, with_.salesforce.take_calls(), with_.salesforce.usage)
    with with_.database.transaction() as connection:
        due = ledger.count_due(connection, [table for table in tables if table not in follower.errors])
    absent = {table: error for table, error in follower.errors.items() if is_absence(table, error)}
    errors = {table: error for table, error in follower.errors.items() if table not in absent}
    return KeysOutcome(follower.counts, due, follower.notes, errors, absent, tuple(follower.left))


@dataclass(frozen=True)
class _Step:
    """One object's query of this phase; `cursor` is None when a whole object is read for the first time."""

    readable: Readable
    cursor: datetime | None
    window: Window

    @property
    def whole(self) -> Window | CreatedRange:
        """What is asked for at first: what changed in the window, or every row of the object."""
        return self.window if self.cursor else CreatedRange(None, None)

    def soql(self, part: Window | CreatedRange) -> str:
        """The query of a part."""
        paths = self.readable.paths if self.readable.sobject.is_whole else self.readable.key_paths
        return soql.select(paths, self.readable.sobject.name, part.conditions())


class _Follower:
    """Collects what the phase did, object by object, so that one failure stays with its object."""

    def __init__(self, with_: Collaborators, most_pages: int | None) -> None:
        self._with = with_
        self._most_pages = most_pages
        self.counts: dict[str, Counts] = {}
        self.notes: dict[str, tuple[str, ...]] = {}
        self.errors: dict[str, FluintError] = {}
        self.left: list[str] = []

    def follow(self, tables: Sequence[str]) -> None:
        horizon = self._with.salesforce.server_time()
        work = self._prepare(tables, horizon)
        with self._with.salesforce.purpose("keys"):
            answers = self._with.salesforce.query_many([step.soql(step.whole) for step in work])
            for step, answer in zip(work, answers, strict=True):
                self._close(step, answer)

    def _prepare(self, tables: Sequence[str], horizon: datetime) -> list[_Step]:
        steps = []
        for table in tables:
            sobject = BY_TABLE[table]
            try:
                what = readable(self._with, sobject)
            except FluintError as error:
                self.errors[table] = error
                continue
            self.notes[table] = what.notes
            with self._with.database.transaction() as connection:
                if not sobject.is_whole:
                    # Before the first listing, so that nothing changes unseen while it runs (R2).
                    is_new = ledger.begin_cursor(connection, sobject, horizon)
                    if is_new and sobject.named_by:
                        want_all_named(connection, sobject, horizon)
                cursor = ledger.cursor_of(connection, table)
            window = window_to_follow(cursor or horizon, horizon, self._with.options.overlap)
            steps.append(_Step(what, cursor, window))
        return steps

    def _close(self, step: _Step, answer: Page | FluintError) -> None:
        sobject = step.readable.sobject
        try:
            if isinstance(answer, TooMuchAskedError) and self._most_pages is not None:
                self.left.append(sobject.table_name)  # its parts take longer than a tick may
            elif sobject.is_whole:
                self.counts[sobject.table_name] = self._close_whole(step, answer)
            else:
                self._close_keys(step, answer)
        except FluintError as error:
            forget_if_refused(self._with, sobject, error)
            self.errors[sobject.table_name] = error

    def _close_keys(self, step: _Step, first: Page | FluintError) -> None:
        table, most = step.readable.sobject.table_name, self._most_pages
        cursor, answered, tombstoned = step.cursor, step.window.end, 0
        assert cursor is not None
        for part, pages in self._parts(step, first):
            if most is not None and len(pages) > most:
                self.left.append(table)
                return
            # A part that is dated earlier holds the cursor back for all that come after it.
            answered = min(answered, *(page.answered_at for page in pages))
            end = followed_up_to(part, cursor, answered)
            marked = self._classify_and_move(step, cursor, end, pages)
            if marked is None:
                break  # another process followed these changes meanwhile
            cursor, tombstoned = end, tombstoned + marked
        self.counts[table] = Counts(tombstoned=tombstoned)

    def _parts(self, step: _Step, first: Page | FluintError) -> Iterator[tuple[Window, list[Page]]]:
        """The window with all its pages, or in order smaller ones, each read when its turn comes: a migration touches every row."""
        waiting: list[tuple[Window, Page | FluintError | None]] = [(step.window, first)]
        while waiting:
            part, answer = waiting.pop()
            if answer is None:
                (answer,) = self._with.salesforce.query_many([step.soql(part)])
            if self._is_large(answer) and (halves := part.halves(part.end)):
                waiting += [(half, None) for half in reversed(halves)]
            else:
                yield part, self._pages(step, part, answer)

    def _is_large(self, answer: Page | FluintError) -> bool:
        """Whether there are more keys than are held in memory at once; a tick leaves those to a run."""
        most = self._with.options.most_keys_at_once
        return self._most_pages is None and isinstance(answer, Page) and answer.total_size > most

    def _pages(self, step: _Step, whole: Window, first: Page | FluintError) -> list[Page]:
        most = self._most_pages

        def read(part: Window) -> list[Page]:
            if part is whole:
                return list(islice(pages_from(self._with, first), None if most is None else most + 1))
            return list(ask(self._with, step.soql(part)))

        parts = in_halves(step.readable.sobject.name, whole, read, whole.end)
        return [page for part in parts for page in part]

    def _classify_and_move(
        self, step: _Step, cursor: datetime, end: datetime, pages: list[Page]
    ) -> int | None:
        """Classifies keys and moves the cursor to `end`; None, and nothing done, where it is no longer at `cursor`."""
        sobject = step.readable.sobject
        with self._with.database.transaction() as connection:
            if not ledger.move_cursor(connection, sobject.table_name, start=cursor, end=end):
                return None
            scope = scope_now(connection)
            if sobject.name == OPPORTUNITY.name:
                ledger.drop_skipped_coverage(
                    connection, list(scope.owners), scope.filters.digest, scope.filters.created_since
                )
            if not any(page.count for page in pages):
                return 0
            with staged_keys(connection, sobject, step.readable.shown, pages) as (keys, _):
                return classify(
                    connection,
                    sobject,
                    keys,
                    scope,
                    read_at=min(page.read_at for page in pages),
                    since=cursor,
                    run_id=self._with.run_id,
                    # Of the whole window: what a part shows, the later parts do not show again.
                    last_before=step.window.end - self._with.options.overlap,
                    follows=True,
                )

    def _close_whole(self, step: _Step, first: Page | FluintError) -> Counts:
        """Rows first, page by page; the cursor moves once after the last page, so that a kill only repeats reading."""
        sobject, dates = step.readable.sobject, list[datetime]()
        whole = step.whole

        def read(part: Window | CreatedRange) -> Counts:
            counts = Counts()
            for page in pages_from(self._with, first) if part is whole else ask(self._with, step.soql(part)):
                counts += store_whole(self._with, step.readable, page)
                dates.append(page.answered_at)
            return counts

        total = sum(in_halves(sobject.name, whole, read, step.window.end), Counts())
        end = followed_up_to(step.window, step.cursor, min(dates))
        with self._with.database.transaction() as connection:
            if step.cursor is None:
                ledger.begin_cursor(connection, sobject, end)
            else:
                ledger.move_cursor(connection, sobject.table_name, start=step.cursor, end=end)
        return total


def store_whole(with_: Collaborators, what: Readable, page: Page) -> Counts:
    """Stores the rows of an object that is read whole (users, stages, record types)."""
    rest = rest_of(with_, what, page)
    with (
        with_.database.transaction() as connection,
        whole_rows(connection, what, page, rest) as (rows, _),
    ):
        merged = rows.merge(read_at=page.read_at, run_id=with_.run_id)
        raw_columns.drop_all_but(connection, what.sobject.table_name, what.columns)
    return Counts(merged.read, merged.inserted, merged.updated, cleaned=rows.cleaned.total)
