"""What the REST and Bulk APIs can say, each with what it means for the sync and who can take the next step. Data only.

Codes are those of the REST API Developer Guide, "Status Codes and Error Responses", the Object Reference and the Bulk API 2.0
Guide; which of them connectors meet in practice is known from their public error sheets and issues.
"""

from __future__ import annotations

from orchestration.errors import (
    BulkUnavailableError,
    IncompleteReadError,
    MissingFieldError,
    ObjectUnavailableError,
    QuotaReachedError,
    RejectedRequestError,
    Remedy,
    SetupError,
    TooMuchAskedError,
    TransientSalesforceError,
)
from orchestration.salesforce.meaning import Meaning

_SETS = "Setup › Permission Sets"
_RETRIED = ". Nothing was changed; the next sync tries again"
_LOCATOR = "Salesforce no longer holds {what}, so this read does not count. Nothing was lost: the window is read again"
_NO_OBJECT = (
    "{what} was refused because {user} cannot read {sobject}, or the org does not have it. The other objects go on. A Salesforce admin"
    " {reading_step}"
)
_TOO_MUCH = (
    "{what} asks for more than Salesforce gives in one answer; it has to be asked for in smaller parts"
)
_OURS = (
    "{what} was not understood by Salesforce. The other objects go on. This is for Fluint's support to mend"
)

SESSION_ENDED = Meaning(
    "The Salesforce session of {user} has ended and is renewed; if this text stays, an admin connects Fluint again",
    TransientSalesforceError,
    ("INVALID_SESSION_ID",),
    phrases=("Bad_OAuth_Token",),
)
BUSY = Meaning(
    "{what} did not succeed: too many long requests run in the org at once" + _RETRIED,
    TransientSalesforceError,
    ("REQUEST_LIMIT_EXCEEDED",),
    "concurrent",
)
CALLS_USED_UP = Meaning(
    "The org has used up its API calls of the last 24 hours, so {what} was refused. What was read stays. The sync goes on by itself after"
    " {until}; a Salesforce admin sees who uses them under Setup › System Overview",
    QuotaReachedError,
    ("REQUEST_LIMIT_EXCEEDED",),
)
NO_BULK = Meaning(
    "The Bulk API does not take {sobject} now; it is read by REST instead, within the calls that are left",
    BulkUnavailableError,
    ("LIMIT_EXCEEDED", "EXCEEDEDQUOTA", "INVALIDENTITY", "FEATURENOTENABLED", "API_ERROR"),
    phrases=(
        "bulk", "does not support query", "async api not enabled", "implementation restriction", "cannot serialize",
    ),
    kinds=("bulk",),
)  # fmt: skip
HIDDEN_FIELD = Meaning(
    "{sobject}.{field} is not there for {user}, so {what} was refused. A Salesforce admin grants Read on {sobject}.{field} under"
    f" {_SETS} › Object Settings › {{sobject}}; if the org does not have the field, remove it from fluint.yaml",
    MissingFieldError,
    ("INVALID_FIELD",),
    "no such column",
)
RETIRED_VERSION = Meaning(
    "{what} was refused because this org does not serve the API version that Fluint asks for. Whoever runs Fluint sets api_version to one"
    " that the org lists at /services/data",
    SetupError,
    ("UNSUPPORTED_API_VERSION",),
    seen="HTTP 410.",
)
UNAVAILABLE = Meaning(
    "{what} did not succeed: Salesforce did not take it for the moment" + _RETRIED,
    TransientSalesforceError,
    ("SERVER_UNAVAILABLE",),
    seen="HTTP 406, 408, 420, 429, 500, 502 or 503 with a page or nothing at all. A notice may be on Salesforce's status page.",
)
MOVED = Meaning(
    "{what} was sent to another address: the org's My Domain seems to have changed. A Salesforce admin connects Fluint again with"
    " `fluint connect` and the name under Setup › My Domain",
    SetupError,
    own_remedy=Remedy.RECONNECT,
    seen="HTTP 301 or 302.",
)
REFUSED = Meaning(
    "{what} was refused, for a reason that Fluint does not know yet. The other objects go on. Whoever runs Fluint shows this text to"
    " Fluint's support",
    RejectedRequestError,
)
NO_OBJECT = Meaning(_NO_OBJECT, ObjectUnavailableError, ("INVALID_TYPE",))

