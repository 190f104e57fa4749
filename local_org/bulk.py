"""The HTTP resources of Bulk API 2.0 query jobs under /services/data/vNN.N/jobs/query.

Belongs here: requests in, job documents and CSV pages out. Does not: accepted queries (bulk_rules.py), states and work (bulk_jobs.py),
files (bulk_results.py). Facts: Bulk API 2.0 Developer Guide, "Query Jobs".
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local_org import access_log, bulk_rules
from local_org.bulk_csv import DELIMITERS, LINE_ENDINGS
from local_org.bulk_jobs import Jobs
from local_org.bulk_results import Page, find_page, read_page
from local_org.bulk_table import DONE, FAILED, JOB_TYPES, TERMINAL, Job
from local_org.bulk_table import Request as JobRequest
from local_org.errors import ApiError, not_found
from local_org.multipart import read_json
from local_org.org import Org

PATH = "/services/data/v{version}/jobs/query"
LISTED = 1_000
Endpoint = Callable[[Request, bytes], Response]
LINKS_PER_ANSWER = 5
FIRST_VERSION, FIRST_VERSION_WITH_PAGES = 47.0, 58.0
_CREATE_FIELDS = {"operation", "query", "contentType", "columnDelimiter", "lineEnding"}
_JSON = "application/json;charset=UTF-8"
_CSV = "text/csv; charset=UTF-8"


class Bulk:
    """The query job resources of one org."""

    def __init__(self, org: Org, jobs: Jobs) -> None:
        """Holds the org and its jobs."""
        self._org = org
        self._jobs = jobs

    def routes(self) -> list[Route]:
        """Gives the routes of the resources."""
        job, pages = PATH + "/{job_id}", {"GET": self.result_pages}
        return [
            _route(PATH, {"GET": self.listing, "POST": self.create}),
            _route(job, {"GET": self.info, "PATCH": self.abort, "DELETE": self.delete}),
            _route(job + "/results", {"GET": self.results}),
            # The guide's own links spell it in lower case.
            _route(job + "/resultPages", pages),
            _route(job + "/resultpages", pages),
        ]

    def create(self, request: Request, body: bytes) -> Response:
        """Takes a query job on: 200 with the job's document."""
        return _json(_document(self._create(request, read_json(body))))

    def _create(self, request: Request, body: object) -> Job:
        values = _checked(body)
        version = request.path_params["version"]
        if float(version) < FIRST_VERSION:
            raise not_found()
        user_id, soql = request.state.user_id, values["query"]
        access_log.note(soql=soql)
        accepted = bulk_rules.accept(
            self._org, soql, user_id=user_id, include_deleted=values["operation"] == "queryAll"
        )
        job = self._jobs.create(
            JobRequest(
                operation=values["operation"],
                query=soql,
                sobject=accepted.sobject,
                is_ordered=accepted.is_ordered,
                is_chunkable=accepted.is_chunkable,
                created_by=user_id,
                api_version=version,
                column_delimiter=values.get("columnDelimiter", "COMMA"),
                line_ending=values.get("lineEnding", "LF"),
            )
        )
        access_log.note(job_id=job.id)
        return job

    def listing(self, request: Request, body: bytes) -> Response:
        """Lists the org's jobs, at most 1,000 an answer, of every API unless `jobType` names one."""
        parameters = request.query_params
        job_type = parameters.get("jobType")
        if job_type is not None and job_type not in JOB_TYPES:
            raise ApiError(400, "INVALIDJOB", f"jobType cannot be '{job_type}'")
        after = _row_of(parameters["queryLocator"]) if parameters.get("queryLocator") else 0
        jobs = self._jobs.listing(job_type, after, LISTED + 1)
        following = None
        if len(jobs) > LISTED:
            jobs.pop()
            kind = "" if job_type is None else f"jobType={job_type}&"
            following = f"{_base(request)}?{kind}queryLocator={_locator(jobs[-1].number)}"
        return _json(
            {
                "done": following is None,
                "records": [_document(job, in_list=True) for job in jobs],
                "nextRecordsUrl": following,
            }
        )

    def info(self, request: Request, body: bytes) -> Response:
        """Gives the job's document with its counters."""
        job = self._job(request)
        has_counters = job.state in TERMINAL or self._org.switches.bulk_counters_while_working
        return _json(_document(job, polled=True, has_counters=has_counters))

    def abort(self, request: Request, body: bytes) -> Response:
        """Stops a job: `{"state": "Aborted"}` is all that may be asked."""
        asked = read_json(body)
        if not isinstance(asked, dict) or asked.get("state") != "Aborted":
            raise ApiError(400, "INVALIDJOBSTATE", "A query job can only be changed to the state Aborted")
        job, user_id = self._job(request), request.state.user_id
        may_others = self._org.security.of(user_id).has("ManageDataIntegrations")
        if job.created_by != user_id and not may_others:
            raise ApiError(400, "INVALIDUSER", "The job was created by another user")
        return _json(_document(self._jobs.abort(job)))

    def delete(self, request: Request, body: bytes) -> Response:
        """Removes a job that has ended: 204."""
        self._jobs.delete(self._job(request))
        return Response(status_code=204)

    def results(self, request: Request, body: bytes) -> Response:
        """Sends a page of the result as CSV; `Sforce-Locator` leads to the next, the text `null` says that there is none."""
        job = self._finished(request)
        row = self._begin(request, job)
        limit = _max_records(request.query_params.get("maxRecords"), self._org.switches.bulk_page_records)
        page = find_page(self._jobs.path(job.number), row, limit, self._org.switches.bulk_page_bytes)
        access_log.note(rows=page.records)
        following = "null" if page.next_row is None else _locator(page.next_row)
        headers = {
            "Sforce-Locator": following,
            "Sforce-NumberOfRecords": str(page.records),
            "Content-Type": _CSV,
        }
        if not job.records and not self._org.switches.bulk_header_when_empty:
            return Response(b"", headers=headers)
        return StreamingResponse(read_page(self._jobs.path(job.number), page), headers=headers)

    def result_pages(self, request: Request, body: bytes) -> Response:
        """Gives links to the next five pages, which may be read side by side (v58 and later)."""
        if float(request.path_params["version"]) < FIRST_VERSION_WITH_PAGES:
            raise not_found()
        job = self._finished(request)
        links: list[dict[str, str]] = []
        pages = f"{_base(request)}/{job.id}"
        following: int | None = self._begin(request, job)
        while following is not None and len(links) < LINKS_PER_ANSWER:
            links.append({"resultUrl": f"{pages}/results?locator={_locator(following)}"})
            following = self._default_page(job, following).next_row
        more = None if following is None else f"{pages}/resultpages?locator={_locator(following)}"
        return _json({"resultPages": links, "nextRecordsUrl": more, "done": more is None})

    def _default_page(self, job: Job, row: int) -> Page:
        switches = self._org.switches
        return find_page(
            self._jobs.path(job.number), row, switches.bulk_page_records, switches.bulk_page_bytes
        )

    def _job(self, request: Request) -> Job:
        job = self._jobs.get(request.path_params["job_id"])
        access_log.note(job_id=job.id, sobject=job.sobject)
        return job

    def _finished(self, request: Request) -> Job:
        job = self._job(request)
        if float(job.api_version) != float(request.path_params["version"]):
            text = f"The job was created with API version {job.api_version}; its results must be asked for with the same"
            raise ApiError(409, "INVALIDVERSION", text)
        if job.state != DONE:
            code = self._org.switches.bulk_early_results_code
            raise ApiError(400, code, f"Results of a job in state {job.state} cannot be read")
        return job

    def _begin(self, request: Request, job: Job) -> int:
        locator = request.query_params.get("locator")
        row = _row_of(locator) if locator else 0
        if row > (job.records or 0):
            raise _bad_locator()
        return row


