"""One org and one workspace for the room, loaded once; each test makes its own mistake in the set-up, and undoes it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from orchestration.entitlement.filters import BackfillFilter
from orchestration.postgres.token_store import PostgresTokenStore, new_key
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import Tokens
from orchestration.setup.asking import ask
from orchestration.setup.held import read_held
from tests.contract.running_org import RunningOrg, serving
from tests.dbt.conftest import deployed_template
from tests.postgres_fixtures import PostgresServer
from tests.setup.clinic import Clinic, Healthy
from tests.sync.bench import TABLES, Bench

__all__ = ["deployed_template"]

OPPORTUNITIES = 60
# The cast has people on purpose whom nobody can match; an office in which all is well has none of them.
_DOUBTFUL = ("ambiguous_a", "ambiguous_b")


@pytest.fixture(scope="session")
def setup_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """A small demo org."""
    with serving(tmp_path_factory.mktemp("setup-org"), OPPORTUNITIES) as org:
        yield org


@pytest.fixture(scope="session")
def clinic(
    setup_org: RunningOrg, postgres_server: PostgresServer, deployed_template: str
) -> Iterator[Clinic]:
    """A workspace in which all is well: connected, with a filter, licensed people and their deals."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    database = postgres_server.create(name, deployed_template)
    store = PostgresTokenStore(database, new_key(), Tokens)
    with requests.Session() as session:
        session.trust_env = False
        tokens, app = setup_org.connect(), setup_org.app()
        tokens = store.connect(tokens, client_id=app.client_id, login_url=app.login_url)
        store.name_environment("Developer Edition")
        client = Salesforce(app, store, session=session, sleep=lambda _: None)
        bench = Bench(setup_org, database, client, tokens)
        with database.transaction() as connection:
            doubtful = [m["fluint_email"].strip().lower() for m in bench.people if m["role"] in _DOUBTFUL]
            connection.execute(
                "update fluint_app.app_user set is_licensed = false where lower(btrim(email)) = any (%s)",
                [doubtful],
            )
        bench.filter(BackfillFilter(datetime(2015, 1, 1, tzinfo=UTC)))
        bench.load()
        bench.follow()
        yield Clinic(bench, store, session)
    postgres_server.drop(name)


@pytest.fixture(scope="module")
def healthy(clinic: Clinic) -> Healthy:
    """One look at the office in which all is well."""
    held = read_held(clinic.bench.database, TABLES)
    return Healthy(ask(clinic.client(), held), held)
