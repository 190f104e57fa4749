"""Reading the multipart body of a record with a blob, straight to disk (REST API Developer Guide, Insert or Update Blob Data).

Belongs here: the split into the JSON part and the blob part. Does not: what the record may hold (files.py).
The first part is the JSON, whatever its name; the part named after the blob field is written to a file as it arrives.
"""

import hashlib
import json
from collections.abc import AsyncIterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from local_org.errors import ApiError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

JSON_LIMIT = 1024 * 1024


class Upload:
    """A record and its blob as they arrive: `values`, `checksum` (MD5, hexadecimal) and `blob_type` (the blob's media type as its part
    says) are there once `read` has returned."""

    def __init__(self, blob_field: str, target: Path, limit: int) -> None:
        """Writes the part named `blob_field` to `target`; `limit` is the most bytes it may have."""
        self.values: object = None
        self.has_blob = False
        self.blob_type: str | None = None
        self._blob_field = blob_field
        self._left = limit
        self._target = target
        self._digest = hashlib.md5(usedforsecurity=False)
        self._json = bytearray()
        self._headers: dict[str, str] = {}
        self._header = [bytearray(), bytearray()]
        self._parts = 0
        self._file: BinaryIO | None = None
        self._is_over = False

    @property
    def checksum(self) -> str:
        """The MD5 of the blob, as ContentVersion.Checksum shows it."""
        return self._digest.hexdigest()

    async def read(self, content_type: str, body: AsyncIterable[bytes]) -> None:
        """Takes in the whole body. Raises ApiError 400 when it is no multipart body with a JSON part."""
        boundary = parse_options_header(content_type.encode())[1].get(b"boundary")
        if not boundary:
            raise _unreadable("Multipart message is missing its boundary")
        callbacks = cast("MultipartCallbacks", {name: getattr(self, f"_{name}") for name in _CALLBACKS})
        parser = MultipartParser(boundary, callbacks)
        try:
            async for chunk in body:
                parser.write(chunk)
            parser.finalize()
        except MultipartParseError as fault:
            raise _unreadable("Multipart message cannot be read") from fault
        finally:
            if self._file is not None:
                self._file.close()
        if not self._is_over:
            raise _unreadable("Multipart message ends before its last boundary")
        self.values = read_json(bytes(self._json))

    def _on_part_begin(self) -> None:
        self._headers = {}
        self._parts += 1

    def _on_header_begin(self) -> None:
        self._header = [bytearray(), bytearray()]

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _on_header_end(self) -> None:
        name, value = (bytes(part).decode("utf-8", "replace") for part in self._header)
        self._headers[name.lower()] = value

    def _on_headers_finished(self) -> None:
        options = parse_options_header(self._headers.get("content-disposition", "").encode())[1]
        if self._parts > 1 and options.get(b"name", b"").decode("utf-8", "replace") == self._blob_field:
            self.has_blob = True
            self.blob_type = self._headers.get("content-type")
            self._file = self._target.open("wb")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._left -= end - start
            if self._left < 0:
                raise ApiError(400, "REQUEST_TOO_LARGE", "The file is larger than a ContentVersion may be")
            self._file.write(data[start:end])
            self._digest.update(data[start:end])
        elif self._parts == 1:
            self._json += data[start:end]
            if len(self._json) > JSON_LIMIT:
                raise _unreadable("The JSON part is too long")

    def _on_part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _on_end(self) -> None:
        self._is_over = True


_CALLBACKS = (
    "on_part_begin", "on_header_begin", "on_header_field", "on_header_value", "on_header_end", "on_headers_finished",
    "on_part_data", "on_part_end", "on_end",
)  # fmt: skip


def read_json(text: bytes) -> object:
    """Reads JSON. Raises ApiError 400 JSON_PARSER_ERROR."""
    try:
        return json.loads(text)
    except ValueError as fault:
        raise ApiError(
            400,
            "JSON_PARSER_ERROR",
            f"Unexpected content at byte {getattr(fault, 'pos', 0)} of the JSON body",
        ) from fault


def _unreadable(message: str) -> ApiError:
    return ApiError(400, "INVALID_MULTIPART_REQUEST", message)
