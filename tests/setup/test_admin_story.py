"""Tried as an admin who has never seen the project: five faults in a fresh org, and nothing but the texts of `fluint check`."""

from __future__ import annotations

import csv
import webbrowser
from pathlib import Path

import pytest

from orchestration.postgres.connection import Database
from orchestration.setup.items import ITEMS
from tests.cli.conftest import environment
from tests.cli.shell import Shell
from tests.contract.running_org import serving
from tests.setup.admin import Admin

STORIES = [
    pytest.param(
        (
            "api_disabled_for_user",
            "token_expires_by_age",
            "opportunity_view_all_missing",
            "opportunity_amount_hidden",
            "files_list_missing",
        ),
        id="an-app-and-a-user-made-in-a-hurry",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        (
            "view_setup_missing",
            "contact_view_all_missing",
            "mail_bodies_hidden",
            "opportunity_not_editable",
            "access_activities_missing",
        ),
        id="a-user-cloned-from-one-that-only-reads",
        marks=pytest.mark.long,
    ),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("story", STORIES)
def test_five_faults_are_brought_to_green_by_the_texts_alone(
    story: tuple[str, ...], empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The texts are the product here: whoever needs the source to understand one has found a fault."""
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # it remembers the browser of an earlier org
    with serving(tmp_path / "org", 60) as org:
        shell = Shell(environment(org, empty_database, empty_database, tmp_path), empty_database, org)
        users = tmp_path / "users.csv"
        with users.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["email", "full_name", "is_licensed"])
            writer.writerows(
                [m["fluint_email"], m["last_name"], True]
                for m in org.admin("GET", "/cast")
                if m["fluint_email"] and m["is_licensed"] and not m["role"].startswith("ambiguous")
            )
        assert shell("upgrade").exit_code == 0
        org.admin("POST", "/mistakes", list(story))
        assert shell("connect").exit_code == 0
        assert shell("check").exit_code > 0
        admin = Admin(org, shell, users)
        admin.bring_to_green()
        said = shell("check")
        assert (said.exit_code, f"{len(ITEMS)} of {len(ITEMS)} items are well" in said.line) == (0, True)
        assert shell.ask("select count(*) > 0 from fluint.deals") == [(True,)]
        assert len(admin.done) >= 5
