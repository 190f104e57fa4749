"""Renewing a grant: what a token request that has no answer costs, what is sent and stored in which order, and when it is due."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from orchestration.errors import NeedsReconnectError, TransientError
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import Tokens
from orchestration.salesforce.renewal import IDLE_POLICY, KEEP_ALIVE, Renewal, RenewalError, idle_warning
from tests.salesforce.scripted_org import TOKEN_PATH, Answer, MemoryStore, ScriptedOrg, page, record

QUERY = "/services/data/v66.0/queryAll"
NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
CUT_OFF = Answer(200, {"access_token": "x"}, cut_after=3)
REPLAYED = Answer(400, {"error": "invalid_grant", "error_description": "expired access/refresh token"})


def renewal(org: ScriptedOrg, store: MemoryStore, naps: list[float] | None = None) -> Renewal:
    """A renewal that notes its naps instead of taking them, as another process would have one of its own."""
    return Renewal(org.app(), store, (naps if naps is not None else []).append)


def test_an_answer_that_was_lost_is_asked_for_once_more_and_may_come(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """The request may never have arrived: giving up at once would cost a person's time for a broken cable."""
    org.on("POST", TOKEN_PATH, CUT_OFF, org.token_answer())
    with pytest.raises(RenewalError):
        renewal(org, store).renew(store.tokens)
    tokens, is_ours = renewal(org, store).renew(store.tokens)
    assert (tokens.refresh_token, is_ours) == ("refresh-new", True)
    assert len(org.asked(TOKEN_PATH)) == 2


