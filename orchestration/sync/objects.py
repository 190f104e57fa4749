"""The object catalogue: which sObjects are read, which of their fields, why their rows come in, and the raw tables. Data only.

Whatever else speaks of an object (keys, fetches, coverage, the order of a run, its asset) is derived from its entry here. A field
belongs here if the integration guide lists it or a mart needs it. How rows are read, and when, does not.
Types follow the object reference: reference, picklist, e-mail and long text are `text`; currency, percent and double are
`numeric`, because a binary float would change amounts.
"""

from __future__ import annotations

import hashlib
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
    EXTRA = "extra"  # fluint.yaml names it: the run goes on and says so


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
class NamedBy:
    """Rows come in because a live row of `sobject` that we hold names them in `field`: a contact by its roles."""

    sobject: SObject
    field: str

    @property
    def column(self) -> str:
        """The column of the naming table."""
        return _snake(self.field)


@dataclass(frozen=True)
class SObject:
    """One sObject as the sync sees it. Why a row of it comes in is said by one of three:

    `is_whole`: every row does. `parent`: it hangs on a deal in scope, to which this field points (of a polymorphic one, those that
    point to a deal). `named_by`: a row in scope names it. Without any it is the deal itself, whose owner and filters decide.

    `parent_is_fixed`: no update can give a row another parent. `more_keys`: what else a key must tell to be judged. `at_every_tick`:
    its changes are asked for at every tick, those of the others in turn, because one call has room for five objects. `may_be_absent`:
    it comes with a feature or a permission that not everybody has, and nothing is wrong without it.
    """

    name: str
    description: str
    fields: tuple[Field, ...]
    is_whole: bool = False
    parent: str | None = None
    parent_is_fixed: bool = False
    named_by: NamedBy | None = None
    more_keys: tuple[str, ...] = ()
    at_every_tick: bool = False
    may_be_absent: bool = False

    @property
    def table_name(self) -> str:
        """The raw table: the object's name in snake_case."""
        return _snake(self.name)

    @property
    def paths(self) -> frozenset[str]:
        """The API paths of all its fields."""
        return frozenset(field.path for field in self.fields)

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of a key: identity, stamp, where the row belongs, whether it is gone, and what more it takes to judge it."""
        wanted = {"Id", "SystemModstamp", "IsDeleted", "MasterRecordId", self.parent, *self.more_keys}
        return tuple(field.path for field in self.fields if field.path in wanted)

    @property
    def parent_column(self) -> str | None:
        """The column that holds the id of the deal, where rows hang on deals."""
        return _snake(self.parent) if self.parent else None

    @property
    def can_be_merged(self) -> bool:
        """Whether a deleted row may have been merged into another one, which it names."""
        return "MasterRecordId" in self.paths

    def fields_shown(self, described: Iterable[str]) -> tuple[Field, ...]:
        """The fields that can be asked for, given the names that describe shows, those of parents as `Account.Name`."""
        shown = set(described)
        return tuple(field for field in self.fields if shown.issuperset(field.needs))

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
    """A field whose column carries the common snake_case name of its path, cut to what Postgres takes as a name."""
    return Field(path, type, need, _cut(_snake(path)))


def _cut(name: str) -> str:
    # 48 leave room for what is put behind it (`_timestamptz`); Postgres would cut at 63 by itself, and two names to one.
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return name if len(name) <= 48 else f"{name[:41]}_{digest}"


def _fields(names: str, type: ColumnType = "text", need: Need = Need.REQUIRED) -> tuple[Field, ...]:
    return tuple(field(name, type, need) for name in names.split())


ID = _fields("Id")
STAMP = _fields("SystemModstamp", "timestamptz")
AUDIT = STAMP + _fields("CreatedDate", "timestamptz") + _fields("LastModifiedDate", "timestamptz", Need.OURS)
IS_DELETED = _fields("IsDeleted", "boolean")

USER = SObject(
    "User",
    "Salesforce users, whole. Their e-mail (else username) decides which Fluint user owns a deal.",
    ID
    + _fields("FirstName LastName Username")
    + _fields("IsActive", "boolean")
    + _fields("Email")
    + _fields("UserType", need=Need.OURS)
    + AUDIT,
    is_whole=True,
)

OPPORTUNITY_STAGE = SObject(
    "OpportunityStage",
    "The org's sales stages with order, probability and forecast category; retired ones stay.",
    ID
    + _fields("ApiName MasterLabel Description ForecastCategory ForecastCategoryName")
    + _fields("DefaultProbability SortOrder", "numeric")
    + _fields("IsActive IsClosed IsWon", "boolean")
    + AUDIT,
    is_whole=True,
)

RECORD_TYPE = SObject(
    "RecordType",
    "Record types of all objects; filters name those of Opportunity.",
    ID
    + _fields("Name DeveloperName SobjectType", need=Need.OURS)
    + _fields("IsActive", "boolean", Need.OURS)
    + _fields("Description", need=Need.OURS)
    + STAMP
    + _fields("CreatedDate LastModifiedDate", "timestamptz", Need.OURS),
    is_whole=True,
)

OPPORTUNITY = SObject(
    "Opportunity",
    "Deals of matched, licensed owners that pass the workspace's filters, and all that were admitted before.",
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
    more_keys=("OwnerId", "StageName", "RecordTypeId", "CreatedDate"),
    at_every_tick=True,
)

OPPORTUNITY_CONTACT_ROLE = SObject(
    "OpportunityContactRole",
    "Which contact plays which role in a deal in scope.",
    ID
    + _fields("OpportunityId ContactId")
    + _fields("Role", need=Need.OURS)
    + _fields("IsPrimary", "boolean", Need.OURS)
    + IS_DELETED
    + AUDIT,
    parent="OpportunityId",
    parent_is_fixed=True,
    at_every_tick=True,
)

CONTACT = SObject(
    "Contact",
    "The contacts that roles of deals in scope name.",
    ID
    + _fields("FirstName LastName")
    + _fields("Email Title Phone AccountId Account.Name MasterRecordId", need=Need.OURS)
    + IS_DELETED
    + AUDIT,
    named_by=NamedBy(OPPORTUNITY_CONTACT_ROLE, "ContactId"),
    at_every_tick=True,
)

EMAIL_MESSAGE = SObject(
    "EmailMessage",
    "E-mails related to deals in scope, with bodies. Personal data: not for analysts (see fluint.email_activity).",
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
    parent="RelatedToId",
    at_every_tick=True,
    may_be_absent=True,  # it comes with Enhanced Email or Email-to-Case
)

# What a deal is with and what was done about it: more than the guide asks for. Of an activity's text only the subject is read.
ACCOUNT = SObject(
    "Account",
    "The accounts that deals in scope name.",
    ID
    + _fields("Name Type Industry Website BillingCountry OwnerId ParentId CurrencyIsoCode", need=Need.OURS)
    + _fields("AnnualRevenue NumberOfEmployees", "numeric", Need.OURS)
    + _fields("MasterRecordId", need=Need.OURS)
    + IS_DELETED
    + AUDIT,
    named_by=NamedBy(OPPORTUNITY, "AccountId"),
    may_be_absent=True,
)

_ACTIVITY = (
    ID
    + _fields("WhatId")
    + _fields("WhoId OwnerId AccountId Subject RecurrenceActivityId", need=Need.OURS)
    + _fields("ActivityDate", "date", Need.OURS)
    + _fields("IsArchived IsRecurrence", "boolean", Need.OURS)
    + IS_DELETED
    + AUDIT
)

TASK = SObject(
    "Task",
    "Tasks related to deals in scope, calls and the log entries of mails included.",
    _ACTIVITY
    + _fields("Status Priority TaskSubtype CallType", need=Need.OURS)
    + _fields("IsClosed", "boolean", Need.OURS)
    + _fields("CallDurationInSeconds", "numeric", Need.OURS)
    + _fields("CompletedDateTime", "timestamptz", Need.OURS),
    parent="WhatId",
    may_be_absent=True,
)

EVENT = SObject(
    "Event",
    "Events (meetings) related to deals in scope.",
    _ACTIVITY
    + _fields("EventSubtype", need=Need.OURS)
    + _fields("StartDateTime EndDateTime", "timestamptz", Need.OURS)
    + _fields("DurationInMinutes", "numeric", Need.OURS)
    + _fields("IsAllDayEvent IsPrivate IsChild", "boolean", Need.OURS),
    parent="WhatId",
    may_be_absent=True,
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
    ACCOUNT,
    TASK,
    EVENT,
)
BY_TABLE = {sobject.table_name: sobject for sobject in CATALOGUE}
CHILDREN = tuple(sobject for sobject in CATALOGUE if sobject.parent)
NAMED = tuple(sobject for sobject in CATALOGUE if sobject.named_by)


def named_by(namer: SObject) -> list[SObject]:
    """The objects whose rows come in because rows of `namer` name them."""
    return [each for each in NAMED if each.named_by and each.named_by.sobject.name == namer.name]
