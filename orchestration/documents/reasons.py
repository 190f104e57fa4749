"""Why a version is not in Salesforce, or not as people expect: a code, a sentence for people, and what it waits for. Pure.

The sentences stand in `fluint.deal_documents` and in `fluint documents list`; Dagster sees codes alone. Which codes of Salesforce
mean what: REST API Developer Guide, status codes; Object Reference, ContentVersion.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestration.errors import (
    FluintError,
    NeedsReconnectError,
    QuotaReachedError,
    RejectedRequestError,
    Remedy,
)


class Outlook(StrEnum):
    """What a version that is not uploaded waits for."""

    WAITS = "waits_until"  # goes on by itself, at `retry_at`
    ADMIN = "needs_admin"  # a person changes something; it is tried again by itself, less and less often
    GIVEN_UP = "given_up"  # not tried again unless somebody asks for it, or what it lacks comes back


@dataclass(frozen=True)
class Reason:
    """One reason; `code` is stable and for programs, `text` for people."""

    code: str
    outlook: Outlook
    text: str


def _waits(code: str, text: str) -> Reason:
    return Reason(code, Outlook.WAITS, text)


def _admin(code: str, text: str) -> Reason:
    return Reason(code, Outlook.ADMIN, text)


def _given_up(code: str, text: str) -> Reason:
    return Reason(code, Outlook.GIVEN_UP, text)


ANSWER_LOST = _waits(
    "answer_lost",
    "Salesforce gave no clear answer to the upload, or the upload was interrupted. Fluint looks for the file on the opportunity"
    " and sends it again only when it can no longer appear by itself, half an hour later. Nobody has to do anything.",
)
NOT_TAKEN = _waits(
    "not_taken",
    "Salesforce could not be reached or was busy, and took nothing of the file. It is sent again by itself.",
)
NOT_CONFIRMED = _waits(
    "not_confirmed",
    "Salesforce took the file; its id and checksum there are still to be read. That is tried again by itself.",
)
IN_LINE = _waits(
    "in_line",
    "Many or large documents are sent before it; its turn comes by itself.",
)
BEHIND = _waits(
    "earlier_version", "The version before it is not in Salesforce yet; versions go in their order."
)
API_LIMIT = _waits(
    "api_limit",
    "The org's API calls of the last 24 hours are used up, as far as Fluint may use them. Sending goes on by itself.",
)
PUBLICATION_LIMIT = _waits(
    "publication_limit",
    "The org has published as many file versions as Salesforce allows in 24 hours (ContentPublicationLimit). Sending goes on by"
    " itself as the day rolls on.",
)
NEEDS_RECONNECT = _admin(
    "needs_reconnect",
    "The connection to Salesforce no longer works. A Salesforce admin connects again with `fluint connect`; sending then goes on.",
)
SETUP = _admin("setup", "Something about the connection has to be set up by a person: {said}.")
NO_CREATE_RIGHT = _admin(
    "no_create_right",
    "The integration user may not create files. A Salesforce admin gives it Create on files (a content feature licence, and the"
    " permission to upload files) under Setup › Users.",
)
NO_EDIT_ON_DEAL = _admin(
    "no_edit_on_deal",
    "The integration user may not edit the opportunity, and only who may edit a record can add files to it. A Salesforce admin"
    " grants Edit and Modify All on Opportunity in its permission set, or shares the opportunity with it as Read/Write.",
)
FILE_OF_ANOTHER_USER = _admin(
    "file_of_another_user",
    "The file in Salesforce belongs to another user, probably an earlier integration user, and this one may not add a version to"
    " it. A Salesforce admin makes the present integration user the file's owner or a collaborator; or `fluint documents retry"
    " DOCUMENT --as-new` begins a new file.",
)
STORAGE_FULL = _admin(
    "storage_full",
    "The org's file storage is full. A Salesforce admin frees space or buys more (Setup › Storage Usage).",
)
TYPE_BLOCKED = _admin(
    "type_blocked",
    "The org does not take files of this type: {said}. A Salesforce admin allows it (Setup › File Upload and Download Security, or a"
    " validation rule on files), or the document is generated in another format.",
)
REFUSED_BY_RULE = _admin(
    "refused_by_rule",
    "A validation rule, trigger or flow of the org refused the file: {said}. A Salesforce admin exempts the integration user from it.",
)
REFUSED = _admin(
    "refused",
    "Salesforce refused the file: {said}. A Salesforce admin, or Fluint's support, can say what the code means.",
)
CONTENT_UNREADABLE = _admin(
    "content_unreadable",
    "The document's bytes could not be read from where the app stored them ({said}). Whoever runs Fluint checks that the storage"
    " can be reached from there and that its fsspec driver is installed.",
)
EMPTY_FILE = _given_up(
    "empty_file", "The document is empty, so it was not sent. It has to be generated again, as a new version."
)
TOO_LARGE = _given_up(
    "too_large",
    "The document has more than 2 GB, the most that a file in Salesforce may have. It has to be generated smaller.",
)
CONTENT_DIFFERS = _waits(
    "content_differs",
    "The bytes that were read are not those that were recorded when the document was generated: the storage may still be taking them"
    " in, or cut its answer short. They are read again by itself; after the third time it is given up.",
)
CONTENT_CHANGED = _given_up(
    "content_changed",
    "The document's bytes are not those that were recorded when it was generated, each time they were read, so it was not sent. It has to"
    " be generated again, as a new version.",
)
CHECKSUM_DIFFERS = _given_up(
    "checksum_differs",
    "The file is in Salesforce, but with other bytes than were sent: its checksum differs. `fluint documents retry DOCUMENT --as-new`"
    " sends it again as a new file; a Salesforce admin deletes the broken one.",
)
DEAL_DELETED = _given_up(
    "deal_deleted",
    "The opportunity was deleted in Salesforce. When it is restored from the recycle bin, the document is sent by itself.",
)
DEAL_HIDDEN = _admin(
    "deal_hidden",
    "Salesforce no longer shows the opportunity to the integration user, and nothing proves that it was deleted. A Salesforce admin"
    " shares it with the integration user; the comparison of the next night sees that, or `fluint reconcile` at once, and the document"
    " is sent by itself.",
)
DEAL_NOT_IN_FLUINT = _given_up(
    "deal_not_in_fluint",
    "The opportunity is not in Fluint: `fluint why` says why. When it comes in, the document is sent by itself.",
)
DEAL_GONE = _waits(
    "deal_gone",
    "Salesforce does not find the opportunity: it was deleted a moment ago, or the integration user no longer sees it. The sync will"
    " tell which; until then it is tried again by itself, less and less often.",
)
FILE_DELETED = _given_up(
    "file_deleted",
    "Somebody deleted the file in Salesforce, so no version is added to it. If it is restored there, `fluint documents retry DOCUMENT` adds"
    " what is missing; `fluint documents retry DOCUMENT --as-new` begins a new file.",
)
FILE_NOT_SHOWN = _admin(
    "file_not_shown",
    "It was uploaded, and Salesforce no longer shows the file to the integration user: it was deleted for good, or belongs to another user"
    " and is not shared. A Salesforce admin can say which, and shares it; `fluint documents retry DOCUMENT --as-new` begins a new file.",
)
FILES_LIST_MISSING = _admin(
    "files_list_missing",
    "It was uploaded, but people will not see it: the page layout of the opportunity's record type has no Files list. A Salesforce"
    " admin adds the related list Files to it (Setup › Object Manager › Opportunity › Page Layouts).",
)
DOUBLE = _admin(
    "double",
    "The version is in Salesforce more than once. Fluint deletes nothing there: a Salesforce admin deletes the surplus file.",
)
SAME_BYTES = "The same bytes as the version before, so Salesforce got no new version."

_NO_ACCESS = frozenset(
    {
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    }
)
_NO_CREATE = frozenset({"INVALID_TYPE_FOR_OPERATION", "NOT_FOUND"})
_RULES = frozenset(
    {
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "CANNOT_EXECUTE_FLOW_TRIGGER",
    }
)
_GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"})
_LIMITS = frozenset({"LIMIT_EXCEEDED", "CONTENT_PUB_LIMIT_EXCEEDED"})
_TYPE_FIELDS = frozenset({"FileType", "FileExtension", "PathOnClient"})


def of_refusal(error: RejectedRequestError, *, continues_file: bool) -> Reason:
    """The reason of a refused upload; `continues_file`: it was to become a further version of a file that is in Salesforce."""
    code = error.code or ""
    if code in _LIMITS:
        return PUBLICATION_LIMIT
    if code == "STORAGE_LIMIT_EXCEEDED":
        return STORAGE_FULL
    if code in _NO_ACCESS:
        return _no_access(code, continues_file)
    if code in _GONE:
        return FILE_DELETED if continues_file else DEAL_GONE
    return _by_rule(error, code)


def _no_access(code: str, continues_file: bool) -> Reason:
    if continues_file:
        return FILE_OF_ANOTHER_USER
    return NO_EDIT_ON_DEAL if code.endswith("CROSS_REFERENCE_ENTITY") else NO_CREATE_RIGHT


def _by_rule(error: RejectedRequestError, code: str) -> Reason:
    if code == "FIELD_INTEGRITY_EXCEPTION" and _TYPE_FIELDS & set(error.fields):
        return saying(TYPE_BLOCKED, str(error))
    if code in _RULES:
        return saying(REFUSED_BY_RULE, str(error))
    if code in _NO_CREATE:
        return NO_CREATE_RIGHT
    return saying(REFUSED, str(error))


def of_all(error: FluintError) -> Reason:
    """The reason for what concerns every version, not one."""
    if isinstance(error, QuotaReachedError):
        return API_LIMIT
    if isinstance(error, NeedsReconnectError):
        return NEEDS_RECONNECT
    return NOT_TAKEN if error.remedy is Remedy.RETRY else saying(SETUP, str(error))


def saying(reason: Reason, said: str) -> Reason:
    """The reason with what somebody else said about it put in."""
    return Reason(reason.code, reason.outlook, reason.text.format(said=said.rstrip(".")))
