"""Salesforce's own list of deletions (getDeleted), as far back as an org keeps it. What is concluded from it is the callers'."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestration.errors import RejectedRequestError
from orchestration.salesforce.client import Salesforce

# 15 days at most (REST guide); an hour less, because a start before that is refused. Where so much was deleted that its log was cut,
# or where the list of all of it is too long, the last day can still be had.
_REACHES = (timedelta(days=14, hours=23), timedelta(days=1))


def recently_deleted(salesforce: Salesforce, sobject: str) -> dict[str, datetime]:
    """Id → when (UTC) it was deleted, for every record of the object that the org lists; empty where it keeps no list.

    A record in the recycle bin is listed, too, and so is one that was purged from it: Salesforce alone knows of those.
    """
    end = salesforce.server_time().replace(second=0, microsecond=0) + timedelta(minutes=1)
    for reach in _REACHES:
        try:
            records = salesforce.deleted(sobject, end - reach, end).records
        except RejectedRequestError:
            continue
        return {record.id: record.deleted_at for record in records}
    return {}
