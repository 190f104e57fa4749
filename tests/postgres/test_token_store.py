"""The grant in Postgres: encrypted, durable by itself, refreshed by one process at a time, of one org only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from cryptography.fernet import Fernet

from orchestration.errors import NeedsReconnectError, SetupError, TransientError, WrongOrgError
from orchestration.postgres import token_store
from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore
from orchestration.salesforce.oauth import Tokens, TokenStore

KEY = Fernet.generate_key().decode()
GIVEN = Tokens(
    access_token="00Daccess",
    refresh_token="5Aeprefresh",
    instance_url="https://acme.my.salesforce.com",
    identity_url="https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA",
    scope="api refresh_token",
)


def _store(database: Database, key: str = KEY) -> PostgresTokenStore[Tokens]:
    store = PostgresTokenStore(database, key, Tokens)
    as_the_client_sees_it: TokenStore = store
    assert as_the_client_sees_it is store
    return store


@pytest.fixture
def store(database: Database) -> PostgresTokenStore[Tokens]:
    """A store in which somebody has connected."""
    store = _store(database)
    store.connect(GIVEN, client_id="client", login_url="https://acme.my.salesforce.com")
    return store


def test_what_was_given_is_what_another_process_loads(
    store: PostgresTokenStore[Tokens], database: Database
) -> None:
    """Webserver, daemon and CLI share one grant."""
    assert _store(database).load() == replace(GIVEN, generation=1)


def test_no_token_is_readable_in_the_database(store: PostgresTokenStore[Tokens], database: Database) -> None:
    """Whoever reads a backup must not be able to read the org."""
    with database.transaction() as conn:
        row = conn.execute(
            "select connection::text, access_token, refresh_token from fluint_sync.connection"
        ).fetchone()
    assert row is not None
    text, access, refresh = row
    for secret in (GIVEN.access_token, str(GIVEN.refresh_token)):
        assert secret not in text
        assert secret.encode().hex() not in text
        assert secret.encode() not in access + refresh


def test_a_saved_grant_is_kept_though_the_caller_fails_afterwards(
    store: PostgresTokenStore[Tokens], database: Database
) -> None:
    """With rotation the old refresh token is dead at once: a rollback that took the new one along would end the connection."""
    with database.connect() as callers:
        callers.execute("select 1")
        with store.exclusive() as stored:
            saved = store.save(replace(stored, access_token="new", refresh_token="rotated"))
        callers.rollback()
    assert saved == store.load() == replace(GIVEN, access_token="new", refresh_token="rotated", generation=2)


def test_the_second_refresher_waits_and_sees_what_the_first_stored(store: PostgresTokenStore[Tokens]) -> None:
    """Two refreshes with one rotating token revoke the grant."""
    seen, inside = [], threading.Event()

    def second() -> None:
        inside.wait()
        with store.exclusive() as stored:
            seen.append(stored.generation)

    other = threading.Thread(target=second)
    other.start()
    with store.exclusive() as stored:
        inside.set()
        other.join(timeout=0.2)
        assert seen == []
        store.save(stored)
    other.join(timeout=60)
    assert seen == [2]


def test_a_refresher_that_hangs_is_not_waited_for_without_end(
    store: PostgresTokenStore[Tokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every run and every sensor of the workspace would hang with it."""
    monkeypatch.setattr(token_store, "_PATIENCE", "50ms")
    with store.exclusive(), pytest.raises(TransientError), store.exclusive():
        pass


def test_without_a_connection_the_text_says_who_connects(database: Database) -> None:
    """The first thing that a new installation shows."""
    with pytest.raises(NeedsReconnectError, match="fluint connect"):
        _store(database).load()


def test_a_grant_marked_dead_is_not_used_until_somebody_connects(store: PostgresTokenStore[Tokens]) -> None:
    """Asking on with a dead grant, at every tick, looks like an attack to the org."""
    store.mark_needs_reconnect("the user was deactivated.", store.load())
    with pytest.raises(NeedsReconnectError, match="the user was deactivated"):
        store.load()
    with pytest.raises(NeedsReconnectError):
        store.save(GIVEN)
    assert store.connect(GIVEN, client_id="client", login_url="https://x").generation == 2
    assert store.load().access_token == GIVEN.access_token


def test_after_disconnecting_no_token_is_left_and_the_org_is_remembered(
    store: PostgresTokenStore[Tokens], database: Database
) -> None:
    """A new connection to another org would mix two companies' deals."""
    store.forget()
    with pytest.raises(NeedsReconnectError, match="not connected"):
        store.load()
    with database.transaction() as conn:
        held = conn.execute(
            "select org_id, access_token, refresh_token from fluint_sync.connection"
        ).fetchall()
    assert held == [("00D000000000001AAA", None, None)]
    elsewhere = replace(GIVEN, identity_url=GIVEN.identity_url.replace("00D000000000001", "00D000000000002"))
    with pytest.raises(WrongOrgError, match="00D000000000001AAA"):
        store.connect(elsewhere, client_id="client", login_url="https://x")


