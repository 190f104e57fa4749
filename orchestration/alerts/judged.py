"""From the status' judgements to what people are told: which of them, as which incidents, and what only follows from another. Pure.

An error is told. Of the warnings it is said here, one by one, whether anybody is; what a judgement means is `orchestration.status`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from orchestration.alerts.incidents import Sighting
from orchestration.status.judgement import Judgement, Level

WARNINGS: Mapping[tuple[str, str], tuple[bool, str]] = {
    ("connection", "idle"): (True, "the grant dies within days unless somebody acts, and nothing else shows it before"),
    ("dagster", "not_asked"): (False, "the look from outside goes by the ledger then"),
    ("dagster", "no_daemon"): (False, "a workspace that syncs from a timer has none; where it is missed, data grows old"),
    ("dagster", "stopped"): (False, "a person did it; where it is forgotten, data grows old"),
    ("dagster", "tick_fails"): (False, "the next look mends most; where not, data grows old or documents wait"),
    ("data", "not_read_yet"): (False, "somebody connected just now"),
    ("data", "catches_up"): (False, "somebody connected just now"),
    ("data", "deferred"): (False, "goes on by itself, and is an error after a day"),
    ("data", "run_under_way"): (False, "goes on by itself, and is an error after a day"),
    ("data", "records_wait"): (False, "concerns single records, and is an error after a day"),
    ("data", "no_longer_shown"): (True, "its rows stay as they were, and nothing reads them again by itself"),
    ("coverage", "missing"): (False, "list_missing_job lists it by itself, and is told where it fails"),
    ("runs", "runs_fail"): (True, "a nightly job is not tried again before the next night"),
    ("runs", "failed_once"): (False, "tried again within the hour, which mends most"),
    ("runs", "connected_since"): (False, "somebody connected again since, and the next run tells"),
    ("runs", "needs_reconnect"): (False, "a nightly job that the dead connection failed; the connection is told"),
    ("api_calls", "at_limit"): (False, "goes on by itself; data that is old for a day is an error"),
    ("api_calls", "near_limit"): (False, "nothing is missed yet"),
    ("uploads", "deferred"): (False, "goes on by itself"),
    ("uploads", "run_under_way"): (False, "goes on by itself"),
    ("uploads", "given_up"): (True, "nobody sends them any more"),
    ("uploads", "needs_admin"): (True, "they wait for a person, who would not know"),
}  # fmt: skip
"""(part, cause) of a warning → whether anybody is told, and why or why not."""

_DONE_BY_HAND = ("never_connected", "disconnected")
# What one object has of its own, and no other object with it.
_OF_ONE_OBJECT = ("not_readable", "no_longer_shown")
_OF_PERSONS = ("given_up", "needs_admin")
# Why data is old or documents wait while the runs that would read or send them fail.
_OF_RUNS = ("runs_fail", "object_fails", "run_under_way", "run_waits")
_MOST_NAMED = 5
_MOST_CAUSES = 3
_LONGEST_WHY = 350  # characters; the next step stands behind it, and a message is cut


def sightings(judgements: Sequence[Judgement]) -> list[Sighting]:
    """What people are told of now. Old data is one incident, however many objects and causes it has."""
    told = [each for each in judgements if is_told(each)]
    stale = [each for each in told if _key(each) == _STALE]
    return [
        *(
            Sighting(*_key(each), _short(each).in_one(), follows=_follows(each, told), latest=each.latest)
            for each in told
            if each not in stale
        ),
        *_stale(stale, told),
    ]


def is_told(each: Judgement) -> bool:
    """Whether anybody is told of it at all."""
    if each.level is Level.WARNING:
        return WARNINGS.get((_part(each), each.cause), (False, ""))[0]
    return each.level is Level.ERROR and each.cause not in _DONE_BY_HAND


def needs_dagster(judgements: Iterable[Judgement]) -> bool:
    """Whether what Dagster knows could change what is told: it says why data is old, runs fail and documents wait."""
    return any(
        each.level is not Level.OK
        and _part(each) in ("data", "runs", "uploads")
        and each.cause not in _OF_PERSONS
        for each in judgements
    )


_STALE = ("data", "stale")


def _key(each: Judgement) -> tuple[str, str]:
    """Subject and cause of the incident, which stay while its text and the cause of its judgement change."""
    part = _part(each)
    if part == "data" and each.cause not in _OF_ONE_OBJECT:
        return _STALE
    if part == "uploads" and each.cause not in _OF_PERSONS:
        return "uploads", "unsent"
    return each.subject, "fails" if part == "runs" else each.cause


def _follows(each: Judgement, told: Iterable[Judgement]) -> bool:
    """Whether it only comes of something else that is told."""
    return any(_comes_of(each, other) for other in told)


def _comes_of(each: Judgement, root: Judgement) -> bool:
    part, of = _part(each), _part(root)
    if each is root or part == of:
        return False
    if of == "connection":
        return each.cause == root.cause
    if of == "runs":
        return part in ("data", "uploads") and root.level is Level.ERROR and each.cause in _OF_RUNS
    return (part, of) == ("uploads", "data") and each.cause == root.cause


def _stale(stale: Sequence[Judgement], told: Sequence[Judgement]) -> Iterator[Sighting]:
    """One sighting for all data that is old, which names the oldest of each cause."""
    if not stale:
        return
    oldest_first = sorted(stale, key=lambda each: (each.since is None, each.since))
    names = [each.subject.partition(".")[2] for each in oldest_first]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    by_cause = {each.cause: each for each in reversed(oldest_first)}
    texts = [_short(each).in_one() for each in oldest_first if each is by_cause[each.cause]][:_MOST_CAUSES]
    yield Sighting(
        *_STALE,
        f"Salesforce data is old: {', '.join(names[:_MOST_NAMED])}{more}. {' '.join(texts)}",
        follows=all(_follows(each, told) for each in stale),
    )


def _short(each: Judgement) -> Judgement:
    why = each.why if len(each.why) <= _LONGEST_WHY else f"{each.why[: _LONGEST_WHY - 1]}…"
    return replace(each, why=why)


def _part(each: Judgement) -> str:
    return each.subject.partition(".")[0]
