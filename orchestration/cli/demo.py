"""The demo: the whole way once, before a person's eyes, against a Salesforce org of this machine. Only steps and what they print.

Everything that it does a person could do with the other commands; nothing below the command line knows that this is a demo.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from orchestration.cli.console import console, done, heading, table, working
from orchestration.cli.figures import Comparison, Expectation, Figures
from orchestration.cli.jobs import insist, run_job
from orchestration.cli.services import (
    LocalOrg,
    alone,
    embedded_databases,
    ended_by_signals,
    local_org,
    with_services,
)
from orchestration.cli.starting import introduce, license_people, years_ago
from orchestration.cli.workspace import Workspace
from orchestration.documents.library import add_version
from orchestration.entitlement.filters import BackfillFilter, write_filter
from orchestration.entitlement.known import known_record_types
from orchestration.jobs import LIST_MISSING, SYNC_SALESFORCE, UPLOAD_DOCUMENTS
from orchestration.salesforce import soql
from orchestration.settings import PROJECT, Settings

_OPPORTUNITIES = 1_200
_WHOLE = ("user", "opportunity_stage", "record_type")
_LEFT_OUT_STAGE = "Closed Lost"
_LEFT_OUT_RECORD_TYPE = "Renewal"
_DIFFERENCES = """
    select deal_id, stage_name, owner_name, is_deleted_in_salesforce, email_count, is_owner_licensed from fluint.deals
"""


def run_demo(directory: Path | None) -> bool:
    """Runs the demo with fresh data and ends everything that it started; True when every figure is the org's own, too."""
    directory = (directory or PROJECT / ".fluint" / "demo").absolute()
    began = time.monotonic()
    heading("A machine without Postgres and without a Salesforce account")
    with ended_by_signals(), alone(directory), ExitStack() as stack:
        with working("Starting Postgres and a Salesforce org on this machine"):
            databases = stack.enter_context(embedded_databases(directory, None, fresh=True))
            org, way = stack.enter_context(
                local_org(directory, opportunities=_OPPORTUNITIES, is_live=False, fresh=True)
            )
        settings = with_services(Settings(data_directory=directory), databases | way)
        agree = _Demo(Workspace(settings), org).run()
    console.print(
        f"\nThat took {time.monotonic() - began:.0f} s. Nothing of it runs any more; the data stays in {directory}."
    )
    _say_what_next()
    return agree


