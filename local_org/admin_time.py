"""The admin endpoints of the org's time: its clock, and transactions that begin now and commit later.

Belongs here: JSON in and out. Does not: what time and transactions are (clock.py, transactions.py), who may ask (admin.py).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_org.clock import Clock
from local_org.org import Org
from local_org.transactions import Transaction


def turn(clock: Clock, body: Mapping[str, Any]) -> None:
    """Turns a clock by `seconds`, back if negative, and stops it or lets it go on by `frozen`."""
    seconds, frozen = float(body.get("seconds", 0)), body.get("frozen")
    if frozen is not None:
        (clock.freeze if frozen else clock.thaw)()
    clock.turn(timedelta(seconds=seconds))


class TimeEndpoints:
    """Clock and slow transactions of one org, over HTTP."""

    def __init__(self, org: Org) -> None:
        """Holds the org."""
        self._org = org

    async def clock(self, request: Request) -> Response:
        """Tells the org's time and whether it stands still."""
        clock = self._org.clock
        return JSONResponse({"now": clock.now().isoformat(), "frozen": clock.is_frozen})

    async def turn_clock(self, request: Request) -> Response:
        """Turns the org's clock by `seconds`; `frozen` stops it or lets it go on."""
        turn(self._org.clock, await request.json())
        return await self.clock(request)

    async def transactions(self, request: Request) -> Response:
        """Gives the open transactions."""
        return JSONResponse([_told(each) for each in self._org.transactions.listing()])

    async def begin(self, request: Request) -> Response:
        """Begins a transaction of `changes` as the user `by` (the platform itself if left out); with `commit`, also ends it."""
        return JSONResponse(await run_in_threadpool(self._begin, await request.json()))

    def _begin(self, body: Mapping[str, Any]) -> Mapping[str, object]:
        by = str(body.get("by") or self._org.system_user_id)
        begun = self._org.transactions.begin(body["changes"], by)
        if body.get("commit"):
            self._org.transactions.commit(begun.number)
        return _told(begun)

    async def commit(self, request: Request) -> Response:
        """Ends a transaction: from now on everybody sees it, with the stamps of its beginning."""
        number = int(request.path_params["number"])
        return JSONResponse(_told(await run_in_threadpool(self._org.transactions.commit, number)))

    async def roll_back(self, request: Request) -> Response:
        """Takes a transaction back."""
        self._org.transactions.roll_back(int(request.path_params["number"]))
        return Response(status_code=204)


def _told(transaction: Transaction) -> dict[str, object]:
    return {
        "transaction": transaction.number,
        "began_at": transaction.began_at.isoformat(),
        "ids": transaction.ids,
    }
