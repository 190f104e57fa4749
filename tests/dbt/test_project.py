"""What every file of the dbt project holds to, and how the project meets a database."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from orchestration.errors import SetupError, TransientError
from orchestration.modelling import Dbt, prepare
from orchestration.modelling.dbt import connection_environment
from orchestration.modelling.project import DIRECTORY, manifest_path, read_manifest, views_hash
from orchestration.postgres.connection import Database
from tests.dbt.test_builds import a_book
from tests.dbt.workspace import Workspace


def test_every_mart_column_is_described_and_typed() -> None:
    """Analysts read the description in their tool; a column that nobody explained is used wrongly."""
    prepare()
    models = [node for node in read_manifest()["nodes"].values() if node["resource_type"] == "model"]
    assert all(model["description"].strip() for model in models)
    for mart in (model for model in models if model["schema"] == "fluint"):
        assert mart["config"]["contract"]["enforced"], mart["name"]
        for column in mart["columns"].values():
            assert column["data_type"], f"{mart['name']}.{column['name']}"
            assert len(column["description"]) > 8, f"{mart['name']}.{column['name']}"


def test_no_model_adds_amounts_up() -> None:
    """DLRS#217: euros and yen in one number. Amounts stand beside their currency, and whoever adds them chooses how."""
    added = re.compile(r"(?i)\b(sum|avg|stddev\w*)\s*\([^)]*(amount|revenue)")
    texts = {file.name: file.read_text() for file in (DIRECTORY / "models").rglob("*.sql")}
    assert "deals.sql" in texts
    assert not [name for name, text in texts.items() if added.search(text)]


def test_every_data_test_says_what_a_failure_means() -> None:
    """Whoever is woken by a red check has the file before them, not its author."""
    files = list((DIRECTORY / "tests").glob("*.sql"))
    assert files
    for file in files:
        assert file.read_text().startswith("-- A failure means"), file.name
        assert file.stem.startswith("assert_"), file.name


def test_incremental_models_read_no_table_but_by_changed_keys_or_whole() -> None:
    """A model with changed keys that forgets to ask them would read everything at every interval."""
    prepare()
    nodes = [node for node in read_manifest()["nodes"].values() if node["config"].get("changed_keys")]
    assert nodes
    for node in nodes:
        keys = node["config"]["changed_keys"]
        assert any(name.endswith(f".{keys}") for name in node["depends_on"]["nodes"]), node["name"]


def test_the_project_is_parsed_again_when_a_file_changed_and_only_then(tmp_path: Path) -> None:
    """Parsing takes seconds at every start; not parsing shows yesterday's models."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(DIRECTORY, copy, ignore=shutil.ignore_patterns("target", "logs"))
    with pytest.raises(SetupError, match="make prepare"):
        read_manifest(copy)
    assert prepare(copy)
    assert not prepare(copy)
    before = views_hash(read_manifest(copy))
    (copy / "models/marts/accounts.sql").unlink()
    later = manifest_path(copy).stat().st_mtime + 10
    os.utime(copy / "models/marts", (later, later))
    with pytest.raises(Exception, match="accounts"):
        # Its description is still there, its unit test too: dbt says so.
        prepare(copy)
    assert views_hash(read_manifest(copy)) == before


def test_a_database_of_another_release_is_refused_with_the_cure(workspace: Workspace) -> None:
    """Models on views of another shape fail one by one, or worse, do not fail."""
    workspace.dbt.check_deployed_views()
    with workspace.writing() as rows:
        rows.run("update fluint_sync.deployed_views set views_hash = 'earlier'")
    with pytest.raises(SetupError, match="fluint upgrade"):
        workspace.dbt.check_deployed_views()


def test_dbt_meets_the_password_only_while_it_runs(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    """Left in the environment it would be in every child process; in a file of dbt's, for whoever reads the folder."""
    with workspace.writing() as rows:
        a_book(rows)
        rows.deal("006A", name="Secret plan", created_date=None)
    before = dict(os.environ)
    password = connection_environment(workspace.database.url)["FLUINT_DBT_PASSWORD"]
    with pytest.raises(Exception, match="deals"):
        workspace.dbt.build("deals")
    assert dict(os.environ) == before
    files = [
        path for folder in ("target", "logs") for path in (DIRECTORY / folder).rglob("*") if path.is_file()
    ]
    assert not [
        path
        for path in files
        if password.encode() in path.read_bytes() or b"Secret plan" in path.read_bytes()
    ]
    written = capfd.readouterr()
    assert "Secret plan" not in written.out + written.err
    assert password not in written.out + written.err


def test_a_database_that_cannot_be_reached_is_tried_again_later() -> None:
    """A server that restarts is no fault of the models, and the message must not hold the URL's password."""
    prepare()
    gone = Database("postgresql://fluint:opensesame@127.0.0.1:1/fluint")
    with pytest.raises(TransientError) as caught:
        Dbt(gone).build("deals")
    assert "opensesame" not in str(caught.value)


def test_a_url_becomes_the_variables_of_the_profile() -> None:
    """Users, passwords and names may hold any character; TLS must be asked for as the URL asks."""
    environment = connection_environment(
        "postgresql://us%40er:p%3Aw@db.example:6543/na%20me?sslmode=verify-full&sslrootcert=/ca.pem"
    )
    assert environment == {
        "FLUINT_DBT_HOST": "db.example",
        "FLUINT_DBT_PORT": "6543",
        "FLUINT_DBT_USER": "us@er",
        "FLUINT_DBT_PASSWORD": "p:w",
        "FLUINT_DBT_DBNAME": "na me",
        "FLUINT_DBT_SSLMODE": "verify-full",
        "FLUINT_DBT_SSLROOTCERT": "/ca.pem",
    }
