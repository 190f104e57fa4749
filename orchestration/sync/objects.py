"""The object catalogue: which sObjects are read, which of their fields, and how each fits a raw table. Data only.

A field belongs here if the integration guide lists it or a mart needs it. How rows are read, and when, does not.
Types follow the object reference: reference, picklist, e-mail and long text are `text`; currency, percent and double are
`numeric`, because a binary float would change amounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from orchestration.postgres.raw_tables import ColumnType, RawColumn, RawTable


class Need(StrEnum):
    """What the run does when describe does not show a field."""

    REQUIRED = "required"  # the guide lists it: the object's asset fails with a text, the others go on
    SPECIAL = "special"  # the guide marks it "may require special permission": the run goes on and says so
    OURS = "ours"  # it makes the tables more useful: the run goes on and says so


@dataclass(frozen=True)
class Field:
    """One field: its API path (dotted through a parent), the Postgres type, and how badly it is needed."""

    path: str
    type: ColumnType = "text"
    need: Need = Need.REQUIRED
    column: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """What describes must show: for `Account.Name` the lookup `AccountId`, and the field itself on the parent."""
        parent, dot, _ = self.path.partition(".")
        return (f"{parent}Id", self.path) if dot else (self.path,)


@dataclass(frozen=True)
class SObject:
    """One sObject as the sync sees it; `parent` is the field that points to the deal, where there is one."""

    name: str
    table_name: str
    fields: tuple[Field, ...]
    key_fields: tuple[str, ...]
    has_is_deleted: bool = True
    parent: str | None = None
    is_whole: bool = False

    def fields_shown(self, described: Iterable[str]) -> tuple[Field, ...]:
        """The fields that can be asked for, given the names that describe shows, those of parents as `Account.Name`."""
        shown = set(described)
        return tuple(field for field in self.fields if shown.issuperset(field.needs))

    def parent_fields(self) -> dict[str, set[str]]:
        """Parent object → its fields that are read through it."""
        parents: dict[str, set[str]] = {}
        for field in self.fields:
            parent, dot, name = field.path.partition(".")
            if dot:
                parents.setdefault(parent, set()).add(name)
        return parents

    def keys(self, described: Iterable[str] | None = None) -> tuple[Field, ...]:
        """The fields that make a key, all of them or those that describe shows."""
        fields = self.fields if described is None else self.fields_shown(described)
        return tuple(field for field in fields if field.path in self.key_fields)

    def raw_table(self, fields: Iterable[Field] | None = None) -> RawTable:
        """The raw table with the columns of `fields` (all of them by default)."""
        chosen = self.fields if fields is None else tuple(fields)
        return RawTable(
            self.table_name, tuple(RawColumn(f.column, f.type, tuple(f.path.split("."))) for f in chosen)
        )


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def _snake(name: str) -> str:
    """`SystemModstamp` → `system_modstamp`, `Account.Name` → `account_name`, `Pricebook2Id` → `pricebook_2_id`, `X_Y__c` → `x_y_c`."""
    return "_".join(_WORDS.findall(name)).lower()


def field(path: str, type: ColumnType = "text", need: Need = Need.REQUIRED) -> Field:
    """A field whose column carries the common snake_case name of its path."""
    return Field(path, type, need, _snake(path))


def _fields(names: str, type: ColumnType = "text", need: Need = Need.REQUIRED) -> tuple[Field, ...]:
    return tuple(field(name, type, need) for name in names.split())


ID = _fields("Id")
STAMP = _fields("SystemModstamp", "timestamptz")
AUDIT = STAMP + _fields("CreatedDate", "timestamptz") + _fields("LastModifiedDate", "timestamptz", Need.OURS)
IS_DELETED = _fields("IsDeleted", "boolean")

USER = SObject(
    "User",
    "user",
    ID
    + _fields("FirstName LastName Username")
    + _fields("IsActive", "boolean")
    + _fields("Email")
    + _fields("UserType", need=Need.OURS)
    + AUDIT,
    key_fields=("Id", "SystemModstamp"),
    has_is_deleted=False,
    is_whole=True,
)

OPPORTUNITY_STAGE = SObject(
    "OpportunityStage",
    "opportunity_stage",
    ID
    + _fields("ApiName MasterLabel Description ForecastCategory ForecastCategoryName")
    + _fields("DefaultProbability SortOrder", "numeric")
    + _fields("IsActive IsClosed IsWon", "boolean")
    + AUDIT,
    key_fields=("Id", "SystemModstamp"),
    has_is_deleted=False,
    is_whole=True,
)

RECORD_TYPE = SObject(
    "RecordType",
    "record_type",
    ID
    + _fields("Name DeveloperName SobjectType", need=Need.OURS)
    + _fields("IsActive", "boolean", Need.OURS)
    + _fields("Description", need=Need.OURS)
    + STAMP
    + _fields("CreatedDate LastModifiedDate", "timestamptz", Need.OURS),
    key_fields=("Id", "SystemModstamp"),
    has_is_deleted=False,
    is_whole=True,
)

OPPORTUNITY = SObject(
    "Opportunity",
    "opportunity",
    ID
    + _fields("Name StageName OwnerId Type")
    + _fields("IsClosed", "boolean")
    + IS_DELETED
    + _fields(
        "AccountId Account.Name RecordTypeId ForecastCategoryName NextStep CurrencyIsoCode", need=Need.OURS
    )
    + _fields("Amount Probability", "numeric", Need.OURS)
    + _fields("CloseDate", "date", Need.OURS)
    + _fields("IsWon", "boolean", Need.OURS)
    + _fields("LastStageChangeDate", "timestamptz", Need.OURS)
    + AUDIT,
    key_fields=("Id", "SystemModstamp", "IsDeleted", "OwnerId", "StageName", "RecordTypeId", "CreatedDate"),
)

OPPORTUNITY_CONTACT_ROLE = SObject(
    "OpportunityContactRole",
    "opportunity_contact_role",
    ID
    + _fields("OpportunityId ContactId")
    + _fields("Role", need=Need.OURS)
    + _fields("IsPrimary", "boolean", Need.OURS)
    + IS_DELETED
    + AUDIT,
    key_fields=("Id", "OpportunityId", "SystemModstamp", "IsDeleted"),
    parent="OpportunityId",
)

CONTACT = SObject(
    "Contact",
    "contact",
    ID
    + _fields("FirstName LastName")
    + _fields("Email Title Phone AccountId Account.Name MasterRecordId", need=Need.OURS)
    + IS_DELETED
    + AUDIT,
    key_fields=("Id", "SystemModstamp", "IsDeleted", "MasterRecordId"),
)

EMAIL_MESSAGE = SObject(
    "EmailMessage",
    "email_message",
    ID
    + _fields(
        "ActivityId BccAddress CcAddress EmailTemplateId FromAddress FromName Headers HtmlBody MessageIdentifier Name"
        " RelatedToId ReplyToEmailMessageId Status Subject TextBody ThreadIdentifier ToAddress ValidatedFromAddress"
    )
    + _fields("ParentId", need=Need.SPECIAL)
    + _fields("Incoming IsExternallyVisible", "boolean")
    # An org without e-mail tracking does not have them (missing in the describe of 2019), so no admin could grant them.
    + _fields("IsOpened IsTracked", "boolean", Need.SPECIAL)
    + _fields("FirstOpenedDate LastOpenedDate", "timestamptz", Need.SPECIAL)
    + _fields("IsBounced IsClientManaged", "boolean", Need.SPECIAL)
    + IS_DELETED
    + _fields("MessageDate", "timestamptz")
    + AUDIT,
    key_fields=("Id", "RelatedToId", "SystemModstamp", "IsDeleted"),
    parent="RelatedToId",
)

# In the order in which they depend on each other: the guide's order of installation, with what it leaves implicit.
CATALOGUE: tuple[SObject, ...] = (
    USER,
    OPPORTUNITY_STAGE,
    RECORD_TYPE,
    OPPORTUNITY,
    OPPORTUNITY_CONTACT_ROLE,
    CONTACT,
    EMAIL_MESSAGE,
)
BY_TABLE = {sobject.table_name: sobject for sobject in CATALOGUE}
