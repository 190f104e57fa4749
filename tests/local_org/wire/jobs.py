"""Bulk query jobs asked for over HTTPS, for tests of what happens around them."""

from __future__ import annotations

import time

import requests

from tests.local_org.wire.conftest import Web

V = "/services/data/v66.0"

JOBS = f"{V}/jobs/query"
_ENDED = ("JobComplete", "Failed", "Aborted")


def created(api: Web, query: str) -> requests.Response:
    """Asks for a job."""
    return api.post(JOBS, json={"operation": "query", "query": query})


def finished(api: Web, query: str) -> str:
    """Runs a job to its end and gives its id."""
    answer = created(api, query)
    assert answer.status_code == 200, answer.text
    job_id = str(answer.json()["id"])
    reached(api, job_id, "JobComplete")
    return job_id


def reached(api: Web, job_id: str, state: str) -> dict[str, object]:
    """Waits until a job is in a state, and gives its document; fails where it ends in another."""
    for _ in range(500):
        document: dict[str, object] = api.get(f"{JOBS}/{job_id}").json()
        if document["state"] in (state, *_ENDED):
            break
        time.sleep(0.02)
    assert document["state"] == state
    return document
