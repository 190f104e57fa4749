"""Someone with a browser in the realm: approves the connected app, turns the org's switches as its administrator, reads its log.

A program, because it has to run where the org is: `python -m tests.local_org.foreign.visit DIRECTORY connect`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local_org.registration import registration_of
from tests.local_org.foreign.realm import LOGIN
from tests.local_org.wire.conftest import Person, Web


def main(directory: str, order: str, *arguments: str) -> None:
    """Carries out one order and prints its answer as JSON."""
    card = registration_of(Path(directory))
    # Of a server, Person and Web read the registration alone.
    server: Any = SimpleNamespace(registration=card)
    # A grant is renewed where it was given, and these clients renew theirs at the log-in host.
    login: Any = SimpleNamespace(registration=replace(card, base_url=f"https://{LOGIN}"))
    if order == "connect":
        answer: object = Person(login).connect()
    elif order == "switch":
        answer = Web(server).patch("/__local_org__/switches", json=json.loads(arguments[0])).json()
    elif order == "count":
        sobject, access_token = arguments
        asked = {"q": f"SELECT COUNT() FROM {sobject}"}
        answer = (
            Web(server, access_token).get("/services/data/v66.0/queryAll", params=asked).json()["totalSize"]
        )
    else:
        answer = Web(server).get(f"/__local_org__/{order}").json()
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
