"""A workspace in a real Dagster: a local org, a fresh database with deployed views, an instance on Postgres."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests
from pydantic import SecretStr

from orchestration.definitions import build_definitions
from orchestration.modelling import Dbt
from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore, new_key
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import Tokens
from orchestration.settings import Settings, export
from tests.contract.running_org import RunningOrg, serving
from tests.dagster.house import House
from tests.dbt.conftest import deployed_template
from tests.postgres_fixtures import PostgresServer
from tests.sync.bench import Bench

__all__ = ["deployed_template"]

OPPORTUNITIES = 240


@pytest.fixture(scope="session")
def dagster_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """A demo org that the tests of this room change; what they leave, the next one meets."""
    with serving(tmp_path_factory.mktemp("dagster-org"), OPPORTUNITIES) as org:
        yield org


@pytest.fixture(scope="session")
def dagster_template(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with Dagster's tables, made once: creating them takes seconds."""
    directory = tmp_path_factory.mktemp("dagster-home")

    def create_tables(database: Database) -> None:
        with pytest.MonkeyPatch.context() as patched:
            _export(patched, Settings(dagster_database_url=SecretStr(database.url), data_directory=directory))
            dg.DagsterInstance.get().dispose()

    return postgres_server.make_once(f"{postgres_server.template}_dagster", "template0", create_tables)


@pytest.fixture
def house(
    dagster_org: RunningOrg,
    postgres_server: PostgresServer,
    deployed_template: str,
    dagster_template: str,
    tmp_path: Path,
) -> Iterator[House]:
    """A connected workspace, its settings in the environment, as `make ui` and the CLI have it; nothing was read yet."""
    with open_house(dagster_org, postgres_server, deployed_template, dagster_template, tmp_path) as opened:
        yield opened


@contextmanager
def open_house(
    org: RunningOrg,
    server: PostgresServer,
    template: str,
    storage_template: str,
    directory: Path,
    **options: Any,
) -> Iterator[House]:
    """A house while the block runs; `options` are settings. The org's faults and switches are as before when it ends."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    switches = org.admin("GET", "/switches")
    names = [f"fluint_test_{uuid.uuid4().hex}" for _ in range(2)]
    database = server.create(names[0], template)
    storage = server.create(names[1], storage_template)
    settings = _settings(org, database, storage, directory).model_copy(update=options)
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("NO_PROXY", "127.0.0.1,localhost")
            _export(patched, settings)
            with requests.Session() as session, dg.DagsterInstance.get() as instance:
                tokens = _connect(org, database, settings)
                store = PostgresTokenStore(database, settings.require("encryption_key"), Tokens)
                client = Salesforce(org.app(), store, session=session)
                bench = Bench(org, database, client, tokens)
                yield House(bench, settings, build_definitions(settings), instance, storage)
    finally:
        org.admin("DELETE", "/faults")
        org.admin("PATCH", "/switches", switches)
        for name in names:
            server.drop(name)


def _settings(org: RunningOrg, database: Database, storage: Database, directory: Path) -> Settings:
    app = org.app()
    return Settings(
        database_url=SecretStr(database.url),
        dagster_database_url=SecretStr(storage.url),
        database_without_tls_because=database.without_tls_because,
        encryption_key=SecretStr(new_key()),
        data_directory=directory,
        salesforce_client_id=app.client_id,
        salesforce_client_secret=SecretStr(app.client_secret or ""),
        salesforce_url=app.login_url,
        salesforce_ca_file=Path(app.ca_file or ""),
    )


def _connect(org: RunningOrg, database: Database, settings: Settings) -> Tokens:
    tokens = org.connect()
    store = PostgresTokenStore(database, settings.require("encryption_key"), Tokens)
    Dbt(database).check_deployed_views()
    return store.connect(tokens, client_id=org.app().client_id, login_url=org.url)


def _export(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Puts the settings into the environment until the test ends."""
    for name in settings.variables():
        monkeypatch.setenv(name, "")
    export(settings)
