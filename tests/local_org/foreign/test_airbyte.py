"""Airbyte's source for Salesforce, unmodified: its check, its discovery and a read by Bulk 2.0."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.local_org.foreign.installs import install_python_client
from tests.local_org.foreign.realm import Realm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]
STREAMS = ("Opportunity", "OpportunityContactRole", "EmailMessage", "User", "OpportunityStage")


@dataclass
class Airbyte:
    """The connector with its configuration, which it hands back with a new refresh token, as the platform keeps it."""

    org: Realm
    program: Path
    config: Path

    def __call__(self, command: str, *arguments: str | Path) -> list[dict[str, Any]]:
        """Runs a command and gives its messages."""
        done = self.org.run([self.program, command, "--config", self.config, *arguments])
        # Not splitlines: a mail's text may hold a line separator of Unicode's, which is no end of a line here.
        messages = [json.loads(line) for line in done.stdout.strip().split("\n")]
        for message in messages:
            if message["type"] == "CONTROL":
                self.config.write_text(json.dumps(message["control"]["connectorConfig"]["config"]))
        return messages


@pytest.fixture(scope="module")
def airbyte(org: Realm, tmp_path_factory: pytest.TempPathFactory) -> Airbyte:
    """The connector, told what to read."""
    home = tmp_path_factory.mktemp("airbyte")
    config = {
        "auth_type": "Client",
        "client_id": org.card["client_id"],
        "client_secret": org.card["client_secret"],
        "refresh_token": org.connect()["refresh_token"],
        "start_date": "2000-01-01T00:00:00Z",
        # One slice for all years: by default it makes a job for each month.
        "stream_slice_step": "P20000D",
        "streams_criteria": [{"criteria": "exacts", "value": stream} for stream in STREAMS],
    }
    path = home / "config.json"
    path.write_text(json.dumps(config))
    return Airbyte(org, install_python_client("airbyte", home / "venv") / "source-salesforce", path)


def configured(catalog: dict[str, Any]) -> str:
    """The catalogue as a connection that reads incrementally where that can be."""
    streams = []
    for stream in catalog["streams"]:
        if stream["name"] in STREAMS:
            cursor = {"sync_mode": "incremental", "cursor_field": stream["default_cursor_field"]}
            streams.append({"stream": stream, "destination_sync_mode": "append", **cursor})
    return json.dumps({"streams": streams})


def test_it_checks_discovers_and_reads_every_row_by_bulk(
    airbyte: Airbyte, org: Realm, tmp_path: Path
) -> None:
    """It reads header names as Salesforce spells them, polls its jobs, and streams pages to disk."""
    status = [each["connectionStatus"] for each in airbyte("check") if each["type"] == "CONNECTION_STATUS"]
    assert status == [{"status": "SUCCEEDED"}]
    [catalog] = [each["catalog"] for each in airbyte("discover") if each["type"] == "CATALOG"]
    path = tmp_path / "catalog.json"
    path.write_text(configured(catalog))
    messages = airbyte("read", "--catalog", path)
    records = {(m["record"]["stream"], m["record"]["data"]["Id"]) for m in messages if m["type"] == "RECORD"}
    token = org.connect()["access_token"]
    counted = Counter(stream for stream, _ in records)
    assert dict(counted) == {stream: org.count(stream, token) for stream in STREAMS}
    jobs = [
        entry for entry in org.log() if entry["method"] == "POST" and entry["path"].endswith("/jobs/query")
    ]
    assert len(jobs) >= len(STREAMS)
