"""UserRecordAccess, as data: what one user may do with one record. The platform works its rows out for each question (record_access.py)."""

from __future__ import annotations

from local_org.objects import make as m
from local_org.objects.fields import SObject

LEVELS = ("None", "Read", "Edit", "Delete", "Transfer", "All")

USER_RECORD_ACCESS = SObject(
    "UserRecordAccess",
    "User Record Access",
    "User Record Access",
    "",
    (
        m.record_id(),
        m.ref("UserId", "User", "N", relationship=None, permissionable=False),
        m.ref("RecordId", (), "N", relationship=None, permissionable=False),
        m.flag("HasReadAccess"),
        m.flag("HasEditAccess"),
        m.flag("HasDeleteAccess"),
        m.flag("HasTransferAccess"),
        m.flag("HasAllAccess"),
        m.picklist("MaxAccessLevel", 40, LEVELS, "N", permissionable=False),
    ),
    retrieveable=False,
)

OBJECTS = (USER_RECORD_ACCESS,)