class _Demo:
    def __init__(self, workspace: Workspace, org: LocalOrg) -> None:
        self._workspace = workspace
        self._org = org
        self._compared: list[Figures] = []

    def run(self) -> bool:
        introduce(self._workspace, self._org)
        heading("What may come in: deals of licensed people that pass the filter")
        expected = self._set_filter()
        license_people(self._workspace, self._org)
        self._job(LIST_MISSING, "First sync: everything that is entitled")
        self._show_what_came(expected)
        expected = self._change_and_follow(expected)
        self._upload()
        self._show_the_end(expected)
        return all(figures.agree for figures in self._compared)

    @property
    def _both(self) -> Comparison:
        return Comparison(self._workspace.database, self._workspace.salesforce())

    def _set_filter(self) -> Expectation:
        """Reads the stages and record types first: a filter names the org's own."""
        self._job(SYNC_SALESFORCE, "Users, stages and record types", tables=_WHOLE)
        with self._workspace.database.transaction() as connection:
            record_types = known_record_types(connection, [_LEFT_OUT_RECORD_TYPE])
            chosen = BackfillFilter(years_ago(2), (_LEFT_OUT_STAGE,), record_types)
            write_filter(connection, chosen)
        done(
            f"Filter: created since {years_ago(2):%Y-%m-%d}, without {_LEFT_OUT_STAGE} and {_LEFT_OUT_RECORD_TYPE}."
        )
        owners = tuple(
            member["user_id"]
            for member in self._org.ask("GET", "/cast")
            if member["is_licensed"] and not member["role"].startswith("ambiguous")
        )
        return Expectation(owners, years_ago(2), (_LEFT_OUT_STAGE,), record_types)

    def _job(self, name: str, text: str, *, tables: Sequence[str] | None = None) -> None:
        with working(text):
            outcome = insist(run_job(self._workspace, name, tables=tables))
        done(text, f"run {outcome.run_id[:8]} of {name}")

    def _show_what_came(self, expected: Expectation) -> None:
        with working("Asking the org for its own counts"):
            figures = self._both.figures(expected)
        self._compared.append(figures)
        console.print(
            table(
                "\nWhat came in, beside the org's own count",
                ["", "Fluint", "Salesforce", ""],
                figures.shown(),
            )
        )
        rows = self._both.rows(
            "select reason, count(distinct owner_id), sum(deal_count)::int from fluint.excluded_deals group by 1 order by 3 desc"
        )
        console.print(
            table("\nWhat stays out, and why (fluint.excluded_deals)", ["reason", "owners", "deals"], rows)
        )

    def _change_and_follow(self, expected: Expectation) -> Expectation:
        heading("The org changes")
        before = self._deals()
        with working("A stage, a mail, a deletion, two reassignments"):
            changes = self._org.ask("POST", "/changes/all")
            _wait_for_the_next_second()
        self._job(SYNC_SALESFORCE, "Second sync: only what changed")
        self._show_changes(before, self._deals(), changes)
        away = next(change["opportunity_id"] for change in changes if change["change"] == "reassign_away")
        kept = Expectation(
            expected.owner_ids,
            expected.created_since,
            expected.excluded_stages,
            expected.excluded_record_types,
            (away,),
        )
        self._compared.append(self._both.figures(kept))
        return kept

    def _deals(self) -> dict[str, tuple[object, ...]]:
        return {str(row[0]): row[1:] for row in self._both.rows(_DIFFERENCES)}

    def _show_changes(
        self,
        before: dict[str, tuple[object, ...]],
        after: dict[str, tuple[object, ...]],
        changes: Sequence[dict[str, Any]],
    ) -> None:
        asked = {change["opportunity_id"]: change["change"].replace("_", " ") for change in changes}
        seen = {deal for deal in before.keys() | after.keys() if before.get(deal) != after.get(deal)}
        rows = [
            (asked.get(deal, "not asked for"), deal, *_told(before.get(deal), after.get(deal)))
            for deal in sorted(seen)
        ]
        console.print(
            table("\nWhat the second sync changed", ["change in the org", "deal", "before", "after"], rows)
        )
        figures = Figures()
        figures.compare("deals that changed", sorted(seen), sorted(asked))
        self._compared.append(figures)

    def _upload(self) -> None:
        heading("A document goes back")
        database = self._workspace.database
        deal = str(
            self._both.rows(
                "select deal_id from fluint.deals where not is_deleted_in_salesforce and not is_closed order by deal_id limit 1"
            )[0][0]
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "business-case.md"
            for version in (1, 2):
                file.write_text(f"# Business case\n\nVersion {version}, generated in Fluint.\n")
                add_version(database, file, opportunity_id=deal, title="Business case")
                self._job(UPLOAD_DOCUMENTS, f"Version {version} is on its Opportunity")
        self._show_file(deal)

    def _show_file(self, deal: str) -> None:
        """Shows the file as Salesforce has it: which documents hang on the record, and their versions."""
        salesforce = self._workspace.salesforce()
        link = soql.select(["ContentDocumentId"], "ContentDocumentLink", [soql.equal("LinkedEntityId", deal)])
        documents = [row["ContentDocumentId"] for page in salesforce.query(link) for row in page.records()]
        ours = self._both.rows(
            "select content_document_id, version_number::text, content_version_id from fluint.deal_documents order by 2"
        )
        fields = ["Id", "ContentDocumentId", "Title", "VersionNumber", "IsLatest", "ContentSize"]
        where = [soql.is_in("ContentDocumentId", sorted({str(row[0]) for row in ours}))]
        query = soql.select(fields, "ContentVersion", where, order_by=["VersionNumber"])
        versions = [row for page in salesforce.query(query) for row in page.records()]
        shown = [
            (
                row["Title"],
                row["VersionNumber"],
                "latest" if row["IsLatest"] else "",
                row["ContentSize"],
                deal,
            )
            for row in versions
        ]
        console.print(
            table("\nThe file as Salesforce shows it", ["title", "version", "", "bytes", "on record"], shown)
        )
        figures = Figures()
        theirs = [(row["ContentDocumentId"], row["VersionNumber"], row["Id"]) for row in versions]
        figures.compare("versions of the file", [tuple(row) for row in ours], theirs)
        figures.compare(
            "documents on the record", sorted({str(row[0]) for row in ours}), sorted(set(documents))
        )
        self._compared.append(figures)

    def _show_the_end(self, expected: Expectation) -> None:
        heading("How it ends")
        figures = self._both.figures(expected)
        self._compared.append(figures)
        console.print(
            table("\nDeals per stage (fluint.deals)", ["stage", "deals"], self._both.deals_per_stage())
        )
        rows = self._both.rows(
            "select reason, sum(deal_count)::int from fluint.excluded_deals group by 1 order by 2 desc"
        )
        console.print(table("\nDeals that stay out", ["reason", "deals"], rows))
        differing = [row for made in self._compared for row in made.rows if row[1] != row[2]]
        if differing:
            console.print(
                table("\nFigures that differ from the org's own", ["", "Fluint", "Salesforce"], differing)
            )
        else:
            compared = sum(len(made.rows) for made in self._compared)
            done(f"All {compared} figures agree with the org's own, asked by the API.")


def _told(before: tuple[object, ...] | None, after: tuple[object, ...] | None) -> tuple[str, str]:
    """What differs, before and after, in the words of the columns; no deal's name."""
    if before is None or after is None:
        return _whether(before, "in Fluint"), _whether(after, "in Fluint")
    differing = [i for i in range(len(_SHOWN)) if before[i] != after[i]]
    told = [", ".join(_SHOWN[i](row[i]) for i in differing) for row in (before, after)]
    return told[0], told[1]


def _whether(there: object, what: str) -> str:
    return what if there else f"not {what}"


# In the order of the columns of _DIFFERENCES, after the deal's id.
_SHOWN: tuple[Callable[[object], str], ...] = (
    str,
    str,
    lambda deleted: _whether(deleted, "deleted"),
    lambda mails: f"mails: {mails}",
    lambda licensed: _whether(licensed, "licensed"),
)


def _wait_for_the_next_second() -> None:
    # Changes are read up to the second before the org's present one, because stamps have a resolution of a second.
    time.sleep(1.1)


def _say_what_next() -> None:
    heading("Next")
    for command, what in (
        ("make ui", "the same project in the Dagster UI, with an org that lives"),
        (".venv/bin/fluint db start", "this demo's Postgres again, for psql; `fluint db stop` ends it"),
        ("docs/salesforce-setup.md", "connect a real org"),
    ):
        console.print(f"  {command:<27} {what}")
