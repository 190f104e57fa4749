"""What was seen of the org and of our own tables: the facts that the judges go by. Shapes only, no request and no judgement.

A value that could not be had is the error instead. All times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

from orchestration.entitlement.filters import BackfillFilter
from orchestration.errors import FluintError, ObjectUnavailableError
from orchestration.salesforce.describe import Describe
from orchestration.salesforce.quota import ApiUsage

T = TypeVar("T")
Asked: TypeAlias = T | FluintError


@dataclass(frozen=True)
class Connection:
    """The connection as our ledger has it; `environment` is what the org called itself when it was made.

    Without a refresh token the app signs in by itself, without a person.
    """

    org_id: str
    user_id: str
    environment: str | None
    state: str
    reason: str | None
    connected_at: datetime
    refreshed_at: datetime
    has_refresh_token: bool


@dataclass(frozen=True)
class OrgFacts:
    """The record of Organization; `opportunity_default` is the organization-wide default: None, Read, Edit."""

    id: str
    is_sandbox: bool
    edition: str
    opportunity_default: str


@dataclass(frozen=True)
class UserFacts:
    """The integration user."""

    profile: str


@dataclass(frozen=True)
class PermissionSet:
    """One set that is assigned to the integration user; that of its profile has the profile's name."""

    label: str
    is_profile: bool
    system: frozenset[str]

    @property
    def path(self) -> str:
        """Where an admin opens it."""
        return f"Setup › {'Profiles' if self.is_profile else 'Permission Sets'} › {self.label}"


@dataclass(frozen=True)
class ObjectRights:
    """What all sets together grant on one object."""

    read: bool = False
    edit: bool = False
    view_all: bool = False


@dataclass(frozen=True)
class AppPolicy:
    """A connected app as the org lists it; `idle`: the token's last use counts, not its age. The unit of `period` is not told."""

    name: str
    admin_approved_only: bool
    high_assurance: bool
    idle: bool
    period: int | None


@dataclass(frozen=True)
class Layout:
    """A page layout and how many of the licensed owners' deals are seen with it."""

    id: str
    name: str
    used_for: tuple[tuple[str, str], ...]
    shows_files: Asked[bool] = False


@dataclass(frozen=True)
class Limit:
    """A limit of the org: what it allows and what is left."""

    most: int
    left: int


@dataclass(frozen=True)
class SalesforceSeen:
    """What the org answered. `refused` ended the asking: what comes after it is that same error."""

    user_id: str
    refused: FluintError | None
    clocks_apart: Asked[timedelta]
    org: Asked[OrgFacts]
    user: Asked[UserFacts]
    licence: Asked[str]
    sets: Asked[tuple[PermissionSet, ...]]
    may_approve_apps: Asked[bool]
    may_use_any_client: Asked[bool]
    may_access_activities: Asked[bool]
    expiring: Asked[tuple[tuple[str, datetime], ...]]
    objects: Asked[Mapping[str, ObjectRights]]
    apps: Asked[tuple[AppPolicy, ...]]
    token_apps: Asked[tuple[str, ...]]
    visible_users: Asked[int]
    used_licences: Asked[int]
    own_deals: Asked[int]
    deals_in_scope: Asked[int]
    may_edit_a_deal: Asked[bool | None]
    describes: Mapping[str, Asked[Describe]]
    fields_of_others: Asked[frozenset[str]]
    limits: Asked[Mapping[str, Limit]]
    usage: ApiUsage | None
    layouts: Asked[tuple[Layout, ...]]

    def has(self, permission: str) -> bool | None:
        """Whether a user permission is granted; None where that cannot be seen."""
        return (
            None
            if isinstance(self.sets, FluintError)
            else any(permission in each.system for each in self.sets)
        )

    @property
    def lacks_view_setup(self) -> bool:
        """Whether the user may not see the set-up: its objects are then not there for it."""
        return isinstance(self.sets, ObjectUnavailableError) or self.has("ViewSetup") is False

    @property
    def holder(self) -> str:
        """Where an admin grants the integration user something for good: its own permission set, else its profile."""
        if not isinstance(self.sets, FluintError) and self.sets:
            ending = (
                set() if isinstance(self.expiring, FluintError) else {label for label, _ in self.expiring}
            )
            return min(self.sets, key=lambda each: (each.label in ending, each.is_profile, each.label)).path
        if not isinstance(self.user, FluintError):
            return f"Setup › Profiles › {self.user.profile}"
        return "Setup › Users › the integration user › its profile"

    def rights(self, sobject: str) -> ObjectRights | None:
        """What is granted on an object; None where that cannot be seen."""
        if isinstance(self.objects, FluintError):
            return None
        return self.objects.get(sobject, ObjectRights())


@dataclass(frozen=True)
class ObjectHeld:
    """One object of the catalogue in our tables; `data_as_of` is None where it was never read."""

    table: str
    is_enabled: bool
    data_as_of: datetime | None


@dataclass(frozen=True)
class FluintSeen:
    """What our own tables say. Fluint users are named by the id of their row, Salesforce users by theirs.

    `record_types`: id → name. `pairs`: (owner, record type) → live deals held of owners in scope. `unknown_stages`: stage → deals.
    `active_users` counts Salesforce's users as they were read. `deals_held` counts those in scope whose stamp is older than
    `settled_before`, as Salesforce is asked to; `deals_erased` those that were erased here and stay in Salesforce. `uploads`: the
    outbox's reason → document versions that a person has to do something about.
    """

    connection: Connection | None
    now: datetime
    licensed: int
    active_users: int
    unmatched: tuple[str, ...]
    ambiguous: tuple[str, ...]
    is_a_person: bool
    filters: BackfillFilter
    stages: frozenset[str]
    record_types: Mapping[str, str]
    objects: tuple[ObjectHeld, ...]
    owners: tuple[str, ...]
    settled_before: datetime | None
    owners_not_listed: int
    deals_not_listed: int
    deals_held: int
    deals_erased: int
    pairs: Mapping[tuple[str, str | None], int]
    sample_deal: str | None
    unknown_stages: Mapping[str, int]
    uploads: Mapping[str, int]


@dataclass(frozen=True)
class Numbers:
    """What the operator set: seconds between two syncs, and the share of the org's daily calls that Fluint may use up to."""

    interval_seconds: int = 60
    quota_share: float = 0.8


@dataclass(frozen=True)
class Seen:
    """Everything that the judges go by."""

    salesforce: SalesforceSeen
    fluint: FluintSeen
    numbers: Numbers = field(default_factory=Numbers)

    @property
    def user(self) -> str:
        """The integration user in a sentence, by id: names are the command line's business."""
        user_id = self.salesforce.user_id or (
            self.fluint.connection.user_id if self.fluint.connection else ""
        )
        return f"the integration user ({user_id})" if user_id else "the integration user"
