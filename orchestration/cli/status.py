"""The command `fluint status`: how the sync stands, for a person, a program, a monitor. It is judged in `orchestration.status`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.console import console, say, table
from orchestration.cli.documents import say_reasons
from orchestration.cli.jobs import dagster_instance
from orchestration.cli.names import with_names
from orchestration.cli.workspace import Workspace
from orchestration.errors import FluintError
from orchestration.postgres.faults import of_postgres

if TYPE_CHECKING:
    from orchestration.status.facts import DagsterFacts, Expectations, Facts
    from orchestration.status.judgement import Judgement

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "bold red")}
_EXIT_CODES = {"ok": 0, "warning": 1, "error": 2}
COULD_NOT_BE_TOLD = 3
_MOST_NEXT = 4


def status(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything for programs (docs/status.md).")
    ] = False,
) -> None:
    """Say how the sync stands: connection, how old each object's data is, what waits, API calls, documents, runs, what comes next.

    Ends with 0 when all is well, 1 for a warning, 2 for an error, such as data that is too old, and 3 when it could not be told: the
    database cannot be reached, or `fluint upgrade` has to be run first. Asks Salesforce nothing.
    """
    workspace = Workspace.here()
    facts = _read_or_say_why_not(workspace, as_json=as_json)
    if facts is None:
        raise typer.Exit(COULD_NOT_BE_TOLD)
    from orchestration.status.as_json import as_json as for_programs
    from orchestration.status.judgement import worst
    from orchestration.status.judging import judge

    judgements = judge(facts)
    if as_json:
        console.out(json.dumps(for_programs(facts, judgements), ensure_ascii=False, indent=2))
    else:
        _show(workspace, facts, judgements)
    raise typer.Exit(_EXIT_CODES[worst(judgements).value])


def _read_or_say_why_not(workspace: Workspace, *, as_json: bool) -> Facts | None:
    try:
        return read_status(workspace)
    except Exception as error:
        told = of_postgres(error)
        if told is None:
            raise
        _say_why_not(told, as_json=as_json)
        return None


def read_status(workspace: Workspace) -> Facts:
    """The facts, those of the workspace's Dagster instance included where it has one that can be reached.

    Raises one of our errors, or what the database says, where the workspace's own database cannot be read.
    """
    from orchestration.modelling import Dbt

    facts = read_ledger(workspace)
    Dbt(workspace.database).check_deployed_views()
    dagster, unknown = ask_dagster(workspace)
    return replace(facts, dagster=dagster, dagster_unknown=unknown)


def read_ledger(workspace: Workspace) -> Facts:
    """The facts that the workspace's own database tells."""
    from orchestration.status.reading import read_facts

    return read_facts(workspace.database, expectations(workspace))


def expectations(workspace: Workspace) -> Expectations:
    """What the settings say that the status is judged by."""
    from orchestration.status.facts import Expectations
    from orchestration.sync.objects import BY_TABLE

    settings = workspace.settings
    tables = settings.enabled_tables(BY_TABLE)
    return Expectations(timedelta(seconds=settings.interval_seconds), settings.quota_share, tables)


def ask_dagster(workspace: Workspace) -> tuple[DagsterFacts | None, str]:
    """What the instance says, or why it could not be asked."""
    if workspace.settings.dagster_database_url is None:
        return None, "FLUINT_DAGSTER_DATABASE_URL is not set."
    from orchestration.sensors.instance import dagster_facts

    try:
        with dagster_instance(workspace) as instance:
            return dagster_facts(instance, workspace.sensors), ""
    except Exception as error:
        if (told := of_postgres(error)) is None:
            raise
        return None, f"its database could not be read. {told}"


def _say_why_not(told: FluintError, *, as_json: bool) -> None:
    from orchestration.status.as_json import unknown_as_json

    if as_json:
        console.out(json.dumps(unknown_as_json(str(told)), ensure_ascii=False, indent=2))
    else:
        say(told)


