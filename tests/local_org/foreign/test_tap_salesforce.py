"""The Singer tap for Salesforce, unmodified: discovery, a first sync and one that has nothing new to read.

Meltano's variant of it is not in the Python package index; this is the tap that it was made from. Its REST mode alone: its Bulk
mode speaks version 1 of that API, which this org does not serve.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.local_org.foreign.installs import install_python_client
from tests.local_org.foreign.realm import Realm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]
STREAMS = ("Opportunity", "OpportunityContactRole", "Contact", "EmailMessage", "OpportunityStage", "User")
Messages = list[dict[str, Any]]


@pytest.fixture(scope="module")
def tap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tap's program."""
    return (
        install_python_client("tap_salesforce", tmp_path_factory.mktemp("tap_salesforce")) / "tap-salesforce"
    )


@pytest.fixture
def config(org: Realm, tmp_path: Path) -> Path:
    """Its configuration file, in which it keeps the refresh tokens that it is given."""
    path = tmp_path / "config.json"
    more = {"start_date": "2000-01-01T00:00:00Z", "api_type": "REST", "select_fields_by_default": "true"}
    card = {name: org.card[name] for name in ("client_id", "client_secret")}
    path.write_text(json.dumps(card | more | {"refresh_token": org.connect()["refresh_token"]}))
    return path


def selected(discovered: str) -> dict[str, Any]:
    """The catalogue with some streams selected, to be read by what changed."""
    catalog = json.loads(discovered)
    catalog["streams"] = [each for each in catalog["streams"] if each["stream"] in STREAMS]
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] == []:
                incremental = {"replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
                entry["metadata"] |= {"selected": True, **incremental}
    return dict(catalog)


def rows(messages: Messages) -> Counter[str]:
    """How many different records each stream gave."""
    return Counter(
        stream for stream, _ in {(m["stream"], m["record"]["Id"]) for m in messages if m["type"] == "RECORD"}
    )


def test_it_reads_all_rows_and_then_only_what_changed(
    org: Realm, tap: Path, config: Path, tmp_path: Path
) -> None:
    """It takes fields and types from describe, pages queryAll, and keeps a bookmark; the token rotates with each of its runs."""

    def run(*arguments: str | Path) -> str:
        return org.run([tap, "--config", config, *arguments]).stdout

    def sync(*arguments: str | Path) -> Messages:
        return [json.loads(line) for line in run(*arguments).strip().split("\n")]

    catalog, state = tmp_path / "catalog.json", tmp_path / "state.json"
    catalog.write_text(json.dumps(selected(run("--discover"))))
    first = sync("--properties", catalog)
    token = org.connect()["access_token"]
    assert dict(rows(first)) == {stream: org.count(stream, token) for stream in STREAMS}
    last = [message["value"] for message in first if message["type"] == "STATE"][-1]
    assert set(last["bookmarks"]) == set(STREAMS)
    state.write_text(json.dumps(last))
    again = sync("--properties", catalog, "--state", state)
    assert sum(rows(again).values()) < sum(rows(first).values()) / 4
    asked = [entry["soql"][0] for entry in org.log() if entry["path"].endswith("/v61.0/queryAll")]
    assert sum("SystemModstamp >= 2000-01-01" in soql for soql in asked) == len(STREAMS)
