"""One org: its directory, its rows, its clock, its switches, and the questions that the API's front ends ask.

Org.open makes a new org where there is none (standard.py says what a new org holds). HTTP is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from local_org import deletion, record_access, soql, standard
from local_org.clock import Clock
from local_org.errors import ApiError
from local_org.freshness import Freshness
from local_org.security import Security
from local_org.store import Store
from local_org.switches import Switches

_SOURCE = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_LICENCES_USED = """update UserLicense set UsedLicenses = (select count(*) from User u join Profile p on p.Id = u.ProfileId
    where u.IsActive = 1 and p.UserLicenseId = UserLicense.Id)"""

_FILES_LISTED = """insert into AttachedContentDocument (Id, IsDeleted, ContentDocumentId, LinkedEntityId, Title, FileType, ContentSize,
    FileExtension, CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp)
    select l.Id, 0, d.Id, l.LinkedEntityId, d.Title, d.FileType, d.ContentSize, d.FileExtension, d.CreatedDate, d.CreatedById,
    d.LastModifiedDate, d.LastModifiedById, d.SystemModstamp
    from ContentDocumentLink l join ContentDocument d on d.Id = l.ContentDocumentId where l.IsDeleted = 0 and d.IsDeleted = 0"""


class Org:
    """A Salesforce org on this machine."""

    def __init__(self, directory: Path, store: Store, org_id: str) -> None:
        """Wraps an opened store; use `Org.open`."""
        self.directory = directory
        self.store = store
        self.clock = store.clock
        self.org_id = org_id
        self.switches = Switches()
        self.security = Security(store, store.clock, self.switches)
        self.identity_url: Callable[[str], str] = lambda user_id: f"/id/{org_id}/{user_id}"
        """Names a user (id); a served org puts its address before it."""
        self.freshness = Freshness(store.clock)
        self.computed: dict[str, Callable[[str, str], object]] = {
            "userrecordaccess": lambda text, _: record_access.compute(self, text),
            "userlicense": lambda *_: self.store.execute(_LICENCES_USED),
            "attachedcontentdocuments": lambda *_: self._list_files(),
            "task": lambda _, user_id: self._refuse_many_activities(user_id),
        }
        """By object (lower case): what happens before its rows are queried, given statement and user, e.g. that they are worked out."""

    @classmethod
    def open(cls, directory: Path, clock: Clock | None = None) -> Org:
        """Opens the org in `directory`, or creates an empty one there."""
        directory.mkdir(parents=True, exist_ok=True)
        store = Store(directory / "org.sqlite3", clock or Clock())
        found = store.find_ids("Organization")
        return cls(directory, store, found[0] if found else standard.create(store))

    def close(self) -> None:
        """Closes the store."""
        self.store.close()

    def query(self, text: str, *, user_id: str, include_deleted: bool) -> soql.QueryResult:
        """Returns what this user sees for a SOQL statement; `include_deleted` is queryAll. Raises ApiError."""
        if self.switches.transaction_security_code:
            message = "The operation was blocked by a transaction security policy of your organization."
            raise ApiError(403, self.switches.transaction_security_code, message)
        if include_deleted:
            deletion.expire(self.store)
        for name in _SOURCE.findall(text):
            prepare = self.computed.get(name.lower())
            if prepare is not None:
                prepare(text, user_id)
        return soql.run(self, text, user_id=user_id, include_deleted=include_deleted)

    def _list_files(self) -> None:
        """Makes the rows of the Files related lists anew."""
        with self.store.transaction():
            self.store.execute("delete from AttachedContentDocument")
            self.store.execute(_FILES_LISTED)

    def _refuse_many_activities(self, user_id: str) -> None:
        """Refuses activities of more people and records than the platform shares out row by row (API sheet 2.5, OPERATION_TOO_LARGE)."""
        if self.security.of(user_id).has("ViewAllData"):
            return
        most = self.switches.activity_relations
        sql = (
            "select count(*) from (select WhoId from Task where WhoId is not null"
            " union select WhatId from Task where WhatId is not null limit ?)"
        )
        if int(str(self.store.select(sql, (most + 1,))[0][0])) > most:
            raise ApiError(400, "OPERATION_TOO_LARGE", f"exceeded {most} distinct who/what's")

    def user(self, user_id: str) -> dict[str, object]:
        """Returns a user's row; raises KeyError when there is none."""
        found = self.store.get("User", user_id)
        if found is None:
            raise KeyError(user_id)
        return found

    def user_by_username(self, username: str) -> dict[str, object] | None:
        """Returns the row of the user who logs in with this name (without regard to case), or None."""
        found = self.store.find_ids("User", Username=username)
        return self.store.get("User", found[0]) if found else None

    @property
    def system_user_id(self) -> str:
        """The id of the user as whom the platform itself acts."""
        return self.store.find_ids("User", UserType="AutomatedProcess")[0]