def test_a_token_whose_answer_was_lost_twice_is_not_presented_again(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """Presented on and on, a rotated-out token looks like a theft to the org."""
    org.on("POST", TOKEN_PATH, CUT_OFF)
    for _ in range(2):
        with pytest.raises(RenewalError):
            renewal(org, store).renew(store.tokens)
    for _ in range(3):
        with pytest.raises(NeedsReconnectError):
            renewal(org, store).renew(store.tokens)
    assert len(org.asked(TOKEN_PATH)) == 2


def test_a_lost_answer_that_had_rotated_the_token_is_told_as_what_it_was(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """'Somebody revoked it' sends an admin to look for somebody; the cause was a process that died."""
    org.on("POST", TOKEN_PATH, CUT_OFF, REPLAYED)
    with pytest.raises(RenewalError):
        renewal(org, store).renew(store.tokens)
    with pytest.raises(
        NeedsReconnectError, match=r"interrupted before its answer was stored.*connects Fluint again"
    ):
        renewal(org, store).renew(store.tokens)
    assert store.reason is not None
    assert len(org.asked(TOKEN_PATH)) == 2


@pytest.mark.parametrize("answer", [Answer(503, b"<html>busy</html>"), Answer(429, b"")])
def test_an_outage_of_the_token_endpoint_never_costs_the_grant(
    org: ScriptedOrg, store: MemoryStore, answer: Answer
) -> None:
    """Salesforce's maintenance on a Sunday must not need an admin on Monday: a refusal is a known result."""
    org.on("POST", TOKEN_PATH, *[answer] * 5, org.token_answer())
    for _ in range(5):
        with pytest.raises(RenewalError):
            renewal(org, store).renew(store.tokens)
    assert renewal(org, store).renew(store.tokens)[0].access_token == "access-new"


@pytest.mark.parametrize("cut_after", [None, 3])
def test_a_redirect_of_the_token_endpoint_never_costs_the_grant(
    org: ScriptedOrg, store: MemoryStore, cut_after: int | None
) -> None:
    """A My Domain that moved, or a proxy with a page of its own, issued no tokens: three ticks must not end a grant that is good."""
    moved = Answer(
        302, b"<html>moved</html>", {"Location": "https://elsewhere.example/"}, cut_after=cut_after
    )
    org.on("POST", TOKEN_PATH, *[moved] * 5, org.token_answer())
    for _ in range(5):
        with pytest.raises(RenewalError, match=r"HTTP 302.*My Domain"):
            renewal(org, store).renew(store.tokens)
    assert store.tries == 0
    assert renewal(org, store).renew(store.tokens)[0].access_token == "access-new"


def test_a_host_that_cannot_be_reached_never_costs_the_grant(org: ScriptedOrg, store: MemoryStore) -> None:
    """Nothing left this machine, so nothing can have become of it: a network that is down over a weekend is no reason to reconnect."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        away = replace(store.tokens, login_url=f"https://127.0.0.1:{taken.getsockname()[1]}")
        store.tokens = away
        for _ in range(4):
            with pytest.raises(RenewalError):
                renewal(org, store).renew(away)
    assert store.tries == 0


def test_a_token_that_does_not_rotate_is_presented_as_often_as_it_takes(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """Nothing is lost with an answer where the old token stays good."""
    store.tokens = replace(store.tokens, rotates=False)
    org.on("POST", TOKEN_PATH, *[CUT_OFF] * 4, Answer(body={"access_token": "access-new"}))
    for _ in range(4):
        with pytest.raises(RenewalError):
            renewal(org, store).renew(store.tokens)
    tokens, _ = renewal(org, store).renew(store.tokens)
    assert (tokens.access_token, tokens.refresh_token, tokens.rotates) == ("access-new", "refresh-old", False)


def test_a_new_grant_is_stored_though_the_database_is_away_for_a_moment(
    org: ScriptedOrg, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the only copy: the token that was presented for it is dead."""
    naps: list[float] = []
    save, failures = store.save, iter([True, True])

    def restarting(tokens: Tokens) -> Tokens:
        if next(failures, False):
            raise TransientError("the server restarts")
        return save(tokens)

    monkeypatch.setattr(store, "save", restarting)
    org.on("POST", TOKEN_PATH, org.token_answer())
    assert renewal(org, store, naps).renew(store.tokens)[0].refresh_token == "refresh-new"
    assert (len(naps), len(org.asked(TOKEN_PATH))) == (2, 1)


def test_a_dead_grant_that_cannot_be_marked_is_not_presented_again_by_this_process(
    org: ScriptedOrg, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that restarts at the wrong moment would let every call of the process ask again."""
    org.on("POST", TOKEN_PATH, REPLAYED)
    one = renewal(org, store)

    def away(reason: str, tokens: Tokens) -> None:
        raise TransientError("the server restarts")

    with monkeypatch.context() as restarting:
        restarting.setattr(store, "mark_needs_reconnect", away)
        for _ in range(3):
            with pytest.raises(TransientError):
                one.renew(store.tokens)
    with pytest.raises(NeedsReconnectError):
        one.renew(store.tokens)
    assert len(org.asked(TOKEN_PATH)) == 1
    assert store.reason is not None


@pytest.mark.parametrize(("age", "requests_sent"), [(KEEP_ALIVE * 1.1, 1), (KEEP_ALIVE * 0.9, 0)])
def test_a_grant_that_was_not_renewed_for_a_day_is_kept_alive(
    org: ScriptedOrg, store: MemoryStore, age: timedelta, requests_sent: int
) -> None:
    """A session that is used every minute lives for weeks, and its refresh token dies unused in the meantime."""
    store.tokens = replace(store.tokens, refreshed_at=datetime.now(UTC) - age)
    org.on("GET", QUERY, page(record(1)))
    org.on("POST", TOKEN_PATH, org.token_answer())
    with requests.Session() as session:
        client = Salesforce(org.app(), store, session=session, sleep=lambda _: None)
        assert [one.count for one in client.query("SELECT Id FROM Opportunity")] == [1]
    assert len(org.asked(TOKEN_PATH)) == requests_sent
    expected = "Bearer access-new" if requests_sent else "Bearer access-old"
    assert org.asked(QUERY)[0].headers["Authorization"] == expected


def test_a_session_that_lives_is_used_though_it_could_not_be_kept_alive(
    org: ScriptedOrg, store: MemoryStore
) -> None:
    """Care for next month must not stop today's sync."""
    store.tokens = replace(store.tokens, refreshed_at=datetime.now(UTC) - KEEP_ALIVE * 2)
    org.on("GET", QUERY, page(record(1)))
    org.on("POST", TOKEN_PATH, Answer(503, b""))
    with requests.Session() as session:
        client = Salesforce(org.app(), store, session=session, sleep=lambda _: None)
        assert [one.count for one in client.query("SELECT Id FROM Opportunity")] == [1]
    assert len(org.asked(TOKEN_PATH)) == 1


def test_a_person_is_warned_while_an_idle_token_can_still_be_saved() -> None:
    """After the thirtieth day the warning would be a report."""
    assert idle_warning(NOW - timedelta(days=19), NOW) is None
    text = idle_warning(NOW - timedelta(days=24), NOW)
    assert text is not None
    assert "24 days ago (2026-04-10)" in text
    assert f"after {IDLE_POLICY.days} days" in text
    assert "valid until revoked" in text
