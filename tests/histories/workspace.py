"""A workspace under a history: the real sync with points, the people who license and filter, and the end, when all must agree.

Belongs here: runs, licences, filters, `settle`. What people do in the org is people.py's, what must then be held is truth.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from psycopg import sql

from local_org.faults import Fault
from orchestration.entitlement.filters import BackfillFilter, write_filter
from orchestration.errors import FluintError
from orchestration.postgres.connection import Connection, Database
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import OAuthApp
from orchestration.sync.changes import read_keys
from orchestration.sync.coverage import missing_parents
from orchestration.sync.objects import CATALOGUE
from orchestration.sync.options import Collaborators, ObjectReport, SyncOptions
from orchestration.sync.run import list_missing, reread, sync_changes
from tests.histories.people import People
from tests.histories.points import Killed, Plan, PointedDatabase, PointedSession, Process
from tests.salesforce.scripted_org import MemoryStore

TABLES = [sobject.table_name for sobject in CATALOGUE]
OVERLAP = SyncOptions().overlap
_ROUNDS = 6
_EMPTIED = (
    "fluint_sync.cursor, fluint_sync.owner_coverage, fluint_sync.deal_coverage, fluint_sync.pending, fluint_sync.admission,"
    " fluint_sync.run, fluint_sync.api_call, fluint_sync.api_usage, fluint_sync.excluded_count, fluint_sync.listing,"
    " fluint_sync.uncovered_deal, fluint_app.backfill_filter"
)


class Workspace:
    """One workspace with its org, for history after history."""

    def __init__(
        self, people: People, emails: dict[str, str], database: Database, app: OAuthApp, store: MemoryStore
    ) -> None:
        self.people, self.emails, self._app, self._store = people, emails, app, store
        self._url = database.url
        self._open = database.connect(autocommit=True)  # the app's side: no point of a run is passed on it
        self._runs = 0
        self.options = SyncOptions()
        self.processes = [Process(), Process()]
        self._sessions = [PointedSession(process) for process in self.processes]
        self.faults = people.server.faults
        self.ever_entitled: set[str] = set()

    def begin(self) -> None:
        """Begins a history: an empty org, an empty workspace, nobody licensed."""
        self.faults.clear()
        self.people.wipe()
        self._open.execute(f"truncate {_EMPTIED}".encode())
        for table in TABLES:
            self._open.execute(sql.SQL("truncate {}").format(sql.Identifier("raw_salesforce", table)))
        self._open.execute("update fluint_app.app_user set is_licensed = false")
        self.options = SyncOptions()
        self.ever_entitled = set()

    def close(self) -> None:
        """Closes every connection."""
        self._open.close()
        for process, session in zip(self.processes, self._sessions, strict=True):
            session.close()
            for connection in process.idle:
                connection.close()

    # -- the app's side ----------------------------------------------------------------------------------------------------------

    @property
    def database(self) -> Database:
        """The workspace's database, without points."""
        return Database(self._url)

    @property
    def connection(self) -> Connection:
        """A connection beside the sync's; every statement commits by itself."""
        return self._open

    def license(self, owner: int, is_licensed: bool) -> None:
        """The app gives or takes a licence."""
        email = self.emails[self.people.owners[owner % len(self.people.owners)]]
        self._open.execute(
            "update fluint_app.app_user set is_licensed = %s where email = %s", [is_licensed, email]
        )

    def filter(self, new: BackfillFilter) -> None:
        """The app sets the filter."""
        with self._open.transaction():
            write_filter(self._open, new)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of our Postgres."""
        return self._open.execute(query.encode()).fetchall()

    # -- runs --------------------------------------------------------------------------------------------------------------------

    def _with(self, number: int, plan: Plan) -> Collaborators:
        process = self.processes[number]
        process.plan = plan
        self._runs += 1
        client = Salesforce(
            self._app, self._store, session=self._sessions[number], sleep=lambda _: None, quota_share=1.0
        )
        return Collaborators(
            PointedDatabase(self._url, process=process), client, f"run-{self._runs}", self.options
        )

    def run(self, kind: str, plan: Plan | None = None, *, beside: bool = False) -> list[ObjectReport]:
        """One run, or a second one `beside` it; a killed one reports nothing."""
        with_ = self._with(int(beside), plan or Plan())
        try:
            if kind == "tick":
                read_keys(with_, TABLES, most_pages=self.options.most_key_pages)
                return []
            if kind == "reread":
                return reread(with_, TABLES, None, None)
            if kind == "list":
                return list_missing(with_, TABLES)
            return sync_changes(with_, TABLES, keys_done=kind == "fetch")
        except (Killed, FluintError):  # a tick that fails raises; a run names its failures in its reports
            return []
        finally:
            self._sessions[int(beside)].end()

    def beside(self, kind: str) -> Callable[[], None]:
        """What another process does in the middle of a run, unless the run is inside a transaction, which would make it wait."""

        def act() -> None:
            if self.processes[0].depth == 0:
                self.run(kind, beside=True)

        return act

    # -- the end -----------------------------------------------------------------------------------------------------------------

    def wait(self, seconds: int) -> None:
        """Time passes, for the org and for what the ledger has put off."""
        self.people.wait(seconds, OVERLAP - timedelta(seconds=90))
        self._open.execute(
            "update fluint_sync.pending set retry_at = retry_at - %(t)s, since = case when reason = 'refused' then since - %(t)s"
            " else since end where retry_at is not null",
            {"t": timedelta(seconds=seconds)},
        )

    def settle(self) -> None:
        """Lets everything end that is under way, until a quiet tick finds nothing to do."""
        self.faults.clear()
        for _ in range(_ROUNDS):
            self.wait(2 * int(OVERLAP.total_seconds()) + 120)
            reports = [*self.run("changes"), *self.run("list")]
            failed = [f"{report.table}: {report.error}" for report in reports if report.error]
            assert not failed, failed
            if self._is_quiet():
                return
        raise AssertionError(f"the sync does not come to rest: {self._left()}")

    def _is_quiet(self) -> bool:
        self.wait(int(OVERLAP.total_seconds()) + 120)
        outcome = read_keys(self._with(0, Plan()), TABLES)
        assert not outcome.errors
        return not self._left()

    def _left(self) -> list[object]:
        missing = missing_parents(Database(self._url))
        pending = self.ask(
            "select object, id, reason from fluint_sync.pending where reason not in ('not_visible')"
        )
        return [*pending, *([missing] if missing.count else [])]

    def fault(self, kind: str, skip: int, times: int) -> None:
        """The next calls of the API go wrong."""
        self.faults.add(
            Fault(
                kind,
                path="/services/data/v.*",
                skip=skip,
                times=times,
                status=503,
                after_bytes=100,
                body="unavailable",
            )
        )
