"""The command `fluint check`: is Salesforce set up as the sync needs it, and if not, what is wrong, who mends it, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.console import console, heading, working
from orchestration.cli.workspace import Workspace
from orchestration.errors import FluintError, SetupError
from orchestration.postgres.faults import of_postgres

if TYPE_CHECKING:
    from orchestration.setup.report import Answer, Drift, Finding, Report

_MARKS = {
    "ok": ("✓", "green"),
    "advice": ("i", "cyan"),
    "could not be tested": ("?", "yellow"),
    "missing feature": ("!", "yellow"),
    "wrong or missing data": ("✗", "red"),
    "stops the sync": ("✗", "bold red"),
}
_UNTESTED = "could not be tested"
_EXIT_CODES = {
    "ok": 0,
    "advice": 0,
    "could not be tested": 1,
    "missing feature": 1,
    "wrong or missing data": 2,
    "stops the sync": 3,
}


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything for programs.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print it as Markdown, for a ticket.")] = False,
) -> None:
    """Test the whole set-up in Salesforce and here, and say what is wrong, what people notice, who can mend it, and where to click.

    Ends with 0 when all is well or only advice is given, 1 when a feature is missing or something could not be tested, 2 for wrong or
    missing data, 3 when the sync is stopped. Takes 30 API calls at most.
    """
    if as_json and markdown:
        raise SetupError("--json and --markdown are two forms of one report: choose one.")
    workspace = Workspace.here()
    try:
        report = _named(workspace, _checked(workspace, quiet=as_json or markdown))
    except Exception as error:
        told = error if isinstance(error, FluintError) else of_postgres(error)
        if told is None or not as_json:
            raise
        console.out(json.dumps({"outcome": _UNTESTED, "error": str(told)}, ensure_ascii=False, indent=2))
        raise typer.Exit(_EXIT_CODES[_UNTESTED]) from None
    if as_json:
        console.out(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    elif markdown:
        console.out("\n".join(_markdown(report)))
    else:
        _show(report)
    raise typer.Exit(_EXIT_CODES[report.outcome.value])


def _checked(workspace: Workspace, *, quiet: bool) -> Report:
    from orchestration.setup.check import check_setup
    from orchestration.setup.seen import Numbers
    from orchestration.sync.objects import BY_TABLE

    settings = workspace.settings
    numbers = Numbers(settings.interval_seconds, settings.quota_share)
    enabled = settings.enabled_tables(BY_TABLE)

    def ask() -> Report:
        with workspace.asking("check") as salesforce:
            return check_setup(workspace.database, salesforce, enabled=enabled, numbers=numbers)

    if quiet:
        return ask()
    with working("Asking Salesforce how it is set up"):
        return ask()


def _named(workspace: Workspace, report: Report) -> Report:
    """The report with people's names beside their ids: what is printed stays with whoever reads it."""
    from orchestration.setup.names import ids_in, people, with_names

    texts = [text for answer in report.answers for text in _texts(answer)]
    with workspace.database.transaction() as connection:
        names = people(connection, ids_in(texts))

    def finding(each: Finding) -> Finding:
        return replace(each, seen=with_names(each.seen, names), step=with_names(each.step, names))

    answers = (
        replace(a, seen=with_names(a.seen, names), findings=tuple(map(finding, a.findings)))
        for a in report.answers
    )
    return replace(report, answers=tuple(answers))


def _texts(answer: Answer) -> Iterator[str]:
    yield answer.seen
    for finding in answer.findings:
        yield from (finding.seen, finding.step)


def _show(report: Report) -> None:
    if report.drift:
        heading(f"Since the last check ({report.drift[0].since:%Y-%m-%d %H:%M} UTC)")
        for drift in report.drift:
            _line("better" if drift.is_better else drift.now.value, f"{drift.title}: ", _changed(drift))
    for answer in _unwell(report):
        for finding in answer.findings:
            if finding.outcome.value != _UNTESTED:
                _show_finding(answer, finding, report)
    for step, titles in _untested(report).items():
        _show_untested(step, titles)
    well = [answer for answer in report.answers if not answer.findings]
    heading(f"{len(well)} of {len(report.answers)} items are well")
    for answer in well:
        _line("ok", f"{answer.title}: ", answer.seen)


