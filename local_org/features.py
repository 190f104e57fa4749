"""Which objects and fields this org has at all: what depends on features that a customer switched on, whoever asks.

Belongs here: objects and fields that appear and vanish with a feature, and lengths that sources disagree on. Does not: who may see
them (permissions.py). To a client an absent field looks exactly like a hidden one.
"""

from __future__ import annotations

from dataclasses import dataclass

from local_org.objects import Field, SObject
from local_org.switches import Switches
from local_org.tables import Tables

_MAIL = frozenset({"EmailMessage", "EmailMessageRelation"})
_TRACKING = frozenset({"IsTracked", "IsOpened", "IsBounced", "FirstOpenedDate", "LastOpenedDate"})
_BODIES = frozenset({"TextBody", "HtmlBody"})


@dataclass(frozen=True)
class Features:
    """What the org has; equal where it has the same."""

    record_types: frozenset[str]
    """Objects with record types: only they have RecordTypeId."""
    enhanced_email: bool
    email_tracking: bool
    multi_currency: bool
    opportunity_teams: bool
    custom_fields: bool
    email_body_length: int

    @classmethod
    def of(cls, tables: Tables, switches: Switches) -> Features:
        """Reads the features as they are now."""
        found = tables.select("select distinct SobjectType from RecordType")
        return cls(
            frozenset(str(row[0]) for row in found),
            switches.enhanced_email,
            switches.email_tracking,
            switches.multi_currency,
            switches.opportunity_teams,
            switches.custom_fields,
            switches.email_body_length,
        )

    def has_object(self, sobject: SObject) -> bool:
        """Tells whether the object exists in this org."""
        if sobject.name in _MAIL:
            return self.enhanced_email
        return sobject.name != "OpportunityTeamMember" or self.opportunity_teams

    def fields(self, sobject: SObject) -> list[Field]:
        """Returns the object's fields as this org has them."""
        found = [each for each in sobject.fields if self.custom_fields or not each.custom]
        return [self._as_here(sobject, each) for each in found if self._has(sobject, each.name)]

    def _has(self, sobject: SObject, name: str) -> bool:
        if name == "RecordTypeId":
            return sobject.name in self.record_types
        if name == "CurrencyIsoCode":
            return self.multi_currency
        return self.email_tracking or sobject.name != "EmailMessage" or name not in _TRACKING

    def _as_here(self, sobject: SObject, field: Field) -> Field:
        if sobject.name == "EmailMessage" and field.name in _BODIES:
            return field.but(length=self.email_body_length)
        return field
