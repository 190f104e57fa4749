"""The app's side of documents as far as the command line needs it: versions are added, never changed, and sent again on request."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from orchestration.documents.order import OVERTAKEN, leave_older_files
from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection, Database


@dataclass(frozen=True)
class AddedVersion:
    """What was added: the document, and the number of its version; not `is_new`: the newest version has these bytes already."""

    document_id: UUID
    version_number: int
    is_new: bool = True


def add_version(database: Database, file: Path, *, opportunity_id: str, title: str) -> AddedVersion:
    """Adds a file as a document on a deal, or as the next version of the document with that title there.

    The same bytes again are no new version. Raises SetupError when the file cannot be read, is empty, or the deal is not in Fluint.
    """
    content = _read(file)
    sha256 = hashlib.sha256(content).hexdigest()
    with database.transaction() as connection:
        _refuse_unknown_deal(connection, opportunity_id)
        document_id = _document(connection, opportunity_id, title)
        newest = connection.execute(
            "select version_number, sha256 from fluint_app.document_version where document_id = %s"
            " order by version_number desc limit 1",
            [document_id],
        ).fetchone()
        if newest and newest[1] == sha256:
            return AddedVersion(document_id, newest[0], is_new=False)
        row = connection.execute(
            """
            insert into fluint_app.document_version
                (document_id, version_number, file_name, content_type, byte_size, sha256, content, generated_at)
            select %(id)s, coalesce(max(version_number), 0) + 1, %(name)s, %(type)s, %(size)s, %(sha256)s, %(content)s, now()
            from fluint_app.document_version where document_id = %(id)s
            returning version_number
            """,
            {
                "id": document_id,
                "name": file.name,
                "type": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
                "size": len(content),
                "sha256": sha256,
                "content": content,
            },
        ).fetchone()
    assert row is not None  # returning
    return AddedVersion(document_id, row[0])


def _read(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SetupError(f"{file} cannot be read ({error.strerror}). No document was added.") from None
    if not content:
        raise SetupError(f"{file} is empty, and Salesforce takes no empty file. No document was added.")
    return content


def _refuse_unknown_deal(connection: Connection, opportunity_id: str) -> None:
    held = connection.execute(
        "select 1 from raw_salesforce.opportunity where id = %s and _deleted_at is null", [opportunity_id]
    ).fetchone()
    if held is None:
        raise SetupError(
            f"There is no deal {opportunity_id} in Fluint. The column deal_id of fluint.deals lists them; `fluint why {opportunity_id}`"
            " says why this one is not there."
        )


def _document(connection: Connection, opportunity_id: str, title: str) -> UUID:
    # One adder of versions of one document at a time; the lock is on the deal's documents, which may not exist yet.
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('fluint document ' || %s, 0))", [opportunity_id]
    )
    found = connection.execute(
        "select document_id from fluint_app.document where opportunity_id = %s and title = %s order by created_at limit 1",
        [opportunity_id, title],
    ).fetchone()
    if found:
        return UUID(str(found[0]))
    document_id = uuid4()
    connection.execute(
        "insert into fluint_app.document (document_id, opportunity_id, title, created_at) values (%s, %s, %s, now())",
        [document_id, opportunity_id, title],
    )
    return document_id


@dataclass(frozen=True)
class ListedVersion:
    """One generated version and what became of it; `retry_at` in UTC; `outlook` is None where all is well, `reason` is a code."""

    document_id: str
    version_number: int
    opportunity_id: str
    state: str
    outlook: str | None
    reason: str | None
    reason_text: str | None
    retry_at: datetime | None
    content_document_id: str | None


def list_versions(database: Database, *, only_open: bool = False) -> list[ListedVersion]:
    """Every generated version, newest first; with `only_open`, those that are not uploaded or have something wrong."""
    with database.transaction() as connection:
        rows = connection.execute(
            """
            select version.document_id::text, version.version_number, document.opportunity_id,
                   coalesce(up.state, 'waiting'), up.outlook, up.reason, up.reason_text, up.retry_at,
                   up.content_document_id
            from fluint_app.document_version as version
            join fluint_app.document as document using (document_id)
            left join fluint_sync.upload as up using (document_id, version_number)
            where not %s or up.state is distinct from 'uploaded' or up.outlook is not null
            order by version.generated_at desc, 1, 2 desc
            """,
            [only_open],
        ).fetchall()
    return [ListedVersion(*row) for row in rows]


def retry(database: Database, document_id: UUID | None) -> int:
    """Lets versions that are not in Salesforce be tried at once, of one document or of all; returns how many that concerns.

    One whose outcome is unknown is looked for first, as always, and one that was taken and never shown is asked for once more. One that
    lies there with other bytes is left as it is, and so is one that is older than a version that is, or may be, there.
    """
    with database.transaction() as connection:
        return connection.execute(
            f"""
            update fluint_sync.upload as up
            set state = case when state <> 'given_up' then state when reason = 'file_not_shown' then 'sent' else 'waiting' end,
                retry_at = null, attempts = 0, updated_at = now(), _xact_id = pg_current_xact_id()
            where state <> 'uploaded' and (%(id)s::uuid is null or document_id = %(id)s)
              and coalesce(reason, '') <> 'checksum_differs' and not {OVERTAKEN}
            """,  # noqa: S608 - a literal of ours
            {"id": document_id},
        ).rowcount


_AS_NEW = "update fluint_sync.upload set state = 'waiting', copy = %s, attempts = 0, retry_at = null, content_version_id = null,"
_AS_NEW += " content_document_id = null, md5 = null, uploaded_at = null, reason = null, reason_text = null, outlook = null,"
_AS_NEW += (
    " updated_at = now(), _xact_id = pg_current_xact_id() where document_id = %s and version_number = any(%s)"
)
_ENDS_THE_FILE = {"file_of_another_user", "checksum_differs"}


def retry_as_new(database: Database, document_id: UUID, is_gone: Callable[[str], bool]) -> list[int]:
    """Begins a new file in Salesforce with the versions that are not in the old one, else with the newest; returns their numbers.

    What was said about the old file of the versions before them is taken back: it concerns nobody any more.
    `is_gone` says whether a ContentVersion (by id) is no longer in Salesforce. Raises SetupError when the file is still there and
    takes versions, or when it is not known yet what became of one: a new file would be a double.
    """
    with database.transaction() as connection:
        rows = connection.execute(
            "select version_number, state, reason, copy, content_version_id from fluint_sync.upload where document_id = %s"
            " order by version_number for update",
            [document_id],
        ).fetchall()
        if not rows:
            raise SetupError(
                f"No version of a document {document_id} was ever to be sent. `fluint documents list` names them."
            )
        if any(state in ("sending", "sent") for _, state, *_ in rows):
            raise SetupError(
                f"It is not known yet whether Salesforce has the last version of document {document_id}; a new file could be a double."
                " Nothing was changed. `fluint documents retry` without --as-new looks for it."
            )
        chosen = _missing(rows) or [rows[-1][0]]
        is_ended = any(reason in _ENDS_THE_FILE for number, _, reason, *_ in rows if number in chosen)
        held = [content_version_id for *_, content_version_id in rows if content_version_id]
        if not is_ended and held and not is_gone(held[-1]):
            raise SetupError(
                f"The file of document {document_id} is in Salesforce and takes versions; a second one would be a double. Nothing was"
                f" changed. `fluint documents retry {document_id}` sends what is missing; whoever wants all of it anew deletes the file in"
                " Salesforce first."
            )
        connection.execute(_AS_NEW, [max(row[3] for row in rows) + 1, document_id, chosen])
        leave_older_files(connection)
    return chosen


def _missing(rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """The versions that are in no file and older than none that is."""
    arrived = [(number, copy) for number, state, _, copy, _ in rows if state == "uploaded"]
    return [
        number
        for number, state, _, copy, _ in rows
        if state != "uploaded" and not any(later > number and its >= copy for later, its in arrived)
    ]
