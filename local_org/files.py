"""Files of the org: making a ContentVersion with what hangs on it, and handing its bytes back.

Belongs here: what a new version does to document, links and earlier versions, where the bytes lie, the refusals of the rules of files.
Does not: reading multipart (multipart.py), the general rules for values (rest/), which files a query shows (security.py, soql/).
Facts: Object Reference, ContentVersion, ContentDocument, ContentDocumentLink.
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from local_org import objects
from local_org.clock import as_stamp
from local_org.errors import ApiError
from local_org.org import Org
from local_org.writes import insufficient

FILE_TYPES = {
    "csv": "CSV", "doc": "WORD", "docx": "WORD_X", "gif": "GIF", "htm": "HTML", "html": "HTML", "jpeg": "JPEG", "jpg": "JPG", "mp4": "MP4",
    "pdf": "PDF", "png": "PNG", "ppt": "POWER_POINT", "pptx": "POWER_POINT_X", "rtf": "RTF", "svg": "SVG", "txt": "TEXT", "xls": "EXCEL",
    "xlsx": "EXCEL_X", "xml": "XML", "zip": "ZIP",
}  # fmt: skip
Row = dict[str, object]


@dataclass(frozen=True)
class Blob:
    """Bytes that lie in a file of their own, with their MD5 in hexadecimal."""

    path: Path
    checksum: str


def blob_path(directory: Path, version_id: str) -> Path:
    """Gives where the bytes of a version lie under the org's directory."""
    return directory / "files" / version_id[12:15] / version_id


def incoming_path(directory: Path) -> Path:
    """Gives a new name for bytes that are arriving; beside the blobs, so that keeping them is a rename."""
    incoming = directory / "files" / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    return incoming / secrets.token_hex(16)


def decode_blob(directory: Path, text: object) -> Blob:
    """Writes base64 `text` to a new file. Raises ApiError when it is none."""
    try:
        content = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(
            400, "JSON_PARSER_ERROR", "Cannot deserialize instance of base64 from VALUE_STRING value"
        ) from None
    path = incoming_path(directory)
    path.write_bytes(content)
    return Blob(path, hashlib.md5(content, usedforsecurity=False).hexdigest())


def create_version(org: Org, user_id: str, values: Mapping[str, object], blob: Blob) -> str:
    """Makes a ContentVersion of values that passed the general rules and gives its id; the blob's file is moved or removed.

    Without ContentDocumentId a document is made too, with a link for its owner and one for FirstPublishLocationId: all of it or nothing.
    """
    try:
        return _Creation(org, user_id, values, blob).run()
    finally:
        blob.path.unlink(missing_ok=True)


