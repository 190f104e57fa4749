"""The one error that the org answers with, and its shape on the wire.

Here: the exception and its JSON body. Not here: which text belongs to which fault (the module that finds the fault knows).
"""

from __future__ import annotations

from collections.abc import Sequence


class ApiError(Exception):
    """A refusal as Salesforce words it: an HTTP status and a list of `message`, `errorCode` and, at times, `fields`.

    Source: REST API Developer Guide, Status Codes and Error Responses.
    """

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None) -> None:
        """Holds `status`, the `errorCode` and the `message`; `fields` only where Salesforce names fields."""
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = None if fields is None else list(fields)

    def body(self) -> list[dict[str, object]]:
        """Returns the JSON body of the response."""
        entry: dict[str, object] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = self.fields
        return [entry]


def not_found(message: str = "The requested resource does not exist") -> ApiError:
    """Returns the 404 that stands for a wrong id, an invisible row and an unknown path alike."""
    return ApiError(404, "NOT_FOUND", message)


class RowLockedError(ApiError):
    """Another transaction holds the row (SOAP API Developer Guide, UNABLE_TO_LOCK_ROW)."""

    def __init__(self, record_id: str) -> None:
        """Names the row. Salesforce waits ten seconds for it first; here nobody waits."""
        message = f"unable to obtain exclusive access to this record or 1 records: {record_id}"
        super().__init__(400, "UNABLE_TO_LOCK_ROW", message, [])
