"""One process of a workspace that shares the grant with others: reads a line of JSON, says that it is ready, waits, asks the org once.

`dies` names where it is killed, as by an operator or a machine that fails: before the token request leaves, or with its answer in hand.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from orchestration.errors import FluintError
from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore
from orchestration.salesforce import oauth
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import OAuthApp, Tokens


def die(*_: Any, **__: Any) -> Any:
    """Ends this process without a word."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Prints `ready`, then how many users the org has, or the error."""
    told = json.loads(sys.stdin.readline())
    if told["dies"] == "before the request":
        oauth.refresh = die
    if told["dies"] == "before the answer is stored":
        PostgresTokenStore.save = die  # type: ignore[method-assign]
    store = PostgresTokenStore(
        Database(told["database"], without_tls_because="a test's own"), told["key"], Tokens
    )
    client = Salesforce(OAuthApp(**told["app"]), store, sleep=lambda _: None)
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print(sum(page.count for page in client.query("SELECT Id FROM User")), flush=True)
    except FluintError as error:
        print(f"{type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    main()
