"""The app's side of documents as far as the command line needs it: a document and its versions are added, never changed."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection, Database


@dataclass(frozen=True)
class AddedVersion:
    """What was added: the document, and the number of its version."""

    document_id: UUID
    version_number: int


def add_version(database: Database, file: Path, *, opportunity_id: str, title: str) -> AddedVersion:
    """Adds a file as a document on a deal, or as the next version of the document with that title there.

    Raises SetupError when the file cannot be read, is empty, or the deal is not in Fluint.
    """
    content = _read(file)
    with database.transaction() as connection:
        _refuse_unknown_deal(connection, opportunity_id)
        document_id = _document(connection, opportunity_id, title)
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
                "sha256": hashlib.sha256(content).hexdigest(),
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
            f"There is no deal {opportunity_id} in Fluint. Ids have 18 characters and distinguish upper and lower case;"
            " The column deal_id of fluint.deals lists them."
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


def list_versions(database: Database) -> list[tuple[object, ...]]:
    """(document, version, deal, state, reason, ContentDocument id) of every generated version, newest first."""
    with database.transaction() as connection:
        return connection.execute(
            """
            select version.document_id::text, version.version_number, document.opportunity_id,
                   coalesce(up.state, 'waiting'), up.reason, up.content_document_id
            from fluint_app.document_version as version
            join fluint_app.document as document using (document_id)
            left join fluint_sync.upload as up using (document_id, version_number)
            order by version.generated_at desc, 1, 2 desc
            """
        ).fetchall()
