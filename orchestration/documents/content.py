"""A version's bytes on their way: opened wherever they lie, counted and hashed while they are sent, never held whole.

Bytes other than those recorded never become a file: their last piece is withheld, and a body without its end is none. The same
place asks whether this process may still send. Stores raise what they like (botocore's and aiohttp's errors are no OSError): all of it
leaves this file as ContentUnreadableError. How a request is made is `salesforce/files.py`'s.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import fsspec

from orchestration.errors import ContentUnreadableError, IncompleteReadError

MOST_BYTES = 2 * 1024**3
"""Bytes of one ContentVersion sent as multipart (REST API Developer Guide, "Insert or Update Blob Data")."""

_PIECE = 1 << 20


def open_content(uri: str) -> BinaryIO:
    """Opens a version's bytes wherever fsspec can read them. Raises whatever the store, its protocol or its driver raises."""
    opened: BinaryIO = fsspec.open(uri, "rb").open()
    return opened


@contextmanager
def of_the_store() -> Iterator[None]:
    """Around a call of a store: what that raises becomes ContentUnreadableError, with the type's name alone."""
    try:
        yield
    except Exception as error:
        raise ContentUnreadableError(type(error).__name__) from None


@contextmanager
def opened(open_uri: Callable[[str], BinaryIO], uri: str) -> Iterator[BinaryIO]:
    """Gives the opened bytes at an address, and closes them. Raises ContentUnreadableError when they cannot be opened."""
    with of_the_store():
        content = open_uri(uri)
    try:
        yield content
    finally:
        _close(content)


def _close(content: BinaryIO) -> None:
    with suppress(Exception):  # a store that fails at closing what was only read takes nothing back
        content.close()


def md5_of(content: BinaryIO, sha256: str) -> str | None:
    """The MD5 of bytes, as ContentVersion.Checksum has it; None where they are not, or no longer, those with this SHA-256 (hexadecimal).

    Raises ContentUnreadableError.
    """
    md5, recorded = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    while piece := _read(content, _PIECE):
        md5.update(piece)
        recorded.update(piece)
    return md5.hexdigest() if recorded.hexdigest() == sha256.lower() else None


def _read(content: BinaryIO, size: int) -> bytes:
    with of_the_store():
        return content.read(size)


class Checked(io.RawIOBase):
    """Bytes that must be the recorded ones. `read` raises IncompleteReadError at the last piece of others, whatever
    `may_go_on` raises when this process must not send any more, and, as everything here, ContentUnreadableError of the store."""

    def __init__(self, source: BinaryIO, *, size: int, sha256: str, may_go_on: Callable[[], None]) -> None:
        """Reads `source` from where it stands; `size` in bytes, `sha256` in hexadecimal."""
        super().__init__()
        self._source = source
        self._size = size
        self._sha256 = sha256.lower()
        self._may_go_on = may_go_on
        self._start()

    def _start(self) -> None:
        self._read = 0
        self._digest = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def md5(self) -> str:
        """The MD5 of what was read so far."""
        return self._md5.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """Returns up to `size` bytes."""
        self._may_go_on()
        piece = _read(self._source, size)
        self._may_go_on()  # a store may have kept us waiting for longer than the right to send lasted
        self._read += len(piece)
        if self._read <= self._size:
            self._digest.update(piece)
            self._md5.update(piece)
        if self._read == self._size and piece and self._digest.hexdigest() != self._sha256:
            raise IncompleteReadError(
                "The document's bytes are not those that were recorded when it was generated, so it was not sent. Generate it again."
            )
        return piece

    def seekable(self) -> bool:
        """Whether sending can begin anew."""
        with of_the_store():
            return self._source.seekable()

    def tell(self) -> int:
        """Where the source stands."""
        with of_the_store():
            return self._source.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes back to where it began, and begins counting anew."""
        self._start()
        with of_the_store():
            return self._source.seek(offset, whence)

    def close(self) -> None:
        """Closes the source."""
        _close(self._source)
        super().close()
