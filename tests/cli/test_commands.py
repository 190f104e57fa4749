"""The commands of a working day against one workspace, as a person would type them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from tests.cli.conftest import environment
from tests.cli.shell import Shell, lent
from tests.contract.running_org import ROOT, serving

RUN_ID = re.compile(r"run ([0-9a-f-]{36}) of (\w+)", re.IGNORECASE)


def runs(shell: Shell) -> dict[str, str]:
    """Run id → status of every run in the workspace's Dagster instance."""
    with (
        lent(shell.environment | {"DAGSTER_HOME": str(ROOT)} | storage(shell)),
        dg.DagsterInstance.get() as i,
    ):
        return {run.run_id: run.status.value for run in i.get_runs()}


def refusal(command: list[str]) -> int:
    """The exit code of a command that cannot begin; to a monitor 1 is a warning, so `status` has another one."""
    return 3 if command == ["status"] else 1


def storage(shell: Shell) -> dict[str, str | None]:
    """The variables that dagster.yaml reads, as `fluint env` prints them."""
    exports = re.findall(r"^export (\w+)=(.*)$", shell("env", secret=True).text, re.MULTILINE)
    return {name: value.strip("'") for name, value in exports}


def test_a_database_without_an_upgrade_is_told_so_by_every_command(new_shell: Shell, tmp_path: Path) -> None:
    """A person who forgot one command met `relation … does not exist` and a traceback."""
    users = tmp_path / "users.csv"
    users.write_text("email,is_licensed\nrep@example.com,true\n")
    for command in (
        ["status"],
        ["sync"],
        ["backfill", "--from", "2026-01", "--to", "2026-02"],
        ["reconcile"],
        ["users", "import", str(users)],
        ["users", "license", "rep@example.com"],
        ["users", "list"],
        ["preview"],
        ["why", "rep@example.com"],
        ["check"],
        ["filters", "show"],
        ["filters", "set"],
        ["documents", "list"],
        ["documents", "add", str(users), "--deal", "006000000000001AAA"],
        ["connect"],
        ["disconnect"],
    ):
        said = new_shell(*command)
        assert (said.exit_code, "fluint upgrade" in said.line) == (refusal(command), True), (
            command,
            said.text,
        )
        assert "does not exist" not in said.text


def test_a_second_upgrade_changes_nothing(shell: Shell) -> None:
    """Upgrades run at every start of a container: one that drops or empties something costs data each time."""
    inventory = (
        "select c.oid, n.nspname, c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname like any (array['fluint%', 'raw%']) order by 1"
    )
    tables = [row for row in shell.ask(inventory) if row[3] == "r"]
    deals = shell.ask("select * from fluint.deals order by deal_id")
    assert shell("upgrade").exit_code == 0
    assert [row for row in shell.ask(inventory) if row[3] == "r"] == tables
    assert shell.ask("select * from fluint.deals order by deal_id") == deals
    assert deals


def test_a_foreign_view_on_deals_survives_an_upgrade_to_another_definition(shell: Shell) -> None:
    """`drop … cascade`, dbt's own way, takes an analyst's view away without a word (architecture, section 4)."""
    with shell.database.transaction() as connection:
        connection.execute("create schema if not exists analysts")
        connection.execute("create view analysts.pipeline as select deal_id, stage_name from fluint.deals")
        # As an earlier release would have left it: a column less, a view of another shape, another hash.
        connection.execute("alter table fluint.deals drop column next_step")
        connection.execute("drop view fluint_staging.stg_salesforce__users cascade")
        connection.execute("create view fluint_staging.stg_salesforce__users as select 1 as another_column")
        connection.execute("update fluint_sync.deployed_views set views_hash = 'earlier'")
    refused = shell("sync")
    assert refused.exit_code == 1
    assert "fluint upgrade" in refused.line
    assert shell("upgrade").exit_code == 0
    assert shell("sync").exit_code == 0
    assert shell.ask("select count(*) from analysts.pipeline") == shell.ask(
        "select count(*) from fluint.deals"
    )
    assert shell.ask("select count(*) > 0 from fluint.deals where next_step is not null") == [(True,)]


def test_a_sync_names_its_runs_and_dagster_has_them(shell: Shell) -> None:
    """A run that only the terminal knows cannot be looked into afterwards."""
    said = shell("sync")
    named = RUN_ID.findall(said.line)
    assert [job for _, job in named] == ["sync_salesforce_job"]  # nothing is missing any more
    assert runs(shell)[named[0][0]] == "SUCCESS"
    assert "opportunity" in said.text


def test_a_backfill_reads_its_months_in_one_run(shell: Shell) -> None:
    """The range of months goes to Dagster as tags; one run, not one for each month."""
    before = set(runs(shell))
    said = shell("backfill", "--from", "2025-01", "--to", "2025-03")
    assert said.exit_code == 0, said.text
    (run_id,) = set(runs(shell)) - before
    assert run_id in said.line
    with lent(shell.environment | storage(shell)), dg.DagsterInstance.get() as instance:
        record = instance.get_run_by_id(run_id)
    assert record is not None
    assert record.tags["dagster/asset_partition_range_start"] == "2025-01-01"
    assert record.tags["dagster/asset_partition_range_end"] == "2025-03-01"


