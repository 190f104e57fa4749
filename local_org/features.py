"""Which objects and fields this org has at all: what depends on features that a customer switched on, whoever asks.

Belongs here: objects and fields that appear and vanish with a feature, and lengths that sources disagree on. Does not: who may see
them (permissions.py). To a client an absent field looks exactly like a hidden one.
"""

from __future__ import annotations

from dataclasses import dataclass

from local_org.objects import SOBJECTS, Field, SObject
from local_org.objects import make as m
from local_org.switches import Switches
from local_org.tables import Tables

_MAIL = frozenset({"EmailMessage", "EmailMessageRelation"})
_FILES = frozenset({"ContentVersion", "ContentDocument", "ContentDocumentLink", "AttachedContentDocument"})
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
    files: bool
    users_are_private: bool
    custom_fields: bool
    custom_names_in_capitals: bool
    custom_formulas: int
    absent_permissions: frozenset[str]
    tokens_of_others: bool
    """Whether everybody sees everybody's OauthToken rows."""
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
            switches.files,
            switches.users_are_private,
            switches.custom_fields,
            switches.custom_names_in_capitals,
            switches.custom_formulas,
            switches.absent_permissions(),
            not switches.oauth_tokens_of_others_need_manage_users,
            switches.email_body_length,
        )

    def has_object(self, sobject: SObject) -> bool:
        """Tells whether the object exists in this org."""
        if sobject.name in _MAIL:
            return self.enhanced_email
        if sobject.name in _FILES:
            return self.files
        return sobject.name != "OpportunityTeamMember" or self.opportunity_teams

    def fields(self, sobject: SObject) -> list[Field]:
        """Returns the object's fields as this org has them."""
        found = [self._as_here(sobject, each) for each in sobject.fields if self._has(sobject, each)]
        return [*found, *_formulas(self.custom_formulas)] if sobject.name == "Opportunity" else found

    def absent_fields(self) -> list[str]:
        """Returns the fields that could have security of their own and are not in this org, as `Opportunity.Competition__c`."""
        return [
            f"{sobject.name}.{each.name}"
            for sobject in SOBJECTS.values()
            for each in sobject.fields
            if each.permissionable and not self._has(sobject, each)
        ]

    def _has(self, sobject: SObject, field: Field) -> bool:
        name = field.name
        if field.custom:
            return self.custom_fields
        if name == "RecordTypeId":
            return sobject.name in self.record_types
        if name == "CurrencyIsoCode":
            return self.multi_currency
        if name.removeprefix("Permissions") in self.absent_permissions:
            return False
        return self.email_tracking or sobject.name != "EmailMessage" or name not in _TRACKING

    def _as_here(self, sobject: SObject, field: Field) -> Field:
        if field.custom and self.custom_names_in_capitals:
            return field.but(name=field.name.removesuffix("__c").upper() + "__c")
        if sobject.name == "EmailMessage" and field.name in _BODIES:
            return field.but(length=self.email_body_length)
        return field


def _formulas(count: int) -> list[Field]:
    """Returns so many custom formulas over the account, as an org gathers over the years; most of them are empty, as there."""
    return [
        m.text(
            f"Formula_Of_A_Past_Project_{number:03d}__c",
            1_300,
            "N",
            calculated=True,
            formula=("AccountId", "Fax" if number % 8 else "Industry"),
            permissionable=False,
            groupable=False,
        )
        for number in range(count)
    ]
