"""A scripted org for each test, and a client connected to it that does not really sleep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.transport import Timeouts
from tests.salesforce.scripted_org import MemoryStore, ScriptedOrg, serving


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the machine would stand between a test and its own server."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def org(tmp_path: Path) -> Iterator[ScriptedOrg]:
    """A server that answers as it is told."""
    with serving(ScriptedOrg(), str(tmp_path / "ca.pem")) as scripted:
        yield scripted


@pytest.fixture
def store(org: ScriptedOrg) -> MemoryStore:
    """A grant of that org."""
    return MemoryStore(org.tokens())


@pytest.fixture
def naps() -> list[float]:
    """The seconds that the client would have slept."""
    return []


@pytest.fixture
def client(org: ScriptedOrg, store: MemoryStore, naps: list[float]) -> Iterator[Salesforce]:
    """A client of that org that notes its naps instead of taking them."""
    with requests.Session() as session:
        yield Salesforce(
            org.app(),
            store,
            session=session,
            sleep=naps.append,
            timeout=Timeouts(connect=60, read=60, whole=300),
        )