@pytest.mark.slow
def test_a_comparison_with_the_org_brings_what_is_missing_and_says_so(shell: Shell) -> None:
    """Doubt about the data that only an engineer with the org's password could settle."""
    lost = shell.ask(
        "select deal_id from fluint.deals where not is_deleted_in_salesforce order by 1 limit 1"
    )[0][0]
    with shell.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id = %s", [lost])
    said = shell("reconcile")
    assert said.exit_code == 0, said.text
    assert "Nothing differs." in said.line
    assert shell.ask(f"select outcome from fluint_sync.difference where id = '{lost}'") == [("brought_in",)]
    assert shell.ask(f"select count(*) from raw_salesforce.opportunity where id = '{lost}'") == [(1,)]


@pytest.mark.parametrize(
    ("first", "last"), [("2025-13", "2026-01"), ("2025", "2026-01"), ("2026-02", "2026-01")]
)
def test_a_range_that_is_none_starts_nothing(shell: Shell, first: str, last: str) -> None:
    """A slip of the pen in a month must not become a read of everything."""
    before = set(runs(shell))
    said = shell("backfill", "--from", first, "--to", last)
    assert said.exit_code == 1
    assert first in said.text
    assert set(runs(shell)) == before


def test_status_says_how_fresh_the_data_is(shell: Shell) -> None:
    """The first question of whoever is called at night."""
    said = shell("status")
    assert "No daemon of Dagster is running" in said.line
    held = shell.ask("select count(*) from raw_salesforce.opportunity where _deleted_at is null")[0][0]
    assert re.search(rf"opportunity +{held} ", said.text), said.text
    assert re.search(r"API calls of 24 hours: .*keys \d", said.line)
    assert re.search(r"Last run of history: complete at .*, [\d,]+ rows read", said.line)
    assert "never read" not in said.text
    assert "email_message" in said.text
    (deal,) = shell.ask("select deal_id from fluint.deals where not is_deleted_in_salesforce limit 1")[0]
    assert "It is in Fluint, since" in shell("why", str(deal)).line


def test_a_user_file_with_a_fault_names_the_line_and_imports_nothing(shell: Shell, tmp_path: Path) -> None:
    """A list of 500 people with one typing error: which line, and is half of it in now?"""
    file = tmp_path / "people.csv"
    file.write_text("email,full_name,is_licensed\nfirst@example.com,First,true\nno-address,Second,true\n")
    said = shell("users", "import", str(file))
    assert said.exit_code == 1
    assert "line 3" in said.line
    assert "Nothing was imported" in said.line
    assert shell.ask("select count(*) from fluint_app.app_user where email = 'first@example.com'") == [(0,)]


def test_an_unknown_stage_is_answered_with_the_nearest_names(shell: Shell) -> None:
    """A filter with a misspelled stage would let every deal of that stage in."""
    before = shell.ask("select * from fluint_app.backfill_filter")
    said = shell("filters", "set", "--exclude-stage", "Closed Lots")
    assert said.exit_code == 1
    assert "Closed Lost" in said.line
    assert shell.ask("select * from fluint_app.backfill_filter") == before


def test_documents_are_added_listed_and_versioned(shell: Shell, tmp_path: Path) -> None:
    """The outbox shows what waits; the same title on the same deal is the next version, the same bytes are nothing new."""
    file = tmp_path / "business-case.md"
    (deal,) = shell.ask("select deal_id from fluint.deals where not is_deleted_in_salesforce limit 1")[0]
    for version in (1, 2):
        file.write_text(f"# Case {version}\n")
        said = shell("documents", "add", str(file), "--deal", str(deal))
        assert f"Version {version}" in said.line
    # As Classic's address bar shows it.
    assert "nothing was added" in shell("documents", "add", str(file), "--deal", str(deal)[:15]).line
    listed = shell("documents", "list")
    assert listed.text.count("waiting") == 2
    assert str(deal) in listed.line
    unknown = shell("documents", "add", str(file), "--deal", "006000000000001AAA")
    assert (unknown.exit_code, "There is no deal" in unknown.line) == (1, True)


def test_documents_that_were_refused_say_why_and_are_tried_again_on_request(
    shell: Shell, tmp_path: Path
) -> None:
    """A state without a sentence, and an administrator who mended the org and has to wait for tomorrow."""
    (deal,) = shell.ask("select deal_id from fluint.deals where not is_deleted_in_salesforce limit 1")[0]
    file = tmp_path / "refused.md"
    file.write_text("refused")
    shell("documents", "add", str(file), "--deal", str(deal))
    document = shell.ask("select document_id from fluint_app.document where title = 'refused'")[0][0]
    with shell.database.transaction() as connection:
        connection.execute(
            "insert into fluint_sync.upload (document_id, version_number, state, opportunity_id, reason, reason_text, outlook,"
            " retry_at) values (%s, 1, 'failed', %s, 'storage_full', 'The storage is full.', 'needs_admin', now() + interval '1 day')",
            [document, deal],
        )
    for command in (["documents", "list", "--open"], ["status"]):
        assert "1 × storage_full, needs admin: The storage is full." in shell(*command).line
    assert "now: 1." in shell("documents", "retry", str(document)).line
    assert shell.ask(f"select retry_at from fluint_sync.upload where document_id = '{document}'") == [(None,)]
    assert "one document" in shell("documents", "retry", "--as-new").line
    said = shell("documents", "retry", str(document), "--as-new")
    assert "begins a new file" in said.line, said.text


