"""The HTTP resources of files: creating a ContentVersion with its bytes, and VersionData.

Belongs here: JSON with base64 and multipart in, bytes out. Does not: the rules of files (files.py), other ways to write records (rest/).
Facts: REST API Developer Guide, "Insert or Update Blob Data" and "sObject Blob Get".
"""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from local_org import access_log
from local_org.errors import ApiError, not_found
from local_org.files import Blob, blob_path, create_version, decode_blob, incoming_path
from local_org.ids import to_18
from local_org.multipart import Upload, read_json
from local_org.org import Org
from local_org.shapes import Shape
from local_org.writes import checked

PATH = "/services/data/v{version}/sobjects/ContentVersion"
JSON_BODY_LIMIT = 50 * 1024 * 1024
BLOB_FIELD = "VersionData"


class FileRoutes:
    """The file resources of one org."""

    def __init__(self, org: Org) -> None:
        """Holds the org; removes what uploads left behind that a kill interrupted."""
        self._org = org
        for path in incoming_path(org.directory).parent.iterdir():
            path.unlink()

    def routes(self) -> list[Route]:
        """Gives the routes; they stand before the general ones for records."""
        return [
            Route(PATH, self.create, methods=["POST"]),
            Route(PATH + "/", self.create, methods=["POST"]),
            Route(PATH + "/{record_id}/VersionData", self.download, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """Makes a version: 201 with its id."""
        content_type = request.headers.get("content-type", "")
        user_id = request.state.user_id
        if content_type.lower().startswith("multipart/form-data"):
            version_id = await self._create_from_multipart(request, content_type, user_id)
        elif content_type.lower().startswith("application/json"):
            version_id = await self._create_from_json(request, user_id)
        else:
            raise ApiError(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "The content type of the request is not supported for this resource",
            )
        access_log.note(returned=[Shape("ContentVersion", ("Id",), 1, [version_id])])
        location = f"{request.url.path.rstrip('/')}/{version_id}"
        return JSONResponse(
            {"id": version_id, "success": True, "errors": []}, status_code=201, headers={"Location": location}
        )

    async def _create_from_multipart(self, request: Request, content_type: str, user_id: str) -> str:
        target = incoming_path(self._org.directory)
        upload = Upload(BLOB_FIELD, target, self._org.switches.multipart_limit_mb * 1024 * 1024)
        try:
            await upload.read(content_type, request.stream())
            access_log.note(content_type=upload.blob_type)
            if not upload.has_blob:
                raise _without_data()
            return await run_in_threadpool(
                create_from_values, self._org, user_id, upload.values, Blob(target, upload.checksum)
            )
        finally:
            target.unlink(missing_ok=True)

    async def _create_from_json(self, request: Request, user_id: str) -> str:
        text = bytearray()
        async for chunk in request.stream():
            text += chunk
            if len(text) > JSON_BODY_LIMIT:
                message = "The request body is longer than 50 MB; send the file as multipart/form-data"
                raise ApiError(400, "REQUEST_TOO_LARGE", message)
        body = read_json(bytes(text))
        return await run_in_threadpool(create_from_json, self._org, user_id, body)

    def download(self, request: Request) -> Response:
        """Sends the bytes of a version that the user sees."""
        record_id = to_18(request.path_params["record_id"])
        soql = f"SELECT Id FROM ContentVersion WHERE Id = '{record_id}'"
        if record_id is None:
            raise not_found()
        found = list(self._org.query(soql, user_id=request.state.user_id, include_deleted=False).rows())
        path = blob_path(self._org.directory, str(found[0][0])) if found else Path()
        if not path.is_file():
            raise not_found()
        access_log.note(returned=[Shape("ContentVersion", (BLOB_FIELD,), 1, [str(found[0][0])])])
        return FileResponse(path, media_type="application/octet-stream")


def create_from_json(org: Org, user_id: str, body: object) -> str:
    """Makes a version of a JSON record whose VersionData is base64; also what a composite subrequest does. Raises ApiError."""
    if not isinstance(body, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "The record is not a JSON object")
    if body.get(BLOB_FIELD) is None:
        raise _without_data()
    blob = decode_blob(org.directory, body[BLOB_FIELD])
    return create_from_values(
        org, user_id, {name: value for name, value in body.items() if name != BLOB_FIELD}, blob
    )


def create_from_values(org: Org, user_id: str, values: object, blob: Blob) -> str:
    """Makes a version of values as they came and bytes that are on disk. Raises ApiError; then the bytes are gone."""
    try:
        return create_version(org, user_id, checked(org, user_id, "ContentVersion", values), blob)
    finally:
        blob.path.unlink(missing_ok=True)


def _without_data() -> ApiError:
    return ApiError(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [VersionData]", [BLOB_FIELD])
