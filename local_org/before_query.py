"""What happens before the rows of some objects are queried: the platform works them out, or refuses the question.

Belongs here: which object needs what, and the small ones of these. Does not: UserRecordAccess (record_access.py), the rows of the
connected app (connected_app.py), the query itself (soql/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local_org import record_access
from local_org.errors import ApiError
from local_org.security import Security
from local_org.store import Store


@dataclass(frozen=True)
class Question:
    """A statement that a user asks of an org's rows."""

    store: Store
    security: Security
    text: str
    user_id: str


Step = Callable[[Question], None]
"""Raises ApiError for what is refused."""
_LITERAL = re.compile(r"'(?:\\.|[^'\\])*'")
_SOURCE = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_LICENCES_USED = """update UserLicense set UsedLicenses = (select count(*) from User u join Profile p on p.Id = u.ProfileId
    where u.IsActive = 1 and p.UserLicenseId = UserLicense.Id)"""
_FILES_LISTED = """insert into AttachedContentDocument (Id, IsDeleted, ContentDocumentId, LinkedEntityId, Title, FileType, ContentSize,
    FileExtension, CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp)
    select l.Id, 0, d.Id, l.LinkedEntityId, d.Title, d.FileType, d.ContentSize, d.FileExtension, d.CreatedDate, d.CreatedById,
    d.LastModifiedDate, d.LastModifiedById, d.SystemModstamp
    from ContentDocumentLink l join ContentDocument d on d.Id = l.ContentDocumentId where l.IsDeleted = 0 and d.IsDeleted = 0"""
_RELATIONS = """select count(*) from (select WhoId from Task where WhoId is not null union select WhatId from Task where WhatId is not null
    union select WhoId from Event where WhoId is not null union select WhatId from Event where WhatId is not null limit ?)"""


def prepare(question: Question, steps: Mapping[str, Step]) -> None:
    """Takes the steps of every object and child relationship that a statement names after FROM. Raises ApiError."""
    code = question.store.switches.transaction_security_code
    if code:
        message = "The operation was blocked by a transaction security policy of your organization."
        raise ApiError(403, code, message)
    for name in _SOURCE.findall(_LITERAL.sub("''", question.text)):
        step = steps.get(name.lower())
        if step is not None:
            step(question)


def _compute_access(question: Question) -> None:
    record_access.compute(question.store, question.security, question.text)


def _count_licences(question: Question) -> None:
    question.store.execute(_LICENCES_USED)


def _list_files(question: Question) -> None:
    """Makes the rows of the Files related lists anew."""
    with question.store.transaction():
        question.store.execute("delete from AttachedContentDocument")
        question.store.execute(_FILES_LISTED)


def _refuse_many_activities(question: Question) -> None:
    """Refuses activities of more people and records than the platform shares out row by row (API sheet 2.5, OPERATION_TOO_LARGE)."""
    if question.security.of(question.user_id).has("ViewAllData"):
        return
    most = question.store.switches.activity_relations
    if int(str(question.store.select(_RELATIONS, (most + 1,))[0][0])) > most:
        raise ApiError(400, "OPERATION_TOO_LARGE", f"exceeded {most} distinct who/what's")


STEPS: dict[str, Step] = {
    "userrecordaccess": _compute_access,
    "userlicense": _count_licences,
    "attachedcontentdocuments": _list_files,
    "task": _refuse_many_activities,
    "event": _refuse_many_activities,
}
"""By object or child relationship, in lower case."""