class _Creation:
    """One create call; `run` is a single transaction."""

    def __init__(self, org: Org, user_id: str, values: Mapping[str, object], blob: Blob) -> None:
        self.org = org
        self.user_id = user_id
        self.values = values
        self.blob = blob
        self.size = blob.path.stat().st_size
        self.location = _id_or_none(values.get("FirstPublishLocationId"))
        self.document_id = _id_or_none(values.get("ContentDocumentId"))

    def run(self) -> str:
        store = self.org.store
        with store.transaction():
            self._check()
            is_first = self.document_id is None
            row = self._version_row()
            document_id = (
                store.insert("ContentDocument", self._document_row(row), by=self.user_id)
                if is_first
                else str(self.document_id)
            )
            number = 1 + len(store.find_ids("ContentVersion", ContentDocumentId=document_id))
            for earlier in store.find_ids("ContentVersion", ContentDocumentId=document_id, IsLatest=1):
                store.update("ContentVersion", earlier, {"IsLatest": False}, by=self.user_id)
            row |= {"ContentDocumentId": document_id, "VersionNumber": str(number)}
            version_id = store.insert("ContentVersion", row, by=self.user_id)
            store.update(
                "ContentDocument",
                document_id,
                self._document_row(row) | {"LatestPublishedVersionId": version_id},
                by=self.user_id,
            )
            if is_first:
                self._link(document_id)
            # The last step before the commit: a crash after it leaves bytes that nobody names, never a version without bytes.
            target = blob_path(self.org.directory, version_id)
            target.parent.mkdir(parents=True, exist_ok=True)
            self.blob.path.replace(target)
        return version_id

    def _check(self) -> None:
        if not self.values.get("PathOnClient"):
            raise ApiError(
                400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [PathOnClient]", ["PathOnClient"]
            )
        switches = self.org.switches
        self._check_rules(str(self.values["PathOnClient"]))
        if versions_in_last_day(self.org) >= switches.daily_content_versions:
            raise ApiError(
                400, "LIMIT_EXCEEDED", "The org has reached its limit of file versions for 24 hours"
            )
        if storage_used(self.org) + self.size > switches.file_storage_mb * 1024 * 1024:
            raise ApiError(switches.storage_limit_status, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
        if self.document_id is not None:
            if self.location is not None:
                text = "A new version of a document cannot have a first publish location"
                raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", text, ["FirstPublishLocationId"])
            if not self._may_edit(self.document_id):
                text = "insufficient access rights on object id"
                raise insufficient(self.org, "INSUFFICIENT_ACCESS_OR_READONLY", text)
        if self.location is not None and not self._may_edit(self.location):
            text = "insufficient access rights on cross-reference id"
            raise insufficient(self.org, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", text)

    def _check_rules(self, path: str) -> None:
        """Refuses what the org's rules for files refuse; the codes are those of a missing right and of a field's rule."""
        switches = self.org.switches
        if not switches.users_may_create_files:
            raise insufficient(
                self.org, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
            )
        extension = PurePosixPath(path).suffix.removeprefix(".").lower()
        if extension and extension in switches.blocked_file_types.lower().replace(" ", "").split(","):
            text = f"Files of the type {extension} are not allowed in this org"
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", text, ["FileType"])

    def _may_edit(self, record_id: str) -> bool:
        """Tells whether the user may change a record that exists: only then may files be put on it."""
        sobject = objects.of_id(record_id)
        access = self.org.security.of(self.user_id)
        if sobject is None or record_id == self.user_id:
            return record_id == self.user_id
        if sobject.name == "ContentDocument":
            return access.has("ModifyAllData") or self._edits_document(record_id)
        if not access.may("Edit", sobject):
            return False
        return access.may_change(sobject, self.org.store.get(sobject.name, record_id) or {})

    def _edits_document(self, document_id: str) -> bool:
        """Its owner edits a document, and whoever edits a record that it is linked to as collaborator or by inference."""
        store = self.org.store
        if (store.get("ContentDocument", document_id) or {}).get("OwnerId") == self.user_id:
            return True
        links = store.select(
            "select LinkedEntityId from ContentDocumentLink where ContentDocumentId = ? and not IsDeleted and ShareType in ('C', 'I')",
            (document_id,),
        )
        return any(self._may_edit(str(row[0])) for row in links)

    def _version_row(self) -> Row:
        path = str(self.values["PathOnClient"])
        name = PurePosixPath(path.replace("\\", "/")).name
        extension = PurePosixPath(name).suffix.removeprefix(".").lower()
        given = {key: value for key, value in self.values.items() if key != "VersionData"}
        defaults: Row = {
            "Title": PurePosixPath(name).stem or name,
            "ContentModifiedDate": self.org.clock.stamp(),
        }
        return {
            **defaults,
            **{key: value for key, value in given.items() if value is not None},
            "IsLatest": True,
            "FileExtension": extension or None,
            "FileType": FILE_TYPES.get(extension, "UNKNOWN"),
            "ContentSize": self.size,
            "Checksum": self.blob.checksum,
            "ContentModifiedById": self.user_id,
            "PublishStatus": "P" if self.location or self.document_id else "R",
        }

    def _document_row(self, version: Row) -> Row:
        shown = (
            "Title",
            "Description",
            "FileType",
            "FileExtension",
            "ContentSize",
            "ContentModifiedDate",
            "PublishStatus",
            "SharingPrivacy",
        )
        row: Row = {name: version[name] for name in shown if name in version}
        return row | ({"OwnerId": version["OwnerId"]} if "OwnerId" in version else {})

    def _link(self, document_id: str) -> None:
        """Links the new document to its owner, and to the record where it was published."""
        owner = str(self.values.get("OwnerId") or self.user_id)
        links = [(owner, "I", "AllUsers")]
        if self.location is not None and self.location != owner:
            links.append((self.location, self.org.switches.first_link_share_type, "AllUsers"))
        for entity, share, visibility in links:
            values = {
                "ContentDocumentId": document_id,
                "LinkedEntityId": entity,
                "ShareType": share,
                "Visibility": visibility,
            }
            self.org.store.insert("ContentDocumentLink", values, by=self.user_id)


def check_link(org: Org, values: Mapping[str, object]) -> None:
    """Refuses a second link between a document and a record. Raises ApiError DUPLICATE_VALUE."""
    document, entity = values.get("ContentDocumentId"), values.get("LinkedEntityId")
    same = org.store.find_ids(
        "ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=entity, IsDeleted=0
    )
    if same and org.switches.duplicate_link_refused:
        text = f"Document with ID: {document} is already linked with the entity with ID: {entity}"
        raise ApiError(400, "DUPLICATE_VALUE", text, [])


def versions_in_last_day(org: Org) -> int:
    """Gives the versions made in the last 24 hours, which count against ContentPublicationLimit."""
    since = as_stamp(org.clock.now() - timedelta(days=1))
    return int(
        str(org.store.select("select count(*) from ContentVersion where CreatedDate > ?", (since,))[0][0])
    )


def storage_used(org: Org) -> int:
    """Gives the bytes of all versions, which count against FileStorageMB."""
    return int(str(org.store.select("select coalesce(sum(ContentSize), 0) from ContentVersion")[0][0]))


def _id_or_none(value: object) -> str | None:
    return None if value is None else str(value)
