"""What lets the integration user read an object, as the step that a Salesforce admin takes where it cannot. Data only.

Most objects have a permission of their own (Object Reference, ObjectPermissions). Those named here have none: a user permission, a
feature of the org, the licence or another object governs them, and a text that says "grant Read" sends an admin to a row that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping

ACTIVITIES = ("EmailMessage", "Task", "Event")
"""Opened by the user permission Access Activities (Salesforce Help, "Access Activities"); mails come with Enhanced Email, too."""

EVERYBODYS = ("User", "OpportunityStage", "RecordType")
"""Readable for every user whose licence has them."""

_SYSTEM = "Setup › Permission Sets › System Permissions"
_LICENCE = (
    "sees that the user is active and has the licence 'Salesforce' (Setup › Users › the user › Edit › User License), with which everybody"
    " reads it"
)
_FILES = "switches on Files for internal users (Setup › Salesforce Files › General Settings)"
_VIEW_SETUP = f"gives the user 'View Setup and Configuration' ({_SYSTEM})"
_ACTIVITIES = f"gives the user 'Access Activities' ({_SYSTEM})"

STEPS: Mapping[str, str] = {
    "EmailMessage": f"switches on Enhanced Email if the org does not have it (Setup › Enhanced Email), and {_ACTIVITIES}",
    "Task": _ACTIVITIES,
    "Event": _ACTIVITIES,
    "OpportunityContactRole": "grants Read and View All on Opportunity (Setup › Permission Sets › Object Settings › Opportunities)",
    **dict.fromkeys(EVERYBODYS, _LICENCE),
    **dict.fromkeys(("ContentVersion", "ContentDocument", "ContentDocumentLink"), _FILES),
    **dict.fromkeys(
        (
            "PermissionSet", "PermissionSetAssignment", "ObjectPermissions", "FieldPermissions", "UserLicense", "ConnectedApplication",
            "Layout", "ProfileLayout",
        ),
        _VIEW_SETUP,
    ),
}  # fmt: skip
"""Object → what a Salesforce admin does, as the rest of a sentence that begins with "A Salesforce admin"."""


def reading_step(sobject: str) -> str:
    """Returns what a Salesforce admin does so that an object can be read."""
    granted = f"grants Read and View All on {sobject} (Setup › Permission Sets › Object Settings › {sobject})"
    return STEPS.get(sobject, granted)
