"""Stores of documents that fail: whatever they raise, and whenever, it is the reason of that one document and of no other."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pytest

from orchestration.documents.content import md5_of
from orchestration.documents.upload import UploadReport, drain
from orchestration.errors import ContentUnreadableError
from tests.documents.provoking import Stage
from tests.sync.bench import Bench

BYTES = b"x" * 200_000


class StoreError(Exception):
    """What a store's own library raises: botocore's and aiohttp's errors are no OSError. Its text has a key in it."""

    def __str__(self) -> str:
        return "https://bucket/case.md?X-Amz-Signature=secret"


class _Failing(io.BytesIO):
    """Bytes of a store that fails after so many of them, at a seek (none), or at closing."""

    def __init__(self, error: Exception, *, after: int | None = None, at_close: bool = False) -> None:
        super().__init__(BYTES)
        self._error, self._after, self._at_close = error, after, at_close

    def read(self, size: int | None = -1) -> bytes:
        """Hands out a piece, or fails."""
        if self._after is not None and self.tell() >= self._after:
            raise self._error
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Goes there, or fails."""
        if self._after is None and not self._at_close:
            raise self._error
        return super().seek(offset, whence)

    def close(self) -> None:
        """Closes, and fails."""
        super().close()
        if self._at_close:
            self._at_close = False
            raise self._error


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Stage:
    """A document in a store, and one in Postgres on another deal."""
    stage = Stage(bench, tmp_path, f"Stored {uuid4().hex[:6]}")
    stage.version(stage.add(BYTES.decode()), content=None, content_uri="store://case.md")
    stage.add("beside", deal=1, title=f"Beside {stage.title}")
    return stage


def _drain(stage: Stage, open_uri: Callable[[str], BinaryIO]) -> UploadReport:
    return drain(stage.bench.database, stage.bench.client, run_id="upload", open_uri=open_uri, workers=1)


def _opening(error: Exception) -> Callable[[str], BinaryIO]:
    def open_uri(_: str) -> BinaryIO:
        raise error

    return open_uri


@pytest.mark.parametrize("error", [StoreError(), OSError(5, "secret"), TimeoutError("secret")], ids=repr)
@pytest.mark.parametrize("when", ["opening", "seeking", "first", "middle", "last"])
def test_a_store_that_fails_is_the_reason_of_its_document_and_holds_up_no_other(
    stage: Stage, error: Exception, when: str
) -> None:
    """No credentials for a bucket: every run ends there; a disk that fails: 'Salesforce could not be reached', for ever."""
    after = {"seeking": None, "first": 0, "middle": 100_000, "last": len(BYTES)}
    open_uri = _opening(error) if when == "opening" else lambda _: _Failing(error, after=after[when])
    report = _drain(stage, open_uri)
    assert (report.error, report.uploaded, dict(report.not_uploaded)) == (None, 1, {"content_unreadable": 1})
    shown = "select state, outlook, retry_at > now(), sending_since, reason_text from fluint_sync.upload where reason is not null"
    ((state, outlook, waits, since, text),) = stage.bench.ask(shown)
    assert (state, outlook, waits, since) == ("failed", "needs_admin", True, None)
    assert f"({type(error).__name__})" in text
    assert "secret" not in text
    stage.due_now()
    assert _drain(stage, lambda _: io.BytesIO(BYTES)).uploaded == 1  # at once: nothing of it can be there
    assert len(stage.bench.ids(f"SELECT Id FROM ContentVersion WHERE Title = '{stage.title}'")) == 1


def test_a_store_that_fails_at_closing_takes_nothing_back(stage: Stage) -> None:
    """The file is in Salesforce, and the run ends as if something had gone wrong with it."""
    report = _drain(stage, lambda _: _Failing(StoreError(), at_close=True))
    assert (report.error, report.uploaded) == (None, 2)


def test_a_version_that_was_found_is_recorded_though_its_store_no_longer_answers(stage: Stage) -> None:
    """Its answer was lost; the MD5 to compare cannot be computed any more, and the look for all of them ends at that."""
    stage.fault("lose_answer")
    _drain(stage, lambda _: io.BytesIO(BYTES))
    stage.due_now()
    assert _drain(stage, lambda _: _Failing(StoreError(), after=0)).found == 1
    assert stage.bench.ask("select distinct state, reason from fluint_sync.upload") == [("uploaded", None)]


def test_the_error_of_a_store_carries_its_type_alone() -> None:
    """The text of a store's error may hold an address with a signature in it."""
    with pytest.raises(ContentUnreadableError) as raised:
        md5_of(_Failing(StoreError(), after=0), hashlib.sha256(BYTES).hexdigest())
    assert raised.value.kind == "StoreError"
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__
