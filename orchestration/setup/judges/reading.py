"""Judges of what can be read: each object of the catalogue, by its own permission rows or by what governs it.

User, OpportunityStage, RecordType, EmailMessage, Task and Event have no permission rows. Users are governed by the sharing of users,
activities by Access Activities (mails by Enhanced Email, too), contact roles by the opportunity; stages and record types are everybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestration.errors import FluintError, ObjectUnavailableError
from orchestration.salesforce.describe import Describe
from orchestration.salesforce.governed import ACTIVITIES, EVERYBODYS
from orchestration.setup.judges.common import listed, unseen, unseen_fault
from orchestration.setup.outcome import Fault, Judgement, fine, wrong
from orchestration.setup.seen import Seen
from orchestration.sync.objects import CATALOGUE, Need, SObject

PLURALS = {
    "Opportunity": "Opportunities",
    "Contact": "Contacts",
    "Account": "Accounts",
    "EmailMessage": "Email Messages",
    "OpportunityContactRole": "Opportunity Contact Roles",
    "User": "Users",
    "Task": "Tasks",
    "Event": "Events",
}
_MISSING = {
    "Opportunity": "No deal comes in or changes",
    "OpportunityContactRole": "Deals have no contacts",
    "Contact": "Contacts have no names and no addresses",
    "Account": "Deals and contacts have no account name",
    "User": "Owners cannot be matched, and no deal comes in",
    "OpportunityStage": "Deals have no place in the pipeline",
    "RecordType": "Deals have no record type",
    "EmailMessage": "E-mail activity stays empty, or as it was",
    "Task": "Activities lack tasks, calls and logged mails",
    "Event": "Activities lack meetings",
}
_OTHERS_MISSING = {
    "Opportunity": "Deals of other owners are missing in Fluint",
    "Contact": "Contacts of other owners are missing on deals",
    "Account": "Account names are missing on deals of other owners",
}
_FIELDS = {
    "Opportunity.Amount": "Deals have no amount",
    "Opportunity.Probability": "Deals have no probability",
    "Opportunity.CloseDate": "Deals have no close date",
    "Opportunity.NextStep": "Deals have no next step",
    "Opportunity.AccountId": "Deals have no account",
    "Contact.Email": "Contacts have no e-mail address",
    "Contact.Title": "Contacts have no title",
    "Contact.Phone": "Contacts have no phone number",
    "EmailMessage.TextBody": "Mails have no text",
    "EmailMessage.HtmlBody": "Mails have no text",
}
# Fields that come with a feature of the org: where it is off, nobody has them and nothing is wrong.
_OF_A_FEATURE = frozenset(
    {
        "RecordTypeId",
        "CurrencyIsoCode",
        "IsTracked",
        "IsOpened",
        "IsBounced",
        "FirstOpenedDate",
        "LastOpenedDate",
    }
)
_GOVERNED_BY = {"OpportunityContactRole": "Opportunity"}


def judge_of(sobject: SObject) -> Callable[[Seen], Judgement]:
    """The judge of one object of the catalogue."""
    return lambda seen: _object(seen, sobject)


def _object(seen: Seen, sobject: SObject) -> Judgement:
    described = seen.salesforce.describes[sobject.name]
    if not all(each.is_enabled for each in seen.fluint.objects if each.table == sobject.table_name):
        return fine("Switched off in the settings, so nothing of it is needed.")
    if isinstance(described, ObjectUnavailableError):
        return wrong(_unreadable(seen, sobject.name, described))
    if isinstance(described, FluintError):
        return unseen(seen, f"the description of {sobject.name}", described)
    faults = [*_hidden(seen, sobject, described), *_sharing(seen, sobject.name)]
    if faults:
        return wrong(*faults)
    shown = sum(1 for field in sobject.fields if "." not in field.path and field.path in described.fields)
    own = sum(1 for field in sobject.fields if "." not in field.path)
    absent = " The others come with features that this org does not use." if shown < own else ""
    return fine(f"{shown} of {own} fields are shown, and all records that the org has.{absent}")


def _values(seen: Seen, sobject: str) -> dict[str, object]:
    governing = _GOVERNED_BY.get(sobject, sobject)
    return {
        "user": seen.user,
        "holder": seen.salesforce.holder,
        "sobject": sobject,
        "plural": PLURALS.get(governing, governing),
        "consequence": _MISSING[sobject],
    }


def _unreadable(seen: Seen, sobject: str, error: FluintError) -> Fault:
    values = _values(seen, sobject)
    if sobject == "EmailMessage":
        allowed = seen.salesforce.may_access_activities
        if isinstance(allowed, FluintError):
            return Fault("email_object_missing", sobject, values, error)
        return Fault("enhanced_email_off" if allowed else "activities_missing", sobject, values, error)
    if sobject in ACTIVITIES:
        return Fault("activities_missing", sobject, values, error)
    if sobject in EVERYBODYS:
        return Fault("object_of_everybody_missing", sobject, values, error)
    return Fault(
        "deals_not_readable" if sobject == "Opportunity" else "object_not_readable", sobject, values, error
    )


def _hidden(seen: Seen, sobject: SObject, described: Describe) -> Iterator[Fault]:
    """Fields that describe does not show, told apart by what their absence does; those that nobody in the org has are left out."""
    exists = seen.salesforce.fields_of_others
    absent = [f for f in sobject.fields if "." not in f.path and f.path not in described.fields]
    if isinstance(exists, FluintError):
        # Without a look at permissions, a field of a feature that is off cannot be told from a hidden one.
        hidden = [field for field in absent if field.path not in _OF_A_FEATURE]
    else:
        hidden = [f for f in absent if f"{sobject.name}.{f.path}" in exists or f.path not in _OF_A_FEATURE]
    required = [field.path for field in hidden if field.need is Need.REQUIRED]
    if required:
        code = "deal_field_hidden" if sobject.name == "Opportunity" else "required_field_hidden"
        yield Fault(code, ", ".join(required), _values(seen, sobject.name) | _named(sobject.name, required))
    others = [field.path for field in hidden if field.need is not Need.REQUIRED]
    plain = [path for path in others if f"{sobject.name}.{path}" not in _FIELDS]
    told = [(_FIELDS[f"{sobject.name}.{path}"], [path]) for path in others if path not in plain]
    if plain:
        told.append((f"These columns of {sobject.table_name} stay empty", plain))
    for consequence, paths in told:
        values = _values(seen, sobject.name) | _named(sobject.name, paths) | {"consequence": consequence}
        yield Fault("field_hidden", ", ".join(paths), values)


def _named(sobject: str, paths: list[str]) -> dict[str, object]:
    return {"fields": listed(f"{sobject}.{path}" for path in paths), "names": listed(paths)}


def _sharing(seen: Seen, sobject: str) -> Iterator[Fault]:
    if sobject == "User":
        yield from _users(seen)
    if sobject not in _OTHERS_MISSING or seen.salesforce.has("ViewAllData"):
        return
    rights = seen.salesforce.rights(sobject)
    if rights is None:
        error = seen.salesforce.objects
        assert isinstance(error, FluintError)
        yield unseen_fault(seen, f"whether {sobject} has View All", error)
    elif not rights.view_all and not _is_public(seen, sobject):
        values = _values(seen, sobject) | {
            "consequence": _OTHERS_MISSING[sobject],
            "counted": _counted(seen, sobject),
        }
        yield Fault("view_all_missing", sobject, values)


def _is_public(seen: Seen, sobject: str) -> bool:
    """Whether everybody may read all deals anyway; private ones (IsPrivate) excepted, which a view of all would show."""
    org = seen.salesforce.org
    return (
        sobject == "Opportunity"
        and not isinstance(org, FluintError)
        and org.opportunity_default in ("Read", "Edit")
    )


def _counted(seen: Seen, sobject: str) -> str:
    theirs = seen.salesforce.deals_in_scope
    if sobject != "Opportunity" or isinstance(theirs, FluintError) or not seen.fluint.owners:
        return ""
    return f" ({theirs:,} deals of licensed owners can be seen, and {seen.fluint.deals_held:,} are held)"


def are_users_hidden(seen: Seen) -> bool:
    """Whether sharing hides users: more have a licence than can be seen."""
    visible, used = seen.salesforce.visible_users, seen.salesforce.used_licences
    if isinstance(visible, FluintError) or isinstance(used, FluintError):
        return False
    return visible < used and not (seen.salesforce.has("ViewAllUsers") or seen.salesforce.has("ViewAllData"))


def were_users_hidden(seen: Seen) -> bool:
    """Whether more users can be seen than were read: a permission that was granted changes no user's stamp, so no sync asks for them."""
    visible = seen.salesforce.visible_users
    return not isinstance(visible, FluintError) and visible > seen.fluint.active_users > 0


