"""Faults that an administrator makes: named mistakes in the set-up of an org for its integration user, and their undoing.

Each is what a click in Setup does, on the records and switches that the org itself goes by; so a client sees the true consequence.
Belongs here: which clicks, by name. Does not: faults of the wire and of the moment (faults/), what a permission lets one do (security.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

from local_org.admin_time import turn
from local_org.clock import as_stamp
from local_org.demo_data import cast
from local_org.org import Org
from local_org.registration import registration_of
from local_org.rest.describe import MASTER
from local_org.rest.layouts import FILES, related_lists, set_related_lists

READ_ONLY = ("PermissionsEdit", "PermissionsDelete", "PermissionsModifyAllRecords")
VIEW_ALL = ("PermissionsViewAllRecords", "PermissionsModifyAllRecords")
ALL_OF_AN_OBJECT = ("PermissionsRead", "PermissionsCreate", "PermissionsViewAllFields", *READ_ONLY, *VIEW_ALL)


class Setup:
    """One org's set-up, and what it was before it was spoilt."""

    def __init__(self, org: Org) -> None:
        """Begins with nothing to undo."""
        self._org = org
        self._undo: list[Callable[[], object]] = []
        self._made: list[str] = []
        self._lock = threading.Lock()

    def made(self) -> list[str]:
        """Gives the mistakes that were made and not undone."""
        return list(self._made)

    def make(self, names: Iterable[str]) -> list[str]:
        """Makes these mistakes. Raises ValueError for a name that is none, and then makes none."""
        wanted = list(names)
        unknown = [each for each in wanted if each not in MISTAKES]
        if unknown:
            raise ValueError(f"There is no mistake {unknown[0]!r}. Mistakes: {', '.join(MISTAKES)}.")
        with self._lock:
            for name in wanted:
                MISTAKES[name](self)
                self._made.append(name)
        return self.made()

    def undo(self) -> None:
        """Makes the set-up what it was before the first mistake; whatever somebody mended meanwhile stays mended."""
        with self._lock:
            while self._undo:
                self._undo.pop()()
            self._made.clear()

    @property
    def user_id(self) -> str:
        """The integration user."""
        user = self._org.user_by_username(registration_of(self._org.directory).username)
        if user is None:
            raise ValueError("This org has no integration user: it was not filled with demo data.")
        return str(user["Id"])

    def sets(self) -> list[str]:
        """The permission sets of the integration user, the one that the profile owns included."""
        rows = self._org.store.find_ids("PermissionSetAssignment", AssigneeId=self.user_id)
        return [
            str((self._org.store.get("PermissionSetAssignment", each) or {})["PermissionSetId"])
            for each in rows
        ]

    def set(self, sobject: str, record_id: str, **values: object) -> None:
        """Changes a record as an administrator would."""
        store, by = self._org.store, self._org.system_user_id
        before = store.get(sobject, record_id) or {}
        self._undo.append(
            partial(store.update, sobject, record_id, {name: before[name] for name in values}, by=by)
        )
        store.update(sobject, record_id, values, by=by)

    def insert(self, sobject: str, **values: object) -> str:
        """Adds a record."""
        store, by = self._org.store, self._org.system_user_id
        made = store.insert(sobject, values, by=by)
        self._undo.append(partial(store.delete, sobject, made, by=by))
        return made

    def switch(self, **values: object) -> None:
        """Turns switches."""
        switches = self._org.switches
        before = switches.as_dict()
        self._undo.append(partial(switches.set, {name: before[name] for name in values}))
        switches.set(values)

    def turn(self, seconds: float) -> None:
        """Turns the org's clock."""
        self._undo.append(partial(turn, self._org.clock, {"seconds": -seconds}))
        turn(self._org.clock, {"seconds": seconds})

    def system(self, *permissions: str, held: bool = False) -> None:
        """Takes user permissions from the integration user, or gives them."""
        for each in self.sets():
            self.set("PermissionSet", each, **{f"Permissions{name}": held for name in permissions})

    def object(self, sobject: str, flags: Iterable[str]) -> None:
        """Takes object permissions from the integration user."""
        for parent in self.sets():
            for row in self._org.store.find_ids("ObjectPermissions", ParentId=parent, SobjectType=sobject):
                self.set("ObjectPermissions", row, **dict.fromkeys(flags, False))

    def field(self, sobject: str, *fields: str) -> None:
        """Hides fields from the integration user."""
        self.object(sobject, ["PermissionsViewAllFields"])
        for parent in self.sets():
            for name in fields:
                for row in self._org.store.find_ids(
                    "FieldPermissions", ParentId=parent, Field=f"{sobject}.{name}"
                ):
                    self.set("FieldPermissions", row, PermissionsRead=False, PermissionsEdit=False)

    def no_files_list(self, record_type: str) -> None:
        """Takes the Files list off the layout of a record type (developer name) that the reps' profile has, and off nobody else's."""
        store = self._org.store
        record_type_id = store.find_ids("RecordType", DeveloperName=record_type)[0] if record_type else MASTER
        profile_id = store.find_ids("Profile", Name="Standard User")[0]
        before = related_lists(store, "Opportunity", record_type_id, profile_id)
        set_to = partial(
            set_related_lists, store, "Opportunity", record_type_id=record_type_id, profile_id=profile_id
        )
        self._undo.append(partial(set_to, before))
        set_to([each for each in before if each != FILES])

    def platform_licence(self) -> None:
        """Gives the integration user's profile the Salesforce Platform licence."""
        licence = self.insert(
            "UserLicense", LicenseDefinitionKey="PLATFORM", Name="Salesforce Platform",
            MasterLabel="Salesforce Platform", TotalLicenses=10, UsedLicenses=1, Status="Active",
        )  # fmt: skip
        self.set("Profile", str(self._org.user(self.user_id)["ProfileId"]), UserLicenseId=licence)

    def expiring_assignment(self) -> None:
        """Gives the integration user a permission set for two more days only."""
        made = self.insert("PermissionSet", Name="Fluint_Trial", Label="Fluint Trial", IsCustom=True)
        ends = as_stamp(self._org.clock.now() + timedelta(days=2))
        self.insert(
            "PermissionSetAssignment", PermissionSetId=made, AssigneeId=self.user_id, ExpirationDate=ends
        )

    def deal_of_its_own(self) -> None:
        """Makes the integration user the owner of a deal, as somebody who sells with it would be."""
        deal = self._org.store.select("select Id from Opportunity where IsDeleted = 0 order by Id limit 1")[
            0
        ][0]
        self.set("Opportunity", str(deal), OwnerId=self.user_id)

    def unknown_stage(self) -> None:
        """Puts a rep's deal into a stage that the org does not list, as a load of old data does."""
        rep = next(each for each in cast(self._org) if each["role"] == "rep")
        deal = self._org.store.find_ids("Opportunity", OwnerId=rep["user_id"], IsDeleted=0)[0]
        self.set("Opportunity", deal, StageName="Handshake")

    def move_to_a_sandbox(self) -> None:
        """Lets the org say that it is a sandbox, as a refreshed copy does."""
        self.set("Organization", self._org.org_id, IsSandbox=True)


