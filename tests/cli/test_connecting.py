"""`fluint connect` and `disconnect` as commands: what they keep, what they end, and how a person without a browser gets through."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import requests
import typer

from orchestration.cli.console import speaking
from orchestration.cli.workspace import Workspace
from orchestration.errors import NeedsReconnectError
from orchestration.postgres.archive import PREFIX
from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore, new_key
from orchestration.salesforce.oauth import Tokens
from tests.cli.conftest import environment
from tests.cli.shell import Shell, lent
from tests.contract.keys import key_and_certificate
from tests.contract.running_org import ROOT, RunningOrg, serving

ANOTHER_ORG = "00D000000000009AAA"
STAYS = (
    "select object, position from fluint_sync.cursor order by 1",
    "select id, name from raw_salesforce.opportunity order by 1",
    "select owner_id, created from fluint_sync.owner_coverage order by 1",
)


@pytest.fixture(scope="session")
def desk_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """An org of their own: these tests revoke every grant, and a sixth one ends the first."""
    with serving(tmp_path_factory.mktemp("desk-org"), 10) as org:
        yield org


@pytest.fixture
def desk(desk_org: RunningOrg, database: Database, tmp_path: Path) -> Iterator[Shell]:
    """A workspace that was brought up and not connected yet; the org's switches are as before when the test ends."""
    switches = desk_org.admin("GET", "/switches")
    yield Shell(environment(desk_org, database, database, tmp_path), database, desk_org)
    desk_org.admin("PATCH", "/switches", switches)


@pytest.fixture
def connected(desk: Shell) -> Shell:
    """The workspace after `fluint connect`, with something read."""
    stored(desk).connect(
        desk.org.connect(), client_id=str(desk.org.card["client_id"]), login_url=desk.org.url
    )
    with desk.database.transaction() as connection:
        connection.execute(
            "insert into fluint_sync.cursor (object, position) values ('opportunity', '2026-05-01Z')"
        )
        connection.execute(
            "insert into raw_salesforce.opportunity (id, name, _read_at, _run_id) values ('006000000000001AAA', 'A', now(), 'r')"
        )
        connection.execute(
            "insert into fluint_sync.owner_coverage (owner_id, digest, created, listed_at)"
            " values ('005000000000001AAA', 'd', '{(,)}', now())"
        )
    return desk


def stored(shell: Shell) -> PostgresTokenStore[Tokens]:
    """The workspace's token store."""
    return PostgresTokenStore(shell.database, str(shell.environment["FLUINT_ENCRYPTION_KEY"]), Tokens)


def is_alive(shell: Shell, tokens: Tokens) -> bool:
    """Whether the org still takes a session."""
    return shell.org.call(tokens, "GET", "/limits").status_code == 200


def test_connecting_says_as_whom_and_what_happens_next(desk: Shell) -> None:
    """'Connected' leaves a person before an empty pipeline: nobody is licensed yet, and nothing is read before."""
    said = desk("connect")
    assert said.exit_code == 0, said.text
    org_id = desk.org.admin("GET", "/org")["org_id"]
    assert f"Connected to org {org_id}" in said.line
    assert stored(desk).load().user_id in said.line
    assert (
        said.line.index("fluint check")
        < said.line.index("fluint users import")
        < said.line.index("fluint sync")
    )
    assert stored(desk).load().access_token not in said.text


def test_connecting_again_keeps_data_and_cursors_and_says_so(connected: Shell) -> None:
    """A token that ended must not cost a load of days."""
    before = [connected.ask(query) for query in STAYS]
    stored(connected).mark_needs_reconnect("the grant was revoked.")
    said = connected("connect")
    assert said.exit_code == 0, said.text
    assert "goes on from where it was" in said.line
    assert [connected.ask(query) for query in STAYS] == before
    assert all(before)
    assert is_alive(connected, stored(connected).load())


@pytest.mark.slow
def test_another_user_of_the_same_org_may_connect_and_what_that_means_is_said(connected: Shell) -> None:
    """What the new user cannot see goes missing without an error (R9)."""
    with connected.database.transaction() as connection:
        connection.execute("update fluint_sync.connection set user_id = '005000000000009AAA'")
    said = connected("connect")
    assert said.exit_code == 0, said.text
    assert "another one than before" in said.line


