"""The one way out: a session that dies, failures of the moment, the stop at the quota, and what is counted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from orchestration.errors import NeedsReconnectError, QuotaReachedError, SetupError, TransientSalesforceError
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import Tokens
from orchestration.salesforce.quota import ApiUsage
from orchestration.salesforce.transport import ATTEMPTS, Timeouts
from tests.salesforce.scripted_org import (
    TOKEN_PATH,
    Answer,
    MemoryStore,
    Request,
    ScriptedOrg,
    page,
    record,
    refusal,
)

QUERY = "/services/data/v66.0/queryAll"
SOQL = "SELECT Id FROM Opportunity"
DEAD = refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")


def _that_learned(client: Salesforce, usage: ApiUsage) -> Salesforce:
    client.learn(usage.used, usage.allowed, usage.seen_at)
    return client


def counts(client: Salesforce) -> list[int]:
    """Runs one query and returns the records of each page."""
    return [one.count for one in client.query(SOQL)]


def alive_with(token: str) -> Callable[[Request], Answer]:
    """Answers as an org that knows one access token."""

    def answer(request: Request) -> Answer:
        return page(record(1)) if request.headers["Authorization"] == f"Bearer {token}" else DEAD

    return answer


def test_a_session_that_dies_mid_read_is_renewed_once_and_only_its_call_is_repeated(
    org: ScriptedOrg, client: Salesforce, store: MemoryStore
) -> None:
    """Starting over would read the first page twice; not repeating would lose the second."""
    following = "/services/data/v66.0/query/01g-2000"
    org.on("GET", QUERY, page(record(1), next_url=following, total=2))
    org.on("GET", following, DEAD, page(record(2), total=2))
    org.on("POST", TOKEN_PATH, org.token_answer())
    assert counts(client) == [1, 1]
    assert [request.path for request in org.requests] == [QUERY, following, TOKEN_PATH, following]
    assert org.requests[-1].headers["Authorization"] == "Bearer access-new"
    assert store.tokens.refresh_token == "refresh-new"


def test_the_new_refresh_token_is_stored_before_the_new_session_is_used(
    org: ScriptedOrg, client: Salesforce, store: MemoryStore
) -> None:
    """With rotation the old one is dead at once: a crash in between would cost the connection."""
    seen: list[int] = []

    def answer(request: Request) -> Answer:
        if request.headers["Authorization"] == "Bearer access-old":
            return DEAD
        seen.append(store.saved)
        return page()

    org.on("GET", QUERY, answer)
    org.on("POST", TOKEN_PATH, org.token_answer())
    counts(client)
    assert seen == [1]


def test_a_grant_that_could_not_be_stored_is_neither_used_nor_lost(
    org: ScriptedOrg, client: Salesforce, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Used unsaved, it dies with the process; asked for again, the old token is presented a second time."""

    def broken(tokens: Tokens) -> Tokens:
        raise ConnectionError("the database is away")

    org.on("GET", QUERY, alive_with("access-new"))
    org.on("POST", TOKEN_PATH, org.token_answer())
    with monkeypatch.context() as away:
        away.setattr(store, "save", broken)
        with pytest.raises(ConnectionError):
            counts(client)
    assert [request.headers["Authorization"] for request in org.asked(QUERY)] == ["Bearer access-old"]
    assert counts(client) == [1]
    assert store.tokens.refresh_token == "refresh-new"
    assert len(org.asked(TOKEN_PATH)) == 1


def test_a_token_that_another_process_renewed_is_taken_and_not_renewed_again(
    org: ScriptedOrg, client: Salesforce, store: MemoryStore
) -> None:
    """Presenting the rotated-out token would revoke the grant for everyone."""
    org.on("GET", QUERY, alive_with("access-of-another"))
    assert client.identity()  # the client has read its grant
    store.save(type(store.tokens)(**{**vars(store.tokens), "access_token": "access-of-another"}))
    assert counts(client) == [1]
    assert not org.asked(TOKEN_PATH)


