"""The result of a Bulk query job on disk: one CSV file, and an index of where each row begins.

Belongs here: writing lines and finding the bytes of a page. Does not: how a line looks (bulk_csv.py), jobs (bulk_jobs.py), HTTP (bulk.py).
Lines pass through by the block, so memory does not grow with the result; a page is a range of bytes, whatever line breaks its values hold.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

_OFFSET = struct.Struct("=Q")
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Page:
    """A run of whole rows: bytes `begin` to `end` of the file, `records` rows, the row after them or None at the end."""

    begin: int
    end: int
    records: int
    next_row: int | None


def write_results(path: Path, header: bytes, blocks: Iterable[Sequence[bytes]]) -> int:
    """Writes the header line and the lines of all `blocks`, each with its line end, to `path`; returns the number of lines."""
    count, end = 0, len(header)
    with path.open("wb", buffering=_CHUNK) as file, _index_of(path).open("wb", buffering=_CHUNK) as index:
        file.write(header)
        index.write(_OFFSET.pack(end))
        for lines in blocks:
            file.write(b"".join(lines))
            ends = array("Q", accumulate(map(len, lines), initial=end))
            index.write(memoryview(ends)[1:].tobytes())
            count, end = count + len(lines), ends[-1]
    return count


def find_page(path: Path, row: int, max_records: int, max_bytes: int) -> Page:
    """Finds the page that begins at `row`: at most `max_records` rows and, but for its first row, at most `max_bytes` bytes."""
    total = _index_of(path).stat().st_size // _OFFSET.size - 1
    with _index_of(path).open("rb") as index:
        begin = _offset(index, row)
        last = min(row + max_records, total)
        end = _offset(index, last)
        while end - begin > max_bytes and last > row + 1:
            # Row sizes differ, so the guess by proportion may have to be repeated; it shrinks each time.
            last = max(row + 1, row + (last - row) * max_bytes // (end - begin))
            end = _offset(index, last)
    return Page(begin, end, last - row, last if last < total else None)


def read_page(path: Path, page: Page) -> Iterator[bytes]:
    """Yields the header line and then the bytes of the page."""
    with path.open("rb") as file, _index_of(path).open("rb") as index:
        yield file.read(_offset(index, 0))
        file.seek(page.begin)
        left = page.end - page.begin
        while left > 0:
            chunk = file.read(min(_CHUNK, left))
            left -= len(chunk)
            yield chunk


def size_of(path: Path) -> int:
    """Returns the bytes of a result."""
    return path.stat().st_size


def remove_results(path: Path) -> None:
    """Removes the files of a result, as far as they are there."""
    path.unlink(missing_ok=True)
    _index_of(path).unlink(missing_ok=True)


def _index_of(path: Path) -> Path:
    return path.with_suffix(".index")


def _offset(index: BinaryIO, row: int) -> int:
    """Gives where row number `row` begins: the end of what stands before it, which for the first is the header line."""
    index.seek(row * _OFFSET.size)
    return int(_OFFSET.unpack(index.read(_OFFSET.size))[0])
