"""The error tree: what a caller can do decides the branch, not where the error arose.

FluintError
├── SetupError                    fix the set-up; a person must act; never retried
│   ├── NeedsReconnectError       the grant is gone: someone connects again
│   ├── MissingFieldError         a required field is hidden from the integration user
│   ├── ObjectUnavailableError    the object is not readable, or the org does not have it
│   ├── WrongOrgError             this database belongs to another org
│   └── WrongEnvironmentError     dev, staging and production would be mixed up
├── TransientError                try again later; nothing was changed
│   └── TransientSalesforceError  Salesforce or the way to it failed for the moment
│       └── NotTakenError         a write that certainly did not arrive: it can be sent again without looking
├── BulkUnavailableError          the Bulk API cannot give this now; REST can, so go on by REST
├── QuotaReachedError             wait until a time that it names; what was read stays
├── ContentUnreadableError        a document's bytes cannot be had from the store that the app put them into
├── IncompleteReadError           an answer was shorter or other than announced; nothing of it counts
├── RejectedRequestError          Salesforce refused what we sent: a rule of the org, or a mistake of ours
│   └── TooMuchAskedError         too much for one answer: ask for less
└── BugError                      a promise inside the program was broken

`Remedy` says in one word what helps, for whoever reads a failed run; most errors have that of their class.

Only classes belong here: texts are written where the facts are known. A text says what happened, to which object or user,
what still works, and the one next step with who can take it; it never holds a secret or the content of a record.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class Remedy(StrEnum):
    """What helps against an error, and so who takes the next step."""

    RETRY = "retry"
    """Nobody: the same is asked for again, later, in parts or by another way."""
    WAIT = "wait"
    """Nobody: it goes on by itself at a time that the text names."""
    RECONNECT = "reconnect"
    """A Salesforce admin connects Fluint again."""
    SETUP = "fix the set-up"
    """A person changes a permission, a policy or a setting."""
    BUG = "bug"
    """Whoever maintains Fluint: what was sent or assumed is wrong."""


class FluintError(Exception):
    """Says in its text what a person needs to know; `code` and `request_id` are Salesforce's own, for its support."""

    remedy: Remedy = Remedy.BUG

    def __init__(
        self,
        text: str,
        *,
        code: str | None = None,
        request_id: str | None = None,
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.request_id = request_id
        self.remedy = remedy or type(self).remedy


class SetupError(FluintError):
    """Something outside the program must be changed by a person before this can work."""

    remedy = Remedy.SETUP


class NeedsReconnectError(SetupError):
    """The stored grant no longer works, or there is none: a Salesforce admin connects again."""

    remedy = Remedy.RECONNECT


class MissingFieldError(SetupError):
    """A required field does not appear in the object's describe for the integration user."""


class ObjectUnavailableError(SetupError):
    """The object is not in describe: not readable for the integration user, or not a part of this org."""


class WrongOrgError(SetupError):
    """The database was connected to another Salesforce org than the one that answers now."""


class WrongEnvironmentError(SetupError):
    """The process, the database and the org are not of one environment: dev, staging, production."""


class TransientError(FluintError):
    """A retry, by the same caller and later, can succeed; nothing was changed by the failed attempt."""

    remedy = Remedy.RETRY


class TransientSalesforceError(TransientError):
    """Salesforce, or the network on the way to it, could not answer for the moment."""


class NotTakenError(TransientSalesforceError):
    """A write of which Salesforce certainly stored nothing: not all of it was sent, or it was refused for the moment."""


class BulkUnavailableError(FluintError):
    """The Bulk API refused, failed or never finished this read; the same read by REST can succeed."""

    remedy = Remedy.RETRY


class QuotaReachedError(FluintError):
    """The org's API allowance for us is used up; `until` (aware, UTC) is when asking again makes sense."""

    remedy = Remedy.WAIT

    def __init__(
        self, text: str, *, until: datetime, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(text, code=code, request_id=request_id)
        self.until = until


class IncompleteReadError(FluintError):
    """What arrived differs from what was announced (count, header, end of file): a failed read, not an empty one."""

    remedy = Remedy.RETRY


class ContentUnreadableError(FluintError):
    """A store did not give a document's bytes; `kind` is the name of what it raised, whose own text may hold an address with a key.

    It is no OSError, whatever the store raised: on its way through a request that would pass for a fault of the network.
    """

    remedy = Remedy.SETUP

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"The document's bytes could not be read from where the app stored them ({kind}), so it was not sent. Whoever runs Fluint"
            " checks that the storage can be reached from there and that its fsspec driver is installed."
        )
        self.kind = kind


class RejectedRequestError(FluintError):
    """Salesforce understood the request and refused it; `code` says why in Salesforce's terms, `status` by HTTP."""

    def __init__(
        self,
        text: str,
        *,
        status: int,
        code: str | None = None,
        request_id: str | None = None,
        fields: tuple[str, ...] = (),
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(text, code=code, request_id=request_id, remedy=remedy)
        self.status = status
        self.fields = fields


class TooMuchAskedError(RejectedRequestError):
    """Salesforce gives no answer because it would take too long or be too large; parts of it can be had."""

    remedy = Remedy.RETRY


class BugError(FluintError):
    """An assumption of the program did not hold; the text says which, so that it can be reported."""
