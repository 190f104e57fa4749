"""Is each object's data as young as it has to be, and if not, why? Pure. An object that is switched off or absent is never red."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestration.status.facts import Facts, ObjectFacts
from orchestration.status.judgement import Judgement, Level
from orchestration.status.stops import Stop, stop_of
from orchestration.status.words import ADMIN, NOBODY, RUNNER, STAYS, age, counted, moment

LEAST_AGE = timedelta(minutes=15)
"""Younger data is never old: a run that fetches and models a busy interval takes minutes."""

MISSED = 10
"""So many times an object may miss its turn."""

A_DAY = timedelta(days=1)
"""What goes on by itself, or concerns single records, may take so long."""


def stale_after(each: ObjectFacts) -> timedelta:
    """From which age on the object's data is old."""
    return max(LEAST_AGE, MISSED * each.cadence)


def judge_age(facts: Facts, each: ObjectFacts) -> Judgement:
    """The judgement of one object; its subject is `data.<table>`."""
    return _exempt(facts, each) or _unread(facts, each) or _aged(facts, each)


def _exempt(facts: Facts, each: ObjectFacts) -> Judgement | None:
    subject = f"data.{each.table}"
    if not each.is_enabled:
        return Judgement(subject, Level.OK, "switched_off", f"{each.table} is switched off in fluint.yaml.")
    if each.absent_since is None:
        return None
    if not each.may_be_absent:
        return Judgement(
            subject,
            Level.ERROR,
            "not_readable",
            f"{each.table} cannot be read: the org does not show it to the integration user.",
            since=each.absent_since,
            works=f"The other objects are read. {STAYS}",
            step="`fluint check` names the permission that is missing, and where it is given.",
            who=ADMIN,
        )
    if each.cursor is None:
        return Judgement(
            subject, Level.OK, "absent", f"The org does not have {each.table}, and may do without it."
        )
    return Judgement(
        subject,
        Level.WARNING,
        "no_longer_shown",
        f"The org no longer shows {each.table}, of which rows are held up to {moment(each.data_as_of)}.",
        since=each.absent_since,
        works=f"The other objects are read. {STAYS}",
        step="`fluint check` says which permission or feature is gone; if that is meant, nothing is to be done.",
        who=ADMIN,
    )


def _unread(facts: Facts, each: ObjectFacts) -> Judgement | None:
    """An object that was never read: new, or the connection is."""
    if each.data_as_of is not None:
        return None
    subject, text = f"data.{each.table}", f"{each.table} was never read."
    if facts.connection is None:
        return Judgement(subject, Level.OK, "not_read_yet", text)
    if _was_just_connected(facts, each):
        return Judgement(subject, Level.WARNING, "not_read_yet", text, since=facts.connection.connected_at)
    return _told(subject, text, stop_of(facts, said=each.error), facts.connection.connected_at)


def _aged(facts: Facts, each: ObjectFacts) -> Judgement:
    as_of = each.data_as_of or facts.now
    passed = facts.now - as_of
    text = f"{each.table} is right up to {moment(as_of)}, {age(passed)} ago"
    subject = f"data.{each.table}"
    if passed <= stale_after(each):
        return Judgement(subject, Level.OK, "ok", f"{text}.")
    if _was_just_connected(facts, each):
        text += ", when there was no connection; what changed since is being read."
        return Judgement(
            subject,
            Level.WARNING,
            "catches_up",
            text,
            since=as_of,
            works=STAYS,
            step="It goes on by itself.",
            who=NOBODY,
        )
    text += f"; it may be {age(stale_after(each))} old."
    if each.cursor is not None and facts.now - each.cursor <= stale_after(each):
        return _told(subject, text, _of_waiting(facts, each), as_of)
    return _told(subject, text, stop_of(facts, old_since=_old_since(each), said=each.error), as_of, passed)


def _was_just_connected(facts: Facts, each: ObjectFacts) -> bool:
    """Whether somebody connected so lately that nothing can have been read yet that was missed before."""
    held = facts.connection
    return (
        held is not None and held.state == "connected" and facts.now - held.connected_at < stale_after(each)
    )


def _of_waiting(facts: Facts, each: ObjectFacts) -> Stop:
    """Why an object is old whose changes are followed: what is known to have changed was not fetched."""
    if each.untried_since is not None and facts.now - each.untried_since > stale_after(each):
        return stop_of(facts, old_since=_old_since(each), said=each.error, of_fetching=True)
    old = facts.now - (each.data_as_of or facts.now) > A_DAY
    return Stop(
        "records_wait",
        f"{counted(each.unreadable, 'record')} could not be read and held up nothing but themselves: all others are right up to"
        f" {moment(each.cursor)}.",
        f"They are tried again by themselves, at least daily; the rows of {each.table} in fluint_sync.pending name them.",
        RUNNER,
        Level.ERROR if old else Level.WARNING,
    )


def _old_since(each: ObjectFacts) -> datetime | None:
    return each.data_as_of + stale_after(each) if each.data_as_of else None


def _told(
    subject: str, text: str, stop: Stop, since: datetime, passed: timedelta = timedelta(0)
) -> Judgement:
    # What goes on by itself is no incident, but it is one after a day.
    level = Level.ERROR if passed > A_DAY else stop.level
    return Judgement(subject, level, stop.cause, text, stop.why, since, STAYS, stop.step, stop.who)
