"""Change lists: /updated and /deleted (API sheet 2.3; REST API Developer Guide, sObject Get Updated and Get Deleted)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from local_org import deletion
from local_org.clock import as_stamp
from local_org.errors import ApiError
from local_org.objects import SObject
from local_org.rest.describe import visible_object
from local_org.rest.dispatch import Answer, Call, resource
from local_org.schema import quoted

UPDATED_DAYS = timedelta(days=30)
MAX_IDS = 600_000


@resource("GET", "/sobjects/{sobject}/updated")
def updated(call: Call, sobject: str) -> Answer:
    """Lists the ids of live rows whose SystemModstamp lies in [start, end), both cut to the minute."""
    found = _replicateable(call, sobject)
    start, end = _window(call, call.org.clock.now() - UPDATED_DAYS)
    live = " and t.IsDeleted = 0" if found.soft_deletes else ""
    visible = call.access.visible(found, "t") or "1"
    rows = call.org.store.select(
        f"select t.Id from {quoted(found.name)} t where t.SystemModstamp >= ? and t.SystemModstamp < ?{live}"
        f" and {visible} limit {MAX_IDS + 1}",
        (as_stamp(start), as_stamp(end)),
    )
    if len(rows) > MAX_IDS:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"cannot return more than {MAX_IDS} ids")
    return Answer({"ids": [row[0] for row in rows], "latestDateCovered": _shown(_covered(call, end))})


@resource("GET", "/sobjects/{sobject}/deleted")
def deleted(call: Call, sobject: str) -> Answer:
    """Lists what was deleted in [start, end), rows purged since included, as far back as the log of deletions goes (15 days at most)."""
    found = _replicateable(call, sobject)
    call.org.store.expire_bin()
    reach = min(deletion.BIN_DAYS, timedelta(days=call.org.switches.deleted_list_days))
    earliest = (call.org.clock.now() - reach).replace(second=0, microsecond=0)
    start, end = _window(call, earliest)
    visible = call.access.visible(found, "t")
    # A purged row has no owner left to check, so only who sees everything is told of it.
    seen = f" and d.id in (select t.Id from {quoted(found.name)} t where {visible})" if visible else ""
    rows = call.org.store.select(
        "select d.id, d.deleted_at from _deletion d where d.sobject = ? and d.deleted_at >= ? and d.deleted_at < ?"
        f"{seen} order by d.deleted_at, d.id",
        (found.name, as_stamp(start), as_stamp(end)),
    )
    records = [{"id": each, "deletedDate": f"{str(when)[:23]}+0000"} for each, when in rows]
    return Answer(
        {
            "deletedRecords": records,
            "earliestDateAvailable": _shown(earliest),
            "latestDateCovered": _shown(_covered(call, end)),
        }
    )


def _replicateable(call: Call, name: str) -> SObject:
    sobject = visible_object(call, name)
    if not sobject.replicateable:
        raise ApiError(
            400, "INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support replication"
        )
    return sobject


def _covered(call: Call, end: datetime) -> datetime:
    """Returns up to when the list is complete: a transaction that has not ended may still add to what lies after its beginning."""
    if not call.org.switches.latest_date_covered_lags:
        return end
    return call.org.transactions.covered(end).replace(second=0, microsecond=0)


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _moment(call: Call, name: str) -> datetime:
    # An unencoded + arrives as a space.
    text = call.query.get(name, "").strip().replace(" ", "+")
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ApiError(
            400, "INVALID_REPLICATION_DATE", f"{name} must be given as an ISO 8601 date and time: {text}"
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).replace(second=0, microsecond=0)


def _window(call: Call, earliest: datetime) -> tuple[datetime, datetime]:
    start, end = _moment(call, "start"), _moment(call, "end")
    if end - start <= timedelta(minutes=1):
        raise ApiError(
            400, "INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate"
        )
    if start < earliest.replace(second=0, microsecond=0):
        raise ApiError(
            400,
            "INVALID_REPLICATION_DATE",
            f"startDate before org replication enabled date {_shown(earliest)}",
        )
    lag = timedelta(seconds=call.org.switches.replication_lag_seconds)
    return start, min(end, (call.org.clock.now() - lag).replace(second=0, microsecond=0))