def test_the_url_of_the_database_is_printed_for_psql(shell: Shell) -> None:
    """`psql "$(fluint db url)"` works only if nothing else is printed and no line is broken."""
    assert shell("db", "url", secret=True).text == f"{shell.database.url}\n"


def test_what_env_prints_lets_a_bare_dagster_list_the_jobs(shell: Shell, tmp_path: Path) -> None:
    """An engineer works with Dagster's own commands; they must find the same instance and settings."""
    exports = tmp_path / "env.sh"
    exports.write_text(shell("env", secret=True).text)
    dagster = Path(sys.executable).with_name("dagster")
    command = (
        f". {exports} && {dagster} job list -m orchestration.definitions && {dagster} run list --limit 1"
    )
    with lent({name: None for name in shell.environment if name.startswith("FLUINT_")}):
        seen = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False
        )
    assert seen.returncode == 0, seen.stderr
    assert "sync_now_job" in seen.stdout
    assert next(iter(runs(shell))) in seen.stdout


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (["status"], "FLUINT_DATABASE_URL"),
        (["sync"], "FLUINT_DAGSTER_DATABASE_URL"),
        (["connect"], "FLUINT_ENCRYPTION_KEY"),
        (["connect"], "FLUINT_SALESFORCE_CLIENT_ID"),
    ],
)
def test_a_missing_setting_is_named(shell: Shell, command: list[str], variable: str) -> None:
    """The one thing that a new installation lacks, by the name under which it is set."""
    said = shell(*command, **{variable: None})
    assert said.exit_code == refusal(command)
    assert variable in said.line


def test_a_database_that_cannot_be_reached_is_a_sentence(shell: Shell) -> None:
    """A server that is down is the most frequent fault of all, and a traceback its worst answer."""
    nowhere = "postgresql://fluint:not-a-password@127.0.0.1:1/fluint"
    for command in (
        ["status"],
        ["sync"],
        ["upgrade"],
        ["filters", "show"],
        ["documents", "list"],
        ["users", "license", "x@y.z"],
    ):
        said = shell(*command, FLUINT_DATABASE_URL=nowhere)
        assert (said.exit_code, "cannot be reached" in said.line) == (refusal(command), True), (
            command,
            said.text,
        )
        assert "not-a-password" not in said.text
    said = shell("sync", FLUINT_DAGSTER_DATABASE_URL=nowhere)
    assert (said.exit_code, "not-a-password" in said.text) == (1, False), said.text


def test_another_org_is_refused_and_the_connection_stays(shell: Shell, tmp_path: Path) -> None:
    """Two orgs in one database would mix two customers' deals under one another's ids."""
    with serving(tmp_path / "other-org", 10) as other:
        elsewhere = environment(other, shell.database, shell.database, tmp_path)
        kept = (
            "FLUINT_DATABASE_URL",
            "FLUINT_DAGSTER_DATABASE_URL",
            "FLUINT_ENCRYPTION_KEY",
            "FLUINT_DATA_DIRECTORY",
        )
        changed = {name: value for name, value in elsewhere.items() if name not in kept}
        said = shell("connect", **changed)
    assert said.exit_code == 1
    assert "org" in said.line
    assert shell("sync").exit_code == 0


def test_no_secret_is_in_an_output_or_in_what_dagster_keeps(shell: Shell) -> None:
    """Logs are copied into tickets; Dagster's log cannot be edited afterwards."""
    password = re.search(r":([^:@/]+)@", shell.database.url)
    secrets = {
        name: shell.environment[name] for name in ("FLUINT_ENCRYPTION_KEY", "FLUINT_SALESFORCE_CLIENT_SECRET")
    }
    secrets |= {
        "password": password.group(1) if password else None,
        "integration user": str(shell.org.card["password"]),
    }
    texts = "\n".join(shell.said)
    directory = Path(str(shell.environment["FLUINT_DATA_DIRECTORY"]))
    texts += "".join(path.read_text(errors="replace") for path in directory.rglob("*") if path.is_file())
    with lent(shell.environment | storage(shell)), dg.DagsterInstance.get() as instance:
        for run in instance.get_runs():
            texts += "".join(entry.to_json() for entry in instance.all_logs(run.run_id)) + str(run.tags)
    assert "sync_salesforce_job" in texts
    assert {name for name, value in secrets.items() if value and value in texts} == set()
    assert shell.ask("select count(*) from fluint_sync.connection") == [(1,)]
    assert "Bearer" not in texts
