"""One grant, many processes: who renews it, what a kill in the middle costs, and how often a dead grant is presented."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field

import pytest
import requests

from orchestration.errors import NeedsReconnectError
from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore, new_key
from orchestration.salesforce import oauth
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import Tokens
from tests.contract.running_org import ROOT, RunningOrg


@dataclass
class Workspace:
    """A connected workspace whose processes are real ones."""

    org: RunningOrg
    database: Database
    key: str = field(default_factory=new_key)

    @property
    def store(self) -> PostgresTokenStore[Tokens]:
        """Where the grant is."""
        return PostgresTokenStore(self.database, self.key, Tokens)

    def process(self, dies: str = "") -> subprocess.Popen[str]:
        """A process that is ready to ask the org."""
        command = [sys.executable, "-m", "tests.contract.refresher"]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        told = {"database": self.database.url, "key": self.key, "app": asdict(self.org.app()), "dies": dies}
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        return process

    def ask(self, *processes: subprocess.Popen[str]) -> list[str]:
        """Lets the processes ask all at once; gives what each said."""
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return [process.communicate(timeout=100)[0].strip() for process in processes]

    def end_session(self) -> None:
        """Ends the access token, as its time-out does."""
        self.org.admin("DELETE", f"/tokens?token={self.store.load().access_token}")

    def time_passes(self) -> None:
        """So long that no request of a process that died can still be on its way."""
        with self.database.transaction() as connection:
            connection.execute(
                "update fluint_sync.connection set refreshing_since = refreshing_since - interval '5 minutes'"
            )


@pytest.fixture
def workspace(org: RunningOrg, database: Database) -> Workspace:
    """A workspace with a session that has just ended, and an empty access log."""
    made = Workspace(org, database)
    made.store.connect(org.connect(), client_id=org.app().client_id, login_url=org.url)
    made.end_session()
    org.admin("DELETE", "/log")
    return made


def token_requests(org: RunningOrg) -> int:
    """How often the org was asked for tokens."""
    return sum(entry["path"] == "/services/oauth2/token" for entry in org.admin("GET", "/log"))


def users(workspace: Workspace) -> int:
    """Reads all users in this process."""
    with requests.Session() as session:
        client = Salesforce(workspace.org.app(), workspace.store, session=session, sleep=lambda _: None)
        return sum(page.count for page in client.query("SELECT Id FROM User"))


@pytest.mark.slow
def test_eight_processes_whose_session_ends_at_once_make_one_token_request(workspace: Workspace) -> None:
    """A second refresh with a rotated-out token ends the connection of all."""
    processes = [workspace.process() for _ in range(8)]
    said = workspace.ask(*processes)
    assert said == [str(users(workspace))] * 8
    assert token_requests(workspace.org) == 1
    assert workspace.store.load().generation == 2


@pytest.mark.slow
def test_eight_processes_with_a_revoked_grant_make_three_token_requests_at_most(workspace: Workspace) -> None:
    """Another connector sent 1,600 in 38 minutes (issue 6, Tokens)."""
    oauth.revoke(workspace.org.app(), workspace.store.load())
    workspace.org.admin("DELETE", "/log")
    processes = [workspace.process() for _ in range(8)]
    said = workspace.ask(*processes)
    assert {text.partition(":")[0] for text in said} == {"NeedsReconnectError"}
    assert token_requests(workspace.org) <= 3
    with pytest.raises(NeedsReconnectError):
        users(workspace)
    assert token_requests(workspace.org) == 1


@pytest.mark.slow
def test_a_kill_before_the_request_costs_nothing(workspace: Workspace) -> None:
    """A machine that fails at the worst moment, and an admin who must connect again for it."""
    (said,) = workspace.ask(killed := workspace.process("before the request"))
    assert (said, killed.returncode) == ("", -signal.SIGKILL)
    workspace.time_passes()
    assert users(workspace) > 0
    assert token_requests(workspace.org) == 1


def test_a_kill_between_the_receipt_of_a_token_and_its_store_ends_in_one_request_to_reconnect(
    workspace: Workspace,
) -> None:
    """The only copy is gone: the old token is tried once more, and then a person is asked, never the org again."""
    (said,) = workspace.ask(killed := workspace.process("before the answer is stored"))
    assert (said, killed.returncode) == ("", -signal.SIGKILL)
    workspace.time_passes()
    for _ in range(3):
        with pytest.raises(NeedsReconnectError, match="interrupted before its answer was stored"):
            users(workspace)
    assert token_requests(workspace.org) == 2
    workspace.store.connect(
        workspace.org.connect(), client_id=workspace.org.app().client_id, login_url=workspace.org.url
    )
    assert users(workspace) > 0