def _unwell(report: Report) -> list[Answer]:
    """What is wrong, the worst first; of the same weight in the order in which it is mended."""
    order = list(_MARKS)
    return sorted((a for a in report.answers if a.findings), key=lambda a: -order.index(a.outcome.value))


def _untested(report: Report) -> dict[str, list[tuple[str, str]]]:
    """What would let items be tested → (title, reason) of each: one missing permission can hide many."""
    steps: dict[str, list[tuple[str, str]]] = {}
    for answer in report.answers:
        for finding in answer.findings:
            if finding.outcome.value == _UNTESTED:
                steps.setdefault(f"{finding.who}: {finding.step}", []).append((answer.title, finding.seen))
    return steps


def _show_untested(step: str, hidden: list[tuple[str, str]]) -> None:
    mark, style = _MARKS[_UNTESTED]
    titles, reasons = zip(*hidden, strict=True)
    console.print()
    console.print(Text.assemble((f"{mark} ", style), (f"{len(hidden)} could not be tested", "bold")))
    for name, text in (("which", "; ".join(titles)), ("why", reasons[0]), ("what lets them be tested", step)):
        console.print(Text.assemble((f"  {name}: ", "dim"), text))


def _show_finding(answer: Answer, finding: Finding, report: Report) -> None:
    mark, style = _MARKS[finding.outcome.value]
    console.print()
    title = f"{answer.title}: {finding.outcome.value}"
    console.print(Text.assemble((f"{mark} ", style), (title, "bold"), (f"  [{answer.item}]", "dim")))
    for name, text in _parts(answer, finding, report):
        console.print(Text.assemble((f"  {name}: ", "dim"), text))


def _parts(answer: Answer, finding: Finding, report: Report) -> Iterator[tuple[str, str]]:
    """The parts of a finding by what they answer."""
    yield "seen", finding.seen
    yield "people notice", finding.symptom
    yield "still works", finding.works
    yield "who can mend it", finding.who
    yield "where", finding.step
    yield "tested by", answer.tested
    if finding.salesforce_code or finding.request_id:
        said = " ".join(filter(None, (finding.salesforce_code, finding.request_id)))
        yield "for Salesforce's support", f"{said}, asked at {report.checked_at:%Y-%m-%d %H:%M:%S} UTC"


def _changed(drift: Drift) -> str:
    new = f"new: {', '.join(map(_spoken, drift.new))}" if drift.new else ""
    gone = f"mended: {', '.join(map(_spoken, drift.gone))}" if drift.gone else ""
    return f"was {drift.before.value}, is {drift.now.value}; {'; '.join(filter(None, (new, gone)))}"


def _spoken(key: str) -> str:
    """`field_hidden: Amount` as a person says it."""
    code, _, subject = key.partition(": ")
    return code.replace("_", " ") + (f" ({subject})" if subject else "")


def _line(outcome: str, head: str, text: str) -> None:
    mark, style = _MARKS["ok" if outcome == "better" else outcome]
    console.print(Text.assemble((f"{mark} ", style), (head, "bold"), text))


def _markdown(report: Report) -> Iterator[str]:
    yield f"# Salesforce set-up check of {report.checked_at:%Y-%m-%d %H:%M} UTC: {report.outcome.value}"
    if report.drift:
        yield f"\n## Since the last check ({report.drift[0].since:%Y-%m-%d %H:%M} UTC)\n"
        yield from (f"- **{drift.title}**: {_changed(drift)}" for drift in report.drift)
    for answer in _unwell(report):
        for finding in answer.findings:
            yield f"\n## {answer.title}: {finding.outcome.value}\n"
            yield from (f"- **{name}**: {text}" for name, text in _parts(answer, finding, report))
    yield "\n## Well\n"
    yield from (f"- **{a.title}**: {a.seen}" for a in report.answers if not a.findings)
