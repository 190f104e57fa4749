"""`fluint erase` as a person uses it: what it says, what it leaves behind, and a database that is restored from before it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from orchestration.cli.erase import _refuse_what_is_left
from orchestration.errors import SetupError
from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore
from orchestration.privacy.apply import Erased
from orchestration.privacy.prove import Found
from orchestration.salesforce.oauth import Tokens
from tests.cli.conftest import environment
from tests.cli.shell import Shell
from tests.privacy.people import KEY, Office

pytestmark = pytest.mark.slow


@dataclass
class Desk:
    """An office with a command line, and the directory of its data."""

    office: Office
    shell: Shell
    directory: Path

    def copies(self) -> list[Path]:
        """The reports that were written."""
        return sorted((self.directory / "erasures").glob("*.json"))


@pytest.fixture
def desk(office: Office, tmp_path: Path, empty_database: Database) -> Desk:
    """The workspace of `office`, connected; Dagster's database is another one, and empty."""
    bench = office.bench
    given = environment(bench.org, bench.database, empty_database, tmp_path) | {"FLUINT_ERASURE_KEY": KEY}
    app = bench.org.app()
    store = PostgresTokenStore(bench.database, str(given["FLUINT_ENCRYPTION_KEY"]), Tokens)
    store.connect(bench.tokens, client_id=app.client_id, login_url=app.login_url)
    return Desk(office, Shell(given, bench.database, bench.org), tmp_path)


def test_the_command_shows_counts_asks_erases_and_repeats_nobody(desk: Desk) -> None:
    """An address in a terminal's history, a report or a ticket, by the very command that was to forget it."""
    person = desk.office.person()
    refused = desk.shell("erase", "--email", person.address)
    assert (refused.exit_code, "nobody to ask" in refused.line) == (1, True)
    assert "raw_salesforce.contact" in refused.text
    assert desk.office.bench.live("contact") >= {person.contact}, "nothing is erased before somebody says yes"
    asked = desk.office.bench.log_position()
    said = desk.shell("erase", "--email", person.address, "--yes")
    assert said.exit_code == 0, said.text
    assert desk.office.bench.log_position() == asked, "nothing in Salesforce is asked or changed"
    (copy,) = desk.copies()
    report = json.loads(copy.read_text())
    assert report["report"]["changes"]
    assert copy.stat().st_mode & 0o077 == 0
    for text in (refused.text, said.text, copy.read_text()):
        assert not [
            word for word in (person.address, person.contact, person.role) if word.lower() in text.lower()
        ]
    assert desk.office.traces(person.address, person.contact) == {}


def test_files_outside_of_the_database_are_listed_at_the_end_for_whoever_deletes_them(desk: Desk) -> None:
    """Addresses of files that stood in the rows which are gone: nobody can find them any more, and they are kept for ever."""
    deal = desk.office.deal()
    with desk.office.bench.database.transaction() as connection:
        connection.execute(
            """
            with made as (insert into fluint_app.document (opportunity_id, title) values (%s, 'Plan') returning document_id)
            insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256, content_uri)
            select document_id, 1, 'plan.pdf', 'application/pdf', 1, repeat('0', 64), 's3://plans/plan.pdf' from made
            """,
            [deal],
        )
    said = desk.shell("erase", "--opportunity", deal, "--yes")
    assert said.exit_code == 0, said.text
    plan, _, end = said.text.partition("To be deleted by whoever runs the application's storage")
    assert "1 generated files lie outside" in " ".join(plan.split())
    assert "s3://plans/plan.pdf" in end
    assert desk.office.traces("s3://plans/plan.pdf") == {}
    assert "s3://" not in desk.copies()[0].read_text()


def test_why_says_erased_of_a_deal_and_of_a_person_without_asking_salesforce(desk: Desk) -> None:
    """A deal that is `missing`, with the advice to read it again; an address that lands in the org's log of queries."""
    person, deal = desk.office.person(), desk.office.deal()
    for option, given in (("--email", person.address), ("--opportunity", deal)):
        assert desk.shell("erase", option, given, "--yes").exit_code == 0
    before = desk.office.bench.log_position()
    for what in (deal, person.address):
        said = desk.shell("why", what, "--json")
        assert json.loads(said.text)["code"] == "erased"
        assert person.address not in said.text
    assert desk.office.bench.log_position() == before


def test_an_address_in_the_database_of_dagster_is_found_and_told(
    desk: Desk, empty_database: Database
) -> None:
    """A log that nobody looked into, because by our own rules there is nothing in it."""
    person = desk.office.person()
    with empty_database.transaction() as connection:
        connection.execute("create table event_logs (event text)")
        connection.execute("insert into event_logs values (%s)", [json.dumps({"to": person.address})])
    said = desk.shell("erase", "--email", person.address, "--yes")
    assert said.exit_code == 1
    assert "Dagster's public.event_logs.event (1 rows)" in said.line
    assert person.address not in said.text
    assert desk.office.traces(person.address) == {}, "what could be erased is"


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ([], "one of --email"),
        (["--email", "a@x.example", "--user", "005Qy0000000001AAA"], "one of --email"),
        (["--email", "nobody"], "no e-mail address"),
        (["--contact", "006Qy0000000001MAA"], "is no Salesforce id"),
        (["--contact", "006000000000001"], "not the id of a Salesforce contact"),
    ],
)
def test_what_nobody_can_mean_is_refused_before_anything_is_looked_up(
    desk: Desk, arguments: list[str], answer: str
) -> None:
    """A deal erased for a contact, because somebody copied the wrong id."""
    said = desk.shell("erase", *arguments, "--yes")
    assert (said.exit_code, answer in said.line) == (1, True), said.text
    assert desk.office.bench.ask("select count(*) from fluint_sync.erasure") == [(0,)]


@pytest.mark.parametrize(
    ("column", "who"),
    [
        ("email", "tables that are not Fluint's: x.y.email"),
        ("email (statistics)", "planner remembers .* x.y; it"),
    ],
)
def test_what_is_left_is_told_with_who_takes_it_away(column: str, who: str) -> None:
    """A table of Fluint's own that is told to be somebody else's, because Postgres remembers values of rows that are gone."""
    found = Found("x", "y", column, "address", 1)
    erased = Erased(UUID(int=0), "email", (), (found,), (), 1, (), 0)
    with pytest.raises(SetupError, match=who) as refused:
        _refuse_what_is_left(erased, ())
    assert ("planner" in str(refused.value)) == ("statistics" in column)
