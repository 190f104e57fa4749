"""What an administrator of the local org can set while it runs: limits, policies, and the readings of uncertain facts.

Belongs here: the names, types and defaults of the switches. Does not: acting on them, which each module does for its own.
A fact about Salesforce that nobody here could confirm is a switch, never an assumption: the client must pass with either position.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TypeVar

T = TypeVar("T")


def unconfirmed(default: T, *others: T, section: str) -> T:
    """Marks a switch as a fact that nobody here could confirm: its default, the other readings, its section of the API sheet.

    tests/contract/test_switches.py runs the client against every reading of every switch that is made with this.
    """
    marked: T = field(default=default, metadata={"readings": (default, *others), "section": section})
    return marked


@dataclass
class Switches:
    """The switches with the defaults of a Developer org (Limits quick reference; recorded answers of GET /limits)."""

    # Limits. Calls, jobs and versions are counted over a rolling day.
    daily_api_limit: int = 15_000
    api_calls_used_by_others: int = 0
    daily_bulk_query_jobs: int = 10_000
    daily_content_versions: int = 2_500
    file_storage_mb: int = 20_000
    uri_limit_bytes: int = 16_384
    # OAuth policies of the connected app.
    access_token_seconds: float = 7_200.0
    rotate_refresh_tokens: bool = True
    require_pkce: bool = True
    authorization_code_seconds: float = 900.0
    grants_per_user: int = 5
    # One of: self_authorize, admin_approved, uninstalled, blocked.
    connected_app_policy: str = "self_authorize"
    # Username that the client credentials flow acts as; empty: none is enabled.
    client_credentials_username: str = ""
    # Certificate (PEM) that the app's JWT bearer assertions are checked with; empty: none was uploaded.
    jwt_certificate: str = ""
    # Bulk API 2.0: the least real time that a job stays in each state, and how its result is cut into pages.
    bulk_queued_seconds: float = 0.1
    bulk_processing_seconds: float = 0.1
    bulk_page_records: int = 50_000
    bulk_page_bytes: int = 64 * 1024 * 1024
    # Whether the access log keeps the record ids of pages of Bulk results; those of REST answers it always keeps.
    log_bulk_ids: bool = False
    # Unconfirmed: a job without rows may answer with its header line or with nothing at all.
    bulk_header_when_empty: bool = unconfirmed(True, False, section="3.3")
    # Unconfirmed: the status of INSUFFICIENT_ACCESS… is 400 in some sources, 403 in others.
    insufficient_access_status: int = unconfirmed(400, 403, section="2.5")
    # Unconfirmed: the status of STORAGE_LIMIT_EXCEEDED.
    storage_limit_status: int = unconfirmed(403, 400, section="5")
    # Unconfirmed: a dead query locator answers 400, by one list 404.
    invalid_query_locator_status: int = unconfirmed(400, 404, section="2.2")

    # Unconfirmed: latestDateCovered of a change list lags behind its end while an older transaction is open.
    latest_date_covered_lags: bool = unconfirmed(True, False, section="2.3")

    def set(self, values: Mapping[str, object]) -> None:
        """Sets the named switches. Raises ValueError for an unknown name or a value of another type, and then sets none."""
        kinds = {switch.name: type(getattr(self, switch.name)) for switch in fields(self)}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"There is no switch {name!r}. Switches: {', '.join(kinds)}.")
            if not _fits(value, kinds[name]):
                raise ValueError(f"The switch {name} takes a value of type {kinds[name].__name__}.")
        for name, value in values.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, object]:
        """Gives all switches by name."""
        return asdict(self)

    @classmethod
    def readings(cls) -> dict[str, tuple[object, ...]]:
        """Gives the unconfirmed switches by name, each with all its readings, the default first."""
        return {
            switch.name: switch.metadata["readings"]
            for switch in fields(cls)
            if "readings" in switch.metadata
        }


def _fits(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind
