"""What happens before the rows of some objects are queried: the platform works them out, or refuses the question.

Belongs here: which object needs what, and the small ones of these. Does not: UserRecordAccess (record_access.py), the rows of the
connected app (connected_app.py), the query itself (soql/).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from local_org import record_access
from local_org.errors import ApiError

if TYPE_CHECKING:
    from local_org.org import Org

Step = Callable[["Org", str, str], None]
"""Takes the org, the statement and the user's id. Raises ApiError for what is refused."""
_LITERAL = re.compile(r"'(?:\\.|[^'\\])*'")
_SOURCE = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_LICENCES_USED = """update UserLicense set UsedLicenses = (select count(*) from User u join Profile p on p.Id = u.ProfileId
    where u.IsActive = 1 and p.UserLicenseId = UserLicense.Id)"""
_FILES_LISTED = """insert into AttachedContentDocument (Id, IsDeleted, ContentDocumentId, LinkedEntityId, Title, FileType, ContentSize,
    FileExtension, CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp)
    select l.Id, 0, d.Id, l.LinkedEntityId, d.Title, d.FileType, d.ContentSize, d.FileExtension, d.CreatedDate, d.CreatedById,
    d.LastModifiedDate, d.LastModifiedById, d.SystemModstamp
    from ContentDocumentLink l join ContentDocument d on d.Id = l.ContentDocumentId where l.IsDeleted = 0 and d.IsDeleted = 0"""
_RELATIONS = """select count(*) from (select WhoId from Task where WhoId is not null
    union select WhatId from Task where WhatId is not null limit ?)"""


def prepare(org: Org, text: str, user_id: str) -> None:
    """Takes the steps of every object and child relationship that a statement names after FROM. Raises ApiError."""
    if org.switches.transaction_security_code:
        message = "The operation was blocked by a transaction security policy of your organization."
        raise ApiError(403, org.switches.transaction_security_code, message)
    for name in _SOURCE.findall(_LITERAL.sub("''", text)):
        step = org.before_query.get(name.lower())
        if step is not None:
            step(org, text, user_id)


def _compute_access(org: Org, text: str, _user_id: str) -> None:
    record_access.compute(org, text)


def _count_licences(org: Org, _text: str, _user_id: str) -> None:
    org.store.execute(_LICENCES_USED)


def _list_files(org: Org, _text: str, _user_id: str) -> None:
    """Makes the rows of the Files related lists anew."""
    with org.store.transaction():
        org.store.execute("delete from AttachedContentDocument")
        org.store.execute(_FILES_LISTED)


def _refuse_many_activities(org: Org, _text: str, user_id: str) -> None:
    """Refuses activities of more people and records than the platform shares out row by row (API sheet 2.5, OPERATION_TOO_LARGE)."""
    if org.security.of(user_id).has("ViewAllData"):
        return
    most = org.switches.activity_relations
    if int(str(org.store.select(_RELATIONS, (most + 1,))[0][0])) > most:
        raise ApiError(400, "OPERATION_TOO_LARGE", f"exceeded {most} distinct who/what's")


STEPS: dict[str, Step] = {
    "userrecordaccess": _compute_access,
    "userlicense": _count_licences,
    "attachedcontentdocuments": _list_files,
    "task": _refuse_many_activities,
}
"""By object or child relationship, in lower case."""
