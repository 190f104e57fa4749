"""The query jobs that an org knows, as rows of a private table, and how much of the day's allowance they used up.

Belongs here: what a job is, and moving it from state to state. Does not: the work (bulk_jobs.py), HTTP (bulk.py).
States (Bulk API 2.0 Developer Guide): UploadComplete → InProgress → JobComplete | Failed | Aborted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta

from local_org import ids
from local_org.clock import as_stamp
from local_org.errors import ApiError, not_found
from local_org.org import Org

WAITING, WORKING, DONE, FAILED, ABORTED = "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"
TERMINAL = (DONE, FAILED, ABORTED)
QUERY, JOB_TYPES = "V2Query", ("Classic", "V2Ingest", "V2Query")
_TABLE = """create table if not exists _bulk_job (
    number integer primary key, operation text not null, query text not null, sobject text not null,
    is_ordered integer not null, is_chunkable integer not null, created_by text not null, created_at text not null,
    modified_at text not null, state text not null, api_version text not null, column_delimiter text not null,
    line_ending text not null, records integer, retries integer not null default 0, milliseconds integer not null default 0,
    error text, is_deleted integer not null default 0, job_type text not null default 'V2Query', bytes integer not null default 0)"""


@dataclass(frozen=True)
class Request:
    """What a create call asks for, already checked."""

    operation: str
    query: str
    sobject: str
    is_ordered: bool
    is_chunkable: bool
    created_by: str
    api_version: str
    column_delimiter: str = "COMMA"
    line_ending: str = "LF"
    job_type: str = QUERY


@dataclass(frozen=True)
class Job:
    """A job as the table knows it; times are the store's UTC text, `bytes` is the size of its result."""

    number: int
    operation: str
    query: str
    sobject: str
    is_ordered: int
    is_chunkable: int
    created_by: str
    created_at: str
    modified_at: str
    state: str
    api_version: str
    column_delimiter: str
    line_ending: str
    records: int | None
    retries: int
    milliseconds: int
    error: str | None
    job_type: str
    bytes: int

    @property
    def id(self) -> str:
        """The 18-character id."""
        return ids.make_id("750", self.number)


_COLUMNS = ", ".join(each.name for each in fields(Job))


class JobTable:
    """The jobs of one org."""

    def __init__(self, org: Org) -> None:
        """Makes the table where it is missing, and adds the columns that an older version lacked."""
        self._org = org
        org.store.execute(_TABLE)
        present = {row[1] for row in org.store.select("pragma table_info(_bulk_job)")}
        for name, kind in (
            ("job_type", "text not null default 'V2Query'"),
            ("bytes", "integer not null default 0"),
        ):
            if name not in present:
                org.store.execute(f"alter table _bulk_job add column {name} {kind}")

    def add(self, request: Request, state: str = WAITING) -> Job:
        """Adds a job; it begins now."""
        store, now = self._org.store, self._org.clock.stamp()
        values = {each.name: getattr(request, each.name) for each in fields(request)}
        values |= {"created_at": now, "modified_at": now, "state": state}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with store.transaction():
            store.execute(f"insert into _bulk_job ({names}) values ({marks})", list(values.values()))
            number = int(str(store.select("select max(number) from _bulk_job")[0][0]))
        return self.select("number = ?", (number,))[0]

    def get(self, number: int) -> Job:
        """Gives a query job. Raises ApiError 404 when it is unknown, deleted, or of another API."""
        found = self.select("number = ? and job_type = ? and not is_deleted", (number, QUERY))
        if not found:
            raise not_found()
        return found[0]

    def select(self, where: str, parameters: Sequence[object]) -> list[Job]:
        """Gives the jobs of which `where` holds."""
        rows = self._org.store.select(f"select {_COLUMNS} from _bulk_job where {where}", parameters)
        return [Job(*row) for row in rows]  # type: ignore[arg-type]

    def move(self, number: int, states: Sequence[str], to: str, **more: object) -> bool:
        """Moves a job to another state if it is in one of `states`; whoever loses the race learns it by False."""
        values = {"state": to, "modified_at": self._org.clock.stamp(), **more}
        names = ", ".join(f"{name} = ?" for name in values)
        marks = ", ".join("?" * len(states))
        sql = f"update _bulk_job set {names} where number = ? and state in ({marks})"
        return self._org.store.execute(sql, [*values.values(), number, *states]) == 1

    def change(self, number: int, **values: object) -> None:
        """Sets columns of a job whose state stays."""
        names = ", ".join(f"{name} = ?" for name in values)
        self._org.store.execute(f"update _bulk_job set {names} where number = ?", [*values.values(), number])

    def check_allowance(self) -> None:
        """Raises ApiError LIMIT_EXCEEDED when the last 24 hours used up the jobs, or the room for results."""
        switches = self._org.switches
        limit = switches.daily_bulk_query_jobs
        if jobs_in_last_day(self._org) >= limit:
            text = f"Max bulk v2 query jobs ({limit}) per 24 hrs has been reached"
            raise ApiError(400, "LIMIT_EXCEEDED", text)
        room = switches.daily_bulk_query_result_kb
        if result_bytes_in_last_day(self._org) >= room * 1024:
            text = f"Max bulk v2 query result size stored ({room}) kb per 24 hrs has been exceeded"
            raise ApiError(400, "LIMIT_EXCEEDED", text)


def jobs_in_last_day(org: Org) -> int:
    """Gives the query jobs created in the last 24 hours, deleted ones included."""
    return _in_last_day(org, "count(*)")


def result_bytes_in_last_day(org: Org) -> int:
    """Gives the size of the results of these jobs, deleted ones included."""
    return _in_last_day(org, "coalesce(sum(bytes), 0)")


def _in_last_day(org: Org, figure: str) -> int:
    since = as_stamp(org.clock.now() - timedelta(days=1))
    sql = f"select {figure} from _bulk_job where job_type = ? and created_at > ?"
    return int(str(org.store.select(sql, (QUERY, since))[0][0]))


def add_other_job(org: Org, job_type: str, sobject: str) -> Job:
    """Adds a job of Bulk v1 or of an ingest, finished by another integration: it shows in the list of all jobs and nowhere else."""
    if job_type not in JOB_TYPES or job_type == QUERY:
        raise ValueError(f"A job of another API is of type Classic or V2Ingest, not {job_type!r}.")
    request = Request("insert", "", sobject, False, False, org.system_user_id, "66.0", job_type=job_type)
    return JobTable(org).add(request, DONE)
