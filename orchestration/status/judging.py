"""Facts to judgements, part by part. Pure. The age of data is ages.py's, runs are runs.py's, documents are uploads.py's."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.salesforce.quota import PAUSE
from orchestration.salesforce.renewal import IDLE_POLICY, WARN_BEFORE, idle_warning
from orchestration.status.ages import judge_age
from orchestration.status.facts import DagsterFacts, Facts
from orchestration.status.judgement import Judgement, Level
from orchestration.status.runs import judge_runs
from orchestration.status.stops import connection_is_dead, daemon_runs, is_at_limit
from orchestration.status.uploads import judge_uploads
from orchestration.status.words import ADMIN, NOBODY, RUNNER, STAYS, counted, moment

_NEAR_LIMIT = 0.9


def judge(facts: Facts) -> tuple[Judgement, ...]:
    """One judgement or more of each part, in the order in which a person reads them."""
    return (
        _connection(facts),
        *(_dagster(facts, facts.dagster) if facts.dagster else _no_dagster(facts)),
        *(judge_age(facts, each) for each in facts.objects),
        _coverage(facts),
        *judge_runs(facts),
        _api_calls(facts),
        *judge_uploads(facts),
    )


def _connection(facts: Facts) -> Judgement:
    held = facts.connection
    if held is None:
        return Judgement(
            "connection",
            Level.ERROR,
            "never_connected",
            "This workspace is not connected to a Salesforce org.",
            step="`fluint connect` (docs/salesforce-setup.md).",
            who=ADMIN,
        )
    if held.state == "connected":
        return _idle(facts) or Judgement(
            "connection",
            Level.OK,
            "ok",
            f"Connected to org {held.org_id} as {held.user_id} since {moment(held.connected_at)}.",
        )
    return Judgement(
        "connection",
        Level.ERROR,
        held.state,
        "The connection to Salesforce no longer works."
        if held.state == "needs_reconnect"
        else "The workspace was disconnected.",
        held.reason or "",
        works=f"{STAYS} Nothing is read from Salesforce, and no document is sent.",
        step="`fluint connect`; the sync then goes on from where it was.",
        who=ADMIN,
    )


def _idle(facts: Facts) -> Judgement | None:
    held = facts.connection
    if held is None or not held.has_refresh_token:
        return None
    warning = idle_warning(held.refreshed_at, facts.now)
    if warning is None:
        return None
    return Judgement(
        "connection",
        Level.WARNING,
        "idle",
        warning,
        since=held.refreshed_at + IDLE_POLICY - WARN_BEFORE,
        works="The connection still works.",
        step="`fluint sync`",
        who=RUNNER,
    )


def _no_dagster(facts: Facts) -> Iterator[Judgement]:
    yield Judgement(
        "dagster",
        Level.WARNING,
        "not_asked",
        f"Nothing is known of Dagster: {facts.dagster_unknown or 'it was not asked.'}",
        works="What the ledger says of runs and data is shown.",
        step="Set FLUINT_DAGSTER_DATABASE_URL to the database of the Dagster instance that runs the sync.",
        who=RUNNER,
    )


def _dagster(facts: Facts, dagster: DagsterFacts) -> Iterator[Judgement]:
    found = [*_daemon(facts, dagster), *_automations(dagster)]
    yield from found
    if not found:
        kinds = [each.kind for each in dagster.automations]
        on = f"{counted(kinds.count('sensor'), 'sensor')} and {counted(kinds.count('schedule'), 'schedule')} are on"
        yield Judgement("dagster", Level.OK, "ok", f"Dagster's daemon runs; {on}.")


def _daemon(facts: Facts, dagster: DagsterFacts) -> Iterator[Judgement]:
    if not daemon_runs(facts, dagster):
        seen = f" since {moment(dagster.daemon_seen_at)}" if dagster.daemon_seen_at else ""
        yield Judgement(
            "dagster",
            Level.WARNING,
            "no_daemon",
            f"No daemon of Dagster is running{seen}: nothing is started by itself.",
            since=dagster.daemon_seen_at,
            works=f"{STAYS} `fluint sync` syncs once.",
            step="Start Dagster (`fluint ui`, or the service that runs it).",
            who=RUNNER,
        )


def _automations(dagster: DagsterFacts) -> Iterator[Judgement]:
    off = [each.name for each in dagster.automations if not each.is_on]
    fails = [each.name for each in dagster.automations if each.is_on and each.last_tick == "FAILURE"]
    works = "What the others start goes on."
    if off:
        yield Judgement(
            "dagster", Level.WARNING, "stopped", f"Stopped by hand in Dagster: {', '.join(off)}.",
            works=works, step="If that is not meant: Dagster › Automation, and start them.", who=RUNNER,
        )  # fmt: skip
    if fails:
        yield Judgement(
            "dagster", Level.WARNING, "tick_fails", f"The last look of {', '.join(fails)} failed.",
            works=works, step="Dagster › Automation shows the error.", who=RUNNER,
        )  # fmt: skip


def _coverage(facts: Facts) -> Judgement:
    missing = facts.missing
    if not missing.count:
        text = f"Everything of {counted(missing.owners_in_scope, 'owner')} in scope is held."
        return Judgement("coverage", Level.OK, "ok", text)
    parts = (
        counted(missing.owners, "owner") + f" of {missing.owners_in_scope:,}" if missing.owners else "",
        counted(missing.deals, "deal") if missing.deals else "",
        counted(missing.columns, "column") if missing.columns else "",
    )
    text = f"Not fully listed yet: {', '.join(filter(None, parts))}."
    step = "list_missing_job lists it by itself; `fluint sync` does now."
    if connection_is_dead(facts):
        step = "`fluint connect` first."
    return Judgement("coverage", Level.WARNING, "missing", text, works=STAYS, step=step, who=NOBODY)


def calls_left(facts: Facts) -> int | None:
    """How many API calls Fluint may still make before it stops at its share; None where the org's count is not known yet."""
    calls = facts.calls
    if calls.used is None or calls.allowed is None:
        return None
    return max(0, int(calls.allowed * facts.expected.quota_share) - calls.used)


def _api_calls(facts: Facts) -> Judgement:
    calls, left = facts.calls, calls_left(facts)
    ours = f"{counted(sum(calls.by_purpose.values()), 'API call')} by this sync in 24 hours"
    if left is None or calls.seen_at is None:
        return Judgement("api_calls", Level.OK, "ok", f"{ours}; the org's own count is not known yet.")
    share = f"{facts.expected.quota_share:.0%}"
    text = f"{ours}; {calls.used:,} of the org's {calls.allowed:,} used by everybody, {left:,} left until Fluint stops at {share}."
    if is_at_limit(facts):
        return Judgement(
            "api_calls", Level.WARNING, "at_limit", text,
            since=calls.seen_at, works=f"{STAYS} Other applications of the org go on.",
            step=f"The sync goes on by itself after {moment(calls.seen_at + PAUSE)}; a Salesforce admin can find who uses the calls"
            " (Setup › API Usage).", who=NOBODY,
        )  # fmt: skip
    if left < (1 - _NEAR_LIMIT) * (calls.allowed or 0) * facts.expected.quota_share:
        return Judgement(
            "api_calls", Level.WARNING, "near_limit", text,
            since=calls.seen_at, works="Everything; at the limit the sync pauses by itself.",
            step="Find which application uses the org's calls (Setup › API Usage), if it is not this one.", who=ADMIN,
        )  # fmt: skip
    return Judgement("api_calls", Level.OK, "ok", text)
