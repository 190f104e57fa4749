"""The org as a process: the line that says it is ready, what stays between starts, and every way of ending."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from local_org.ca import certificates
from local_org.registration import register, registration_of
from local_org.server import serving_in_thread

ENDED = "select retries, records >= 0 from _bulk_job where state in ('JobComplete', 'Failed')"
COMMAND = [sys.executable, "-m", "local_org", "serve", "--directory"]


class Served:
    """One start of the org as a process of its own."""

    def __init__(self, directory: Path, *more: str) -> None:
        self.process = subprocess.Popen([*COMMAND, str(directory), *more], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.ready = json.loads(self.line)

    def get(self, path: str) -> requests.Response:
        """Asks once, on a connection of its own."""
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self.ready["base_url"] + path, verify=self.ready["ca_file"], timeout=60)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end and gives its exit code."""
        assert self.process.stdout is not None
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.process.stdout.close()
        return code


@pytest.fixture
def starts() -> Iterator[list[Served]]:
    """Whatever a test starts and does not end is ended here."""
    found: list[Served] = []
    yield found
    for each in found:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        if each.process.stdout is not None:
            each.process.stdout.close()


def test_a_start_prints_one_line_of_json_when_it_answers(tmp_path: Path, starts: list[Served]) -> None:
    """Whoever starts the org waits for this line; printed too early, the first call would fail."""
    starts.append(Served(tmp_path))
    assert starts[0].ready.keys() == {"base_url", "ca_file", "directory"}
    assert starts[0].ready["directory"] == str(tmp_path)
    assert starts[0].get("/services/data").json()[-1]["version"] == "66.0"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_org_that_is_asked_to_end_ends_beside_an_open_connection_and_without_complaint(
    tmp_path: Path, starts: list[Served], number: signal.Signals
) -> None:
    """A client's open connection must not hold it, and to be asked to end is no failure."""
    starts.append(Served(tmp_path))
    with requests.Session() as session:
        session.trust_env = False
        url = starts[0].ready["base_url"] + "/services/data"
        assert session.get(url, verify=starts[0].ready["ca_file"], timeout=60).status_code == 200
        assert starts[0].end(number) == 0  # while the client still holds its connection


def test_a_restart_keeps_address_authority_secrets_and_rows(tmp_path: Path, starts: list[Served]) -> None:
    """A connection made yesterday works today: same URL, same CA, same client, same records."""
    starts.append(Served(tmp_path, "--opportunities", "30"))
    authority = (tmp_path / "ca.pem").read_bytes()
    card = registration_of(tmp_path)
    cast = starts[0].get("/__local_org__/cast").json()
    starts[0].end()
    starts.append(Served(tmp_path, "--opportunities", "30"))
    assert starts[1].line == starts[0].line
    assert (tmp_path / "ca.pem").read_bytes() == authority
    assert registration_of(tmp_path) == card
    assert cast
    assert starts[1].get("/__local_org__/cast").json() == cast


def test_an_org_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """kill -9 of the demo must leave no process behind."""
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([*sys.argv[1:], '--with-parent', str(os.getpid())], stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, *COMMAND, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = json.loads(parent.stdout.readline())["base_url"]
        assert is_listening(url)
        parent.kill()
    deadline = time.monotonic() + 60
    while is_listening(url) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_listening(url)


def is_listening(url: str) -> bool:
    """Tells whether anything takes connections at the address of `url`."""
    address = urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((str(address.hostname), address.port or 0)) == 0


def test_an_org_whose_port_was_taken_meanwhile_takes_another(tmp_path: Path, starts: list[Served]) -> None:
    """Reusing the port is a convenience; insisting on it would keep the org from starting."""
    register(tmp_path / "second", "https://127.0.0.1:1")
    starts.append(Served(tmp_path / "first"))
    taken = starts[0].ready["base_url"]
    register(tmp_path / "second", taken)
    starts.append(Served(tmp_path / "second"))
    assert starts[1].ready["base_url"] != taken
    assert starts[1].get("/services/data").status_code == 200


def test_answers_are_not_held_back_by_nagles_algorithm(tmp_path: Path) -> None:
    """Without the protocol's number on the socket asyncio leaves it on, and each answer takes 40 ms longer."""
    with serving_in_thread(tmp_path) as server:
        assert server.listener.proto == socket.IPPROTO_TCP


def test_a_job_that_a_kill_interrupted_is_taken_up_at_the_next_start(tmp_path: Path) -> None:
    """A job that stays InProgress for ever keeps its client polling for ever."""
    with serving_in_thread(tmp_path) as server:
        store, user_id = server.org.store, server.org.system_user_id
        store.execute(
            "insert into _bulk_job (operation, query, sobject, is_ordered, is_chunkable, created_by, created_at, modified_at,"
            " state, api_version, column_delimiter, line_ending) values ('query', 'SELECT Id FROM User', 'User', 0, 1, ?,"
            " ?, ?, 'InProgress', '66.0', 'COMMA', 'LF')",
            (user_id, store.clock.stamp(), store.clock.stamp()),
        )
    with serving_in_thread(tmp_path) as server:
        deadline = time.monotonic() + 60
        while not (found := server.org.store.select(ENDED)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [(row[0], row[1]) for row in found] == [(1, 1)]


def test_what_is_secret_in_the_directory_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """The client secret, the password and two private keys lie there."""
    certificates(tmp_path)
    register(tmp_path, "https://127.0.0.1:1")
    modes = {name: os.stat(tmp_path / name).st_mode & 0o777 for name in ("ca.key", "server.key", "org.json")}
    assert modes == {"ca.key": 0o600, "server.key": 0o600, "org.json": 0o600}


def test_two_orgs_have_secrets_and_authorities_of_their_own(tmp_path: Path) -> None:
    """A secret that is the same everywhere is none."""
    cards = [register(tmp_path / name, "https://127.0.0.1:1") for name in ("a", "b")]
    keys = [certificates(tmp_path / name).ca_file.read_bytes() for name in ("a", "b")]
    assert cards[0].client_secret != cards[1].client_secret
    assert cards[0].password != cards[1].password
    assert keys[0] != keys[1]


def test_another_host_name_renews_the_server_certificate_under_the_same_authority(tmp_path: Path) -> None:
    """A client that trusts the authority once goes on trusting it when the org gets a name."""
    first = certificates(tmp_path)
    leaf, authority = first.certificate_file.read_bytes(), first.ca_file.read_bytes()
    second = certificates(tmp_path, ["acme.my.salesforce.com"])
    assert second.ca_file.read_bytes() == authority
    assert second.certificate_file.read_bytes() != leaf
    ssl.create_default_context(cafile=str(second.ca_file))
    assert (
        certificates(tmp_path, ["acme.my.salesforce.com"]).certificate_file.read_bytes()
        == second.certificate_file.read_bytes()
    )
