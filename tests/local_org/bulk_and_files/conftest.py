"""One org over HTTPS for all tests of Bulk and files, and everything that a test turned turned back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from local_org.server import serving_in_thread
from tests.local_org.bulk_and_files.served import Served
from tests.local_org.conftest import people


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An org with its people and stages, whose records tests add for themselves."""
    with serving_in_thread(tmp_path_factory.mktemp("served")) as server, requests.Session() as http:
        http.verify = server.registration.ca_file
        http.trust_env = False
        yield Served(server, people(server.org), http)


@pytest.fixture
def api(served: Served) -> Iterator[Served]:
    """The org, quick with its jobs, and without those of other tests."""
    org = served.org
    defaults = org.switches.as_dict()
    org.switches.set({"bulk_queued_seconds": 0.0, "bulk_processing_seconds": 0.0})
    # Not deleted: the number of a job is not used twice.
    org.store.execute("update _bulk_job set is_deleted = 1, created_at = '2000-01-01'")
    yield served
    org.switches.set(defaults)
    served.turn_back()
    served.abort_all()
