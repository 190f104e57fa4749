"""What Salesforce took and never showed to the integration user: no version, and no later one, waits for it for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from orchestration.documents import library
from tests.documents.provoking import QUERY, Stage
from tests.sync.bench import Bench

STANDS = "select state, reason, outlook from fluint_sync.upload order by version_number"
ASKED = {"method": "GET", "path": QUERY, "about": "FROM ContentVersion"}
NOTHING = {
    "kind": "answer",
    "status": 200,
    "body": '{"totalSize": 0, "done": true, "records": []}',
    "headers": {"content-type": "application/json;charset=UTF-8"},
}
"""How Salesforce answers about what the user may not see."""


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Stage:
    """A stage for one document."""
    return Stage(bench, tmp_path, f"Never shown {uuid4().hex[:6]}")


def _taken(stage: Stage, answer: dict[str, Any], hours: int) -> UUID:
    """A document that Salesforce took so many hours ago, and of which it has answered since then in this way."""
    document = stage.add()
    stage.fault(**answer, times=9, **ASKED)
    stage.drain()
    assert stage.bench.ask(STANDS) == [("sent", "not_confirmed", "waits_until")]
    stage.write(f"update fluint_sync.upload set sending_since = now() - interval '{hours} hours'")
    stage.due_now()
    stage.drain()
    return document


def _versions(stage: Stage) -> int:
    return len(stage.bench.ids(f"SELECT Id FROM ContentVersion WHERE Title = '{stage.title}'"))


@pytest.mark.parametrize(
    ("answer", "hours"), [(NOTHING, 23), ({"kind": "unavailable_json"}, 25), ({"kind": "hide_row"}, 25)]
)
def test_what_was_not_shown_yet_or_could_not_be_asked_for_goes_on_waiting(
    stage: Stage, answer: dict[str, Any], hours: int
) -> None:
    """A Salesforce that is away for a day, taken for one that does not show the file: a new one beside it is a double."""
    _taken(stage, answer, hours)
    assert stage.bench.ask(STANDS) == [("sent", "not_confirmed", "waits_until")]


def test_a_version_that_is_not_shown_for_a_day_says_so_and_later_ones_go(stage: Stage) -> None:
    """The file was handed over the moment it arrived: the document waits for ever, and every later version behind it."""
    _taken(stage, NOTHING, 25)
    assert stage.bench.ask(STANDS) == [("given_up", "file_not_shown", "given_up")]
    stage.bench.org.admin("DELETE", "/faults")
    stage.add("two")
    assert stage.drain().uploaded == 1
    assert stage.bench.ask(STANDS)[1] == ("uploaded", None, None)


def test_a_retry_of_what_was_never_shown_asks_for_it_and_sends_nothing(stage: Stage) -> None:
    """An admin shares the file, a person retries: sent again, it is there twice."""
    document = _taken(stage, NOTHING, 25)
    assert library.retry(stage.bench.database, document) == 1
    stage.drain()
    assert stage.bench.ask(STANDS) == [("given_up", "file_not_shown", "given_up")]
    stage.bench.org.admin("DELETE", "/faults")
    library.retry(stage.bench.database, document)
    assert stage.drain().uploaded == 1
    assert stage.bench.ask(STANDS) == [("uploaded", None, None)]
    assert _versions(stage) == 1


def test_a_new_file_can_be_begun_for_what_was_never_shown(stage: Stage) -> None:
    """'It is not known yet what became of it', said for ever of a file that nobody will find."""
    document = _taken(stage, NOTHING, 25)
    assert library.retry_as_new(stage.bench.database, document, lambda _: True) == [1]
    stage.bench.org.admin("DELETE", "/faults")
    assert stage.drain().uploaded == 1
    assert stage.bench.ask("select state, copy from fluint_sync.upload") == [("uploaded", 1)]