def _users(seen: Seen) -> Iterator[Fault]:
    """Sharing hides users without a trace; how many licences are used is told to everybody who may see the set-up."""
    visible, used = seen.salesforce.visible_users, seen.salesforce.used_licences
    if seen.salesforce.has("ViewAllUsers") or seen.salesforce.has("ViewAllData"):
        return
    if isinstance(visible, FluintError) or isinstance(used, FluintError):
        error = visible if isinstance(visible, FluintError) else used
        assert isinstance(error, FluintError)
        yield unseen_fault(seen, "whether all users can be seen", error)
    elif are_users_hidden(seen):
        values = _values(seen, "User") | {"visible": visible, "used": used}
        yield Fault("users_hidden", values=values)


def _tested(sobject: SObject) -> str:
    """What is tested of an object: its describe, and what governs it."""
    if sobject.name == "User":
        return "describe of User; active users seen, against used licences"
    if sobject.name in EVERYBODYS:
        return f"describe of {sobject.name}, which everybody may read"
    if sobject.name in ACTIVITIES:
        return f"describe of {sobject.name}, which 'Access Activities' governs"
    governing = _GOVERNED_BY.get(sobject.name, sobject.name)
    return f"describe of {sobject.name}; the permissions on {governing} of all assigned permission sets"


OBJECTS = tuple((each.table_name, each.name, _tested(each), judge_of(each)) for each in CATALOGUE)
"""Table, sObject, what is tested, judge; in the order in which they depend on each other."""
