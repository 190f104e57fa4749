"""What an administrator set up in the demo org: stages, record types, roles, the integration user's profile, a permission set.

Belongs here: the settings as data and their rows. Does not: users (people.py), what every new org has (standard.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from local_org import standard
from local_org.demo.moments import DAY, as_stamp
from local_org.demo.world import World
from local_org.objects import SOBJECTS
from local_org.store import Store

Row = dict[str, object]


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline; `probability` in percent. Opportunity.StageName holds `api_name`."""

    api_name: str
    label: str
    probability: int
    forecast_category: str
    forecast_category_name: str
    description: str | None = None
    is_active: bool = True
    is_closed: bool = False
    is_won: bool = False


OPEN_STAGES = (
    Stage(
        "Qualification",
        "Qualification",
        10,
        "Pipeline",
        "Pipeline",
        "Budget, authority, need and time are being asked for",
    ),
    # An administrator renamed this one: the label that people see is no longer the value that deals hold.
    Stage("Needs Analysis", "Discovery & Needs Analysis", 20, "Pipeline", "Pipeline"),
    Stage("Value Proposition", "Value Proposition", 50, "BestCase", "Best Case"),
    Stage("Proposal/Price Quote", "Proposal/Price Quote", 75, "MostLikely", "Most Likely", "A quote is out"),
    Stage("Negotiation/Review", "Negotiation/Review", 90, "Forecast", "Commit"),
)
CLOSED_WON = Stage("Closed Won", "Closed Won", 100, "Closed", "Closed", is_closed=True, is_won=True)
CLOSED_LOST = Stage("Closed Lost", "Closed Lost", 0, "Omitted", "Omitted", is_closed=True)
RETIRED = Stage(
    "Proof of Concept",
    "Proof of Concept",
    60,
    "BestCase",
    "Best Case",
    "No longer used; old deals still stand here",
    is_active=False,
)
STAGES = (*OPEN_STAGES, CLOSED_WON, CLOSED_LOST, RETIRED)

_RECORD_TYPES = (
    # developer name, label, object, active
    ("New_Business", "New Business", "Opportunity", True),
    ("Renewal", "Renewal", "Opportunity", True),
    ("Partner_Deal", "Partner Deal", "Opportunity", False),
    ("Partner_Account", "Partner Account", "Account", True),
)
_ROLES = (
    # developer name, label, parent
    ("CEO", "CEO", None),
    ("VP_Sales", "VP Sales", "CEO"),
    ("Sales_EMEA", "Account Executive EMEA", "VP_Sales"),
    ("Sales_AMER", "Account Executive AMER", "VP_Sales"),
)

INTEGRATION_PROFILE = "Fluint Integration"
# The administrative permissions that the integration guide asks for, and what seeing mails takes.
_INTEGRATION_PERMISSIONS = (
    "ApiEnabled", "ViewSetup", "ViewRoles", "ManageCustomPermissions", "CustomizeApplication", "ModifyMetadata",
    "ManageNamedCredentials", "CanApproveUninstalledApps", "ActivitiesAccess",
)  # fmt: skip
_READ = ("PermissionsRead", "PermissionsViewAllRecords", "PermissionsViewAllFields")
# Documents are written back to opportunities: the guide has every box checked there.
_WRITE = ("PermissionsCreate", "PermissionsEdit", "PermissionsDelete", "PermissionsModifyAllRecords", *_READ)


def _audit(world: World) -> Row:
    when = as_stamp(world.began - 400 * DAY)
    by = world.admin_id
    return {
        "CreatedDate": when, "CreatedById": by, "LastModifiedDate": when, "LastModifiedById": by, "SystemModstamp": when,
    }  # fmt: skip


def stages(world: World) -> Iterator[Row]:
    """Yields the rows of OpportunityStage, the retired one last."""
    for order, stage in enumerate(STAGES, start=1):
        yield {
            "Id": world.ids.next("01J"), "MasterLabel": stage.label, "ApiName": stage.api_name, "IsActive": stage.is_active,
            "SortOrder": order, "IsClosed": stage.is_closed, "IsWon": stage.is_won,
            "ForecastCategory": stage.forecast_category, "ForecastCategoryName": stage.forecast_category_name,
            "DefaultProbability": float(stage.probability), "Description": stage.description, **_audit(world),
        }  # fmt: skip


def record_types(world: World) -> Iterator[Row]:
    """Yields the rows of RecordType and notes their ids by developer name."""
    for developer_name, label, sobject, is_active in _RECORD_TYPES:
        world.record_types[developer_name] = world.ids.next("012")
        yield {
            "Id": world.record_types[developer_name], "Name": label, "DeveloperName": developer_name, "SobjectType": sobject,
            "IsActive": is_active, **_audit(world),
        }  # fmt: skip


def user_roles(world: World, ids: dict[str, str]) -> Iterator[Row]:
    """Yields the rows of UserRole, an object without CreatedDate, and notes their ids by developer name in `ids`."""
    audit = {name: value for name, value in _audit(world).items() if not name.startswith("Created")}
    for developer_name, label, parent in _ROLES:
        ids[developer_name] = world.ids.next("00E")
        yield {
            "Id": ids[developer_name], "Name": label, "DeveloperName": developer_name,
            "ParentRoleId": ids[parent] if parent else None, **audit,
        }  # fmt: skip


def grant(store: Store, by: str) -> dict[str, str]:
    """Makes the integration user's profile and a permission set beside it, and returns the ids of all profiles by name.

    These rows go through the store like an administrator's own clicks and are stamped now; nothing that is synced refers to it.
    """
    licence = store.find_ids("UserLicense", Name="Salesforce")[0]
    own_set = standard.add_profile(store, INTEGRATION_PROFILE, licence, _INTEGRATION_PERMISSIONS, by=by)
    for sobject in SOBJECTS:
        flags = _WRITE if sobject == "Opportunity" else _READ
        standard.grant_object(store, own_set, sobject, flags, by=by)
        standard.grant_fields(store, own_set, sobject, edit=sobject == "Opportunity", by=by)
    return {str(name): str(key) for key, name in store.select("select Id, Name from Profile")}


def grant_sales_operations(store: Store, user_id: str, by: str) -> None:
    """Makes the permission set "Sales Operations" (sees every deal, changes none) and assigns it to one user."""
    values = {
        "Name": "Sales_Operations",
        "Label": "Sales Operations",
        "IsCustom": True,
        "PermissionsViewSetup": True,
    }
    set_id = store.insert("PermissionSet", values, by=by)
    for sobject in ("Account", "Opportunity"):
        standard.grant_object(store, set_id, sobject, ("PermissionsRead", "PermissionsViewAllRecords"), by=by)
    store.insert("PermissionSetAssignment", {"PermissionSetId": set_id, "AssigneeId": user_id}, by=by)
