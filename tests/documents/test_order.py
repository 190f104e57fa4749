"""Versions that were given up and are let go again: none lands on top of a later one, or in a file that later ones do not continue."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from orchestration.documents import library
from orchestration.documents.outbox import count_due
from orchestration.documents.standing import open_groups
from orchestration.errors import SetupError
from tests.documents.provoking import QUERY, Stage
from tests.sync.bench import Bench

STANDS = "select state, reason, outlook, copy from fluint_sync.upload order by version_number"


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Stage:
    """A stage for one document."""
    return Stage(bench, tmp_path, f"In order {uuid4().hex[:6]}")


def _newest(stage: Stage, file: str) -> str:
    """The marker's end of the version that people see of a file."""
    (row,) = stage.bench.records(
        f"SELECT PathOnClient FROM ContentVersion WHERE ContentDocumentId = '{file}' AND IsLatest = true"
    )
    return str(row["PathOnClient"]).split(".", 1)[1]


def _due(stage: Stage) -> int:
    with stage.bench.database.connect() as connection:
        return count_due(connection)


def _given_up_between(stage: Stage) -> tuple[UUID, str]:
    """The first and third version are in the file, which was deleted and restored; the second was given up meanwhile."""
    stage.add()
    stage.drain()
    document, file = stage.file()
    stage.bench.write("DELETE", f"/sobjects/ContentDocument/{file}")
    stage.add("two")
    stage.drain()
    assert stage.bench.ask(STANDS)[1][:2] == ("given_up", "file_deleted")
    stage.bench.org.admin("POST", f"/records/ContentDocument/{file}/undelete")
    stage.add("three")
    stage.drain()
    return document, file


@pytest.mark.parametrize("is_of_all", [True, False])
def test_a_version_given_up_before_a_later_one_arrived_is_not_sent_on_top_of_it(
    stage: Stage, is_of_all: bool
) -> None:
    """`retry` after the file was restored: the deal shows last week's business case as its newest."""
    document, file = _given_up_between(stage)
    assert library.retry(stage.bench.database, None if is_of_all else document) == 0
    stage.drain()
    assert _newest(stage, file) == "v3.md"
    states = [("uploaded", None), ("given_up", "later_version"), ("uploaded", None)]
    assert [row[:2] for row in stage.bench.ask(STANDS)] == states
    with stage.bench.database.transaction() as connection:
        assert not [group.reason for group in open_groups(connection) if group.needs_a_person]


def test_one_that_waits_when_a_later_one_arrives_is_given_up_and_starts_no_run_twice(stage: Stage) -> None:
    """Somebody retries while a run already has the later version in hands: the earlier one waits, and goes next."""
    _, file = _given_up_between(stage)
    stage.write("update fluint_sync.upload set state = 'waiting', reason = null where version_number = 2")
    assert _due(stage) == 0
    stage.drain()
    assert _newest(stage, file) == "v3.md"
    assert stage.bench.ask(STANDS)[1][:3] == ("given_up", "later_version", None)


@pytest.mark.parametrize("tried_again", ["null", "now() + interval '1 hour'"])
def test_one_behind_a_later_one_of_unknown_outcome_waits_until_that_is_known(
    stage: Stage, tried_again: str
) -> None:
    """The later one was taken and its answer lost; the earlier one, let go again, goes before anybody looks, and is the newest."""
    stage.add()
    stage.drain()
    _, file = stage.file()
    stage.add("two")
    stage.write("update fluint_app.document_version set byte_size = 0 where version_number = 2")
    stage.drain()
    stage.write("update fluint_app.document_version set byte_size = 3 where version_number = 2")
    stage.add("three")
    stage.fault("lose_answer")
    stage.drain()
    assert [row[0] for row in stage.bench.ask(STANDS)] == ["uploaded", "given_up", "sending"]
    stage.due_now()
    again = f"state = 'failed', outlook = 'needs_admin', retry_at = {tried_again}"
    stage.write(f"update fluint_sync.upload set {again} where version_number = 2")
    assert _due(stage) == 1
    assert stage.drain().found == 1
    stage.drain()
    assert _newest(stage, file) == "v3.md"


def test_a_broken_version_is_not_begun_anew_once_a_later_one_has_a_file(stage: Stage) -> None:
    """`--as-new` for the broken one: from then on versions continue its new file, and the file that people know is never renewed."""
    document = stage.add()
    broken = {"sobject": "ContentVersion", "field": "Checksum", "value": "0" * 32}
    stage.fault("changed_type", method="GET", path=QUERY, about="FROM ContentVersion", **broken)
    stage.drain()
    stage.bench.org.admin("DELETE", "/faults")
    stage.add("two")
    stage.drain()
    assert [row[:2] for row in stage.bench.ask(STANDS)] == [
        ("given_up", "checksum_differs"),
        ("uploaded", None),
    ]
    with pytest.raises(SetupError, match="takes versions"):
        library.retry_as_new(stage.bench.database, document, lambda _: False)
    assert [row[3] for row in stage.bench.ask(STANDS)] == [0, 0]
    assert library.retry_as_new(stage.bench.database, document, lambda _: True) == [2]  # its file is gone
