"""What people do in the org while a history runs: deals, roles, contacts and mails come, change, move, merge and go.

Belongs here: one method for each thing that Salesforce lets people do, on whichever record is picked by a number. The org stands
in this process, behind HTTPS, and time in it stands still unless it is turned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from local_org.clock import as_stamp
from local_org.errors import RowLockedError
from local_org.objects import SOBJECTS
from local_org.server import OrgServer
from local_org.transactions import Transaction

_WIPED = (
    "Opportunity", "OpportunityContactRole", "Contact", "EmailMessage", "EmailMessageRelation", "Task", "_deletion", "_access_log",
)  # fmt: skip
_STAMPED = ("Opportunity", "OpportunityContactRole", "Contact", "EmailMessage", "Task")
STAGES = ("Prospecting", "Negotiation/Review", "Closed Lost")
AMOUNTS = (None, 5, 500, 50_000)
Row = dict[str, object]


@dataclass
class People:
    """The org's people. `owners` are user ids; a record is picked by a number among those that are there."""

    server: OrgServer
    owners: list[str]
    record_types: list[str | None]
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    numbers: int = 0
    _stamps: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = self.server.org.store
        self.transactions = self.server.org.transactions
        self.store.clock._real_now = lambda: self.now
        self.start = self.now

    def wipe(self) -> None:
        """Empties the org of business, and lets enough time pass that no stamp of before is in a window."""
        self.transactions.roll_back_all()
        self.numbers, self._stamps = 0, {}
        with self.store.transaction():
            for table in _WIPED:
                self.store.execute(f'delete from "{table}"')
                self.store.touch(table)
        self.now += timedelta(days=1)
        self.start = self.now

    def wait(self, seconds: int, longest: timedelta) -> None:
        """Lets time pass; a transaction that has been open for `longest` ends first."""
        for late in self.late:
            if self.now + timedelta(seconds=seconds) >= late.began_at + longest:
                self.transactions.commit(late.number)
        self.now += timedelta(seconds=seconds)

    @property
    def late(self) -> list[Transaction]:
        """The transactions that have not ended, oldest first."""
        return self.transactions.listing()

    def run_back(self) -> list[str]:
        """The records that are stamped before what their stamp was when this was asked last: Salesforce's stamps only go forward."""
        union = " union all ".join(f'select Id, SystemModstamp from "{name}"' for name in _STAMPED)
        stamps = {str(record_id): str(stamp) for record_id, stamp in self.store.select(union)}
        former, self._stamps = self._stamps, stamps
        return [each for each, stamp in stamps.items() if stamp < former.get(each, "")]

    # -- slow transactions -------------------------------------------------------------------------------------------------------

    def begin(self, *changes: Row) -> None:
        """Somebody's transaction stamps its rows now, locks them and ends later; none begins on rows that another one holds."""
        self._quietly(lambda: self.transactions.begin(changes, self.by))

    def end_one(self, pick: int) -> None:
        """One of the open transactions ends: its rows become visible with the stamp of its beginning."""
        if late := self.late:
            self.transactions.commit(late[pick % len(late)].number)

    # -- picking -----------------------------------------------------------------------------------------------------------------

    def pick(self, sobject: str, number: int, *, deleted: bool = False) -> str | None:
        """The id of a record that lives, or lies in the recycle bin; None where there is none."""
        rows = self.store.select(
            f'select Id from "{sobject}" where IsDeleted = ? order by Id', (int(deleted),)
        )
        return str(rows[number % len(rows)][0]) if rows else None

    def _text(self) -> str:
        self.numbers += 1
        return f"Version {self.numbers}"

    # -- what they do ------------------------------------------------------------------------------------------------------------

    def new_deal(self, owner: int, created: int, stage: int, kind: int, amount: int) -> None:
        """A deal, created today or (an import with audit fields) up to three years ago."""
        self._insert("Opportunity", self._deal(owner, created, stage, kind, amount))

    def _deal(self, owner: int, created: int, stage: int, kind: int, amount: int) -> Row:
        values: Row = {
            "Name": self._text(),
            "StageName": STAGES[stage % len(STAGES)],
            "CloseDate": "2030-01-31",
            "OwnerId": self.owners[owner % len(self.owners)],
            "RecordTypeId": self.record_types[kind % len(self.record_types)],
            "Amount": AMOUNTS[amount % len(AMOUNTS)],
        }
        if created:
            values["CreatedDate"] = as_stamp(self.now - timedelta(days=400 * created))
        return values

    def new_contact(self) -> str:
        """A contact whom no deal names yet."""
        return self._insert("Contact", {"LastName": self._text()})

    def new_role(self, deal: int, contact: int) -> None:
        """A contact gets a role in a deal."""
        deal_id, contact_id = self.pick("Opportunity", deal), self.pick("Contact", contact)
        if deal_id and contact_id:
            self._insert("OpportunityContactRole", {"OpportunityId": deal_id, "ContactId": contact_id})

    def new_mail(self, deal: int) -> None:
        """A mail about a deal."""
        if deal_id := self.pick("Opportunity", deal):
            mail: Row = {"Subject": self._text(), "TextBody": "…", "RelatedToId": deal_id}
            mail |= {"Status": "3", "Incoming": False}
            self._quietly(lambda: self._insert("EmailMessage", mail))

    def changed(self, sobject: str, number: int, **values: object) -> None:
        """Somebody edits a record."""
        record_id = self.pick(sobject, number)
        if record_id:
            self._update(sobject, record_id, values)

    def restage(self, deal: int, stage: int) -> None:
        """A deal enters another stage."""
        self.changed("Opportunity", deal, StageName=STAGES[stage % len(STAGES)])

    def reprice(self, deal: int, amount: int) -> None:
        """A deal gets another amount."""
        self.changed("Opportunity", deal, Amount=AMOUNTS[amount % len(AMOUNTS)])

    def slow(self, kind: str, number: int, other: int) -> None:
        """Somebody begins what takes minutes to be visible: a new deal, a mail that is related elsewhere, an edit."""
        deal = self.pick("Opportunity", number)
        if kind == "deal":
            self.begin({"insert": "Opportunity", "values": self._deal(number, 0, other, other, other)})
        elif kind == "mail" and deal and (mail := self.pick("EmailMessage", other)):
            self.begin({"update": "EmailMessage", "id": mail, "values": {"RelatedToId": deal}})
        elif deal:
            values = {"OwnerId": self.owners[other % len(self.owners)], "NextStep": self._text()}
            self.begin({"update": "Opportunity", "id": deal, "values": values})

    def edit(self, sobject: str, number: int) -> None:
        """Somebody edits what a record says."""
        names = {
            "Opportunity": "NextStep",
            "Contact": "LastName",
            "EmailMessage": "Subject",
            "OpportunityContactRole": "Role",
        }
        self.changed(sobject, number, **{names[sobject]: self._text()})

    def reassign(self, deal: int, owner: int) -> None:
        """A deal gets another owner."""
        self.changed("Opportunity", deal, OwnerId=self.owners[owner % len(self.owners)])

    def relate(self, mail: int, deal: int) -> None:
        """A mail is related to another deal."""
        deal_id = self.pick("Opportunity", deal)
        if deal_id:
            self.changed("EmailMessage", mail, RelatedToId=deal_id)

    def renumber(self, role: int, contact: int) -> None:
        """A role names another contact."""
        contact_id = self.pick("Contact", contact)
        if contact_id:
            self.changed("OpportunityContactRole", role, ContactId=contact_id)

    def delete(self, sobject: str, number: int) -> None:
        """A record goes to the recycle bin, with what hangs on it."""
        record_id = self.pick(sobject, number)
        if record_id:
            self._quietly(lambda: self.store.delete(sobject, record_id, by=self.by))

    def undelete(self, sobject: str, number: int) -> None:
        """A record comes back, with what went along."""
        record_id = self.pick(sobject, number, deleted=True)
        if record_id and SOBJECTS[sobject].undeletable and not self._lacks_a_parent(sobject, record_id):
            self._quietly(lambda: self.store.undelete(sobject, record_id, by=self.by))

    def _lacks_a_parent(self, sobject: str, record_id: str) -> bool:
        """Whether a role, or one that would come back with a contact, belongs to a deal or a contact that lies in the bin."""
        column = {"OpportunityContactRole": "Id", "Contact": "ContactId", "Opportunity": "OpportunityId"}.get(
            sobject
        )
        if column is None:
            return False
        others = "" if sobject == "OpportunityContactRole" else f" and p.Id <> r.{column}"
        return any(
            self.store.select(
                f'select 1 from OpportunityContactRole r join "{parent}" p on p.Id = r.{parent}Id and p.IsDeleted = 1'
                f" where r.{column} = ?{others}",
                (record_id,),
            )
            for parent in ("Opportunity", "Contact")
        )

    def purge(self, sobject: str, number: int) -> None:
        """A record leaves the recycle bin for good."""
        record_id = self.pick(sobject, number, deleted=True)
        if record_id:
            self._quietly(lambda: self.store.purge(sobject, record_id))

    def merge(self, winner: int, loser: int) -> None:
        """Two contacts become one."""
        one, other = self.pick("Contact", winner), self.pick("Contact", loser)
        if one and other and one != other:
            self._quietly(lambda: self.store.merge("Contact", one, [other], by=self.by))

    @property
    def by(self) -> str:
        """Whoever it is: the first owner."""
        return self.owners[0]

    def _insert(self, sobject: str, values: Row) -> str:
        return self.store.insert(sobject, values, by=self.by)

    def _update(self, sobject: str, record_id: str, values: dict[str, Any]) -> None:
        self._quietly(lambda: self.store.update(sobject, record_id, values, by=self.by))

    @staticmethod
    def _quietly(act: Callable[[], object]) -> None:
        try:
            act()
        except (KeyError, RowLockedError):
            return  # it went along with another record, and comes back or goes with that one only; or a slow transaction has it
