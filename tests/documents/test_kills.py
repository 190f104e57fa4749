"""A kill at every call of the uploader to the outside: whatever was under way, each version is in Salesforce once, in its order."""

from __future__ import annotations

from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from orchestration.documents import upload
from orchestration.documents.library import add_version
from orchestration.documents.upload import UploadReport, drain
from tests.documents.points import Killed, PointedDatabase, PointedSalesforce, Process, opener
from tests.sync.bench import Bench

LATE = upload.LATE_COMMIT.total_seconds() + 1


def _add(bench: Bench, folder: Path, name: str, versions: int) -> None:
    """A document whose bytes lie on disk, with so many versions."""
    deal = sorted(bench.live("opportunity") & bench.entitled())[0]
    for number in range(1, versions + 1):
        file = folder / f"{name}-{number}.md"
        file.write_text(f"{name} {number}")
        added = add_version(bench.database, file, opportunity_id=deal, title=name)
        with bench.database.transaction() as connection:
            connection.execute(
                "update fluint_app.document_version set content = null, content_uri = %s"
                " where document_id = %s and version_number = %s",
                [f"file://{file}", added.document_id, added.version_number],
            )


def _run(bench: Bench, dies_at: int | None = None, workers: int = 1) -> tuple[Process, UploadReport | None]:
    """One process drains the outbox, and dies at a point; its connections end with it."""
    process = Process(dies_at)
    database = PointedDatabase(bench.database.url, process=process)
    report = None
    with closing(PointedSalesforce.of(bench.client, process)) as client, suppress(Killed):
        report = drain(
            database,
            client,
            run_id="upload",
            open_uri=opener(process),
            workers=workers,
        )
    return process, report


def _settle(bench: Bench) -> None:
    """The runs after a kill: looks, the time of a late commit by the org's clock, and more of both until nothing is left."""
    for _ in range(4):
        with bench.database.transaction() as connection:
            connection.execute("update fluint_sync.upload set retry_at = null")
        drain(bench.database, bench.client, run_id="after")
        if not bench.ask("select from fluint_sync.upload where state <> 'uploaded'"):
            return
        bench.org.admin("POST", "/clock", {"seconds": LATE})
    raise AssertionError(bench.ask("select state, reason from fluint_sync.upload"))


def _versions(bench: Bench, name: str) -> list[tuple[str, str]]:
    """Number and marker's end of the versions with a title in the org, in the org's order."""
    rows: list[dict[str, Any]] = bench.records(
        f"SELECT VersionNumber, PathOnClient FROM ContentVersion WHERE Title = '{name}' AND IsDeleted = false"
    )
    return sorted((row["VersionNumber"], row["PathOnClient"].split(".", 1)[1]) for row in rows)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("documents", "workers", "step"), [(1, 1, 1), (3, 3, 7)])
def test_a_kill_at_any_call_leaves_each_version_in_salesforce_once_and_in_order(
    bench: Bench, tmp_path: Path, documents: int, workers: int, step: int
) -> None:
    """simple-salesforce#535 and every other place at which a process can die between two systems."""
    wrong = {}
    for point in count(0, step):
        names = [f"Killed {workers} {point} {number}" for number in range(documents)]
        for name in names:
            _add(bench, tmp_path, name, 2)
        process, report = _run(bench, point, workers)
        _settle(bench)
        found = [_versions(bench, name) for name in names]
        if found != [[("1", "v1.md"), ("2", "v2.md")]] * documents:
            wrong[f"{point}: {process.passed[-1]}"] = found
        if not process.is_dead:
            break
    assert report is not None  # the last process was not killed
    assert report.uploaded == 2 * documents
    assert point > 60
    assert not wrong


def test_a_kill_right_after_salesforce_took_a_file_leaves_it_there_once(bench: Bench, tmp_path: Path) -> None:
    """The one point of all that every run of the tests should pass: the answer was on its way."""
    _add(bench, tmp_path, "Measured", 1)
    whole, _ = _run(bench)
    point = next(i for i, name in enumerate(whole.passed) if name.startswith("after POST"))
    _add(bench, tmp_path, "Died after", 1)
    process, _ = _run(bench, dies_at=point)
    assert process.passed[-1].startswith("after POST")
    _settle(bench)
    assert _versions(bench, "Died after") == [("1", "v1.md")]
