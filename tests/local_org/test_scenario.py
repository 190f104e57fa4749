"""Scenario files: what they may say, and that an org begins with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_org.__main__ import main
from local_org.scenario import read_scenario
from tests.local_org.test_server import Served, starts

__all__ = ["starts"]
YAML = """
switches:
  daily_api_limit: 77
clock:
  seconds: -86400
  frozen: true
faults:
  - kind: unavailable_html
    path: .*/services/data
    skip: 1
"""


def test_an_org_begins_with_the_switches_clock_and_faults_of_its_scenario(
    tmp_path: Path, starts: list[Served]
) -> None:
    """A bug that somebody saw is handed on as a file, and everyone who serves it sees the same."""
    file = tmp_path / "bad-day.yaml"
    file.write_text(YAML)
    served = Served(tmp_path / "org", "--scenario", str(file))
    starts.append(served)
    assert [served.get("/services/data").status_code for _ in range(3)] == [200, 503, 200]
    assert served.get("/__local_org__/switches").json()["daily_api_limit"] == 77
    assert served.get("/__local_org__/clock").json()["frozen"] is True
    dates = {served.get("/services/data").headers["Date"] for _ in range(2)}
    assert len(dates) == 1


def test_json_and_yaml_say_the_same(tmp_path: Path) -> None:
    """Whoever writes the file chooses."""
    yaml, as_json = tmp_path / "a.yaml", tmp_path / "a.json"
    yaml.write_text(YAML)
    fault = {"kind": "unavailable_html", "path": ".*/services/data", "skip": 1}
    clock = {"seconds": -86400, "frozen": True}
    as_json.write_text(json.dumps({"switches": {"daily_api_limit": 77}, "clock": clock, "faults": [fault]}))
    assert read_scenario(yaml) == read_scenario(as_json)


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "weather: bad",
        "faults: [{kind: explode}]",
        "faults: [reset]",
        "faults: [{kind: chance, choice: [reset]}]",
        "switches: {no_such: 1}",
        "clock: {seconds: soon}",
        "switches: {",
        "clock: 5",
    ],
)
def test_a_scenario_that_cannot_be_meant_stops_the_start_and_says_why(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An org that starts without the fault it was asked for proves the opposite of what was asked."""
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(SystemExit):
        main(["serve", "--directory", str(tmp_path / "org"), "--scenario", str(file)])
    assert "The scenario cannot be played" in capsys.readouterr().err
    assert not (tmp_path / "org").exists()