def test_what_refuses_a_new_sign_in_is_what_stands_in_the_way_now(
    connected: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user was deactivated and is active again; the app was blocked meanwhile, and the check goes on about the user."""
    org = connected.org
    stored(connected).mark_needs_reconnect("The integration user was deactivated.")
    decisions = iter(["deny", "allow"])

    def browse(url: str) -> bool:
        requests.get(org.visit(url, next(decisions)), timeout=60)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    org.admin("DELETE", "/tokens")  # who allowed the app before is not asked again
    assert connected("connect").exit_code == 1
    why = "select reason from fluint_sync.connection"
    assert connected.ask(why) == [("The integration user was deactivated.",)]
    org.admin("POST", "/mistakes", ["app_blocked"])
    try:
        assert connected("connect").exit_code == 1
    finally:
        org.admin("DELETE", "/mistakes")
    ((reason,),) = connected.ask(why)
    assert "OAUTH_APP_BLOCKED" in str(reason)
    assert "Setup › Connected Apps OAuth Usage" in str(reason)


def test_disconnecting_revokes_in_salesforce_and_forgets_here(connected: Shell) -> None:
    """A grant that lives on in Salesforce is a door that nobody watches."""
    tokens = stored(connected).load()
    assert is_alive(connected, tokens)
    said = connected("disconnect")
    assert said.exit_code == 0, said.text
    assert not is_alive(connected, tokens)
    assert connected.ask("select access_token, refresh_token, state from fluint_sync.connection") == [
        (None, None, "disconnected")
    ]
    assert connected.ask(STAYS[0]) == [("opportunity", connected.ask(STAYS[0])[0][1])]
    again = connected("disconnect")
    assert (again.exit_code, "no connection to end" in again.line) == (0, True)


def test_a_dead_connection_can_be_disconnected(connected: Shell) -> None:
    """The command that ends a connection said that there is none, and left its tokens where they were."""
    stored(connected).mark_needs_reconnect("the grant was revoked.")
    assert connected("disconnect").exit_code == 0
    assert stored(connected).held() is None


def test_an_org_that_does_not_answer_can_be_forgotten(connected: Shell) -> None:
    """A sandbox that was deleted is nobody's to ask."""
    with connected.database.transaction() as connection:
        connection.execute("update fluint_sync.connection set token_url = 'https://127.0.0.1:1'")
    said = connected("disconnect")
    assert (said.exit_code, "--local-only" in said.line) == (1, True), said.text
    assert connected("disconnect", "--local-only").exit_code == 0
    assert stored(connected).held() is None


@pytest.mark.slow
def test_what_connect_was_told_once_need_not_be_set(connected: Shell) -> None:
    """`fluint connect acme`, and then a sync that says that no org is named."""
    nowhere: dict[str, str | None] = {"FLUINT_SALESFORCE_URL": None}
    assert connected("connect", **nowhere).exit_code == 0
    assert connected("disconnect", **nowhere).exit_code == 0


def test_an_address_that_is_none_is_refused_with_the_right_form(desk: Shell) -> None:
    """Before anything is opened: a password typed into a look-alike is lost."""
    said = desk("connect", "acme.salesforce.com")
    assert said.exit_code == 1
    assert "Did you mean acme (https://acme.my.salesforce.com)?" in said.line


@pytest.mark.slow
def test_another_org_is_refused_and_its_new_grant_is_given_back(connected: Shell) -> None:
    """Two companies' deals in one database; and a grant that nobody holds, yet Salesforce keeps."""
    _belong_to_another_org(connected)
    before = connected.org.admin("GET", "/log/last")["entry"]
    said = connected("connect")
    assert said.exit_code == 1
    assert ANOTHER_ORG in said.line
    assert "--replace-org" in said.line
    assert connected.ask(STAYS[1]) == [("006000000000001AAA", "A")]
    new = connected.org.admin("GET", f"/log?after={before}")
    assert 200 in [entry["status"] for entry in new if entry["path"] == "/services/oauth2/revoke"]


def test_an_org_that_was_replaced_comes_in_after_the_old_one_went_to_an_archive(connected: Shell) -> None:
    """A sandbox that was refreshed: mixed with the old rows it would be wrong, and dropping these would be final."""
    _belong_to_another_org(connected)
    said = connected("connect", "--replace-org")
    assert said.exit_code == 0, said.text
    (schema,) = connected.ask(f"select nspname from pg_namespace where nspname like '{PREFIX}%'")[0]
    assert str(schema) in said.line
    assert ANOTHER_ORG in said.line
    assert connected.ask(f"select id, name from {schema}.raw_salesforce__opportunity") == [
        ("006000000000001AAA", "A")
    ]
    assert connected.ask(f"select object from {schema}.fluint_sync__cursor") == [("opportunity",)]
    assert [connected.ask(query) for query in STAYS] == [[], [], []]
    org_id = connected.org.admin("GET", "/org")["org_id"]
    assert connected.ask("select org_id, state from fluint_sync.connection") == [(org_id, "connected")]


@pytest.mark.slow
def test_replacing_an_org_by_itself_archives_nothing(connected: Shell) -> None:
    """The option in a script that runs every time."""
    assert connected("connect", "--replace-org").exit_code == 0
    assert connected.ask(STAYS[1]) == [("006000000000001AAA", "A")]
    assert connected.ask(f"select count(*) from pg_namespace where nspname like '{PREFIX}%'") == [(0,)]


def _belong_to_another_org(shell: Shell) -> None:
    with shell.database.transaction() as connection:
        connection.execute("update fluint_sync.connection set org_id = %s", [ANOTHER_ORG])


def test_the_app_signs_in_by_itself_where_no_person_is(desk: Shell) -> None:
    """A server that nobody sits at, and an org that allows no consent page for integrations."""
    alone: dict[str, str | None] = {"FLUINT_SALESFORCE_SIGN_IN": "client_credentials", "BROWSER": "false"}
    refused = desk("connect", **alone)
    assert (refused.exit_code, "'Run As'" in refused.line) == (1, True), refused.text
    desk.org.admin("PATCH", "/switches", {"client_credentials_username": desk.org.card["username"]})
    said = desk("connect", **alone)
    assert said.exit_code == 0, said.text
    _insist_that_it_signs_in_again(desk, alone)


def test_an_app_with_a_certificate_signs_in_by_its_settings(desk: Shell, tmp_path: Path) -> None:
    """The other way without a person: the key is a file that only this machine has, and no secret of the app is."""
    desk.org.connect()  # who approved the app once need not be approved by an admin
    key, certificate = key_and_certificate()
    file = tmp_path / "app.key"
    alone: dict[str, str | None] = {
        "FLUINT_SALESFORCE_SIGN_IN": "jwt",
        "FLUINT_SALESFORCE_USERNAME": str(desk.org.card["username"]),
        "FLUINT_SALESFORCE_PRIVATE_KEY_FILE": str(file),
        "FLUINT_SALESFORCE_CLIENT_SECRET": None,
        "BROWSER": "false",
    }
    absent = desk("connect", **alone)
    assert (absent.exit_code, "FLUINT_SALESFORCE_PRIVATE_KEY_FILE" in absent.line) == (1, True), absent.text
    file.write_text(key)
    unknown = desk("connect", **alone)
    assert (unknown.exit_code, "uploads the certificate" in unknown.line) == (1, True), unknown.text
    desk.org.admin("PATCH", "/switches", {"jwt_certificate": certificate})
    said = desk("connect", **alone)
    assert said.exit_code == 0, said.text
    assert key.splitlines()[1] not in "".join(desk.said)
    _insist_that_it_signs_in_again(desk, alone)
    last = stored(desk).load()
    assert desk("disconnect", **alone).exit_code == 0
    assert not is_alive(desk, last)


def _insist_that_it_signs_in_again(shell: Shell, alone: dict[str, str | None]) -> None:
    """When its session has ended: there is no refresh token, and nobody is asked."""
    first = stored(shell).load()
    shell.org.admin("DELETE", f"/tokens?token={first.access_token}")
    with lent(shell.environment | alone):
        assert Workspace.here().salesforce().organization().id == first.org_id
    second = stored(shell).load()
    assert (first.refresh_token, second.refresh_token, second.generation) == (
        None,
        None,
        first.generation + 1,
    )
    assert is_alive(shell, second)


# What an admin did before anybody signed in, or while the consent page was open; what the person chose; where the text leads.
REFUSALS = [
    pytest.param([], [], "deny", "signed in as the integration user, and choose Allow", id="denied"),
    pytest.param(["app_not_installed"], [], "allow", "Connected Apps OAuth Usage, finds Fluint and chooses Install", id="not-installed"),
    pytest.param(["app_deleted"], [], "allow", "Setup › Connected Apps OAuth Usage, finds Fluint and chooses Install", id="deleted"),
    pytest.param(["app_blocked"], [], "allow", "Setup › Connected Apps OAuth Usage, finds Fluint and chooses Unblock", id="blocked"),
    pytest.param(["app_not_approved"], [], "allow", "Setup › Manage Connected Apps › Fluint's app › Edit Policies", id="not-approved"),
    pytest.param([], ["address_not_allowed"], "allow", "Setup › Profiles › the profile › Login IP Ranges", id="ip-restricted"),
    pytest.param([], ["user_inactive"], "allow", "activates the user under Setup › Users", id="inactive-user"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("before", "meanwhile", "decision", "where"), REFUSALS)
def test_a_refusal_ends_the_command_and_the_page_with_the_place_to_click(
    desk: Shell, monkeypatch: pytest.MonkeyPatch, before: list[str], meanwhile: list[str], decision: str, where: str
) -> None:  # fmt: skip
    """Whoever meets the refusal is seldom who can lift it: the text has to reach the admin whole, from terminal or browser."""
    org, shown = desk.org, queue.Queue[str]()
    org.admin("DELETE", "/tokens")  # who allowed the app before is not asked again

    def browse(url: str) -> bool:
        came = org.visit(url, decision)
        org.admin("POST", "/mistakes", meanwhile)
        shown.put(requests.get(came, timeout=60).text)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    org.admin("POST", "/mistakes", before)
    try:
        said = desk("connect")
    finally:
        org.admin("DELETE", "/mistakes")
    page = unescape(shown.get(timeout=60))
    assert said.exit_code == 1
    assert "Fluint is not connected to Salesforce" in page
    assert (where in said.line, where in page) == (True, True), said.text
    assert desk.ask("select count(*) from fluint_sync.connection") == [(0,)]


def test_the_key_of_the_tokens_is_changed_by_a_command(connected: Shell) -> None:
    """Whoever left the company knows the old one."""
    old, new = str(connected.environment["FLUINT_ENCRYPTION_KEY"]), new_key()
    assert connected("rotate-key", FLUINT_ENCRYPTION_KEY=f"{new},{old}").exit_code == 0
    said = connected("disconnect", FLUINT_ENCRYPTION_KEY=old)
    assert (said.exit_code, "is not the key" in said.line) == (1, True)
    assert connected("disconnect", FLUINT_ENCRYPTION_KEY=new).exit_code == 0


@pytest.mark.slow
def test_a_person_without_a_browser_pastes_the_address_of_the_last_page(desk: Shell) -> None:
    """A server in a rack: the consent page is opened on a laptop, whose browser ends at an address that shows nothing."""
    given = {name: value for name, value in desk.environment.items() if value is not None}
    command = [str(Path(sys.executable).with_name("fluint")), "connect", "--no-browser"]
    with subprocess.Popen(
        command,
        env=os.environ | given,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        printed = (line.strip() for line in process.stdout)
        url = next(line for line in printed if line.startswith("https://"))
        came = desk.org.visit(url)
        for line in (
            "http://localhost:1717/callback?code=x&state=another",
            came.partition("&state")[0],
            came,
        ):
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
        text = " ".join(" ".join(printed).split())
        assert process.wait(60) == 0, text
    assert "Connected to org" in text
    assert text.count("belongs to another sign-in") == 2
    assert is_alive(desk, stored(desk).load())


def test_an_error_names_the_person_behind_an_id(connected: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """An admin looks for a name in Setup; Dagster, whose log cannot be edited, keeps the id."""
    user = stored(connected).load().user_id
    with connected.database.transaction() as connection:
        connection.execute(
            "insert into raw_salesforce.user (id, first_name, last_name, username, _read_at, _run_id)"
            " values (%s, 'Inga', 'Gration', 'inga@acme.example', now(), 'r')",
            [user],
        )

    @speaking
    def command() -> None:
        raise NeedsReconnectError(f"The integration user ({user}) was deactivated, {user[:15]}.")

    with lent(connected.environment), pytest.raises(typer.Exit):
        command()
    said = " ".join(capsys.readouterr().err.split())
    assert f"({user}, Inga Gration, inga@acme.example)" in said
    assert f"deactivated, {user[:15]}, Inga" in said
