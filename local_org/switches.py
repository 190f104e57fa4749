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
    daily_bulk_query_result_kb: int = 1_000_000_000
    daily_content_versions: int = 2_500
    file_storage_mb: int = 20_000  # recorded of a Developer org: 20; roomier here, so that a demo can go on
    multipart_limit_mb: int = 2_048
    # Extensions (separated by commas) that a rule of the org refuses as files, and whether users may make files at all.
    blocked_file_types: str = ""
    users_may_create_files: bool = True
    uri_limit_bytes: int = 16_384
    # Unconfirmed: a URI that is too long by itself answers 414 or 431, as one does that is too long with its headers.
    uri_too_long_status: int = unconfirmed(414, 431, section="2.2")
    # OAuth policies of the connected app.
    access_token_seconds: float = 7_200.0
    rotate_refresh_tokens: bool = True
    require_pkce: bool = True
    authorization_code_seconds: float = 900.0
    grants_per_user: int = 5
    # SOAP login() is refused in orgs made since 2025 until an administrator enables it.
    soap_login: bool = False
    # Unconfirmed: Help says three to five minutes (180 to 300), yet Salesforce's own CLI signs an `exp` in milliseconds; 0: no limit.
    jwt_longest_life_seconds: float = unconfirmed(0.0, 180.0, section="1")
    # One of: self_authorize, admin_approved, uninstalled, blocked, deleted.
    connected_app_policy: str = "self_authorize"
    # Names of the profiles and permission sets whose users the administrator approved for the app, separated by commas.
    app_approved_for: str = ""
    # Sources differ on where the refusal of an app that is not installed is seen: on the callback, or on a page that leads nowhere.
    uninstalled_app_shows_page: bool = False
    # One of: until_revoked, immediately, after_days (of the grant), idle_days (without a refresh; partners speak of 30).
    refresh_token_policy: str = "until_revoked"
    refresh_token_days: float = 30.0
    # Recalled by one connector: a grant refreshes where it was issued, log-in host or My Domain. Off: at either.
    refresh_at_issuing_host_only: bool = True
    # Off: the app is a public client, which proves itself by PKCE and sends no secret.
    require_client_secret: bool = True
    # The username-password flow is off in new orgs and refused with the text of a wrong password.
    username_password_flow: bool = False
    # Networks (CIDR, separated by commas) from which people may log in; empty: from anywhere.
    login_ip_ranges: str = ""
    organization_is_active: bool = True
    logins_per_hour: int = 3_600
    # Unconfirmed: whether revoking a refresh token ends its access tokens, and how an unknown token is answered (RFC 7009: 200).
    revoke_ends_access_tokens: bool = unconfirmed(True, False, section="1")
    revoke_unknown_token_status: int = unconfirmed(400, 200, section="1")
    # Unconfirmed: the status of userinfo and the identity URL for a bad token.
    bad_identity_token_status: int = unconfirmed(403, 401, section="1")
    # Username that the client credentials flow acts as; empty: none is enabled.
    client_credentials_username: str = ""
    # Certificate (PEM) that the app's JWT bearer assertions are checked with; empty: none was uploaded.
    jwt_certificate: str = ""
    # The app demands sessions of high assurance, as ConnectedApplication shows it; no session here is lower for it.
    high_assurance_sessions: bool = False
    # What the org and its edition allow.
    api_enabled_for_org: bool = True
    # Calls that have lasted long_call_seconds (real time) of which so many may run at once: 25 in production, 5 in a Developer org.
    concurrent_long_calls: int = 5
    long_call_seconds: float = 20.0
    # Name of the object of which a validation rule refuses every save, and of the policy that refuses queries: TXN_SECURITY_NO_ACCESS, …
    validation_rule_on: str = ""
    transaction_security_code: str = ""
    # Queries that this pattern is found in run too long where they give more than so many rows or groups; empty: none does.
    slow_query: str = ""
    slow_query_rows: int = 0
    # Who lacks View All Data may query activities of so many people and records.
    activity_relations: int = 100_000
    # Support switched on API Access Control: only then does the permission Use Any API Client exist.
    api_access_control: bool = False
    # Unconfirmed: whether "Approve Uninstalled Connected Apps" can be selected as PermissionsCanApproveUninstalledApps.
    approve_uninstalled_apps_is_a_field: bool = unconfirmed(True, False, section="4")
    # Unconfirmed: whether others' rows of OauthToken take Manage Users.
    oauth_tokens_of_others_need_manage_users: bool = unconfirmed(True, False, section="4")
    # Unconfirmed: when the next versions (67.0, 68.0) arrive.
    newest_api_version: int = unconfirmed(66, 67, 68, section="2.1")
    # Unconfirmed: Sforce-Limit-Info may also tell the calls of this app alone; 0: it does not.
    per_app_api_limit: int = unconfirmed(0, 250, section="2.1")
    # Unconfirmed: whether the Files list shows among the related lists that a layout describes.
    layouts_name_the_files_list: bool = unconfirmed(True, False, section="2.1")
    # Unconfirmed: whether the Tooling API shows a layout's Metadata to whoever may see the set-up, or takes Customize Application.
    layout_metadata_needs_customize_application: bool = unconfirmed(False, True, section="2.1")
    # How far back the list of deleted rows reaches: 15 days, less where so much was deleted that its log was cut.
    deleted_list_days: float = 15.0
    # Unconfirmed: how far latestDateCovered of a change list lies before the end asked for.
    replication_lag_seconds: float = unconfirmed(0.0, 600.0, section="2.3")
    # Unconfirmed: how many queries and collections a composite takes, how many ids a retrieve, and whether missing rows are null.
    composite_queries: int = unconfirmed(5, 25, section="2.4")
    retrieve_ids: int = unconfirmed(2_000, 200, section="2.4")
    retrieve_answers_null: bool = unconfirmed(True, False, section="2.4")
    # Bulk API 2.0: the least real time that a job stays in each state, and how its result is cut into pages.
    bulk_queued_seconds: float = 0.1
    bulk_processing_seconds: float = 0.1
    bulk_page_records: int = 50_000
    bulk_page_bytes: int = 64 * 1024 * 1024
    # Whether the access log keeps the record ids of pages of Bulk results; those of REST answers it always keeps.
    log_bulk_ids: bool = False
    # Unconfirmed: a job without rows may answer with its header line or with nothing at all.
    bulk_header_when_empty: bool = unconfirmed(True, False, section="3.3")
    # Retries of the platform's own that each job goes through; more than 15 and it fails (the guide's number).
    bulk_internal_retries: int = 0
    # Unconfirmed: bad SOQL, and a missing id filter, may be refused at create or end as a Failed job.
    bulk_bad_soql_fails_at_create: bool = unconfirmed(True, False, section="3.6")
    bulk_missing_id_filter_fails_at_create: bool = unconfirmed(False, True, section="3.2")
    # Unconfirmed: the code of a refused feature, and of results asked for before JobComplete.
    bulk_feature_code: str = unconfirmed("FEATURENOTENABLED", "FeatureNotEnabled", section="3.6")
    bulk_early_results_code: str = unconfirmed("INVALIDJOBSTATE", "API_ERROR", section="3.3")
    # Unconfirmed: errorMessage may be `code : text` or the text alone; the counters may be missing until the job has ended.
    bulk_error_message_has_code: bool = unconfirmed(True, False, section="3.6")
    bulk_counters_while_working: bool = unconfirmed(True, False, section="3.1")
    # Unconfirmed: datetimes in CSV end in Z or, as in JSON, in +0000; numbers from 10 million on may be scientific (1.25E7).
    bulk_datetimes_with_offset: bool = unconfirmed(False, True, section="3.3")
    bulk_scientific_numbers: bool = unconfirmed(False, True, section="3.3")
    # The server may ignore Accept-Encoding: gzip for results.
    bulk_gzip: bool = True
    # Unconfirmed: the status of INSUFFICIENT_ACCESS… is 400 in some sources, 403 in others.
    insufficient_access_status: int = unconfirmed(400, 403, section="2.5")
    # Unconfirmed: the status of STORAGE_LIMIT_EXCEEDED.
    storage_limit_status: int = unconfirmed(403, 400, section="5")
    # Unconfirmed: the ShareType of the link that FirstPublishLocationId makes, and that a second link to the same record is refused.
    first_link_share_type: str = unconfirmed("V", "I", section="5")
    duplicate_link_refused: bool = unconfirmed(True, False, section="5")
    # The recycle bin holds so many rows per licence; the oldest are purged when it is full.
    recycle_bin_rows_per_licence: int = 5_000
    # Features that an org has or lacks: objects and fields come and go with them (features.py).
    enhanced_email: bool = True
    email_tracking: bool = True
    multi_currency: bool = False
    opportunity_teams: bool = False
    files: bool = True
    # Sharing of users: off, everybody sees everybody; on, that takes View All Users.
    users_are_private: bool = False
    custom_fields: bool = False
    # An administrator wrote the API names of the custom fields anew, in capitals: the same fields, for names have no case.
    custom_names_in_capitals: bool = False
    # So many formulas more on Opportunity: an object may have 800 custom fields (Salesforce Features and Edition Limits).
    custom_formulas: int = 0
    # Unconfirmed: the length of a mail's body, 32,000 or 131,072.
    email_body_length: int = unconfirmed(131_072, 32_000, section="4")
    # Unconfirmed: a parent that can be of several objects shows itself as `Name` or as what it is.
    polymorphic_parent_is_name: bool = unconfirmed(True, False, section="2.2")
    # Unconfirmed: `EmailMessage WHERE RelatedToId IN (SELECT …)`.
    related_to_semi_join: bool = unconfirmed(True, False, section="2.2")
    # Unconfirmed: whether SystemModstamp moves on an undelete, and whose it moves on a merge.
    undelete_moves_stamp: bool = unconfirmed(True, False, section="4")
    merge_moves_winner_stamp: bool = unconfirmed(True, False, section="4")
    merge_moves_loser_stamps: bool = unconfirmed(True, False, section="4")
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

    def absent_permissions(self) -> frozenset[str]:
        """Gives the user permissions that this org does not have, and so no field for them (API sheet 4, Profile/PermissionSet)."""
        present = {
            "UseAnyApiClient": self.api_access_control,
            "UseAnyApiAuth": self.newest_api_version >= 68,
            "CanApproveUninstalledApps": self.approve_uninstalled_apps_is_a_field,
        }
        return frozenset(name for name, is_there in present.items() if not is_there)

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