API: tuple[Meaning, ...] = (
    SESSION_ENDED,
    BUSY,
    CALLS_USED_UP,
    NO_BULK,
    Meaning(
        "{what} was refused because the org, or {user}, has no REST API for it. A Salesforce admin checks that the edition includes API"
        f" access and gives the user 'API Enabled' and 'View Setup and Configuration' under {_SETS} › System Permissions",
        SetupError,
        ("API_DISABLED_FOR_ORG",),
    ),
    Meaning(
        "{what} was refused because {user} lacks 'API Enabled'. Nothing can be read until a Salesforce admin adds it"
        f" under {_SETS} › System Permissions",
        SetupError,
        ("API_CURRENTLY_DISABLED",),
    ),
    Meaning(
        "{what} was stopped by a transaction security policy. A Salesforce admin exempts {user} from it under Setup ›"
        " Transaction Security Policies, or with the permission 'Exempt from Transaction Security'",
        SetupError,
        ("TXN_SECURITY_NO_ACCESS",),
    ),
    Meaning(
        "{what} was stopped by the metering of transaction security policies. A Salesforce admin gives {user} the permission 'Exempt from"
        f" Transaction Security' under {_SETS} › System Permissions",
        SetupError,
        ("TXN_SECURITY_METERING_ERROR",),
    ),
    Meaning(
        "{what} was refused because the password of {user} has expired. A Salesforce admin resets it under Setup › Users and gives the user"
        f" 'Password Never Expires' under {_SETS} › System Permissions",
        SetupError,
        ("INVALID_OPERATION_WITH_EXPIRED_PASSWORD",),
    ),
    RETIRED_VERSION,
    HIDDEN_FIELD,
    Meaning(
        "{what} names a field in a way that the org does not allow. The other objects go on. This is for Fluint's support to mend",
        RejectedRequestError,
        ("INVALID_FIELD",),
    ),
    NO_OBJECT,
    Meaning(_NO_OBJECT, ObjectUnavailableError, ("NOT_FOUND",), kinds=("describe",)),
    Meaning(_LOCATOR, IncompleteReadError, ("INVALID_QUERY_LOCATOR",)),
    Meaning(_LOCATOR, IncompleteReadError, ("NOT_FOUND",), kinds=("page", "results")),
    Meaning(
        "{what} names something that is not there, or that {user} cannot see. A Salesforce admin looks whether the record still exists and"
        " shares it with the user",
        RejectedRequestError,
        ("NOT_FOUND",),
        own_remedy=Remedy.SETUP,
    ),
    Meaning(
        _TOO_MUCH,
        TooMuchAskedError,
        ("QUERY_TIMEOUT", "QUERY_TOO_COMPLICATED", "OPERATION_TOO_LARGE", "EXCEEDED_ID_LIMIT"),
    ),
    UNAVAILABLE,
    Meaning(
        "{what} did not succeed: Salesforce had an internal error" + _RETRIED,
        TransientSalesforceError,
        ("UNKNOWN_EXCEPTION", "INTERNAL_SERVER_ERROR"),
    ),
    Meaning(
        "{what} did not succeed: another process in the org held the records" + _RETRIED,
        TransientSalesforceError,
        ("UNABLE_TO_LOCK_ROW", "TOO_MANY_LOCK_FAILURE"),
    ),
    Meaning(
        "{what} was refused because {user} may not add files to this record. A Salesforce admin shares the record with the user"
        f" (Read/Write), or grants Edit and Modify All on its object under {_SETS} › Object Settings",
        RejectedRequestError,
        (
            "INSUFFICIENT_ACCESS",
            "INSUFFICIENT_ACCESS_OR_READONLY",
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        ),
        own_remedy=Remedy.SETUP,
    ),
    Meaning(
        "{what} was refused because the org's file storage is full. A Salesforce admin frees space under Setup › Storage Usage",
        RejectedRequestError,
        ("STORAGE_LIMIT_EXCEEDED",),
        own_remedy=Remedy.SETUP,
    ),
    Meaning(
        "{what} was stopped by a rule of the org: a validation rule, a trigger, a flow or a duplicate rule. Other files go on. A"
        " Salesforce admin exempts {user} from it under Setup › Object Manager › Validation Rules, Triggers, or Setup › Flows, or Setup ›"
        " Duplicate Rules",
        RejectedRequestError,
        (
            "DUPLICATES_DETECTED",
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "CANNOT_EXECUTE_FLOW_TRIGGER",
        ),
        own_remedy=Remedy.SETUP,
    ),
    Meaning(
        "{what} was refused because the record it belongs to was deleted in Salesforce. Other files go on. Whoever owns the deal restores"
        " it from the recycle bin, or takes the file out of Fluint",
        RejectedRequestError,
        ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"),
        own_remedy=Remedy.SETUP,
    ),
    Meaning(
        "{what} was refused because the org requires a field of it that Fluint does not fill. Other files go on. A Salesforce admin makes"
        " it optional under Setup › Object Manager › Content Version › Fields & Relationships",
        RejectedRequestError,
        ("REQUIRED_FIELD_MISSING",),
        kinds=("upload",),
        own_remedy=Remedy.SETUP,
    ),
    Meaning(
        _OURS,
        RejectedRequestError,
        (
            "MALFORMED_QUERY",
            "MALFORMED_ID",
            "JSON_PARSER_ERROR",
            "INVALID_TYPE_FOR_OPERATION",
            "METHOD_NOT_ALLOWED",
            "UNSUPPORTED_MEDIA_TYPE",
            "INVALID_REPLICATION_DATE",
            "REQUIRED_FIELD_MISSING",
            "STRING_TOO_LONG",
        ),
    ),
)
"""In order: the first entry that fits is the one. A code that stands nowhere is judged by its HTTP status (`responses`)."""
