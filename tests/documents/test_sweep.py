"""What was once noted of an uploaded version: that it ends when it is mended, or concerns nobody any more, however late that is."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from orchestration.documents import library
from orchestration.documents.look import confirm
from orchestration.documents.standing import open_groups
from orchestration.documents.sweep import SweepReport, sweep
from tests.documents.provoking import WAYS, Stage
from tests.sync.bench import Bench

STANDS = "select state, reason, outlook from fluint_sync.upload order by version_number"


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Stage:
    """A stage for one document."""
    return Stage(bench, tmp_path, f"Swept {uuid4().hex[:6]}")


def _sweep(stage: Stage) -> SweepReport:
    return sweep(stage.bench.database, stage.bench.client, run_id="sweep")


def _as_new(stage: Stage, document: object) -> list[int]:
    def is_gone(content_version_id: str) -> bool:
        shown = confirm(stage.bench.client, [content_version_id]).get(content_version_id)
        return shown is None or shown.is_deleted

    return library.retry_as_new(stage.bench.database, document, is_gone)  # type: ignore[arg-type]


def _file(stage: Stage) -> str:
    return str(stage.bench.ask("select content_document_id from fluint_sync.upload")[0][0])


def _delete_for_good(stage: Stage, file: str) -> None:
    stage.bench.write("DELETE", f"/sobjects/ContentDocument/{file}")
    stage.bench.org.admin("POST", f"/records/ContentDocument/{file}/purge")


def test_what_waits_for_a_person_is_looked_at_until_that_is_done(stage: Stage) -> None:
    """The admin adds the Files list on day 35: the document goes on saying that nobody sees it, and the status stays yellow."""
    WAYS["files_list_missing"](stage)  # and mended by now
    assert stage.bench.ask(STANDS) == [("uploaded", "files_list_missing", "needs_admin")]
    stage.write(
        "update fluint_sync.upload set uploaded_at = now() - interval '35 days', updated_at = now() - interval '35 days'"
    )
    assert _sweep(stage).looked_at == 1
    assert stage.bench.ask(STANDS) == [("uploaded", None, None)]


def test_a_file_restored_after_weeks_is_no_longer_said_to_be_deleted(stage: Stage) -> None:
    """Uploaded five weeks ago, deleted by mistake last week and restored today: nobody would look at it again."""
    stage.add()
    stage.drain()
    _, file = stage.file()
    stage.bench.write("DELETE", f"/sobjects/ContentDocument/{file}")
    _sweep(stage)
    assert stage.bench.ask(STANDS) == [("uploaded", "file_deleted", "given_up")]
    stage.write("update fluint_sync.upload set uploaded_at = now() - interval '35 days'")
    stage.bench.org.admin("POST", f"/records/ContentDocument/{file}/undelete")
    _sweep(stage)
    assert stage.bench.ask(STANDS) == [("uploaded", None, None)]
    stage.write("update fluint_sync.upload set uploaded_at = now() - interval '35 days'")
    assert _sweep(stage).looked_at == 0  # all is well, and calls are the customer's


@pytest.mark.parametrize("is_from_before", [False, True])
def test_what_was_in_a_file_that_a_person_replaced_waits_for_nobody(
    stage: Stage, is_from_before: bool
) -> None:
    """Both versions of a file that is gone wait for an admin; the new file has the last one, and the first one waits for ever."""
    stage.add()
    document = stage.add("two")
    stage.drain()
    _delete_for_good(stage, _file(stage))
    _sweep(stage)
    assert [row[1:] for row in stage.bench.ask(STANDS)] == [("file_not_shown", "needs_admin")] * 2
    assert _as_new(stage, document) == [2]
    if is_from_before:  # begun anew by a release that left the first one as it was
        stage.write(
            "update fluint_sync.upload set reason = 'file_not_shown', outlook = 'needs_admin' where version_number = 1"
        )
    else:
        assert stage.bench.ask(STANDS) == [("uploaded", "older_file", None), ("waiting", None, None)]
    stage.drain()
    assert _sweep(stage).not_shown == 0
    assert stage.bench.ask(STANDS) == [("uploaded", "older_file", None), ("uploaded", None, None)]
    with stage.bench.database.transaction() as connection:
        assert open_groups(connection) == ()


def test_the_bytes_of_a_file_that_is_gone_are_not_said_to_be_there(stage: Stage) -> None:
    """Two versions of the same bytes, and their file deleted: a third one with them compares itself with the second, of which
    nothing is noted, and counts as uploaded although there is no file."""
    stage.add()
    document = stage.add("two")
    same = "update fluint_app.document_version as v set content = o.content, sha256 = o.sha256 from fluint_app.document_version as o"
    stage.write(f"{same} where o.document_id = v.document_id and o.version_number = 1")
    stage.drain()
    assert [row[:2] for row in stage.bench.ask(STANDS)] == [("uploaded", None), ("uploaded", "same_bytes")]
    stage.bench.write("DELETE", f"/sobjects/ContentDocument/{_file(stage)}")
    _sweep(stage)
    stage.add("tri")
    stage.write(f"{same} where o.document_id = v.document_id and o.version_number = 1")
    stage.drain()
    assert stage.bench.ask(STANDS)[2][:2] == ("given_up", "file_deleted")
    assert _as_new(stage, document) == [3]
    assert stage.drain().uploaded == 1
