"""The one filter between Salesforce's bytes and Postgres: takes out what Postgres cannot hold as text, and counts it.

That is NUL (as a byte, and as the JSON escape \\u0000), bytes that are not UTF-8, and lone surrogates (as JSON escapes).
Works on whole chunks of bytes, never on rows; nothing else is changed.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

# A backslash that begins an escape is preceded by an even number of backslashes: in `\\u0000` the first one escapes the
# second, and the rest is text that somebody wrote.
_EVEN_BACKSLASHES = rb"(?<!\\)((?:\\\\)*)"
_NUL_ESCAPE = re.compile(_EVEN_BACKSLASHES + rb"\\u0000")
_SURROGATES = re.compile(
    _EVEN_BACKSLASHES
    + rb"(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_ANY_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE_LENGTH = 6


@dataclass
class Cleaned:
    """How much was taken out: NUL characters, bytes that are not UTF-8, lone surrogates."""

    nul: int = 0
    invalid_utf8: int = 0
    surrogates: int = 0

    @property
    def total(self) -> int:
        """Everything that was taken out."""
        return self.nul + self.invalid_utf8 + self.surrogates


class ByteFilter:
    """Filters one stream of bytes that may be cut anywhere, inside a character too; adds what it takes out to `cleaned`."""

    def __init__(self, cleaned: Cleaned) -> None:
        self._cleaned = cleaned
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def clean(self, chunk: bytes, *, final: bool = False) -> bytes:
        """`chunk` (with what was held back of the one before) as valid UTF-8 without NUL; `final` ends the stream."""
        held_back, _ = self._decoder.getstate()
        kept = self._decoder.decode(chunk, final).encode()
        still_held, _ = self._decoder.getstate()
        self._cleaned.invalid_utf8 += len(held_back) + len(chunk) - len(still_held) - len(kept)
        without_nul = kept.replace(b"\0", b"")
        self._cleaned.nul += len(kept) - len(without_nul)
        return without_nul


def clean_part(body: bytes, path: Sequence[str | int], cleaned: Cleaned) -> bytes:
    """A whole JSON text that Postgres can hold; adds to `cleaned` what was taken out of the value at `path` of it.

    The answers to several queries share one text, and each is counted by itself.
    """
    whole = Cleaned()
    kept = clean_json(body, whole)
    if whole.total:
        part = _part(body, path)
        counted = whole if part is None else Cleaned(invalid_utf8=whole.invalid_utf8)
        if part is not None:
            clean_json(json.dumps(part).encode(), counted)
        cleaned.nul += counted.nul
        cleaned.invalid_utf8 += counted.invalid_utf8
        cleaned.surrogates += counted.surrogates
    return kept


def _part(body: bytes, path: Sequence[str | int]) -> object | None:
    """The value at a path, lone surrogates included; None where the text has no such value."""
    try:
        value: object = json.loads(body.decode("utf-8", "ignore"))
        for step in path:
            value = value[step]  # type: ignore[index]
    except (ValueError, LookupError, TypeError):
        return None
    return value


def clean_json(body: bytes, cleaned: Cleaned) -> bytes:
    """A whole JSON text that Postgres can hold; adds what was taken out to `cleaned`."""
    body = ByteFilter(cleaned).clean(body, final=True)
    if _ANY_SURROGATE.search(body):
        shorter = _SURROGATES.sub(rb"\1\2", body)
        cleaned.surrogates += (len(body) - len(shorter)) // _ESCAPE_LENGTH
        body = shorter
    # Last, because taking something out of the middle of a broken escape can leave this one.
    if rb"\u0000" in body:
        shorter = _NUL_ESCAPE.sub(rb"\1", body)
        cleaned.nul += (len(body) - len(shorter)) // _ESCAPE_LENGTH
        body = shorter
    return body
