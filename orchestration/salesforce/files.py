"""Creating a ContentVersion: one multipart request whose bytes are streamed. When to send, and whether to send again, belongs elsewhere.

Facts: REST API Developer Guide, "Insert or Update Blob Data"; up to 2 GB a version by multipart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from requests_toolbelt import MultipartEncoder

from orchestration.errors import IncompleteReadError, NotTakenError, TransientError, TransientSalesforceError
from orchestration.salesforce.renewal import RenewalError
from orchestration.salesforce.responses import Ask
from orchestration.salesforce.transport import Transport

# Refusals for the moment that leave nothing behind: the transaction was rolled back, or never begun.
_NOTHING_STORED = frozenset({"UNABLE_TO_LOCK_ROW", "TOO_MANY_LOCK_FAILURE", "REQUEST_LIMIT_EXCEEDED"})


def create_content_version(
    transport: Transport,
    base: str,
    fields: Mapping[str, str],
    content: BinaryIO,
    *,
    file_name: str,
    content_type: str,
    size: int,
) -> str:
    """Sends one file of `size` bytes once and returns the new ContentVersion's id (068…).

    Raises `TransientSalesforceError` when no answer came (the file may or may not be there: look before sending again) and, of
    that kind, `NotTakenError` when it is certainly not there; `RejectedRequestError` with Salesforce's code when it was refused,
    `IncompleteReadError` when `content` has another size. What `content.read` raises ends the request before it is whole.
    """
    start = content.tell() if content.seekable() else None
    sent: list[MultipartEncoder] = []

    def body() -> tuple[Any, dict[str, str]]:
        if start is not None:
            content.seek(start)
        source = _Measured(content, size)
        encoder = MultipartEncoder(
            [
                ("entity_content", (None, json.dumps(dict(fields)), "application/json")),
                ("VersionData", (file_name, source, content_type)),
            ]
        )
        sent[:] = [encoder]
        return encoder, {"Content-Type": encoder.content_type}

    with transport.asking(Ask("upload", "ContentVersion")):
        try:
            response = transport.write(f"{base}/sobjects/ContentVersion", body)
        except TransientError as error:
            if _is_certainly_not_there(error, sent):
                raise NotTakenError(str(error), code=error.code, request_id=error.request_id) from None
            raise
    return _new_id(response.content)


def _is_certainly_not_there(error: TransientError, sent: Sequence[MultipartEncoder]) -> bool:
    """A body without its last boundary is no file to Salesforce; a renewal comes after a refusal of the session."""
    is_cut = not sent or not sent[0].finished
    return is_cut or isinstance(error, RenewalError) or error.code in _NOTHING_STORED


def _new_id(body: bytes) -> str:
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        raise TransientSalesforceError(
            "Salesforce took the file and gave no id back. Before it is sent again, the deal is searched for it."
        ) from None


class _Measured:
    """A file that holds exactly the bytes announced: fewer would leave the server waiting, more would be a different document."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self._source = source
        self.len = size  # what the encoder asks for: the bytes that are left

    def read(self, size: int = -1) -> bytes:
        """Returns up to `size` bytes. Raises `IncompleteReadError` where the source ends too early or goes on too long."""
        chunk = self._source.read(self.len if size < 0 else min(size, self.len))
        self.len -= len(chunk)
        if not chunk and self.len:
            raise IncompleteReadError(
                f"The document ended {self.len} bytes too early, so it was not sent. Generate it again."
            )
        if not self.len and self._source.read(1):
            raise IncompleteReadError(
                "The document is longer than recorded, so it was not sent. Generate it again."
            )
        return chunk
