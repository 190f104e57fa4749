"""What an administrator of the org does to the integration user: View All given and taken, deals shared one by one with its team."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.sync.bench import Bench

VIEW_ALL = ("PermissionsViewAllRecords", "PermissionsModifyAllRecords")


@dataclass
class Sharing:
    """The permissions of the user that the sync connects as; what is taken here, `restore` gives back."""

    bench: Bench

    @property
    def user_id(self) -> str:
        """The integration user's id."""
        return self.bench.client.identity().user_id

    def view_all(self, *sobjects: str, granted: bool) -> None:
        """Gives or takes View All and Modify All on these objects, in every permission set of the user."""
        names = ",".join(f"'{name}'" for name in sobjects)
        for row in self.bench.records(
            f"SELECT Id FROM ObjectPermissions WHERE SobjectType IN ({names}) AND ParentId IN ({self._sets()})"
        ):
            self.bench.update("ObjectPermissions", row["Id"], **dict.fromkeys(VIEW_ALL, granted))

    def read_account(self, *, granted: bool) -> None:
        """Gives or takes every access to accounts; what is given is Read and View All."""
        flags = (
            ("Read", "ViewAllRecords")
            if granted
            else ("Read", "Create", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")
        )
        for row in self.bench.records(
            f"SELECT Id FROM ObjectPermissions WHERE SobjectType = 'Account' AND ParentId IN ({self._sets()})"
        ):
            values = {f"Permissions{flag}": granted for flag in flags}
            self.bench.administer("PATCH", f"/sobjects/ObjectPermissions/{row['Id']}", values)

    def access_activities(self, *, granted: bool) -> None:
        """Gives or takes Access Activities, without which mails, tasks and events are not there."""
        for row in self.bench.records(f"SELECT Id FROM PermissionSet WHERE Id IN ({self._sets()})"):
            values = {"PermissionsActivitiesAccess": granted}
            self.bench.administer("PATCH", f"/sobjects/PermissionSet/{row['Id']}", values)

    def share(self, deals: Iterable[str]) -> None:
        """Makes the user a member of these deals' teams, which shows them whatever else is allowed."""
        self.bench.org.admin("PATCH", "/switches", {"opportunity_teams": True})
        for some in _chunks(sorted(deals), 200):
            records = [
                {
                    "attributes": {"type": "OpportunityTeamMember"},
                    "OpportunityId": deal,
                    "UserId": self.user_id,
                    "OpportunityAccessLevel": "Read",
                }
                for deal in some
            ]
            made = self.bench.write("POST", "/composite/sobjects", {"allOrNone": True, "records": records})
            assert all(each["success"] for each in made), made[:3]

    def unshare(self, deal: str) -> None:
        """Takes the user off one deal's team."""
        (row,) = self.bench.records(
            f"SELECT Id FROM OpportunityTeamMember WHERE UserId = '{self.user_id}' AND OpportunityId = '{deal}' AND IsDeleted = false"
        )
        self.bench.write("DELETE", f"/sobjects/OpportunityTeamMember/{row['Id']}")

    def restore(self) -> None:
        """Everything is seen again, as in the demo, and no deal has a team."""
        self.view_all("Opportunity", "Contact", granted=True)
        self.bench.org.admin("PATCH", "/switches", {"opportunity_teams": True})
        rows = self.bench.records(
            f"SELECT Id FROM OpportunityTeamMember WHERE UserId = '{self.user_id}' AND IsDeleted = false"
        )
        for some in _chunks([row["Id"] for row in rows], 200):
            self.bench.write("DELETE", f"/composite/sobjects?ids={','.join(some)}")
        self.bench.org.admin("PATCH", "/switches", {"opportunity_teams": False})

    def _sets(self) -> str:
        rows = self.bench.records(
            f"SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = '{self.user_id}'"
        )
        return ",".join(f"'{row['PermissionSetId']}'" for row in rows)


def _chunks(items: list[Any], size: int) -> list[list[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
