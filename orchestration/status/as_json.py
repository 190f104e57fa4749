"""The status for programs. docs/status.md promises this shape: what is there stays, more may come; `version` changes if that is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from orchestration.status.ages import stale_after
from orchestration.status.facts import Automation, DagsterFacts, Facts, ObjectFacts
from orchestration.status.judgement import Judgement, worst
from orchestration.status.judging import calls_left
from orchestration.status.stops import daemon_runs

VERSION = 1
UNKNOWN = "unknown"


def as_json(facts: Facts, judgements: Sequence[Judgement]) -> dict[str, Any]:
    """The facts and what they mean, ready for `json.dumps`: times as ISO 8601 in UTC, lengths of time in seconds, None where unknown."""
    calls = facts.calls
    made: dict[str, Any] = _plain(
        {
            "version": VERSION,
            "at": facts.now,
            "level": worst(judgements),
            "judgements": [asdict(each) for each in judgements],
            "connection": _connection(facts),
            "objects": [_object(facts, each) for each in facts.objects],
            "missing": asdict(facts.missing),
            "runs": [asdict(each) for each in facts.runs],
            "marts": {"are_behind": facts.marts_are_behind, "built_at": facts.marts_built_at},
            "api_calls": {
                "ours_24_hours": sum(calls.by_purpose.values()),
                "by_purpose": calls.by_purpose,
                "org_used": calls.used,
                "org_allowed": calls.allowed,
                "seen_at": calls.seen_at,
                "stops_at_share": facts.expected.quota_share,
                "left": calls_left(facts),
            },
            "uploads": asdict(facts.uploads),
            "dagster": _dagster(facts, facts.dagster) if facts.dagster else None,
        }
    )
    return made


def unknown_as_json(text: str) -> dict[str, Any]:
    """What is said where nothing could be told; `text` says why and what to do."""
    return {"version": VERSION, "level": UNKNOWN, "error": text}


def next_looks(facts: Facts) -> list[Automation]:
    """What will look or start next, soonest first; nothing where no daemon runs."""
    if facts.dagster is None or not daemon_runs(facts, facts.dagster):
        return []
    coming = [each for each in facts.dagster.automations if each.is_on and each.next_at is not None]
    return sorted(coming, key=lambda each: each.next_at or facts.now)


def _connection(facts: Facts) -> dict[str, Any] | None:
    held = facts.connection
    if held is None:
        return None
    names = (
        "org_id",
        "user_id",
        "instance_url",
        "environment",
        "state",
        "reason",
        "connected_at",
        "refreshed_at",
    )
    return {name: getattr(held, name) for name in names}


def _object(facts: Facts, each: ObjectFacts) -> dict[str, Any]:
    lag = facts.now - each.data_as_of if each.data_as_of else None
    return asdict(each) | {
        "lag": max(lag, timedelta(0)) if lag is not None else None,
        "stale_after": stale_after(each),
    }


def _dagster(facts: Facts, dagster: DagsterFacts) -> dict[str, Any]:
    soon = next_looks(facts)
    return asdict(dagster) | {
        "daemon_is_running": daemon_runs(facts, dagster),
        "next": [{"name": each.name, "at": each.next_at} for each in soon],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
