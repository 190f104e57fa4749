"""Every reason of the catalogue, provoked at the org one after the other, and then looked for wherever people look for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestration.documents import reasons
from orchestration.documents.reasons import Outlook, Reason
from orchestration.documents.standing import read_standing
from orchestration.modelling import Dbt
from orchestration.postgres.token_store import PostgresTokenStore, new_key
from orchestration.salesforce.oauth import Tokens
from tests.cli.conftest import environment
from tests.cli.shell import Shell
from tests.documents.provoking import HOLDS_ALL, WAYS, Provoked, provoke
from tests.sync.bench import Bench

CATALOGUE = {value.code: value for value in vars(reasons).values() if isinstance(value, Reason)}
_TABLES = ("fluint_app.document", "fluint_app.document_version", "fluint_sync.upload")
_LEDGERS = (*_TABLES, "fluint_sync.files_list", "fluint_sync.upload_double", "fluint_sync.api_usage")


@dataclass(frozen=True)
class Gallery:
    """What each way brought about (an error where it failed), the mart over all of it, and what two commands said of it."""

    provoked: dict[str, Provoked | Exception]
    mart: dict[str, dict[str, Any]]
    listed: str
    status: str


@pytest.fixture(scope="module")
def gallery(workspace: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """Each reason comes about in an outbox of its own; then all their versions are put into one, for the mart and the commands."""
    folder = tmp_path_factory.mktemp("gallery")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NO_PROXY", "127.0.0.1,localhost")
        _run(workspace, "create schema gallery")
        for table in _TABLES:
            _run(workspace, f"create table {_kept(table)} (like {table})")
        provoked = {code: _provoked(workspace, folder, code) for code in WAYS}
        _empty(workspace)
        for table in _TABLES:
            _run(workspace, f"insert into {table} select * from {_kept(table)}")
        _connect(workspace)
        Dbt(workspace.database).build("int_org_connected deal_documents")
        mart = {
            row[0]["document_id"]: row[0]
            for row in workspace.ask(
                "select to_jsonb(t) from fluint.deal_documents t order by version_number"
            )
        }
        shell = Shell(
            environment(workspace.org, workspace.database, workspace.database, folder),
            workspace.database,
            workspace.org,
        )
        listed, status = shell("documents", "list", "--open").line, shell("status").line
        yield Gallery(provoked, mart, listed, status)
        _run(
            workspace,
            "drop schema gallery cascade; truncate fluint.deal_documents, fluint_intermediate.int_org_connected;"
            " delete from fluint_sync.connection; delete from fluint_sync.modelled",
        )


def _provoked(bench: Bench, folder: Path, code: str) -> Provoked | Exception:
    switches = bench.org.admin("GET", "/switches")
    _empty(bench)
    try:
        seen = provoke(bench, folder, code)
        for table in _TABLES:
            _run(
                bench,
                f"insert into {_kept(table)} select * from {table} where document_id = '{seen.document}'",
            )
        return seen
    except Exception as error:  # told by the test of this reason
        return error
    finally:
        bench.org.admin("DELETE", "/faults")
        bench.org.admin("PATCH", "/switches", switches)
        bench.client._transport.usage = None
        if bench.ask("select from raw_salesforce.opportunity where _deleted_at is not null"):
            with suppress(AssertionError):
                bench.follow()  # a deal came back


def _kept(table: str) -> str:
    return f"gallery.{table.partition('.')[2]}"


def _empty(bench: Bench) -> None:
    _run(bench, f"truncate {', '.join(_LEDGERS)}")


def _run(bench: Bench, statement: str) -> None:
    with bench.database.transaction() as connection:
        connection.execute(statement.encode())


def _connect(bench: Bench) -> None:
    """Lets the ledger know which org this is, as `fluint connect` does."""
    store = PostgresTokenStore(bench.database, new_key(), Tokens)
    store.connect(bench.tokens, client_id=bench.org.app().client_id, login_url=bench.org.url)


def _seen(gallery: Gallery, code: str) -> Provoked:
    seen = gallery.provoked[code]
    if isinstance(seen, Exception):
        raise seen
    return seen


def test_there_is_a_way_to_every_reason_of_the_catalogue() -> None:
    """A reason that nothing produces is a promise that nobody has seen kept."""
    assert set(WAYS) == set(CATALOGUE)


@pytest.mark.slow
@pytest.mark.parametrize("code", WAYS)
def test_a_reason_is_said_wherever_people_look(gallery: Gallery, code: str) -> None:
    """A state without its sentence in one of the three places: whoever looks there asks support, or does nothing."""
    seen, reason = _seen(gallery, code), CATALOGUE[code]
    row = seen.row
    assert (row["reason"], row["outlook"]) == (code, reason.outlook)
    assert re.fullmatch(
        re.escape(reason.text).replace(re.escape("{said}"), ".+"), row["reason_text"], re.DOTALL
    )
    assert _state(row["state"], reason), row
    mart = gallery.mart[str(seen.document)]
    names = {"upload_state": "state", "upload_reason": "reason", "upload_reason_text": "reason_text"}
    names |= {"upload_outlook": "outlook", "upload_retry_at": "retry_at", "attempts": "attempts"}
    assert {name: mart[name] for name in names} == {name: row[column] for name, column in names.items()}
    sentence = " ".join(f"× {code}, {reason.outlook.replace('_', ' ')}: {row['reason_text']}".split())
    assert sentence in gallery.listed
    assert " ".join(row["reason_text"].split()) in gallery.status


def _state(state: str, reason: Reason) -> bool:
    """Given up is a state; what else is not there yet is tried again; the rest is there, and not as it should be."""
    if reason.outlook is Outlook.GIVEN_UP:
        return state == "given_up"
    there = {"double", "file_not_shown", "files_list_missing"}
    return state == "uploaded" if reason.code in there else state in ("waiting", "sending", "sent", "failed")


@pytest.mark.slow
@pytest.mark.parametrize("code", sorted(set(WAYS) - HOLDS_ALL))
def test_a_document_with_a_reason_of_its_own_holds_up_no_other(gallery: Gallery, code: str) -> None:
    """A whole run that ends at the first bad document, and a hundred good ones behind it."""
    assert _seen(gallery, code).beside == "uploaded"


@pytest.mark.slow
def test_what_is_open_is_counted_by_reason_for_whoever_asks_the_ledger(
    gallery: Gallery, workspace: Bench
) -> None:
    """The status, and Dagster's metadata, count what the outbox holds; nothing of it is unexplained."""
    standing = read_standing(workspace.database)
    assert {reason.code for reason in standing.reasons} == set(WAYS)
    assert standing.unexplained == 0
    assert {version.reason for version in standing.open_versions} >= set(WAYS)
    assert standing.given_up == sum(reason.outlook == "given_up" for reason in standing.reasons)


