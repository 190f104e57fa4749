"""The Files related list of a deal as one person sees it, a version's bytes, and adding a file or a version.

Belongs here: the list and its links. Does not: the rules of files (local_org/files.py), whether a layout shows the list (deal.py).
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from starlette.responses import FileResponse, Response

from local_org.errors import ApiError, not_found
from local_org.file_routes import create_from_values
from local_org.files import Blob, blob_path, incoming_path
from local_org.ids import to_18
from local_org.workbench.person import Person, Row
from local_org.workbench.site import Site, Visit, said

_PIECE = 1024 * 1024


def files_of(person: Person, record_id: str) -> list[Row]:
    """Returns the files on a record that the person sees, last modified first, each with its `versions`, newest first."""
    links = person.rows(
        f"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{record_id}'"
    )
    ids = [str(row["ContentDocumentId"]) for row in links]
    if not ids:
        return []
    named = ", ".join(f"'{each}'" for each in ids)
    documents = person.rows(
        "SELECT Id, Title, FileExtension, ContentSize, LastModifiedDate, Owner.Name, LatestPublishedVersionId FROM ContentDocument"
        f" WHERE Id IN ({named}) ORDER BY LastModifiedDate DESC, Id"
    )
    versions = person.rows(
        "SELECT Id, ContentDocumentId, VersionNumber, Title, ContentSize, CreatedDate, CreatedBy.Name, IsLatest FROM ContentVersion"
        f" WHERE ContentDocumentId IN ({named})"
    )
    versions.sort(key=lambda each: int(each["VersionNumber"]), reverse=True)
    for document in documents:
        document["versions"] = [each for each in versions if each["ContentDocumentId"] == document["Id"]]
    return documents


def download(site: Site, visit: Visit) -> Response:
    """Sends the bytes of a version that the person sees. Raises ApiError 404."""
    person = site.person(visit)
    version_id = to_18(visit.part("version_id"))
    rows = (
        person.rows(f"SELECT Id, PathOnClient FROM ContentVersion WHERE Id = '{version_id}'")
        if version_id
        else []
    )
    path = blob_path(site.org.directory, str(version_id))
    if not rows or not path.is_file():
        raise not_found()
    name = PurePosixPath(str(rows[0]["PathOnClient"]).replace("\\", "/")).name
    return FileResponse(path, media_type="application/octet-stream", filename=name)


def upload(site: Site, visit: Visit) -> Response:
    """Adds a file to a deal, or a version to a document of it, as the person."""
    person = site.person(visit)
    deal_id, document_id = visit.part("deal_id"), visit.form.get("document", "")
    given = visit.uploads.get("file")
    if given is None or not given.filename:
        visit.say("Choose a file first.", good=False)
        return site.go(f"/deals/{deal_id}")
    values: dict[str, object] = {"PathOnClient": given.filename}
    values |= {"ContentDocumentId": document_id} if document_id else {"FirstPublishLocationId": deal_id}
    try:
        create_from_values(site.org, person.user_id, values, _blob(site, visit))
    except ApiError as refusal:
        visit.say(f"Nothing was added. {said(refusal)}", good=False)
    else:
        visit.say(f"{given.filename} is on the deal{' as a new version' if document_id else ''}.")
    return site.go(f"/deals/{deal_id}")


def _blob(site: Site, visit: Visit) -> Blob:
    """Writes the posted bytes to a file of the org."""
    digest = hashlib.md5(usedforsecurity=False)
    path = incoming_path(site.org.directory)
    with path.open("wb") as file:
        while piece := visit.uploads["file"].file.read(_PIECE):
            file.write(piece)
            digest.update(piece)
    return Blob(path, digest.hexdigest())


PAGES = (
    ("GET", "/versions/{version_id}", download),
    ("POST", "/deals/{deal_id}/files", upload),
)