def _at_the_next_session(**switches: object) -> Callable[[Setup], None]:
    """What is refused when tokens are asked for: sessions end at once, so that they are."""
    return lambda setup: setup.switch(access_token_seconds=0.0, **switches)


def _switched(**switches: object) -> Callable[[Setup], None]:
    return lambda setup: setup.switch(**switches)


def _uninstalled(setup: Setup) -> None:
    setup.system("CanApproveUninstalledApps")
    setup.switch(connected_app_policy="uninstalled")


def _closed_layouts(setup: Setup) -> None:
    setup.system("CustomizeApplication")
    setup.switch(layout_metadata_needs_customize_application=True)


MISTAKES: dict[str, Callable[[Setup], None]] = {
    "api_disabled_for_org": _switched(api_enabled_for_org=False),
    "api_disabled_for_user": lambda setup: setup.system("ApiEnabled"),
    "user_inactive": lambda setup: setup.set("User", setup.user_id, IsActive=False),
    "app_blocked": _at_the_next_session(connected_app_policy="blocked"),
    "app_not_approved": _at_the_next_session(connected_app_policy="admin_approved"),
    "app_not_installed": _uninstalled,
    "app_deleted": _at_the_next_session(connected_app_policy="deleted"),
    "token_expires_by_age": _switched(refresh_token_policy="after_days"),
    "token_expires_when_idle": _switched(refresh_token_policy="idle_days"),
    "token_expires_at_once": _switched(refresh_token_policy="immediately"),
    "address_not_allowed": _at_the_next_session(login_ip_ranges="203.0.113.0/24"),
    "high_assurance_sessions": _switched(high_assurance_sessions=True),
    "transaction_security": _switched(transaction_security_code="TXN_SECURITY_NO_ACCESS"),
    "integration_user_has_a_deal": Setup.deal_of_its_own,
    "administrator_rights": lambda setup: setup.system("ModifyAllData", "ManageUsers", held=True),
    "assignment_expires": Setup.expiring_assignment,
    "platform_licence": Setup.platform_licence,
    "view_setup_missing": lambda setup: setup.system("ViewSetup"),
    "users_are_private": _switched(users_are_private=True),
    "opportunity_not_readable": lambda setup: setup.object("Opportunity", ALL_OF_AN_OBJECT),
    "opportunity_view_all_missing": lambda setup: setup.object("Opportunity", VIEW_ALL),
    "opportunity_type_hidden": lambda setup: setup.field("Opportunity", "Type"),
    "opportunity_amount_hidden": lambda setup: setup.field("Opportunity", "Amount"),
    "contact_not_readable": lambda setup: setup.object("Contact", ALL_OF_AN_OBJECT),
    "contact_view_all_missing": lambda setup: setup.object("Contact", VIEW_ALL),
    "contact_email_hidden": lambda setup: setup.field("Contact", "Email"),
    "account_not_readable": lambda setup: setup.object("Account", ALL_OF_AN_OBJECT),
    "account_view_all_missing": lambda setup: setup.object("Account", VIEW_ALL),
    "enhanced_email_off": _switched(enhanced_email=False),
    "access_activities_missing": lambda setup: setup.system("ActivitiesAccess"),
    "mail_bodies_hidden": lambda setup: setup.field("EmailMessage", "TextBody", "HtmlBody"),
    "email_tracking_off": _switched(email_tracking=False),
    "files_off": _switched(files=False),
    "opportunity_not_editable": lambda setup: setup.object("Opportunity", READ_ONLY),
    "files_list_missing": lambda setup: setup.no_files_list("Renewal"),
    "layouts_are_closed": _closed_layouts,
    "file_publications_used_up": _switched(daily_content_versions=0),
    "file_storage_full": _switched(file_storage_mb=0),
    "became_a_sandbox": Setup.move_to_a_sandbox,
    "clock_differs": lambda setup: setup.turn(900),
    "deal_in_an_unknown_stage": Setup.unknown_stage,
    "calls_used_by_others": _switched(api_calls_used_by_others=12_500),
    "few_calls_a_day": _switched(daily_api_limit=1_000),
    "bulk_jobs_used_up": _switched(daily_bulk_query_jobs=0),
}  # fmt: skip
"""By name; `fluint check` of the product has a text for each."""