def _route(path: str, endpoints: Mapping[str, Endpoint]) -> Route:
    """Gives one route for all methods of a path, so that a method it lacks is refused here and not sought elsewhere."""

    async def serve(request: Request) -> Response:
        endpoint = endpoints.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            allowed = ",".join((["HEAD"] if "GET" in endpoints else []) + list(endpoints))
            text = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
            raise ApiError(405, "METHOD_NOT_ALLOWED", text)
        return await run_in_threadpool(endpoint, request, await request.body())

    return Route(path, serve, methods=["GET", "POST", "PATCH", "PUT", "DELETE"])


def _checked(body: object) -> dict[str, str]:
    """Checks the body of a create call. Raises ApiError 400."""
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise ApiError(400, "JSON_PARSER_ERROR", "A query job is a JSON object of texts")
    unknown = sorted(set(body) - _CREATE_FIELDS)
    if unknown:
        raise ApiError(400, "JSON_PARSER_ERROR", f"Unrecognized field '{unknown[0]}'")
    for name in ("operation", "query"):
        if not body.get(name):
            raise ApiError(400, "INVALIDJOB", f"{name} is required")
    allowed: Mapping[str, object] = {
        "operation": ("query", "queryAll"),
        "contentType": ("CSV",),
        "columnDelimiter": DELIMITERS,
        "lineEnding": LINE_ENDINGS,
    }
    for name, values in allowed.items():
        if name in body and body[name] not in values:  # type: ignore[operator]
            raise ApiError(400, "INVALIDJOB", f"{name} cannot be '{body[name]}'")
    return body


def _document(
    job: Job, *, polled: bool = False, in_list: bool = False, has_counters: bool = True
) -> dict[str, object]:
    document: dict[str, object] = {
        "id": job.id,
        "operation": job.operation,
        "object": job.sobject,
        "createdById": job.created_by,
        "createdDate": job.created_at.replace("Z", "+0000"),
        "systemModstamp": job.modified_at.replace("Z", "+0000"),
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.api_version),
    }
    if polled or in_list:
        document["jobType"] = job.job_type
    document |= {"lineEnding": job.line_ending, "columnDelimiter": job.column_delimiter}
    if polled and has_counters:
        document |= {
            "numberRecordsProcessed": job.records or 0,
            "retries": job.retries,
            "totalProcessingTime": job.milliseconds,
            "isPkChunkingSupported": bool(job.is_chunkable),
        }
    if polled and job.state == FAILED:
        document["errorMessage"] = job.error
    return document


def _locator(row: int) -> str:
    return base64.urlsafe_b64encode(str(row).encode()).decode().rstrip("=")


def _row_of(locator: str) -> int:
    try:
        return int(base64.b64decode(locator + "=" * (-len(locator) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise _bad_locator() from None


def _bad_locator() -> ApiError:
    return ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def _max_records(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not re.fullmatch(r"0*[1-9]\d{0,8}", text):
        raise ApiError(400, "INVALIDJOB", "maxRecords must be a positive number")
    return int(text)


def _base(request: Request) -> str:
    return f"/services/data/v{request.path_params['version']}/jobs/query"


def _json(body: object) -> Response:
    return JSONResponse(body, headers={"content-type": _JSON})