def test_another_key_is_told_as_such(store: PostgresTokenStore[Tokens], database: Database) -> None:
    """'Invalid token' would send people to Salesforce to look for the fault."""
    with pytest.raises(SetupError, match="FLUINT_ENCRYPTION_KEY is not the key"):
        _store(database, Fernet.generate_key().decode()).load()
    with pytest.raises(SetupError, match="no Fernet key") as caught:
        _store(database, "hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_mark_without_a_result_is_retried_once_and_then_given_up(
    store: PostgresTokenStore[Tokens], database: Database
) -> None:
    """Killed between receipt and store, twice: a third try would present a token that Salesforce knows to be dead."""
    given = store.load()
    for tries in (1, 2):
        assert store.begin_refresh(given) == tries
        _kill_the_refresher(database)
    with pytest.raises(NeedsReconnectError, match="interrupted twice"):
        store.begin_refresh(given)
    with pytest.raises(NeedsReconnectError, match="interrupted twice"):
        store.load()


def _kill_the_refresher(database: Database) -> None:
    """As it looks a while after a process died while it presented the token."""
    with database.transaction() as conn:
        conn.execute(
            "update fluint_sync.connection set refreshing_since = refreshing_since - interval '5 minutes'"
        )


def test_a_mark_that_may_still_be_at_work_is_waited_for(store: PostgresTokenStore[Tokens]) -> None:
    """A process that lost only its database is still waiting for Salesforce: a second request with its token ends the grant."""
    given = store.load()
    store.begin_refresh(given)
    with pytest.raises(TransientError, match="has lost its database"):
        store.begin_refresh(given)
    assert store.load() == given


def test_a_connection_that_breaks_while_a_token_is_stored_may_be_tried_again(
    store: PostgresTokenStore[Tokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver's error is nothing that anybody waits out, and the token that was just received is the only copy."""
    given = store.load()

    @contextmanager
    def breaking(_: Database) -> Iterator[None]:
        raise psycopg.OperationalError("server closed the connection unexpectedly")
        yield

    with monkeypatch.context() as broken:
        broken.setattr(Database, "transaction", breaking)
        with pytest.raises(TransientError, match="tried again"):
            store.save(given)
    assert store.save(given).generation == given.generation + 1


@pytest.mark.parametrize(("was_taken", "next_try"), [(False, 1), (None, 2)])
def test_a_request_that_ended_without_tokens_counts_only_where_nobody_knows_how(
    store: PostgresTokenStore[Tokens], was_taken: bool | None, next_try: int
) -> None:
    """An outage that answers costs nothing; an answer that was cut off may have been the only copy of a token."""
    given = store.load()
    store.begin_refresh(given)
    store.end_refresh(given, was_taken=was_taken)
    assert store.begin_refresh(given) == next_try
    store.save(given)
    assert store.begin_refresh(store.load()) == 1


def test_a_token_that_does_not_rotate_is_never_given_up(
    store: PostgresTokenStore[Tokens], database: Database
) -> None:
    """It is as good as before, however many processes died with it."""
    store.save(replace(store.load(), rotates=False))
    for _ in range(4):
        store.begin_refresh(store.load())
        _kill_the_refresher(database)
    assert not store.load().rotates


def test_what_an_older_grant_brings_does_not_touch_one_that_somebody_just_connected(
    store: PostgresTokenStore[Tokens],
) -> None:
    """A person connects while a process still renews, or gives up, the grant before: hers must live."""
    before = store.load()
    store.connect(replace(GIVEN, access_token="hers"), client_id="client", login_url="https://x")
    store.mark_needs_reconnect("revoked", before)
    assert store.save(replace(before, access_token="late")).access_token == "hers"
    assert store.load().access_token == "hers"


def test_the_key_is_rotated_in_three_steps_and_the_old_one_is_then_of_no_use(
    store: PostgresTokenStore[Tokens], database: Database
) -> None:
    """A key that cannot be changed is a key that somebody who left still has."""
    new = Fernet.generate_key().decode()
    both = _store(database, f"{new},{KEY}")
    assert both.load().access_token == GIVEN.access_token
    assert both.encrypt_anew()
    assert _store(database, new).load() == replace(GIVEN, generation=1)
    with pytest.raises(SetupError, match="FLUINT_ENCRYPTION_KEY is not the key"):
        store.load()


def test_what_is_held_is_given_to_whoever_ends_it_though_it_is_dead(
    store: PostgresTokenStore[Tokens],
) -> None:
    """A dead grant that cannot be disconnected stays in the database for ever."""
    store.mark_needs_reconnect("revoked")
    assert store.held() == replace(GIVEN, generation=1)
    store.forget()
    assert store.held() is None