def test_eight_clients_whose_session_dies_at_once_make_one_token_request(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """Rotation allows one refresher; a second one ends the connection."""
    org.on("GET", QUERY, alive_with("access-new"))
    org.on("POST", TOKEN_PATH, org.token_answer())
    results: list[list[int]] = []

    def work() -> None:
        with requests.Session() as session:
            results.append(counts(Salesforce(org.app(), store, session=session)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[1]] * 8
    assert len(org.asked(TOKEN_PATH)) == 1


def test_a_revoked_grant_makes_one_token_request_and_no_further_call(
    org: ScriptedOrg, client: Salesforce, store: MemoryStore
) -> None:
    """Another connector sent 1,600 token requests in 38 minutes after a revocation."""
    org.on("GET", QUERY, DEAD)
    org.on(
        "POST",
        TOKEN_PATH,
        Answer(400, {"error": "invalid_grant", "error_description": "expired access/refresh token"}),
    )
    for _ in range(3):
        with pytest.raises(NeedsReconnectError, match="connects Fluint again"):
            counts(client)
    with requests.Session() as session, pytest.raises(NeedsReconnectError):
        counts(Salesforce(org.app(), store, session=session))
    assert len(org.asked(TOKEN_PATH)) == 1
    assert store.reason is not None


def test_a_lost_token_answer_is_not_asked_for_again_by_the_same_call(
    org: ScriptedOrg, client: Salesforce, store: MemoryStore
) -> None:
    """Whether the token was rotated is unknown; hammering cannot make it known."""
    org.on("GET", QUERY, DEAD)
    org.on("POST", TOKEN_PATH, Answer(503, b"<html>busy</html>"))
    with pytest.raises(TransientSalesforceError):
        counts(client)
    assert store.reason is None
    assert len(org.asked(TOKEN_PATH)) == 1


def test_a_session_that_is_refused_right_after_its_renewal_ends_in_a_text_about_the_set_up(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """Renewing again and again would never end, and the cause is a policy."""
    org.on("GET", QUERY, DEAD)
    org.on("POST", TOKEN_PATH, org.token_answer())
    with pytest.raises(SetupError, match="login IP ranges"):
        counts(client)
    assert len(org.asked(TOKEN_PATH)) == 1


def test_a_grant_that_moved_to_another_instance_is_followed_there(
    org: ScriptedOrg, client: Salesforce, store: MemoryStore
) -> None:
    """After a move of the org, its old address refuses every session."""
    org.on("GET", QUERY, DEAD, page(record(1)))
    org.on("POST", TOKEN_PATH, org.token_answer(instance_url=org.url.replace("127.0.0.1", "localhost")))
    with pytest.raises(
        SetupError, match="certificate of localhost"
    ):  # asked there: its certificate is for 127.0.0.1 alone
        counts(client)
    assert store.tokens.instance_url.startswith("https://localhost")


@pytest.mark.parametrize(
    "failure",
    [
        Answer(503, b"<html><body>Service Unavailable</body></html>"),
        Answer(420, b""),
        Answer(429, b""),
        Answer(406, b""),
        Answer(502, b""),
        refusal(500, "UNKNOWN_EXCEPTION"),
        refusal(503, "SERVER_UNAVAILABLE"),
        refusal(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
        refusal(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded"),
    ],
)
def test_a_failure_of_the_moment_is_tried_again_with_growing_pauses(
    org: ScriptedOrg, client: Salesforce, naps: list[float], failure: Answer
) -> None:
    """One page of an edge server must not cost a whole run."""
    org.on("GET", QUERY, failure, failure, page(record(1)))
    assert counts(client) == [1]
    assert len(naps) == 2
    assert naps[0] < naps[1] + 0.5


def test_a_failure_that_stays_is_given_up_after_four_tries_with_salesforces_request_id(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """The next sync tries again; until then its text must be of use to Salesforce's support."""
    org.on("GET", QUERY, refusal(503, "SERVER_UNAVAILABLE", **{"X-SFDC-Request-Id": "TID:1"}))
    with pytest.raises(TransientSalesforceError, match="the next sync tries again") as caught:
        counts(client)
    assert (len(org.requests), caught.value.code, caught.value.request_id) == (
        ATTEMPTS,
        "SERVER_UNAVAILABLE",
        "TID:1",
    )


def test_a_server_that_hangs_is_left_after_the_read_time_out(org: ScriptedOrg, store: MemoryStore) -> None:
    """No request may hang without limit: a sensor has 60 seconds in all."""
    with socket.create_server(("127.0.0.1", 0)) as deaf, requests.Session() as session:
        hanging = type(store.tokens)(
            **{**vars(store.tokens), "instance_url": f"https://127.0.0.1:{deaf.getsockname()[1]}"}
        )
        client = Salesforce(
            org.app(),
            MemoryStore(hanging),
            session=session,
            sleep=lambda _: None,
            timeout=Timeouts(0.2, 0.2, 1),
        )
        with pytest.raises(TransientSalesforceError, match="did not answer"):
            counts(client)  # with the usual time-outs this test would hang


def test_a_body_that_trickles_is_left_when_the_whole_takes_too_long(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """The read time-out begins anew with every byte."""
    org.on("GET", QUERY, page(*(record(number) for number in range(900))))
    with requests.Session() as session:
        client = Salesforce(
            org.app(), store, session=session, sleep=lambda _: None, timeout=Timeouts(5, 5, 0)
        )
        with pytest.raises(TransientSalesforceError, match="took too long"):
            counts(client)


def test_calls_stop_at_our_share_of_the_daily_quota_before_they_are_sent(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """The org's other applications need the rest."""
    org.usage = "api-usage=12000/15000"
    org.on("GET", QUERY, page())
    counts(client)
    with pytest.raises(QuotaReachedError, match=r"12,000 of its 15,000 .* stops at 80%") as caught:
        counts(client)
    assert len(org.requests) == 1
    assert timedelta(minutes=50) < caught.value.until - datetime.now(UTC) <= timedelta(hours=1)


def test_a_new_process_that_is_told_the_last_usage_stops_without_asking(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """A sensor that asks once a minute in order to learn that it must not ask uses 1,440 calls a day."""
    now = datetime.now(UTC)
    org.on("GET", QUERY, page())
    with requests.Session() as session:
        with pytest.raises(QuotaReachedError):
            counts(
                _that_learned(Salesforce(org.app(), store, session=session), ApiUsage(13_000, 15_000, now))
            )
        assert not org.requests
        hour_old = ApiUsage(13_000, 15_000, now - timedelta(minutes=61))
        assert counts(_that_learned(Salesforce(org.app(), store, session=session), hour_old)) == [0]


def test_a_used_up_quota_names_the_time_and_is_no_failure_to_retry(
    org: ScriptedOrg, client: Salesforce, naps: list[float]
) -> None:
    """Retrying burns the calls that come free."""
    org.on("GET", QUERY, refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
    with pytest.raises(QuotaReachedError, match="goes on by itself after") as caught:
        counts(client)
    assert caught.value.until > datetime.now(UTC)
    assert (len(org.requests), naps) == (1, [])


def test_usage_is_read_from_every_answer_even_beside_a_per_app_figure(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """The per-app figure comes second in the same header and must not be taken for the org's."""
    org.usage = "api-usage=18/5000; per-app-api-usage=17/250(appName=sample-connected-app)"
    org.on("GET", QUERY, page())
    counts(client)
    assert client.usage is not None
    assert (client.usage.used, client.usage.allowed) == (18, 5000)


def test_calls_are_counted_by_purpose_and_taken_once(org: ScriptedOrg, client: Salesforce) -> None:
    """The ledger of calls must add up to the org's own figure, retries included."""
    org.on("GET", QUERY, Answer(503), page())
    with client.purpose("listing"):
        counts(client)
    counts(client)
    assert client.take_calls() == {"listing": 2, "other": 1}
    assert client.take_calls() == {}


def test_the_servers_time_needs_no_session_and_counts_as_no_call(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """The horizon is asked for before every tick."""
    org.on("GET", "/services/data", Answer(body=[]))
    assert client.server_time() == datetime(2026, 5, 4, 10, 0, 30, tzinfo=UTC)
    assert "Authorization" not in org.requests[0].headers
    assert client.take_calls() == {}


def test_an_untrusted_certificate_is_a_matter_of_the_set_up_and_nothing_is_sent(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """A proxy that opens TLS must be named by a person, not got used to by retries."""
    strict = type(org.app())("client-id", None, org.url, "http://localhost:1717/callback")
    with requests.Session() as session:
        client = Salesforce(strict, store, session=session, sleep=lambda _: None)
        with pytest.raises(SetupError, match="FLUINT_SALESFORCE_CA_FILE"):
            counts(client)
    assert not org.requests


def test_the_certificate_authority_given_wins_over_one_in_the_environment(
    org: ScriptedOrg, client: Salesforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests lets REQUESTS_CA_BUNDLE override a session's own setting, which breaks the local org on a company's machine."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "company.pem"))
    org.on("GET", QUERY, page())
    assert counts(client) == [0]


def test_a_netrc_file_of_the_machine_does_not_replace_the_session(
    org: ScriptedOrg, client: Salesforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests takes credentials for a host from there unless told who signs the request."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    org.on("GET", QUERY, alive_with("access-old"))
    assert counts(client) == [1]


def test_a_redirect_is_not_followed_but_explained(org: ScriptedOrg, client: Salesforce) -> None:
    """A retired My Domain answers with a page for browsers elsewhere; what came from there would be taken for records."""
    org.on("GET", QUERY, Answer(302, b"", {"Location": "https://elsewhere.example/"}))
    with pytest.raises(SetupError, match="My Domain seems to have changed"):
        counts(client)
