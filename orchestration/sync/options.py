"""What a sync is given and what it reports: the collaborators, the options, the report per object. No behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from orchestration.errors import FluintError, ObjectUnavailableError, QuotaReachedError
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce
from orchestration.sync.column_states import Columns
from orchestration.sync.objects import BY_TABLE, CATALOGUE


@dataclass(frozen=True)
class ExtraField:
    """A field that fluint.yaml adds to an object; `mart_column` is the column of the object's mart that shows it, if any."""

    path: str
    mart_column: str | None = None


@dataclass(frozen=True)
class SyncOptions:
    """Numbers that an operator may turn.

    `overlap`: how far behind the cursor keys are read again, for rows stamped before and committed after it. Salesforce
    transactions can take ten minutes, so less than that loses rows. `bulk_threshold`: from how many rows on a listing
    goes through Bulk API 2.0. `most_key_pages`: how many pages of keys a sensor tick reads before it leaves them to a run.
    `most_keys_at_once`: a window with more keys is followed in parts, because the keys of a part are in memory together.
    `extra_fields`: table → the fields that fluint.yaml adds to it.
    """

    overlap: timedelta = timedelta(minutes=20)
    bulk_threshold: int = 10_000
    most_key_pages: int = 5
    most_keys_at_once: int = 200_000
    tables: tuple[str, ...] = tuple(sobject.table_name for sobject in CATALOGUE)
    extra_fields: Mapping[str, tuple[ExtraField, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Collaborators:
    """The database, the org and the identity of this run."""

    database: Database
    salesforce: Salesforce
    run_id: str
    options: SyncOptions = field(default_factory=SyncOptions)


@dataclass(frozen=True)
class Counts:
    """What one step did to the rows of one table.

    `cleaned` counts characters that Postgres cannot hold and were left out; `left_out` those rows, of the ones read, whose entitlement
    ended while they were on their way.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    tombstoned: int = 0
    cleaned: int = 0
    left_out: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.read + other.read,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.tombstoned + other.tombstoned,
            self.cleaned + other.cleaned,
            self.left_out + other.left_out,
        )

    @property
    def changed(self) -> int:
        """How many rows differ from before."""
        return self.inserted + self.updated + self.tombstoned


@dataclass(frozen=True)
class ObjectReport:
    """What a run did for one object, in counts; `error` says why it ended early, `deferred_until` when it goes on.

    `columns`: which of its columns are not current, whatever the run did.
    """

    table: str
    counts: Counts = Counts()
    pending: int = 0
    data_as_of: datetime | None = None
    notes: tuple[str, ...] = ()
    error: FluintError | None = None
    columns: Columns = field(default_factory=Columns)

    @property
    def deferred_until(self) -> datetime | None:
        """When (UTC) the rest can be read, if the org's allowance was used up."""
        return self.error.until if isinstance(self.error, QuotaReachedError) else None

    @property
    def state(self) -> Literal["complete", "deferred", "absent", "failed"]:
        """`deferred` goes on by itself; `absent` is an object that this org may do without; `failed` needs the error's next step."""
        if self.error is None:
            return "complete"
        if is_absence(self.table, self.error):
            return "absent"
        return "deferred" if isinstance(self.error, QuotaReachedError) else "failed"


def is_absence(table: str, error: FluintError) -> bool:
    """Whether the error says no more than that the org lacks an object that an org may lack."""
    return isinstance(error, ObjectUnavailableError) and BY_TABLE[table].may_be_absent
