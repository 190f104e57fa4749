"""Great Expectations as Dagster runs it: verdicts on the assets, and pages that show nobody."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration.checks.expectations import KEYS, PLAUSIBLE, plausibility
from tests.dbt.conftest import deployed_template, workspace
from tests.dbt.workspace import Workspace

__all__ = ["deployed_template", "workspace"]

# Texts that no page and no metadata may show, each in another column that the marts hold.
PERSONAL = ("Zoltan Zwart", "zoltan@zwart.example", "Secret merger", "Dear Zoltan")


def _fill(workspace: Workspace) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    name, address, deal, text = PERSONAL
    with workspace.writing() as rows:
        rows.raw(
            "user",
            "005000000000000AAA",
            first_name="Zoltan",
            last_name="Zwart",
            email=address,
            username=address,
        )
        rows.deal("006000000000000AAA", owner_id="005000000000000AAA", name=deal, probability=50)
        rows.deal("006000000000000AAB", owner_id="005000000000000AAA", name=deal, probability=5000)
        rows.run(
            """
            insert into raw_salesforce.email_message (id, system_modstamp, _read_at, _run_id, incoming, message_date, related_to_id,
                subject, from_address, from_name, text_body)
            select '02s' || ago || '-' || n, now(), now(), 'test', true, %s - ago * interval '1 day' + interval '9 hours',
                   '006000000000000AAA', %s, %s, %s, %s
            from generate_series(0, 63) as ago, generate_series(1, 40) as n where ago <> 1 or n <= 4
            """,
            today,
            deal,
            address,
            name,
            text,
        )
    workspace.dbt.build()


# A library of Great Expectations imports a module of Python that has another name now.
@pytest.mark.filterwarnings("ignore:module 'sre_:DeprecationWarning")
@pytest.mark.slow
def test_the_nightly_checks_name_what_is_far_from_usual_and_show_nobody(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A day without mail that nobody notices; or a page, or Dagster's own log, with names and subjects of customers."""
    _fill(workspace)
    pages = tmp_path / "data_docs"
    checks = plausibility(pages)
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            dg.Definitions(
                asset_checks=[checks],
                jobs=[dg.define_asset_job("nightly", dg.AssetSelection.checks(*KEYS))],
                resources={"database": workspace.database},
            )
            .resolve_job_def("nightly")
            .execute_in_process(instance=instance)
        )
    evaluations = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert set(evaluations) == {key.name for key in KEYS}
    failed = {name for name, evaluation in evaluations.items() if not evaluation.passed}
    assert failed == {PLAUSIBLE, "mail_is_as_much_as_usual"}
    mail = evaluations["mail_is_as_much_as_usual"]
    assert mail.severity is dg.AssetCheckSeverity.WARN
    assert "4, usually 40" in str(mail.description)
    table = mail.metadata["now and usually"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [row.data["verdict"] for row in table.records].count("far from the usual") == 1
    assert mail.metadata["Data Docs"].value == "/data-docs/mail_is_as_much_as_usual.html"
    leads_to = re.search('href="([^"]+)"', (pages / "mail_is_as_much_as_usual.html").read_text())
    assert leads_to is not None
    assert "share_of_usual" in (pages / leads_to[1]).read_text()
    shown = "".join(page.read_text() for page in pages.rglob("*.html"))
    assert "mail_is_as_much_as_usual" in shown
    assert "4, usually 40" in shown
    everywhere = shown + str(result.all_events)
    secret = workspace.database.url.split("@")[0].rpartition(":")[2]
    assert not [text for text in (*PERSONAL, "006000000000000AAA", secret) if text and text in everywhere]
