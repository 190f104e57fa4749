"""What one user of the org sees and may do: through the org's own queries and REST resources, so that pages and API cannot differ.

Belongs here: asking as that user. Does not: what a page asks for.
"""

from __future__ import annotations

from typing import Any

from local_org.errors import ApiError
from local_org.objects import SOBJECTS, Field
from local_org.org import Org
from local_org.rest.dispatch import Call, respond
from local_org.security import Access

Row = dict[str, Any]
_VERSION = "66.0"  # of the API; the resources that the pages use are alike in all


class Person:
    """One active user of one org."""

    def __init__(self, org: Org, user_id: str) -> None:
        """Asks `org` as the user `user_id`."""
        self.org = org
        self.user_id = user_id

    @property
    def access(self) -> Access:
        """What the user may do, as the permission records are now."""
        return self.org.security.of(self.user_id)

    def rows(self, soql: str, *, deleted: bool = False) -> list[Row]:
        """Returns the rows of a query, values by their dotted path; `deleted` is queryAll. Raises ApiError."""
        result = self.org.query(soql, user_id=self.user_id, include_deleted=deleted)
        found = result.groups() if result.kind == "aggregate" else result.rows()
        # The rows of an aggregate carry no ids behind their columns, but a store may: the columns alone count.
        return [dict(zip(result.columns, row, strict=False)) for row in found]

    def count(self, condition: str, *, deleted: bool = False) -> int:
        """Returns how many records a query `SELECT COUNT() FROM …` finds."""
        soql = f"SELECT COUNT() FROM {condition}"
        return self.org.query(soql, user_id=self.user_id, include_deleted=deleted).total

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Calls a REST resource as the user and returns its body. Raises ApiError with what the API would have answered."""
        call = Call(self.org, self.user_id, _VERSION, method, path, value=body)
        answer = respond(call)
        if answer.status >= 400:
            assert isinstance(answer.body, list)
            refusal = answer.body[0]
            raise ApiError(answer.status, refusal["errorCode"], refusal["message"], refusal.get("fields"))
        return answer.body

    def sees(self, sobject: str, path: str) -> bool:
        """Tells whether the user may read a field, which may lie one relationship away (`Owner.Name`)."""
        definition = SOBJECTS[sobject]
        if not self.access.may_read(definition):
            return False
        relationship, _, rest = path.rpartition(".")
        if not relationship:
            return path.lower() in self.access.readable(definition)
        reference = definition.relationship(relationship)
        return (
            reference is not None
            and self.sees(sobject, reference.name)
            and any(self.sees(target, rest) for target in reference.reference_to if target in SOBJECTS)
        )

    def seen(self, sobject: str, *paths: str) -> list[str]:
        """Returns those of the paths that the user may read, in their order."""
        return [path for path in paths if self.sees(sobject, path)]

    def fields(self, sobject: str) -> list[Field]:
        """Returns the fields of an object that the user sees."""
        return list(self.access.readable(SOBJECTS[sobject]).values())

    def may_set(self, sobject: str, name: str) -> bool:
        """Tells whether the user may change a field of records that he may change."""
        field = SOBJECTS[sobject].field(name)
        return (
            field is not None
            and field.updateable
            and self.sees(sobject, name)
            and self.access.may_write(SOBJECTS[sobject], field)
        )

    def may_change(self, action: str, sobject: str, owner: object) -> bool:
        """Tells whether the user may `Edit` or `Delete` a record that he sees and that `owner` owns."""
        definition = SOBJECTS[sobject]
        is_near = self.access.may_change(definition, {"OwnerId": owner})
        return is_near and self.access.may(action, definition)


def quoted(text: str) -> str:
    """Returns a SOQL text literal (SOQL and SOSL Reference, Quoted String Escape Sequences)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def containing(text: str) -> str:
    """Returns the LIKE pattern of what contains `text`, as a literal."""
    plain = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'%" + plain.replace("%", "\\%").replace("_", "\\_") + "%'"
