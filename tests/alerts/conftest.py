"""A certificate authority, receivers whose certificates it issued, and a command line over a workspace that is connected to no org."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import trustme

from orchestration.alerts import channels
from orchestration.postgres.connection import Database
from tests.alerts.receivers import Webhooks, ca_file, webhook_receiver
from tests.cli.shell import Shell
from tests.contract.running_org import ROOT, RunningOrg
from tests.dagster.conftest import dagster_template
from tests.postgres_fixtures import PostgresServer

__all__ = ["dagster_template"]


@pytest.fixture(autouse=True)
def _on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds are enough for a receiver that is up, not for one in a process that is kept from its turn."""
    monkeypatch.setattr(channels, "TIMEOUT", 60.0)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A company's own certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its certificate."""
    return ca_file(authority, tmp_path_factory.mktemp("authority"))


@pytest.fixture
def webhooks(authority: trustme.CA) -> Iterator[Webhooks]:
    """A webhook receiver to which nothing was sent."""
    with webhook_receiver(authority) as got:
        yield got


@pytest.fixture
def line(
    database: Database, postgres_server: PostgresServer, dagster_template: str, tmp_path: Path
) -> Iterator[Shell]:
    """A command line over a migrated database and a Dagster instance in which nothing has run; it knows of no org."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    storage = postgres_server.create(name, dagster_template)
    given: dict[str, str | None] = {
        "FLUINT_DATABASE_URL": database.url,
        "FLUINT_DAGSTER_DATABASE_URL": storage.url,
        "FLUINT_DATABASE_WITHOUT_TLS_BECAUSE": database.without_tls_because,
        "FLUINT_DATA_DIRECTORY": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    yield Shell(given, database, cast(RunningOrg, None))
    postgres_server.drop(name)
