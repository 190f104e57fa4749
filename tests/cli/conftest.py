"""One workspace for the room: an org of its own and a database that `fluint upgrade` made, connected and synced once by commands."""

from __future__ import annotations

import csv
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore, new_key
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import Tokens
from tests.cli.shell import Shell
from tests.contract.running_org import ROOT, RunningOrg, serving
from tests.dbt.conftest import deployed_template
from tests.ports import free_port
from tests.postgres_fixtures import PostgresServer
from tests.sync.bench import Bench

__all__ = ["deployed_template"]


@pytest.fixture(scope="session")
def cli_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """A small demo org."""
    with serving(tmp_path_factory.mktemp("cli-org"), 120) as org:
        yield org


def environment(
    org: RunningOrg, database: Database, dagster: Database, directory: Path
) -> dict[str, str | None]:
    """What a person would have in `.env` and the shell; the browser is the org's own visitor."""
    visitor = f"{sys.executable} -m local_org.visitor sign-in --directory {org.card['directory']} %s"
    return {
        "FLUINT_DATABASE_URL": database.url,
        "FLUINT_DAGSTER_DATABASE_URL": dagster.url,
        "FLUINT_DATABASE_WITHOUT_TLS_BECAUSE": database.without_tls_because,
        "FLUINT_DATA_DIRECTORY": str(directory),
        "FLUINT_ENCRYPTION_KEY": new_key(),
        "FLUINT_SALESFORCE_URL": org.url,
        "FLUINT_SALESFORCE_CA_FILE": str(org.card["ca_file"]),
        "FLUINT_SALESFORCE_CLIENT_ID": str(org.card["client_id"]),
        "FLUINT_SALESFORCE_CLIENT_SECRET": str(org.card["client_secret"]),
        "FLUINT_REDIRECT_PORT": str(free_port()),
        "BROWSER": visitor,
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1,localhost",
    }


@pytest.fixture
def new_shell(cli_org: RunningOrg, empty_database: Database, tmp_path: Path) -> Shell:
    """A workspace in which nothing was done yet, not even an upgrade."""
    return Shell(environment(cli_org, empty_database, empty_database, tmp_path), empty_database, cli_org)


@pytest.fixture(scope="session")
def shell(
    cli_org: RunningOrg, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """The workspace after a first evening: upgraded, connected, with users, and synced once."""
    names = [f"fluint_test_{uuid.uuid4().hex}" for _ in range(2)]
    database, dagster = (postgres_server.create(name) for name in names)
    directory = tmp_path_factory.mktemp("cli")
    made = Shell(environment(cli_org, database, dagster, directory), database, cli_org)
    users = directory / "users.csv"
    with users.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "full_name", "is_licensed"])
        for member in cli_org.admin("GET", "/cast"):
            if member["fluint_email"]:
                writer.writerow([member["fluint_email"], member["last_name"], member["is_licensed"]])
    for command in (["upgrade"], ["connect"], ["users", "import", str(users)], ["sync"]):
        said = made(*command)
        assert said.exit_code == 0, said.text
    users.unlink()
    yield made
    for name in names:
        postgres_server.drop(name)


@pytest.fixture(scope="session")
def office(
    cli_org: RunningOrg,
    postgres_server: PostgresServer,
    deployed_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Shell, Bench]]:
    """A connected workspace whose deals were read without Dagster, for the commands that only ask or set; no model was built."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    database = postgres_server.create(name, deployed_template)
    given = environment(cli_org, database, database, tmp_path_factory.mktemp("office"))
    store = PostgresTokenStore(database, str(given["FLUINT_ENCRYPTION_KEY"]), Tokens)
    app, tokens = cli_org.app(), cli_org.connect()
    store.connect(tokens, client_id=app.client_id, login_url=app.login_url)
    with requests.Session() as session:
        session.trust_env = False
        bench = Bench(cli_org, database, Salesforce(app, store, session=session), tokens)
        bench.load()
        yield Shell(given, database, cli_org), bench
    postgres_server.drop(name)
