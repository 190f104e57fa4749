"""What an org tells of itself: its API versions, the resources of a version, its limits (REST API Developer Guide, Versions, Limits)."""

from __future__ import annotations

from local_org import bulk_jobs, files
from local_org.access_log import calls_in_last_day
from local_org.errors import ApiError
from local_org.rest.dispatch import Answer, Call, resource

OLDEST = 31
RETIRED = range(21, 31)
_SEASONS = (("Spring", 26), ("Summer", 26), ("Winter", 27))
_RESOURCES = ("composite", "jobs", "limits", "query", "queryAll", "sobjects")


def label(version: int) -> str:
    """Returns the release of an API version: 66 is Spring '26, and three come each year."""
    season, year = _SEASONS[version % 3]
    return f"{season} '{year + (version - 66) // 3}"


def versions(newest: int) -> list[dict[str, str]]:
    """Returns the list of versions up to the newest, which needs no login."""
    return [
        {"label": label(each), "url": f"/services/data/v{each}.0", "version": f"{each}.0"}
        for each in range(OLDEST, newest + 1)
    ]


def check_version(text: str, newest: int) -> None:
    """Raises ApiError for a version that is retired (410) or that does not exist (404)."""
    whole, _, rest = text.partition(".")
    number = int(whole) if whole.isdigit() and rest in ("0", "") else 0
    if number in RETIRED:
        raise ApiError(410, "GONE", "The requested API version is retired")
    if not OLDEST <= number <= newest:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")


@resource("GET", "")
def resources(call: Call) -> Answer:
    """Lists the resources of a version, and where to ask who one is."""
    found = {name: f"{call.base}/{name}" for name in _RESOURCES}
    return Answer(found | {"identity": call.org.identity_url(call.user_id)})


@resource("GET", "/limits")
def limits(call: Call) -> Answer:
    """Tells limits and what is left of them; needs View Setup and Configuration."""
    if not call.access.has("ViewSetup"):
        raise ApiError(403, "API_DISABLED_FOR_ORG", "limits resource is not enabled")
    switches = call.org.switches
    used = {"DailyApiRequests": (switches.daily_api_limit, calls_in_last_day(call.org)), **_counted(call)}
    fixed = {
        "DailyBulkApiBatches": 15_000,
        "DailyDeliveredPlatformEvents": 10_000,
        "DataStorageMB": 5,
        "MaxContentDocumentsLimit": 30_000_000,
    }
    body = {
        name: {"Max": maximum, "Remaining": max(0, maximum - taken)}
        for name, (maximum, taken) in used.items()
    }
    return Answer(body | {name: {"Max": maximum, "Remaining": maximum} for name, maximum in fixed.items()})


def _counted(call: Call) -> dict[str, tuple[int, int]]:
    switches = call.org.switches
    return {
        "ContentPublicationLimit": (switches.daily_content_versions, files.versions_in_last_day(call.org)),
        "FileStorageMB": (switches.file_storage_mb, files.storage_used(call.org) // 1_000_000),
        "DailyBulkV2QueryJobs": (switches.daily_bulk_query_jobs, bulk_jobs.jobs_in_last_day(call.org)),
        "DailyBulkV2QueryFileStorageMB": (976_562, 0),
    }
