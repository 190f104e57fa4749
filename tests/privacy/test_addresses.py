"""In which forms an address is found in a text: what a hash finds when a mail comes in, and what a search finds of a known address."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from psycopg import sql

from orchestration.postgres.connection import Database
from orchestration.postgres.scrub import likes, names_one_of, pattern, scrub
from tests.postgres_fixtures import PostgresServer
from tests.privacy.people import KEY

ADA = "ada.berg@acme.example"

NAMED = [
    "ada.berg@acme.example",
    "Ada.Berg@ACME.example",
    "Ada Berg <ada.berg@acme.example>",
    '"Berg, Ada" <ada.berg@acme.example>; bob@acme.example',
    "bob@acme.example,ada.berg@acme.example",
    "'ada.berg@acme.example'",
    "mailto:ada.berg@acme.example?subject=x",
    '<a href="mailto:ada.berg%40acme.example">',
    "?to=bob@acme.example%2Cada.berg%40acme.example",
    "%20ada.berg@acme.example",
    "ada.berg&#64;acme.example",
    "ada.berg&#x40;acme.example",
    "write to ada.berg@acme.example.",
    "(ada.berg@acme.example)",
    "On Monday ada.berg@acme.example\nwrote:",
    "_ada.berg@acme.example_",
    "*ada.berg@acme.example*",
    "ada.berg@acme.example.invalid",
    "Received: from x (envelope-from <ada.berg@acme.example>)",
    "{ada.berg@acme.example}",
]
NOT_NAMED = [
    "mada.berg@acme.example",
    "x-ada.berg@acme.example",
    "ada.berg@acme.example.org",
    "ada.berg@acme.examples",
    "ada.berg@acme-example.org",
    "ada.berg@other.example",
    "berg@acme.example",
    "adaxberg@acme.example",
    "ada.berg at acme.example",
    "ada.berg+news@acme.example",
    "",
]


@pytest.fixture(scope="module")
def answers(migrated: Database) -> dict[str, tuple[bool, bool]]:
    """Text → whether a hash of the address would be met in it, and whether the search for the address finds it."""
    with migrated.connect() as connection:
        rows = connection.execute(
            """
            select text, %(ada)s in (select fluint_sync.addresses_in(text)),
                   lower(text) like any (%(likes)s) and text ~* %(pattern)s
            from unnest(%(texts)s::text[]) as text
            """,
            {"ada": ADA, "likes": likes([ADA]), "pattern": pattern([ADA]), "texts": NAMED + NOT_NAMED},
        ).fetchall()
    return {text: (by_hash, by_search) for text, by_hash, by_search in rows}


@pytest.fixture(scope="module")
def migrated(postgres_server: PostgresServer) -> Iterator[Database]:
    """A migrated database in which nothing is written."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    yield replace(postgres_server.create(name, postgres_server.template), erasure_key=KEY)
    postgres_server.drop(name)


@pytest.mark.parametrize("text", NAMED)
def test_every_form_of_an_address_is_found_by_hash_and_by_search(
    answers: dict[str, tuple[bool, bool]], text: str
) -> None:
    """A mail in which the person stays because the address stood in a link, in quotes or in capitals."""
    assert answers[text] == (True, True)


@pytest.mark.parametrize("text", NOT_NAMED)
def test_the_address_of_somebody_else_is_found_by_neither_way(
    answers: dict[str, tuple[bool, bool]], text: str
) -> None:
    """The mails of a namesake that lose their bodies."""
    assert answers[text] == (False, False)


@pytest.mark.parametrize("key", [KEY, "k" * 32, "long " * 20, "schlüssel mit zeichen, die zwei bytes sind"])
def test_the_hash_made_in_sql_is_an_hmac_of_the_standard(migrated: Database, key: str) -> None:
    """A hash of our own making, which nobody else could check or make again after a restore."""
    with replace(migrated, erasure_key=key).connect() as connection:
        [[made]] = connection.execute("select fluint_sync.erasure_hash(%s)", [f"address {ADA}"]).fetchall()
    assert made == hmac.new(key.encode(), f"address {ADA}".encode(), hashlib.sha256).digest()


LISTS = {
    "bob@x.example; ada.berg@acme.example; eve@x.example": "bob@x.example; eve@x.example",
    "Bob <bob@x.example>; Berg, Ada <ada.berg@acme.example>": "Bob <bob@x.example>",
    '"Berg, Ada" <ada.berg@acme.example>, bob@x.example': "bob@x.example",
    "Berg, Ada <ada.berg@acme.example>, Roe, Bob <bob@x.example>": "Roe, Bob <bob@x.example>",
    "ada.berg@acme.example": None,
    "ADA.BERG@acme.example;ada.berg@acme.example": None,
    "bob@x.example": "bob@x.example",
}


@pytest.mark.parametrize("listed", LISTS)
def test_a_list_of_addresses_loses_the_entry_with_its_name_and_no_other(
    migrated: Database, listed: str
) -> None:
    """The half of a display name that stays behind, or another addressee who goes with the person."""
    change = scrub("email_message", ["to_address"], [ADA])
    assert change is not None
    with migrated.connect() as connection:
        connection.execute("create temporary table mail (to_address text) on commit drop")
        connection.execute("insert into mail values (%s)", [listed])
        connection.execute(sql.SQL("update mail set {} where {}").format(change.sets, change.where))
        assert connection.execute("select to_address from mail").fetchall() == [(LISTS[listed],)]


def test_a_body_of_one_long_word_is_searched_in_no_time(migrated: Database) -> None:
    """An image in a body, a hundred thousand letters without a space, that holds up every sync."""
    body = "a" * 131_072
    with migrated.connect() as connection:
        connection.execute("set statement_timeout = '120s'")
        found = connection.execute("select count(*) from fluint_sync.addresses_in(%s)", [body]).fetchall()
        [[named]] = connection.execute(
            sql.SQL("select {} from (select {}::text as body) as t").format(
                names_one_of(["body"], [ADA]), sql.Literal(body)
            )
        ).fetchall()
    assert (found, named) == ([(0,)], False)
