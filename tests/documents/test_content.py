"""Bytes on their way: only those that were recorded, and only while this process may send."""

from __future__ import annotations

import hashlib
import io

import pytest

from orchestration.documents.content import Checked, md5_of
from orchestration.errors import IncompleteReadError, TransientError

BYTES = b"a business case" * 100


def checked(content: bytes, recorded: bytes = BYTES) -> Checked:
    """The content, checked against what was recorded."""
    return Checked(
        io.BytesIO(content),
        size=len(recorded),
        sha256=hashlib.sha256(recorded).hexdigest().upper(),
        may_go_on=lambda: None,
    )


def read(source: Checked) -> bytes:
    """All of it in small pieces."""
    return b"".join(iter(lambda: source.read(64), b""))


def test_the_recorded_bytes_go_through_and_are_hashed_once_more_when_sent_again() -> None:
    """A checksum over two attempts is that of no file."""
    source = checked(BYTES)
    assert read(source) == BYTES
    source.seek(0)
    assert read(source) == BYTES
    assert (
        source.md5
        == hashlib.md5(BYTES, usedforsecurity=False).hexdigest()
        == md5_of(io.BytesIO(BYTES), hashlib.sha256(BYTES).hexdigest().upper())
    )


def test_other_bytes_of_the_same_size_are_withheld_before_their_end() -> None:
    """A file that was overwritten after it was generated: another document than the recorded one on the deal."""
    other = BYTES[:-1] + b"!"
    source = checked(other)
    sent = source.read(len(other) - 10)
    with pytest.raises(IncompleteReadError, match="not those"):
        source.read(64)
    assert len(sent) == len(other) - 10


def test_nothing_is_read_any_more_once_the_right_to_send_is_lost() -> None:
    """The database fails over to another machine, whose run sends the same document while this one goes on."""

    def lost() -> None:
        raise TransientError("lost")

    source = Checked(io.BytesIO(BYTES), size=len(BYTES), sha256="", may_go_on=lost)
    with pytest.raises(TransientError, match="lost"):
        source.read(64)


def test_a_right_that_was_lost_while_the_store_kept_us_waiting_counts() -> None:
    """Asked before the read alone, the last piece goes out an hour later, and with it a whole file."""
    asked: list[int] = []

    def lost_meanwhile() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise TransientError("lost")

    source = Checked(io.BytesIO(BYTES), size=len(BYTES), sha256="", may_go_on=lost_meanwhile)
    with pytest.raises(TransientError, match="lost"):
        source.read(64)


def test_bytes_that_are_no_longer_the_recorded_ones_have_no_md5_to_compare() -> None:
    """The file was overwritten after it was sent: what lies in Salesforce is right, and would be given up as broken."""
    assert md5_of(io.BytesIO(BYTES + b"!"), hashlib.sha256(BYTES).hexdigest()) is None
