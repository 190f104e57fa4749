"""The Salesforce CLI, unmodified, under a Node of its own: log-ins, queries, a Bulk 2.0 export and a describe."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.local_org.foreign.installs import NodeClient, install_node_client
from tests.local_org.foreign.realm import LOGIN, Realm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]
DEALS = "SELECT Id, Name, Account.Name FROM Opportunity ORDER BY Id LIMIT 5"


@dataclass(frozen=True)
class Cli:
    """`sf` in the realm; its answers as JSON, or as a person would see them."""

    org: Realm
    client: NodeClient

    def text(self, *arguments: str, **environment: str) -> str:
        """Runs a command that must succeed and gives what it printed."""
        program = self.client.modules / "@salesforce" / "cli" / "bin" / "run.js"
        settings = {
            "SF_DISABLE_TELEMETRY": "true",
            "SF_AUTOUPDATE_DISABLE": "true",
            "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
        }
        return self.org.run([self.client.node, program, *arguments], **settings, **environment).stdout

    def __call__(self, *arguments: str, **environment: str) -> Any:
        """Runs a command and gives its result."""
        return json.loads(self.text(*arguments, "--json", **environment))["result"]


@pytest.fixture(scope="module")
def sf(org: Realm, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """The CLI, logged in with an access token as `acme`."""
    cli = Cli(org, install_node_client("salesforce_cli", tmp_path_factory.mktemp("salesforce_cli")))
    address = ["--instance-url", org.card["base_url"]]
    token = org.connect()["access_token"]
    logged_in = cli(
        "org", "login", "access-token", *address, "--no-prompt", "--alias", "acme", SF_ACCESS_TOKEN=token
    )
    assert logged_in["username"] == org.card["username"]
    return cli


def test_it_finds_the_org_connected_and_its_newest_version(sf: Cli) -> None:
    """It asks for the versions below an instance URL that it ends in a slash itself."""
    shown = sf("org", "display", "--target-org", "acme")
    assert (shown["connectedStatus"], shown["apiVersion"]) == ("Connected", "66.0")


def test_it_logs_in_with_an_assertion_of_its_own(sf: Cli, org: Realm, tmp_path: Path) -> None:
    """Servers use it so; its `exp` counts milliseconds and would be refused where the life of an assertion is limited."""
    key, home = tmp_path / "key.pem", str(tmp_path)
    org.trust(key)
    whom = ["--username", org.card["username"], "--client-id", org.card["client_id"]]
    where = ["--instance-url", f"https://{LOGIN}", "--alias", "server"]
    logged_in = sf("org", "login", "jwt", *whom, *where, "--jwt-key-file", str(key), HOME=home)
    assert logged_in["instanceUrl"] == org.card["base_url"]
    found = sf("data", "query", "--target-org", "server", "--query", DEALS, HOME=home)
    assert len(found["records"]) == 5


def test_its_query_shows_the_columns_that_the_statement_asks_for(sf: Cli) -> None:
    """Before it prints a table it asks the org which columns the rows have."""
    records = sf("data", "query", "--target-org", "acme", "--query", DEALS)["records"]
    text = sf.text("data", "query", "--target-org", "acme", "--query", DEALS, "--result-format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["Id", "Name", "Account.Name"]
    assert [row["Id"] for row in rows] == [record["Id"] for record in records]
    grouped = "SELECT StageName, COUNT(Id) FROM Opportunity GROUP BY StageName"
    table = sf.text("data", "query", "--target-org", "acme", "--query", grouped, "--result-format", "csv")
    counts = [int(row["count(Id)"]) for row in csv.DictReader(io.StringIO(table))]
    assert (
        sum(counts)
        == sf("data", "query", "--target-org", "acme", "--query", "SELECT COUNT() FROM Opportunity")[
            "totalSize"
        ]
    )


def test_its_bulk_export_writes_every_row(sf: Cli, tmp_path: Path) -> None:
    """Bulk 2.0 by another hand: it creates the job, waits, and joins the pages into a file."""
    path = tmp_path / "deals.csv"
    asked = ["--query", "SELECT Id, Name, Description FROM Opportunity", "--output-file", str(path)]
    exported = sf("data", "export", "bulk", "--target-org", "acme", *asked, "--wait", "5")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["Id"] for row in rows}) == len(rows) == exported["totalSize"]
    live = sf("data", "query", "--target-org", "acme", "--query", "SELECT COUNT() FROM Opportunity")
    assert len(rows) == live["totalSize"]


def test_its_describe_and_its_limits_are_answered(sf: Cli) -> None:
    """What a person looks up first in an org that is new to them."""
    described = sf("sobject", "describe", "--target-org", "acme", "--sobject", "Opportunity")
    assert {"Id", "StageName"} <= {field["name"] for field in described["fields"]}
    limits = {each["name"]: each["max"] for each in sf("org", "list", "limits", "--target-org", "acme")}
    assert limits["DailyApiRequests"] == 15_000
