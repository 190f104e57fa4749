"""The form for programs: what docs/status.md promises is there, and nothing else is without being told there."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from orchestration.documents.standing import OpenGroup
from orchestration.settings import PROJECT
from orchestration.status.as_json import as_json, unknown_as_json
from orchestration.status.facts import LedgerRun, Uploads
from orchestration.status.judging import judge
from tests.status.sample import ago, dagster, deals, facts, run, sensor

FULL = facts(
    runs=(LedgerRun("changes", "run-1", "complete", ago(3), ago(2), 5, 2),),
    uploads=Uploads(
        1, (OpenGroup("failed", "needs_admin", "storage_full", 1, ago(50), ago(50), needs_a_person=True),)
    ),
)


def promised() -> dict[str, set[str]]:
    """Key → every name that its row of the document puts in code."""
    text = (PROJECT / "docs" / "status.md").read_text().partition("## `--json`")[2]
    rows = re.findall(r"^\| (`[^|]+) \| (.+) \|$", text, re.MULTILINE)
    names: dict[str, set[str]] = {}
    for key, holds in rows:
        for name in re.findall(r"`(\w+)(?:\[\])?`", key):
            names[name] = {each.removesuffix("[]") for each in re.findall(r"`([\w]+(?:\[\])?)`", holds)}
    return names


def names_of(value: Any) -> set[str]:
    """The keys of an object, or of the objects of a list."""
    return set(value) if isinstance(value, dict) else {name for each in value for name in each}


def test_the_document_names_every_key_and_each_is_there() -> None:
    """A monitor that was written after the document meets a null where a number was."""
    made, names = as_json(FULL, judge(FULL)), promised()
    assert set(made) == set(names)
    for key in (
        "judgements",
        "connection",
        "objects",
        "missing",
        "runs",
        "marts",
        "api_calls",
        "uploads",
        "dagster",
    ):
        assert names_of(made[key]) <= names[key], key
    assert names_of(made["uploads"]["open"]) <= names["uploads"]
    assert names_of(made["dagster"]["next"]) <= names["dagster"]


def test_it_is_plain_json_with_times_in_utc_and_ages_in_seconds() -> None:
    """A time without its zone is read as local time by whoever parses it."""
    made = json.loads(json.dumps(as_json(FULL, judge(FULL))))
    assert (made["version"], made["level"], made["at"]) == (1, "warning", "2026-05-05T12:00:00Z")
    (each,) = made["objects"]
    assert (each["lag"], each["stale_after"], each["data_as_of"]) == (60, 900, "2026-05-05T11:59:00Z")
    assert made["api_calls"]["left"] == 11_900
    assert made["dagster"]["next"] == [{"name": "salesforce_changes_sensor", "at": "2026-05-05T12:00:30Z"}]
    assert datetime.fromisoformat(made["runs"][0]["ended_at"]) == ago(2)


def test_without_a_daemon_nothing_comes_next() -> None:
    """A next run that never comes."""
    for held in (dagster(run(), daemon_seen_at=ago(30)), dagster(looks=sensor(is_on=False))):
        assert as_json(facts(dagster=held), ())["dagster"]["next"] == []
    assert as_json(facts(dagster=None, objects=(deals(),)), ())["dagster"] is None


def test_what_could_not_be_told_is_no_level_of_its_own_making() -> None:
    """An outage of the database that looks like 'all well' to a program that reads `level`."""
    assert unknown_as_json("No database.") == {"version": 1, "level": "unknown", "error": "No database."}
