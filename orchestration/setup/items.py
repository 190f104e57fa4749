"""The checklist: one line an item, with the judge that decides it. The order is that in which an admin mends things.

The items are those of the integration guide's implementation checklist, and what the guides of other connectors check besides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.setup.judges import files, fluint, reading, salesforce, user
from orchestration.setup.outcome import Judgement
from orchestration.setup.seen import Seen


@dataclass(frozen=True)
class Item:
    """One item: its key, which is the name of its asset check, its title, and what is tested."""

    key: str
    title: str
    tested: str
    judge: Callable[[Seen], Judgement]


ITEMS: tuple[Item, ...] = (
    Item(
        "connection", "Connection", "the stored grant, and a first question to the org", salesforce.connection
    ),
    Item("api_access", "API access of edition and user", "a query by REST", salesforce.api_access),
    Item(
        "app_permitted",
        "App installed and permitted",
        "ConnectedApplication, OauthToken, and the permissions for apps that are not installed",
        salesforce.app_permitted,
    ),
    Item(
        "refresh_token_policy",
        "Refresh token policy",
        "ConnectedApplication; else when a token was last renewed",
        salesforce.refresh_token_policy,
    ),
    Item(
        "session_policies",
        "IP relaxation, session level, transaction security",
        "the answers to token requests and queries; ConnectedApplication",
        salesforce.session_policies,
    ),
    Item(
        "integration_user",
        "Dedicated integration user",
        "its deals, its match among Fluint users, assignments that expire",
        user.integration_user,
    ),
    Item("user_licence", "User licence", "Profile.UserLicense of the integration user", user.user_licence),
    Item(
        "user_permissions",
        "User permissions",
        "PermissionSet of all assignments, the profile's own included",
        user.user_permissions,
    ),
    *(Item(table, name, tested, judge) for table, name, tested, judge in reading.OBJECTS),
    Item(
        "files_can_be_created",
        "Files can be created",
        "describe of ContentVersion",
        files.files_can_be_created,
    ),
    Item(
        "deals_take_files",
        "Deals take files",
        "object permissions, and UserRecordAccess on one deal",
        files.deals_take_files,
    ),
    Item(
        "files_list_on_layouts",
        "Files related list on page layouts",
        "Tooling API: the layouts of the licensed owners' profiles and record types",
        files.files_list_on_layouts,
    ),
    Item("file_limits", "Limits of files", "the limits resource", files.file_limits),
    Item("uploads", "Documents sent back", "the outbox: what Salesforce refused, by its code", files.uploads),
    Item(
        "organization",
        "Sandbox or production, currencies",
        "Organization, against what was connected",
        salesforce.organization,
    ),
    Item("clock", "Clock", "Salesforce's Date, against this machine's clock", salesforce.clock),
    Item(
        "api_headroom",
        "API calls left",
        "the limit header and resource, against what the interval needs",
        salesforce.api_headroom,
    ),
    Item("user_list", "User list", "licensed Fluint users, against Salesforce users", fluint.user_list),
    Item(
        "backfill_filter",
        "Backfill parameters",
        "the filter, against the org's stages and record types",
        fluint.backfill_filter,
    ),
    Item("objects_are_read", "Objects installed and read", "cursors of all objects", fluint.objects_are_read),
    Item("deals_arrive", "Deals arrive", "deals held, against Salesforce's own count", fluint.deals_arrive),
    Item("stages", "Stages of deals", "deals held, against the stages that the org lists", fluint.stages),
)
