"""A whole login and sync with every logger at DEBUG: what is written down anywhere holds no secret."""

from __future__ import annotations

import logging
import re
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestration.cli.connecting import connect_workspace
from orchestration.cli.workspace import Workspace
from orchestration.errors import FluintError
from orchestration.salesforce import oauth
from orchestration.salesforce.oauth import LoginAttempt, OAuthApp, Tokens
from orchestration.settings import use_browser
from tests.dagster.house import House, failure

# What every token of an org looks like, so that one that nobody noted is found too.
TOKENS = re.compile(r"00D\w{12,15}!|5Aep861|\bBearer [\w!.]{10}")


class Kept(logging.Handler):
    """Everything that any library says, with its arguments and tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a record as a file would, and what it was made of."""
        self.texts.append(f"{self.format(record)} {record.args!r}")


@pytest.fixture
def logs() -> Iterator[Kept]:
    """All loggers at DEBUG, heard at the root and at those that pass nothing on."""
    kept, root = Kept(), logging.getLogger()
    named = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = {logger: (logger.level, logger.propagate) for logger in [root, *named]}
    pytests = root.handlers[:]  # which would print megabytes above the one line that says what was found
    for handler in pytests:
        root.removeHandler(handler)
    for logger in before:
        logger.setLevel(logging.DEBUG)
        if logger is root or not logger.propagate:
            logger.addHandler(kept)
    yield kept
    for logger, (level, propagates) in before.items():
        logger.removeHandler(kept)
        logger.setLevel(level)
        logger.propagate = propagates
    for handler in pytests:
        root.addHandler(handler)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every code, verifier, state and token of the test, noted where it is made."""
    noted: set[str] = set()
    begin, finish, refresh = oauth.begin_login, oauth.finish_login, oauth.refresh

    def beginning(app: OAuthApp) -> LoginAttempt:
        attempt = begin(app)
        noted.update((attempt.state, attempt.code_verifier))
        return attempt

    def note(tokens: Tokens) -> Tokens:
        noted.update(filter(None, (tokens.access_token, tokens.refresh_token)))
        return tokens

    def finishing(app: OAuthApp, attempt: LoginAttempt, came: str) -> Tokens:
        noted.update(parse_qs(urlsplit(came).query)["code"])
        return note(finish(app, attempt, came))

    monkeypatch.setattr(oauth, "begin_login", beginning)
    monkeypatch.setattr(oauth, "finish_login", finishing)
    monkeypatch.setattr(oauth, "refresh", lambda app, tokens: note(refresh(app, tokens)))
    return noted


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_login_and_a_sync_at_debug_leave_no_secret_in_any_log_event_or_error(
    house: House,
    logs: Kept,
    secrets: set[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Logs are copied into tickets, and Dagster's event log cannot be edited: a token in it is good until somebody revokes it."""
    workspace, org = Workspace(house.settings), house.bench.org
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # it reads BROWSER once in a process
    monkeypatch.setenv("BROWSER", "")
    use_browser(f"{sys.executable} -m local_org.visitor sign-in --directory {org.card['directory']} %s")
    connect_workspace(workspace)
    first = workspace.token_store.load()
    org.admin("POST", "/faults", {"kind": "expired_token"})  # so that a run renews it
    loud = {"loggers": {"console": {"config": {"log_level": "DEBUG"}}}}
    job = house.definitions.resolve_job_def("sync_now_job")
    assert job.execute_in_process(instance=house.instance, run_config=loud).success
    assert workspace.token_store.load().generation > first.generation
    oauth.revoke(workspace.app, workspace.token_store.load())
    refused = house.run("sync_salesforce_job")
    assert not refused.success
    with pytest.raises(FluintError) as caught:
        workspace.salesforce().organization()
    errors = failure(refused) + repr(caught.value) + str(caught.value.__cause__)
    _insist(secrets | _standing(house), logs, errors, _dagsters(house), "".join(capfd.readouterr()))


def _standing(house: House) -> set[str]:
    """The secrets that the settings hold, and the person's password."""
    settings, card = house.settings, house.bench.org.card
    password = re.search(r":([^:@/]+)@", settings.require("database_url"))
    given = {
        settings.require(name) for name in ("encryption_key", "salesforce_client_secret", "database_url")
    }
    return given | {str(card["password"])} | ({password[1]} if password else set())


def _dagsters(house: House) -> str:
    """All that Dagster keeps: events, runs, ticks, and what was printed while a step ran."""
    kept = [
        str(row[0])
        for table, column in (("event_logs", "event"), ("runs", "run_body"), ("job_ticks", "tick_body"))
        for row in _rows(house, f"select {column} from {table}")
    ]
    files = [path for path in Path(house.settings.data_directory).rglob("*") if path.is_file()]
    return "\n".join(kept + [path.read_text(errors="replace") for path in files])


def _rows(house: House, query: str) -> list[tuple[object, ...]]:
    with house.storage.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def _insist(secrets: set[str], logs: Kept, errors: str, dagster: str, printed: str) -> None:
    said = "\n".join(logs.texts)
    # The net is whole: the requests themselves were heard, and the run was kept.
    assert "/services/oauth2/token" in said
    assert "sync_salesforce_job" in dagster
    assert "connects" in errors
    assert len(secrets) > 8
    for place, text in (("logs", said), ("errors", errors), ("Dagster", dagster), ("terminal", printed)):
        found = {secret[:6] for secret in secrets if secret in text} | {
            m[0][:6] for m in TOKENS.finditer(text)
        }
        assert not found, f"{place} hold {found}"
