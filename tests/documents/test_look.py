"""Looking for what may have arrived: a record or link that shows nothing does not say that there is no file."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from orchestration.documents import upload
from tests.documents.provoking import QUERY, Stage
from tests.sync.bench import Bench


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Stage:
    """A stage for one document."""
    return Stage(bench, tmp_path, f"Looked for {uuid4().hex[:6]}")


def _lose_answer(stage: Stage) -> None:
    """A document that Salesforce took, and whose answer was lost."""
    stage.add()
    stage.fault("lose_answer")
    stage.drain()
    assert stage.bench.ask("select state from fluint_sync.upload") == [("sending",)]


def _looks(stage: Stage) -> int:
    """How many versions two looks found that are half an hour apart; then whatever is still to be sent is."""
    stage.due_now()
    found = stage.drain().found
    stage.bench.org.admin("POST", "/clock", {"seconds": upload.LATE_COMMIT.total_seconds() + 1})
    stage.due_now()
    found += stage.drain().found
    stage.bench.org.admin("DELETE", "/faults")
    stage.drain()
    return found


def _versions(stage: Stage) -> int:
    return len(stage.bench.ids(f"SELECT Id FROM ContentVersion WHERE Title = '{stage.title}'"))


def test_a_file_on_a_deal_that_is_hidden_by_now_is_found_and_not_sent_again(stage: Stage) -> None:
    """Unseen taken for empty: the deal is hidden for an hour, two looks find no links, and the document is there twice."""
    _lose_answer(stage)
    # An org in which a record that the user may not see has no links for it.
    hidden = {
        "kind": "answer",
        "status": 200,
        "body": '{"totalSize": 0, "done": true, "records": []}',
        "times": 9,
    }
    headers = {"content-type": "application/json;charset=UTF-8"}
    asked = {"method": "GET", "path": QUERY, "about": "FROM ContentDocumentLink"}
    stage.bench.org.admin("POST", "/faults", {**hidden, **asked, "headers": headers})
    assert _looks(stage) == 1
    assert _versions(stage) == 1
    assert stage.bench.ask("select state, reason from fluint_sync.upload") == [("uploaded", None)]


def test_a_look_that_finds_everything_on_its_deals_asks_nothing_more(stage: Stage) -> None:
    """Calls are the customer's: a third query for each look, to hear again what the second one said."""
    _lose_answer(stage)
    stage.due_now()
    before = stage.bench.log_position()
    assert stage.drain().found == 1
    queries = [e for e in stage.bench.org.admin("GET", f"/log?after={before}") if "query" in e["path"]]
    assert len(queries) == 2
