"""The facts that the status is judged by: plain values. No I/O and no judgement; who reads them is reading.py and the Dagster layer.

All times are aware and in UTC. Ids, codes and counts only, but for texts of our own errors, which name people by Salesforce's ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from orchestration.documents.standing import OpenGroup
from orchestration.postgres.connection_ledger import ConnectionFacts


@dataclass(frozen=True)
class Expectations:
    """What a person set: how often Salesforce is asked, our share (0 to 1) of the org's calls, the raw tables that are switched on."""

    interval: timedelta
    quota_share: float
    tables: tuple[str, ...]


@dataclass(frozen=True)
class ObjectFacts:
    """One object of the catalogue.

    `cadence`: how often it is asked for its changes. `cursor`: up to when changes were followed; `moved_at`: when that was last written.
    `data_as_of`: up to when its rows are right, the cursor or an older id that waits. `pending`: ids to be fetched; of these `unreadable`
    were asked for and could not be read, `not_visible` are in no answer at all, which holds nothing up; `untried_since` is from when the
    oldest one is that nobody has asked for yet. `absent_since`: the org does not show the object. `parents`: what its rows hang on,
    entitled and of these covered; None where it hangs on nothing. `error`: what the last run that followed changes said of this object.
    """

    table: str
    cadence: timedelta
    is_enabled: bool = True
    may_be_absent: bool = False
    absent_since: datetime | None = None
    cursor: datetime | None = None
    moved_at: datetime | None = None
    data_as_of: datetime | None = None
    pending: int = 0
    unreadable: int = 0
    not_visible: int = 0
    untried_since: datetime | None = None
    rows: int = 0
    rows_are_estimated: bool = False
    parents: int | None = None
    parents_covered: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class LedgerRun:
    """The last run of one mode (changes, history, months, columns, reconcile), as the ledger has it.

    `state` is running, complete, deferred or failed; a killed run stays `running`. `read` and `changed` count rows.
    """

    mode: str
    run_id: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    read: int
    changed: int
    error: str | None = None


@dataclass(frozen=True)
class Missing:
    """What is entitled and was not listed: owners, deals whose children are not all held, columns that held rows lack."""

    owners_in_scope: int = 0
    owners: int = 0
    deals: int = 0
    columns: int = 0
    excluded: int = 0

    @property
    def count(self) -> int:
        """Owners, deals and columns together."""
        return self.owners + self.deals + self.columns


@dataclass(frozen=True)
class Calls:
    """API calls of the last 24 hours: ours by purpose, and everybody's (`used` of `allowed`) as Salesforce said at `seen_at`."""

    by_purpose: Mapping[str, int] = field(default_factory=dict)
    used: int | None = None
    allowed: int | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Uploads:
    """The outbox; `due` versions could be sent now, and the oldest of them waits since `due_since`."""

    uploaded: int = 0
    open: tuple[OpenGroup, ...] = ()
    due: int = 0
    due_since: datetime | None = None


Role = Literal["changes", "history", "models", "upload", "other"]
"""What a job closes: what changed, what was never listed, marts behind raw rows, documents that wait; `other` are checks and re-reads."""


@dataclass(frozen=True)
class Automation:
    """A sensor or schedule of the Dagster instance; `is_on` is False when somebody stopped it, `role` that of the job that it starts.

    `last_tick` is STARTED, SKIPPED, SUCCESS or FAILURE at `last_tick_at`; None where it has never looked. `next_at`: when it looks
    next, if a daemon runs.
    """

    name: str
    kind: Literal["sensor", "schedule"]
    role: Role = "other"
    every: timedelta | None = None
    is_on: bool = True
    last_tick: str | None = None
    last_tick_at: datetime | None = None
    next_at: datetime | None = None


@dataclass(frozen=True)
class JobRuns:
    """The latest runs of one job in Dagster.

    `status`, `run_id`, times: of the last run that ended. `failures`: how many of the last ended failed in a row, `failing_since` the
    first of them; `error`: what the last one said, and `must_reconnect` whether that was that somebody must connect again. `unfinished…`:
    the run that waits (QUEUED, NOT_STARTED, STARTING) or works (STARTED).
    """

    job: str
    role: Role = "other"
    run_id: str | None = None
    status: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    error: str | None = None
    must_reconnect: bool = False
    unfinished_id: str | None = None
    unfinished_status: str | None = None
    unfinished_since: datetime | None = None


@dataclass(frozen=True)
class DagsterFacts:
    """What the Dagster instance says of itself; `daemon_seen_at` is the last heartbeat of the daemon, None if there never was one."""

    daemon_seen_at: datetime | None = None
    automations: tuple[Automation, ...] = ()
    jobs: tuple[JobRuns, ...] = ()

    def looks_for(self, role: Role) -> Automation | None:
        """The sensor that starts runs of this role."""
        return next((each for each in self.automations if (each.role, each.kind) == (role, "sensor")), None)

    def runs(self, *roles: Role) -> tuple[JobRuns, ...]:
        """The runs of the jobs of these roles."""
        return tuple(each for each in self.jobs if each.role in roles)


@dataclass(frozen=True)
class Facts:
    """Everything, as of `now`. `dagster` is None where no instance could be asked, for the reason in `dagster_unknown`."""

    now: datetime
    expected: Expectations
    connection: ConnectionFacts | None
    objects: tuple[ObjectFacts, ...]
    missing: Missing = Missing()
    runs: tuple[LedgerRun, ...] = ()
    calls: Calls = Calls()
    uploads: Uploads = Uploads()
    marts_are_behind: bool = False
    marts_built_at: datetime | None = None
    dagster: DagsterFacts | None = None
    dagster_unknown: str = ""
