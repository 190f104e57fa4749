"""The admin endpoints of faults: put one to work, see which are left and whom they hit, carry out what was parked, end all.

Belongs here: JSON in and out. Does not: what a fault does (faults/), who may ask (admin.py).
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_org.faults import Fault, Faults
from local_org.faults.wire import Parking


class FaultEndpoints:
    """The faults of one org, over HTTP."""

    def __init__(self, faults: Faults, parking: Parking) -> None:
        """Holds the faults at work and what they keep back."""
        self._faults = faults
        self._parking = parking

    async def faults(self, request: Request) -> Response:
        """Gives the faults that are still to come."""
        return JSONResponse(list(self._faults.listing()))

    async def hits(self, request: Request) -> Response:
        """Gives the requests that were hit since the faults were cleared."""
        return JSONResponse(list(self._faults.hits()))

    async def add(self, request: Request) -> Response:
        """Puts the fault that the body describes to work, or all of a list."""
        body = await request.json()
        for fault in [Fault.of(each) for each in (body if isinstance(body, list) else [body])]:
            self._faults.add(fault)
        return await self.faults(request)

    async def release(self, request: Request) -> Response:
        """Carries out the requests that a `late_commit` keeps back, and answers when that is done."""
        return JSONResponse({"carried_out": await self._parking.release()})

    async def clear(self, request: Request) -> Response:
        """Ends all faults and takes back what they did to the org."""
        await run_in_threadpool(self._faults.clear)
        return Response(status_code=204)
