"""The admin endpoints under /__local_org__/: what an operator of the org can do that no Salesforce API offers.

Belongs here: their routes; log, switches, tokens, page layouts, the cast and the named changes of the demo, over HTTP. Does not:
what these do; time is admin_time.py's, faults are admin_faults.py's.
Loopback only, not counted as API calls, not in the access log: a test's own questions must not change what it measures.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from json import JSONDecodeError

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from local_org import changes
from local_org.access_log import AccessLog, calls_in_last_day
from local_org.admin_faults import FaultEndpoints
from local_org.admin_time import TimeEndpoints
from local_org.bulk_table import add_other_job
from local_org.errors import ApiError
from local_org.misconfiguration import MISTAKES, Setup
from local_org.org import Org
from local_org.registration import registration_of
from local_org.rest.describe import MASTER
from local_org.rest.layouts import related_lists, set_related_lists
from local_org.tokens import Tokens
from local_org.upkeep import act_on

PREFIX = "/__local_org__"
Endpoint = Callable[[Request], Awaitable[Response]]


class Admin:
    """The admin endpoints of one org."""

    def __init__(self, org: Org, tokens: Tokens, log: AccessLog, faults: FaultEndpoints) -> None:
        """Holds what the endpoints turn."""
        self._org = org
        self._tokens = tokens
        self._log = log
        self._faults = faults
        self._setup = Setup(org)

    def mount(self) -> Mount:
        """Gives the routes of all admin endpoints."""
        time, faults = TimeEndpoints(self._org), self._faults
        routes = [
            ("/org", "GET", self.org),
            ("/clock", "GET", time.clock),
            ("/clock", "POST", time.turn_clock),
            ("/transactions", "GET", time.transactions),
            ("/transactions", "POST", time.begin),
            ("/transactions/{number}/commit", "POST", time.commit),
            ("/transactions/{number}", "DELETE", time.roll_back),
            ("/log", "GET", self.log),
            ("/log", "DELETE", self.clear_log),
            ("/log/last", "GET", self.last_entry),
            ("/log/reads", "GET", self.reads),
            ("/log/writes", "GET", self.writes),
            ("/switches", "GET", self.switches),
            ("/switches", "PATCH", self.set_switches),
            ("/usage", "GET", self.usage),
            ("/tokens", "DELETE", self.revoke_tokens),
            ("/faults", "GET", faults.faults),
            ("/faults", "POST", faults.add),
            ("/faults", "DELETE", faults.clear),
            ("/faults/hits", "GET", faults.hits),
            ("/faults/release", "POST", faults.release),
            ("/layouts", "GET", self.layout),
            ("/layouts", "PATCH", self.set_layout),
            ("/mistakes", "GET", self.mistakes),
            ("/mistakes", "POST", self.make_mistakes),
            ("/mistakes", "DELETE", self.undo_mistakes),
            ("/cast", "GET", self.cast),
            ("/changes/{name}", "POST", self.change),
            ("/jobs", "POST", self.add_other_job),
            ("/records/{sobject}/{record_id}/{act}", "POST", self.act),
        ]
        return Mount(
            PREFIX,
            routes=[Route(path, _guarded(endpoint), methods=[method]) for path, method, endpoint in routes],
        )

    async def org(self, request: Request) -> Response:
        """Tells where the org answers and how to log in, without what is secret: that is in `org.json`."""
        card = asdict(registration_of(self._org.directory))
        public = {name: value for name, value in card.items() if name not in {"client_secret", "password"}}
        return JSONResponse(public | {"org_id": self._org.org_id})

    async def log(self, request: Request) -> Response:
        """Gives the access log: the entries after `after` alone if that is given, with the ids of records if `ids` is."""
        after, with_ids = _after(request), "ids" in request.query_params
        return JSONResponse(await run_in_threadpool(self._log.entries, after, with_ids=with_ids))

    async def last_entry(self, request: Request) -> Response:
        """Gives the number of the newest entry, after which a test begins to read."""
        return JSONResponse({"entry": await run_in_threadpool(self._log.last)})

    async def reads(self, request: Request) -> Response:
        """Gives what was asked and what came back over all entries after `after`: per object and fields, with the ids."""
        return JSONResponse(await run_in_threadpool(self._log.reads, _after(request)))

    async def writes(self, request: Request) -> Response:
        """Gives every kind of call that is no GET, with how often it was made."""
        return JSONResponse(await run_in_threadpool(self._log.writes))

    async def clear_log(self, request: Request) -> Response:
        """Empties the access log."""
        await run_in_threadpool(self._log.clear)
        return Response(status_code=204)

    async def switches(self, request: Request) -> Response:
        """Gives the switches."""
        return JSONResponse(self._org.switches.as_dict())

    async def set_switches(self, request: Request) -> Response:
        """Sets the switches that the body names."""
        self._org.switches.set(await request.json())
        return await self.switches(request)

    async def usage(self, request: Request) -> Response:
        """Gives the API calls of the last day, without being one."""
        return JSONResponse({"api_calls": await run_in_threadpool(calls_in_last_day, self._org)})

    async def revoke_tokens(self, request: Request) -> Response:
        """Revokes `token`, or all grants and tokens of `user_id`, or everyone's."""
        token, user_id = request.query_params.get("token"), request.query_params.get("user_id")
        if token is not None:
            known = await run_in_threadpool(self._tokens.revoke, token)
            return Response(status_code=204 if known else 404)
        await run_in_threadpool(self._tokens.revoke_all, user_id)
        return Response(status_code=204)

    async def layout(self, request: Request) -> Response:
        """Gives the related lists of the layout of an object's `record_type` (developer name) for a `profile` (name), or for everybody."""
        return await run_in_threadpool(self._layout, dict(request.query_params), None)

    async def set_layout(self, request: Request) -> Response:
        """Sets the `related_lists` of that layout, e.g. without AttachedContentDocuments: the Files list."""
        body = await request.json()
        return await run_in_threadpool(self._layout, body, body["related_lists"])

    def _layout(self, asked: Mapping[str, str], names: Sequence[str] | None) -> Response:
        store, sobject = self._org.store, asked.get("sobject", "Opportunity")
        developer_name, profile = asked.get("record_type"), asked.get("profile")
        record_type = (
            self._one("RecordType", DeveloperName=developer_name, SobjectType=sobject)
            if developer_name
            else MASTER
        )
        profile_id = self._one("Profile", Name=profile) if profile else None
        if names is not None:
            set_related_lists(store, sobject, names, record_type, profile_id)
        shown = {"sobject": sobject, "record_type": developer_name, "profile": profile}
        return JSONResponse(shown | {"related_lists": related_lists(store, sobject, record_type, profile_id)})

    def _one(self, sobject: str, **equal: str) -> str:
        found = self._org.store.find_ids(sobject, **equal)
        if not found:
            raise ValueError(f"There is no {sobject} with {equal}.")
        return found[0]

    async def mistakes(self, request: Request) -> Response:
        """Gives the mistakes in the set-up that were made, and all that can be."""
        return JSONResponse({"made": self._setup.made(), "known": list(MISTAKES)})

    async def make_mistakes(self, request: Request) -> Response:
        """Makes the mistakes that the body (a list) names."""
        return JSONResponse({"made": await run_in_threadpool(self._setup.make, await request.json())})

    async def undo_mistakes(self, request: Request) -> Response:
        """Makes the set-up what it was."""
        await run_in_threadpool(self._setup.undo)
        return Response(status_code=204)

    async def cast(self, request: Request) -> Response:
        """Gives the people of the demo and the part that each plays."""
        return JSONResponse(await run_in_threadpool(changes.cast, self._org))

    async def change(self, request: Request) -> Response:
        """Makes a named change to the org, as a rep would, and tells what it did."""
        name = request.path_params["name"]
        return JSONResponse(await run_in_threadpool(changes.make_change, self._org, name))

    async def add_other_job(self, request: Request) -> Response:
        """Notes a finished job of another API (`job_type` Classic or V2Ingest, `sobject`), as another integration leaves behind."""
        body = await request.json()
        made = await run_in_threadpool(add_other_job, self._org, body["job_type"], body["sobject"])
        return JSONResponse({"id": made.id})

    async def act(self, request: Request) -> Response:
        """Does to a record what no REST resource does: undelete, purge, merge (`losers`), archive, change-by-system (the fields)."""
        body = await request.json() if await request.body() else {}
        parts = request.path_params
        await run_in_threadpool(act_on, self._org, parts["act"], parts["sobject"], parts["record_id"], body)
        return Response(status_code=204)


def _after(request: Request) -> int:
    return int(request.query_params.get("after", "0"))


def _guarded(endpoint: Endpoint) -> Endpoint:
    """Answers 403 to other machines and 400 with the reason to a request that says something impossible."""

    async def guarded(request: Request) -> Response:
        if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
            return JSONResponse({"error": "The admin endpoints answer this machine alone."}, status_code=403)
        try:
            return await endpoint(request)
        except (ValueError, TypeError, KeyError, JSONDecodeError) as fault:
            return JSONResponse({"error": str(fault)}, status_code=400)
        except ApiError as refusal:
            return JSONResponse({"error": refusal.message}, status_code=refusal.status)

    return guarded
