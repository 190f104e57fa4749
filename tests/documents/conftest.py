"""The uploader against a running local org: one workspace that has read everything, emptied of documents for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.running_org import RunningOrg
from tests.postgres_fixtures import PostgresServer
from tests.sync.bench import Bench, connected
from tests.sync.conftest import deployed_template, sync_org

__all__ = ["bench", "deal", "deployed_template", "sync_org", "workspace"]


@pytest.fixture(scope="session")
def workspace(
    sync_org: RunningOrg, postgres_server: PostgresServer, deployed_template: str
) -> Iterator[Bench]:
    """A connected workspace whose deals are held."""
    with connected(sync_org, postgres_server, deployed_template) as made:
        made.load()
        yield made


@pytest.fixture
def bench(workspace: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The workspace, with nothing that went or is to go; what a test switches or marks as deleted is taken back."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    switches = workspace.org.admin("GET", "/switches")
    with workspace.database.transaction() as connection:
        connection.execute(
            "truncate fluint_sync.upload, fluint_app.document_version, fluint_app.document, fluint_sync.files_list,"
            " fluint_sync.upload_double, fluint_sync.api_usage"
        )
    workspace.client._transport.usage = None
    yield workspace
    workspace.org.admin("DELETE", "/faults")
    workspace.org.admin("PATCH", "/switches", switches)
    with workspace.database.transaction() as connection:
        connection.execute(
            "update raw_salesforce.opportunity set _deleted_at = null, _deleted_reason = null where _deleted_at is not null"
        )


@pytest.fixture
def deal(bench: Bench) -> str:
    """A deal that is held."""
    return sorted(bench.live("opportunity") & bench.entitled())[0]
