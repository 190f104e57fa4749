"""One local org for all tests of the client, a fresh grant for each, and everything that a test turned turned back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from orchestration.salesforce.client import Salesforce
from tests.contract.running_org import RunningOrg, serving
from tests.salesforce.scripted_org import MemoryStore

OPPORTUNITIES = 600


@pytest.fixture(scope="session")
def running_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """A demo org with a few thousand e-mails, enough for several pages."""
    with serving(tmp_path_factory.mktemp("org"), OPPORTUNITIES) as org:
        yield org


@pytest.fixture
def org(running_org: RunningOrg, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningOrg]:
    """The local org, whose switches, faults and clock are as before when the test ends."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    switches = running_org.admin("GET", "/switches")
    yield running_org
    running_org.admin("DELETE", "/faults")
    running_org.admin("PATCH", "/switches", switches)


@pytest.fixture
def store(org: RunningOrg) -> MemoryStore:
    """A grant of the integration user, fresh from the consent page."""
    return MemoryStore(org.connect())


@pytest.fixture
def client(org: RunningOrg, store: MemoryStore) -> Iterator[Salesforce]:
    """A client with that grant."""
    with requests.Session() as session:
        yield Salesforce(org.app(), store, session=session, sleep=lambda _: None)
