"""`fluint status` as a person and a monitor meet it: what is wrong comes first, and one number says how bad it is."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.postgres.connection import Database
from orchestration.sync.objects import CATALOGUE
from tests.cli.shell import Said, lent
from tests.dagster.conftest import dagster_template
from tests.postgres_fixtures import PostgresServer

__all__ = ["dagster_template"]

CONNECTED = """
insert into fluint_sync.connection (org_id, instance_url, identity_url, user_id, scope, state, connected_at, refreshed_at)
values ('00D000000000001AAA', 'https://acme.example', 'https://acme.example/id', '005000000000001AAA', 'api', 'connected',
        now() - interval '1 day', now())
"""
FOLLOWED = "insert into fluint_sync.cursor (object, position) values (%s, now())"


@dataclass
class Watched:
    """A workspace that is only looked at: its ledgers are written by the test, no org is there to be asked."""

    environment: Mapping[str, str | None]
    database: Database

    def status(self, *options: str, **changed: str | None) -> Said:
        """What `fluint status` says."""
        with lent(self.environment | changed):
            result = CliRunner().invoke(app, ["status", *options])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.output)

    def set(self, *statements: str) -> None:
        """Changes the ledgers."""
        with self.database.transaction() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def beat(self) -> None:
        """Gives Dagster's daemon a sign of life, as a running one does."""
        with lent(self.environment):
            printed = CliRunner().invoke(app, ["env"]).output
        exported = {
            name: shlex.split(value)[0]
            for name, value in re.findall(r"^export (\w+)=(.+)$", printed, re.MULTILINE)
        }
        with lent(self.environment | exported), dg.DagsterInstance.get() as instance:
            for name in ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR"):
                instance.add_daemon_heartbeat(DaemonHeartbeat(datetime.now(UTC).timestamp(), name, "one"))


@pytest.fixture
def watched(
    postgres_server: PostgresServer, deployed_template: str, dagster_template: str, tmp_path: Path
) -> Iterator[Watched]:
    """A workspace with Dagster's tables, connected, every object read up to now, and no daemon."""
    names = [f"fluint_test_{uuid.uuid4().hex}" for _ in range(2)]
    database = postgres_server.create(names[0], deployed_template)
    storage = postgres_server.create(names[1], dagster_template)
    made = Watched(
        {
            "FLUINT_DATABASE_URL": database.url,
            "FLUINT_DAGSTER_DATABASE_URL": storage.url,
            "FLUINT_DATABASE_WITHOUT_TLS_BECAUSE": database.without_tls_because,
            "FLUINT_DATA_DIRECTORY": str(tmp_path),
        },
        database,
    )
    made.set(CONNECTED)
    with database.transaction() as connection:
        connection.cursor().executemany(FOLLOWED, [(sobject.table_name,) for sobject in CATALOGUE])
    yield made
    for name in names:
        postgres_server.drop(name)


def test_the_exit_code_tells_a_monitor_how_bad_it_is(watched: Watched) -> None:
    """A monitor knows one number; a cron job that always ends with 0 is none."""
    said = watched.status()
    assert (said.exit_code, "No daemon of Dagster is running" in said.line) == (1, True), said.text
    assert "Next run: none" in said.line
    watched.beat()
    said = watched.status()
    assert said.exit_code == 0, said.text
    assert "check_status_schedule at" in said.line
    watched.set("update fluint_sync.cursor set position = now() - interval '2 hours'")
    said = watched.status()
    assert said.exit_code == 2, said.text
    assert said.text.startswith("✗ user is right up to")
    assert (said.text.count("✗"), said.text.count("why:")) == (10, 1), "what has one cause is told once"
    assert "salesforce_changes_sensor has not looked" in said.line
    assert "whoever runs Fluint" in said.line


def test_a_program_gets_the_same_as_json(watched: Watched) -> None:
    """Whoever parses the text for people is broken by the next better sentence."""
    watched.set("delete from fluint_sync.cursor", "delete from fluint_sync.connection")
    said = watched.status("--json", FLUINT_DAGSTER_DATABASE_URL=None)
    told = json.loads(said.text)
    assert (said.exit_code, told["level"], told["connection"], told["dagster"]) == (2, "error", None, None)
    assert [each["subject"] for each in told["judgements"] if each["level"] == "error"] == ["connection"]
    assert "fluint connect" in next(
        each["step"] for each in told["judgements"] if each["subject"] == "connection"
    )
    assert {each["table"] for each in told["objects"]} == {sobject.table_name for sobject in CATALOGUE}
    assert all(each["rows"] == 0 and each["lag"] is None for each in told["objects"])


@pytest.mark.parametrize(
    ("revision", "words"), [("0001", "fluint upgrade"), ("9999", "a newer version of Fluint")]
)
def test_a_database_of_another_version_cannot_be_told_and_says_so(
    watched: Watched, revision: str, words: str
) -> None:
    """After a forgotten upgrade every run fails, each with another missing column."""
    watched.set(f"update fluint_sync.alembic_version set version_num = '{revision}'")
    said = watched.status(FLUINT_DAGSTER_DATABASE_URL=None)
    assert (said.exit_code, words in said.line) == (3, True), said.text
    told = json.loads(watched.status("--json", FLUINT_DAGSTER_DATABASE_URL=None).text)
    assert (told["level"], words in told["error"]) == ("unknown", True)
