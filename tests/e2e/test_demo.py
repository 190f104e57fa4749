"""`make demo` without make: to its end, killed in the middle, and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from orchestration.postgres.embedded import EmbeddedPostgres
from tests.dbt.analysts import QUERIES
from tests.e2e.commands import fluint, processes_that_name

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A place for the demo's data; whatever a failed test left running there is ended."""
    for parent in (tmp_path, *list(tmp_path.parents)[:2]):
        parent.chmod(
            0o711
        )  # as root the server runs as another user; one who cannot get through keeps its files elsewhere
    yield tmp_path / "demo"
    EmbeddedPostgres(tmp_path / "demo" / "postgres").stop()


def left(directory: Path, *, within: float = 0.0) -> list[str]:
    """What still runs for this demo once so many seconds have passed, or nothing does."""
    deadline = time.monotonic() + within
    while (found := processes_that_name(str(directory))) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_a_demo_that_was_killed_leaves_no_org_and_the_next_one_ends_well(directory: Path) -> None:
    """A demo closed in anger left a server for ever, and the next one met a port, a lock or half a database."""
    killed = fluint("demo", "--directory", str(directory))
    assert killed.stdout is not None
    for line in killed.stdout:
        if "First sync" in line:
            break
    killed.kill()
    killed.wait()
    killed.stdout.close()
    # The org ends with its parent; Postgres, which has none, is taken over by the next demo.
    assert [line for line in left(directory, within=20) if "local_org" in line] == []

    for _ in range(2):
        demo = fluint("demo", "--directory", str(directory))
        said, _ = demo.communicate()
        assert demo.returncode == 0, said
        assert "figures agree with the org's own" in said
        assert not {"INFO", "WARNING", "Traceback"} & set(said.replace(":", " ").split())
        assert left(directory, within=20) == []
        assert not EmbeddedPostgres(directory / "postgres").is_running()
    assert all(_answered(directory).values()), (
        "a question of docs/for-analysts.md has no answer in the demo's data"
    )


def _answered(directory: Path) -> dict[str, int]:
    """Each question of docs/for-analysts.md with how many rows answer it, asked as an analyst by a login of their own."""
    server = EmbeddedPostgres(directory / "postgres")
    server.start()
    with psycopg.connect(server.url("fluint")) as owner:
        owner.execute("create role ana login password 'invented' in role fluint_reader")
    parts = urlsplit(server.url("fluint"))
    url = parts._replace(netloc=f"ana:invented@{parts.netloc.rpartition('@')[2]}").geturl()
    with psycopg.connect(url) as analyst:
        rows = {
            heading: len(analyst.execute(query.encode()).fetchall()) for heading, query in QUERIES.items()
        }
    server.stop()
    return rows


def test_a_second_demo_with_the_same_data_is_refused(directory: Path) -> None:
    """Two demos in one clone would drop one another's databases in the middle."""
    first = fluint("demo", "--directory", str(directory))
    assert first.stdout is not None
    for line in first.stdout:
        if "Ledger" in line:
            break
    second = fluint("demo", "--directory", str(directory))
    said, _ = second.communicate()
    assert second.returncode == 1
    assert "Another command is working with" in said
    first.terminate()
    first.communicate()
    assert first.returncode != 0
    assert left(directory, within=20) == []
