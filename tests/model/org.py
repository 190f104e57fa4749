"""A Salesforce org in a few dictionaries: records with stamps of one second, a recycle bin, transactions that end late.

Harsher than the real one where nobody could confirm it: an undelete leaves the stamps of children as they were.
Times are whole seconds of the org's clock; 20 of them are the longest transaction, as 20 minutes are in the sync.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

DEAL, ROLE, CONTACT, MAIL = range(4)
OBJECTS = (DEAL, ROLE, CONTACT, MAIL)
NAMES = ("deal", "role", "contact", "mail")
LONGEST = 20
MONTHS = 3


class Record:
    """One record. `parent` is a deal's owner, a role's or a mail's deal; `contact` a role's contact."""

    __slots__ = (
        "amount",
        "back",
        "bin",
        "contact",
        "created",
        "deleted",
        "id",
        "late",
        "parent",
        "stamp",
        "version",
    )

    def __init__(self, id: int, parent: int, stamp: int) -> None:
        self.id, self.parent, self.stamp = id, parent, stamp
        self.contact = self.created = self.amount = self.version = 0
        self.deleted = False
        self.back = False  # whether it came back with a contact, unstamped
        self.late = False  # whether its stamp is older than its being visible
        self.bin = 0  # the deal or contact with which a child went to the bin

    def copy(self) -> Record:
        """The record as it is now."""
        made = Record(self.id, self.parent, self.stamp)
        made.contact, made.created, made.amount = self.contact, self.created, self.amount
        made.version, made.deleted = self.version, self.deleted
        return made


class Org:
    """The org. Every change takes a random number generator, so that a history is its seed."""

    def __init__(self, rng: Random, owners: int) -> None:
        self.rng = rng
        self.owners = owners
        self.now = 1000
        self.last = 0
        self.records: tuple[dict[int, Record], ...] = ({}, {}, {}, {})
        self.late: list[tuple[int, Record | None, Callable[[int], None]]] = []

    # -- what is asked -----------------------------------------------------------------------------------------------------------

    def keys(self, sobject: int, start: int, end: int) -> list[Record]:
        """The keys of a window, deleted ones too."""
        return [r.copy() for r in self.records[sobject].values() if start <= r.stamp < end]

    def pick(self, sobject: int, *, deleted: bool = False) -> Record | None:
        """Some record that lives, or lies in the bin."""
        found = [r for r in self.records[sobject].values() if r.deleted is deleted]
        return found[int(self.rng.random() * len(found))] if found else None

    # -- what people do ----------------------------------------------------------------------------------------------------------

    def add(self, sobject: int, parent: int, stamp: int, contact: int = 0) -> Record:
        """A new record."""
        self.last += 1
        record = self.records[sobject][self.last] = Record(self.last, parent, stamp)
        record.contact, record.version, record.late = contact, self.last, stamp < self.now
        record.created, record.amount = int(self.rng.random() * MONTHS), int(self.rng.random() * 2)
        return record

    def touch(self, record: Record, stamp: int) -> None:
        """A save: another stamp, another content."""
        self.last += 1
        record.stamp, record.version, record.late, record.back = stamp, self.last, stamp < self.now, False

    def act(self) -> None:
        """Somebody does something."""
        random = self.rng.random()
        _DEEDS[int(random * len(_DEEDS))](self)

    def wait(self, seconds: int) -> None:
        """Time passes; a transaction that has been open for the longest time ends first."""
        for late in [late for late in self.late if self.now + seconds >= late[0] + LONGEST - 1]:
            self.end(late)
        self.now += seconds

    def end(self, late: tuple[int, Record | None, Callable[[int], None]]) -> None:
        """A late transaction ends: its row becomes visible with an old stamp, unless somebody else changed it meanwhile."""
        self.late.remove(late)
        stamp, row, act = late
        if row is None or (row.stamp <= stamp and not row.deleted):
            act(stamp)

    # Each of these is one deed of somebody.

    def _new_deal(self) -> None:
        if len(self.records[DEAL]) < 6:
            self.add(DEAL, int(self.rng.random() * self.owners), self.now)

    def _new_child(self) -> None:
        deal, contact = self.pick(DEAL), self.pick(CONTACT)
        if deal is None or contact is None or self.rng.random() < 0.3:
            if len(self.records[CONTACT]) < 4:
                self.add(CONTACT, 0, self.now)
        elif self.rng.random() < 0.5 and len(self.records[ROLE]) < 6:
            self.add(ROLE, deal.id, self.now, contact.id)
        elif len(self.records[MAIL]) < 5:
            self.add(MAIL, deal.id, self.now)

    def _edit(self) -> None:
        record = self.pick(int(self.rng.random() * 4))
        if record:
            self.touch(record, self.now)

    def _reprice(self) -> None:
        if deal := self.pick(DEAL):
            deal.amount = 1 - deal.amount
            self.touch(deal, self.now)

    def _reassign(self) -> None:
        if deal := self.pick(DEAL):
            deal.parent = int(self.rng.random() * self.owners)
            self.touch(deal, self.now)

    def _relate(self) -> None:
        mail, deal = self.pick(MAIL), self.pick(DEAL)
        if mail and deal:
            mail.parent = deal.id
            self.touch(mail, self.now)

    def _renumber(self) -> None:
        role, contact = self.pick(ROLE), self.pick(CONTACT)
        if role and contact:
            role.contact = contact.id
            self.touch(role, self.now)

    def _delete(self) -> None:
        sobject = int(self.rng.random() * 4)
        if record := self.pick(sobject):
            self.delete(sobject, record)

    def delete(self, sobject: int, record: Record) -> None:
        """A record goes to the recycle bin, and with it its roles."""
        record.deleted, record.stamp, record.late = True, self.now, False
        for role in self.records[ROLE].values():
            if not role.deleted and record.id in ((role.parent,) if sobject == DEAL else (role.contact,)):
                role.deleted, role.bin, role.stamp, role.back = True, record.id, self.now, False

    def _undelete(self) -> None:
        sobject = int(self.rng.random() * 4)
        record = self.pick(sobject, deleted=True)
        if record and not record.bin and self._has_parents(sobject, record):
            self.undelete(sobject, record)

    def undelete(self, sobject: int, record: Record) -> None:
        """A record comes back with the roles that went along; they keep their stamps."""
        record.deleted, record.stamp, record.late = False, self.now, False
        for role in self.records[ROLE].values():
            if role.bin == record.id and self._has_parents(ROLE, role):
                role.deleted, role.bin, role.back = False, 0, sobject == CONTACT

    def _has_parents(self, sobject: int, record: Record) -> bool:
        """Whether what a record hangs on lives."""
        if sobject != ROLE:
            return True
        return not (
            self.records[DEAL][record.parent].deleted or self.records[CONTACT][record.contact].deleted
        )

    def _merge(self) -> None:
        winner, loser = self.pick(CONTACT), self.pick(CONTACT)
        if winner is None or loser is None or winner is loser:
            return
        for role in self.records[ROLE].values():
            if role.contact == loser.id and not role.deleted:
                role.contact = winner.id
                self.touch(role, self.now)
        loser.deleted, loser.stamp, winner.stamp, loser.bin = True, self.now, self.now, -1

    def _begin_slowly(self) -> None:
        deal = self.pick(DEAL)
        owner = int(self.rng.random() * self.owners)
        if deal is None or self.rng.random() < 0.5:
            if len(self.records[DEAL]) < 6:
                self.late.append((self.now, None, lambda stamp: self.add(DEAL, owner, stamp) and None))
            return

        def act(stamp: int) -> None:
            deal.parent = owner
            self.touch(deal, stamp)

        self.late.append((self.now, deal, act))

    def _end_slowly(self) -> None:
        if self.late:
            self.end(self.late[int(self.rng.random() * len(self.late))])


_DEEDS = (
    Org._new_deal, Org._new_deal, Org._new_child, Org._new_child, Org._new_child, Org._edit, Org._reprice, Org._reassign,
    Org._reassign, Org._relate, Org._renumber, Org._delete, Org._undelete, Org._merge, Org._begin_slowly, Org._end_slowly,
)  # fmt: skip
