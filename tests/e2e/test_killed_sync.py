"""A process of `fluint sync` that is killed in the middle of its first load, and the sync after it. Rules R5, R7, R14."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.entitlement.users import FluintUser, import_users
from orchestration.postgres.connection import Database
from tests.cli.conftest import environment
from tests.cli.shell import Shell
from tests.contract.running_org import RunningOrg, serving
from tests.e2e.commands import fluint
from tests.postgres_fixtures import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

RAW = (
    "user",
    "opportunity_stage",
    "record_type",
    "opportunity",
    "opportunity_contact_role",
    "contact",
    "email_message",
)
MARTS = ("deals", "deal_contacts", "contacts", "email_activity", "owners", "excluded_deals")


@pytest.fixture
def org(tmp_path: Path) -> Iterator[RunningOrg]:
    """An org with enough mail that a load has a middle."""
    with serving(tmp_path / "org", 240) as running:
        yield running


@pytest.fixture
def shells(org: RunningOrg, postgres_server: PostgresServer, tmp_path: Path) -> Iterator[tuple[Shell, Shell]]:
    """Two workspaces of one org, upgraded, connected, with the cast licensed, and never synced."""
    names = [f"fluint_test_{uuid.uuid4().hex}" for _ in range(4)]
    bases = [postgres_server.create(name) for name in names]
    people = [
        FluintUser(member["fluint_email"], member["last_name"], member["is_licensed"])
        for member in org.admin("GET", "/cast")
        if member["fluint_email"]
    ]
    made = [new(org, bases[i], bases[i + 1], tmp_path / str(i), people) for i in (0, 2)]
    yield made[0], made[1]
    for name in names:
        postgres_server.drop(name)


def new(org: RunningOrg, database: Database, dagster: Database, at: Path, people: list[FluintUser]) -> Shell:
    """One workspace."""
    shell = Shell(environment(org, database, dagster, at), database, org)
    for command in ("upgrade", "connect"):
        said = shell(command)
        assert said.exit_code == 0, said.text
    import_users(database, people)
    with (
        database.transaction() as connection
    ):  # ids are made at random, and are to be the same in both workspaces
        connection.execute("update fluint_app.app_user set user_id = md5(email)::uuid")
    return shell


def content(shell: Shell) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the raw tables and marts, without what names a run or a moment of reading."""
    ours = "'{_read_at,_synced_at,_run_id,_xact_id,admitted_at,counted_at}'::text[]"
    tables = [f"raw_salesforce.{table}" for table in RAW] + [f"fluint.{mart}" for mart in MARTS]
    return {
        table: shell.ask(f"select (to_jsonb(t) - {ours})::text from {table} as t order by 1")
        for table in tables
    }


def test_a_load_that_was_killed_is_completed_by_the_next_sync(
    shells: tuple[Shell, Shell], org: RunningOrg
) -> None:
    """Half a load taken for a whole one: deals without their mail, and nobody who ever asks for it again."""
    undisturbed, disturbed = shells
    assert undisturbed("sync").exit_code == 0
    whole = content(undisturbed)

    org.admin(
        "POST",
        "/faults",
        {"kind": "delay", "path": ".*/(query|queryAll|composite).*", "times": 500, "seconds": 1},
    )
    process = fluint("sync", variables=disturbed.environment)
    held = "select (select count(*) from raw_salesforce.opportunity), (select count(*) from raw_salesforce.email_message)"
    deadline = time.monotonic() + 300
    while disturbed.ask(held)[0][0] == 0:
        assert time.monotonic() < deadline, "nothing was read"
        time.sleep(0.05)
    process.kill()
    process.communicate()
    org.admin("DELETE", "/faults")
    deals, mails = disturbed.ask(held)[0]
    assert deals
    assert mails != len(whole["raw_salesforce.email_message"])

    said = disturbed("sync")
    assert said.exit_code == 0, said.text
    assert {table: len(rows) for table, rows in content(disturbed).items()} == {
        t: len(r) for t, r in whole.items()
    }
    assert content(disturbed) == whole
    assert disturbed.ask("select count(*) from fluint_sync.pending") == [(0,)]
