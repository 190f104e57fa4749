"""One worker of a drain: sends one version at a time and records at once what is known of it. One thread, one connection, one client.

What to send next, looking and confirming are upload.py's.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

from orchestration.documents import content, naming, outbox, reasons
from orchestration.documents.content import Checked
from orchestration.documents.outbox import DueVersion
from orchestration.documents.reasons import Reason
from orchestration.errors import (
    ContentUnreadableError,
    FluintError,
    IncompleteReadError,
    NotTakenError,
    QuotaReachedError,
    RejectedRequestError,
    SetupError,
    TransientError,
)
from orchestration.postgres.connection import Connection
from orchestration.salesforce.client import Salesforce

FIRST_LOOK = timedelta(seconds=10)
"""How long after an unclear end a version is looked for first: a transaction that goes on usually ends within seconds."""

_READS = 3
"""After so many reads of other bytes than those recorded, a version is given up."""

_IDLE = 3.0
"""Seconds after which a kept connection is not trusted: the other end may be closing it at this moment, and a version whose request
meets that has an unclear end, for which it waits half an hour."""


@dataclass(frozen=True)
class Outcome:
    """What became of one version (as of this attempt): sent under an id, or not, with the reason; `error` is what stopped it, if it may
    stop others."""

    version: DueVersion
    content_version_id: str | None = None
    md5: str | None = None
    reason: Reason | None = None
    error: FluintError | None = None


@dataclass
class Sender:
    """Sends for one drain; `may_go_on` raises TransientError when this process must send no more."""

    connection: Connection
    salesforce: Salesforce
    open_uri: Callable[[str], BinaryIO]
    run_id: str
    may_go_on: Callable[[], None]
    _used: float = 0.0

    def send(self, version: DueVersion) -> Outcome | None:
        """Brings one version to an outcome that is recorded; None if somebody else had it in hands."""
        if refused := _refused_unsent(version):
            return self._not_taken(version, refused)
        try:
            source = self._open(version)
        except ContentUnreadableError as error:
            return self._unreadable(version, error)
        with closing(source):
            begun = outbox.begin_sending(self.connection, version, self.run_id)
            return self._create(begun, source) if begun else None

    def _open(self, version: DueVersion) -> Checked:
        if version.content_uri:
            with content.of_the_store():
                opened = self.open_uri(version.content_uri)
        else:
            stored = outbox.content_of(self.connection, version)
            if not stored:  # the version was erased after it was taken from the outbox
                raise ContentUnreadableError(FileNotFoundError.__name__)
            opened = io.BytesIO(stored)
        return Checked(opened, size=version.byte_size, sha256=version.sha256, may_go_on=self.may_go_on)

    def _create(self, version: DueVersion, source: Checked) -> Outcome:
        if time.monotonic() - self._used > _IDLE:
            self.salesforce.close()
        try:
            created = self.salesforce.create_content_version(
                content_version_fields(version),
                source,  # type: ignore[arg-type]  # a BinaryIO as far as reading goes
                file_name=version.marker,
                content_type=naming.media_type(version.content_type, version.file_name),
                size=version.byte_size,
            )
        except RejectedRequestError as error:
            continues = version.content_document_id is not None
            reason = reasons.of_refusal(error, continues_file=continues)
            return self._not_taken(version, reason, error if reason is reasons.PUBLICATION_LIMIT else None)
        except IncompleteReadError:
            return self._not_taken(version, _of_other_bytes(version))
        except ContentUnreadableError as error:
            # Raised before the body had its last boundary, or after a session was refused: there is no file.
            return self._unreadable(version, error)
        except (NotTakenError, QuotaReachedError, SetupError) as error:
            return self._not_taken(version, reasons.of_all(error), error)
        except (TransientError, OSError) as error:
            # Whether it arrived is not known: the next look decides.
            outbox.record_unclear(self.connection, [version], FIRST_LOOK)
            return Outcome(
                version, reason=reasons.ANSWER_LOST, error=error if isinstance(error, FluintError) else None
            )
        self._used = time.monotonic()
        outbox.record_sent(self.connection, version, created, source.md5)
        return Outcome(version, created, source.md5)

    def _unreadable(self, version: DueVersion, error: ContentUnreadableError) -> Outcome:
        return self._not_taken(version, reasons.saying(reasons.CONTENT_UNREADABLE, error.kind))

    def _not_taken(self, version: DueVersion, reason: Reason, error: FluintError | None = None) -> Outcome:
        outbox.record_not_taken(self.connection, version, reason)
        return Outcome(version, reason=reason, error=error)


def content_version_fields(version: DueVersion) -> dict[str, str]:
    """What Salesforce is told of a version: the first names the record, later ones the document that they continue."""
    place = (
        {"ContentDocumentId": version.content_document_id}
        if version.content_document_id
        else {"FirstPublishLocationId": version.opportunity_id}
    )
    return {"Title": naming.title(version.title, version.file_name), "PathOnClient": version.marker, **place}


def _refused_unsent(version: DueVersion) -> Reason | None:
    if version.byte_size <= 0:
        return reasons.EMPTY_FILE
    return reasons.TOO_LARGE if version.byte_size > content.MOST_BYTES else None


def _of_other_bytes(version: DueVersion) -> Reason:
    """A store that cuts an answer short, or still takes the bytes in, shows the right ones a minute later; twice more is enough."""
    is_again = version.reason == reasons.CONTENT_DIFFERS.code and version.attempts >= _READS - 1
    return reasons.CONTENT_CHANGED if is_again else reasons.CONTENT_DIFFERS
