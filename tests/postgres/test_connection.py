"""What a database URL may be, and what a person is told when it leads nowhere."""

from __future__ import annotations

import psycopg
import pytest

from orchestration.errors import SetupError, TransientError
from orchestration.postgres import connection
from orchestration.postgres.connection import Database


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@localhost/db",
        "postgres://u:p@127.0.0.1:5433/db",
        "postgresql+psycopg2://u:p@[::1]/db",
        "postgresql://u:p@/db?host=/var/run/postgresql",
        "postgresql+psycopg://u:p@db.example.com/db?sslmode=verify-full",
    ],
)
def test_a_server_on_this_machine_or_verified_by_tls_is_accepted(url: str) -> None:
    """The rule must not stand in the way of the usual ways to write a URL."""
    assert Database(url).url.startswith("postgresql://")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:secret@db.example.com/db",
        "postgresql://u:secret@db.example.com/db?sslmode=require",
        "postgresql://u:secret@localhost,db.example.com/db",
        "postgresql://u:secret@localhost/db?hostaddr=192.0.2.7",
        "postgresql://u:secret@127.0.0.1.example.com/db",
        "postgresql://u:secret@/db",
        "mysql://u:secret@localhost/db",
        "postgresql://u:secret@localhost:port/db?nonsense=1",
    ],
)
def test_any_other_is_refused_without_a_word_of_the_password(url: str) -> None:
    """sslmode=require encrypts to whoever answers: tokens and mails would go to a server that nobody checked."""
    with pytest.raises(SetupError) as caught:
        Database(url)
    assert "secret" not in str(caught.value)


def test_a_reason_lets_an_unverified_server_pass() -> None:
    """A socket proxy or a private network is the operator's decision, and is written down where they made it."""
    database = Database("postgresql://u:secret@db.internal/db", without_tls_because="proxy on the same host")
    assert (str(database), "secret" in repr(database)) == ("db on db.internal:5432", False)


def test_a_connection_is_in_utc_and_says_whose_it_is(database: Database) -> None:
    """A session in local time shifts what is cast from text; an anonymous one cannot be found in pg_stat_activity."""
    with database.connect() as conn:
        shown = conn.execute(
            "select current_setting('timezone'), current_setting('application_name')"
        ).fetchone()
    assert shown == ("UTC", "fluint")


def test_a_transaction_commits_at_its_end_and_not_after_an_exception(database: Database) -> None:
    """R14 rests on it."""
    with database.transaction() as conn:
        conn.execute("create table kept (id int)")
    with pytest.raises(psycopg.errors.DivisionByZero), database.transaction() as conn:
        _insert_and_fail(conn)
    with database.transaction() as conn:
        assert conn.execute("select count(*) from kept").fetchone() == (0,)


def _insert_and_fail(conn: connection.Connection) -> None:
    conn.execute("insert into kept values (1)")
    conn.execute("select 1 / 0")


def test_a_wrong_password_needs_a_person_and_a_server_that_is_down_only_patience(database: Database) -> None:
    """A retry for ever on a wrong password hides it; a failed run for a restarting server wakes somebody for nothing."""
    parameters = psycopg.conninfo.conninfo_to_dict(database.url)
    wrong = f"postgresql://nobody-here:wrong@{parameters['host']}:{parameters['port']}/postgres"
    with pytest.raises(SetupError, match="refused") as refused:
        Database(wrong, without_tls_because="test").connect()
    assert "wrong" not in str(refused.value)
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1"):
        Database("postgresql://u:p@127.0.0.1:1/db").connect()


def test_a_server_that_is_too_old_is_named_with_its_version(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the first sign would be a syntax error in a migration."""
    database.check_server()
    monkeypatch.setattr(connection, "MINIMUM_SERVER", 99)
    with pytest.raises(SetupError, match="99 or newer"):
        database.check_server()


def test_a_url_for_sqlalchemy_names_its_driver_and_reaches_the_same_database(database: Database) -> None:
    """A bare postgresql:// means another driver in every release of SQLAlchemy."""
    from sqlalchemy import create_engine, text

    url = database.sqlalchemy_url()
    assert url.startswith("postgresql+psycopg://")
    assert database.sqlalchemy_url("psycopg2").startswith("postgresql+psycopg2://")
    engine = create_engine(url)
    with engine.connect() as conn, database.connect() as ours:
        assert conn.execute(text("select current_database()")).scalar() == ours.info.dbname
    engine.dispose()