@pytest.mark.slow
def test_the_mart_says_of_an_uploaded_version_what_it_is_and_where(
    gallery: Gallery, workspace: Bench
) -> None:
    """Columns that a contract promises and nobody ever looked into."""
    seen = _seen(gallery, "files_list_missing")
    mart = gallery.mart[str(seen.document)]
    file = seen.row["content_document_id"]
    assert file.startswith("069")
    shown = {
        "version_number": 1,
        "deal_id": seen.row["opportunity_id"],
        "content_document_id": file,
        "content_version_id": seen.row["content_version_id"],
        "file_name": "case.md",
        "content_type": "text/markdown",
        "sha256": seen.row["sha256"],
        "created_by": None,
        "byte_size": 3,
        "is_latest_version": True,
        "upload_state": "uploaded",
        "uploaded_at": seen.row["uploaded_at"],
        "salesforce_url": f"{workspace.tokens.instance_url}/{file}",
    }
    assert {name: mart[name] for name in shown} == shown
    assert mart["title"].startswith("Provoked files_list_missing")
    assert mart["generated_at"] <= mart["uploaded_at"]
    earlier = workspace.ask(
        "select is_latest_version from fluint.deal_documents"
        f" where document_id = '{_seen(gallery, 'earlier_version').document}' order by version_number"
    )
    assert earlier == [(False,), (True,)]
