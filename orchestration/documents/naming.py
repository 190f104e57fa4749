"""What a version is called on its way and in Salesforce: its marker, its title, its media type. Pure.

Facts: Object Reference, ContentVersion: Title has 255 characters, PathOnClient 500; FileExtension and FileType follow from the latter.
"""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePosixPath
from uuid import UUID

LONGEST_TITLE = 255
_UNKNOWN = "application/octet-stream"
# RFC 6838: what stands here goes into a header, where a line break would begin another one.
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}")


def marker(document_id: UUID, version_number: int, copy: int, file_name: str) -> str:
    """The deterministic `PathOnClient` by which a version is found again: `<document_id>.v<n>.<ext>`, `….v<n>.again<copy>.<ext>`.

    It is unique in the org, plain ASCII whatever the file is called, and shown to nobody: people see title and extension.
    """
    again = f".again{copy}" if copy else ""
    return f"{document_id}.v{version_number}{again}{extension(file_name)}"


def extension(file_name: str) -> str:
    """The extension of a file's name with its dot; empty where there is none that Salesforce could make a file type of."""
    suffix = PurePosixPath(file_name.replace("\\", "/")).suffix
    return suffix if _EXTENSION.fullmatch(suffix) else ""


def title(given: str, file_name: str) -> str:
    """The title that people see: the document's, else the file's name; cut to 255, an extension at its end kept.

    Salesforce counts as Java does, in UTF-16 units: an emoji is two.
    """
    text = " ".join(given.split()) or PurePosixPath(file_name.replace("\\", "/")).stem or "Document"
    if _units(text) <= LONGEST_TITLE:
        return text
    ending = extension(text)
    return _cut(text.removesuffix(ending), LONGEST_TITLE - _units(ending)).rstrip() + ending


def media_type(given: str, file_name: str) -> str:
    """The media type for the part's header: the recorded one if it is one, else what the name suggests."""
    if _MEDIA_TYPE.fullmatch(given):
        return given
    return mimetypes.guess_type(file_name)[0] or _UNKNOWN


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, units: int) -> str:
    return text.encode("utf-16-le", "surrogatepass")[: units * 2].decode("utf-16-le", "ignore")