def _show(workspace: Workspace, facts: Facts, judgements: Sequence[Judgement]) -> None:
    unwell = [each for each in judgements if each.level.value != "ok"]
    for group in _grouped(sorted(unwell, key=lambda each: -list(_EXIT_CODES).index(each.level.value))):
        _show_group(group)
    console.print(objects_table(facts))
    for each in judgements:
        if each.level.value == "ok" and not each.subject.startswith("data."):
            _line("ok", each.text)
    environment = f"Environment: {workspace.settings.environment or 'not said'}"
    for text in (environment, *_figures(facts), *_next(facts)):
        console.print(f"  {text}", markup=False, soft_wrap=True)
    say_reasons(workspace)


def _grouped(judgements: Sequence[Judgement]) -> list[list[Judgement]]:
    """What has one cause is told once: ten objects are old for one reason."""
    groups: dict[tuple[str, ...], list[Judgement]] = {}
    for each in judgements:
        part, _, _ = each.subject.partition(".")
        groups.setdefault((each.level.value, part, each.cause, each.why, each.step), []).append(each)
    return list(groups.values())


def _show_group(group: Sequence[Judgement]) -> None:
    first = group[0]
    for each in group:
        _line(each.level.value, each.text)
    parts = (
        ("why", first.why),
        ("still works", first.works),
        ("next step", first.step if first.who in ("", "nobody") else f"{first.step} ({first.who})"),
    )
    for name, text in parts:
        if text:
            console.print(Text.assemble((f"  {name}: ", "dim"), with_names(text)), soft_wrap=True)


def _line(level: str, text: str) -> None:
    mark, style = _MARKS[level]
    console.print(Text.assemble((f"{mark} ", style), with_names(text)), soft_wrap=True)


def objects_table(facts: Facts) -> object:
    """Per object: rows, what waits, what is covered, and up to when (UTC) the data is right."""
    from orchestration.status.words import age

    rows = [
        (
            each.table,
            f"about {each.rows:,}" if each.rows_are_estimated else each.rows,
            each.pending,
            f"{each.parents_covered} of {each.parents}" if each.parents is not None else "",
            f"{each.data_as_of:%Y-%m-%d %H:%M:%S}" if each.data_as_of else "never read",
            age(facts.now - each.data_as_of) if each.data_as_of else "",
            f"{each.cursor:%m-%d %H:%M:%S}" if each.cursor else "",
        )
        for each in facts.objects
        if each.is_enabled
    ]
    columns = ["object", "rows", "waiting", "covered", "right up to (UTC)", "behind by", "cursor"]
    return table("raw_salesforce", columns, rows)


def _figures(facts: Facts) -> Iterator[str]:
    """Calls by purpose, what stays out, and the last run of each kind."""
    from orchestration.status.words import moment

    if facts.calls.by_purpose:
        yield "API calls of 24 hours: " + ", ".join(
            f"{name} {number:,}" for name, number in facts.calls.by_purpose.items()
        )
    yield f"Deals in Salesforce that stay out: {facts.missing.excluded:,}"
    state = "behind raw rows; the next tick builds them" if facts.marts_are_behind else "up with raw rows"
    yield f"Marts: {state}; last built: {moment(facts.marts_built_at)}"
    for run in facts.runs:
        ended = (
            f"{run.state} at {moment(run.ended_at)}" if run.ended_at else f"began at {moment(run.started_at)}"
        )
        yield f"Last run of {run.mode}: {ended}, {run.read:,} rows read, {run.changed:,} changed"


def _next(facts: Facts) -> Iterator[str]:
    from orchestration.status.as_json import next_looks

    coming = next_looks(facts)
    if not coming:
        yield "Next run: none, because no daemon of Dagster is known to run."
        return
    soon = (
        f"{each.name} at {max(each.next_at or facts.now, facts.now):%H:%M:%S}" for each in coming[:_MOST_NEXT]
    )
    yield f"Next (UTC): {', '.join(soon)}"
