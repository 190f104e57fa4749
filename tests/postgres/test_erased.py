"""What the merge keeps out once it was erased, row by row. R12."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.copy import Merged, Staged, staged
from orchestration.postgres.erased import FINGERPRINT, is_erased, keep_out
from orchestration.sync.objects import BY_TABLE, SObject
from tests.postgres.rows import T0

KEY = "a key of the tests, which is longer than it need be"
ADA, GONE_CONTACT, GONE_DEAL, GONE_USER = "ada@acme.example", "003GONE", "006GONE", "005GONE"
STAMP = T0.isoformat()


@pytest.fixture
def forgetting(database: Database) -> Iterator[Connection]:
    """A transaction in a database from which a person, a deal and a user were erased."""
    with replace(database, erasure_key=KEY).transaction() as connection:
        connection.execute(
            """
            with erasure as (insert into fluint_sync.erasure values (gen_random_uuid(), 'email') returning erasure_id),
            key as (insert into fluint_sync.erasure_key (fingerprint) values (fluint_sync.erasure_hash(%s)))
            insert into fluint_sync.erased
            select fluint_sync.erasure_hash(value), erasure_id from erasure, unnest(%s::text[]) as value
            """,
            [
                FINGERPRINT,
                [f"address {ADA}", *(f"record {r}" for r in (GONE_CONTACT, GONE_DEAL, GONE_USER))],
            ],
        )
        yield connection
        connection.rollback()


def _stage(staging: Staged, *records: dict[str, Any]) -> None:
    """Stages records as Salesforce answers: with every field that was asked for, null where nothing else is said."""
    empty = {column.path[0]: None for column in staging.table.columns} | {"SystemModstamp": STAMP}
    staging.add_json(json.dumps([empty | record for record in records]).encode(), [])


def _merge(connection: Connection, table: str, *records: dict[str, Any]) -> Merged:
    sobject: SObject = BY_TABLE[table]
    with staged(connection, sobject.raw_table()) as staging:
        _stage(staging, *records)
        return staging.merge(read_at=T0, run_id="test")


def _held(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()


def test_a_new_record_of_an_erased_person_is_dropped_with_its_roles_and_remembered(
    forgetting: Connection,
) -> None:
    """A duplicate with the same address: a row comes in, or its id is asked for at every tick because nothing settles it."""
    _merge(
        forgetting,
        "opportunity_contact_role",
        {"Id": "00KA", "OpportunityId": "006A", "ContactId": "003TWIN"},
    )
    forgetting.execute(
        "insert into fluint_sync.pending (object, id, reason, since) select unnest(array['contact', 'opportunity_contact_role']),"
        " unnest(array['003TWIN', '00KA']), 'named_by_role', now()"
    )
    merged = _merge(
        forgetting,
        "contact",
        {"Id": "003TWIN", "Email": f" {ADA.upper()}"},
        {"Id": "003A", "Email": "b@x.example"},
    )
    assert (merged.read, merged.inserted, merged.erased) == (2, 1, 1), "a listing counts what came"
    assert _held(forgetting, "select id from raw_salesforce.contact") == [("003A",)]
    assert _held(forgetting, "select id from raw_salesforce.opportunity_contact_role") == []
    assert _held(forgetting, "select id from fluint_sync.pending") == []
    assert is_erased(forgetting, record="003TWIN")
    assert is_erased(forgetting, record="00KA")
    assert not is_erased(forgetting, record="003A")


def test_a_contact_without_an_address_is_nobody_who_was_erased(forgetting: Connection) -> None:
    """All contacts without an address dropped as if they were one person."""
    assert _merge(forgetting, "contact", {"Id": "003A", "Email": None}).inserted == 1


@pytest.mark.parametrize(
    ("table", "record", "is_remembered"),
    [
        ("opportunity", {"Id": GONE_DEAL}, True),
        ("contact", {"Id": GONE_CONTACT}, True),
        (
            "opportunity_contact_role",
            {"Id": "00KA", "OpportunityId": "006A", "ContactId": GONE_CONTACT},
            True,
        ),
        ("opportunity_contact_role", {"Id": "00KA", "OpportunityId": GONE_DEAL, "ContactId": "003A"}, False),
        ("email_message", {"Id": "02sA", "RelatedToId": GONE_DEAL}, False),
        ("task", {"Id": "00TA", "WhatId": "006A", "WhoId": GONE_CONTACT}, True),
        ("event", {"Id": "00UA", "WhatId": GONE_DEAL}, False),
    ],
)
def test_what_is_erased_or_hangs_on_it_is_dropped_and_no_longer_pending(
    forgetting: Connection, table: str, record: dict[str, Any], is_remembered: bool
) -> None:
    """A listing or a fetch that was under way when somebody erased; a role that is given to a forgotten contact next year."""
    forgetting.execute(
        "insert into fluint_sync.pending (object, id, reason, since) values (%s, %s, 'changed', now())",
        [table, record["Id"]],
    )
    merged = _merge(forgetting, table, record)
    assert (merged.read, merged.inserted, merged.erased) == (1, 0, 1)
    assert _held(forgetting, f"select id from raw_salesforce.{table}") == []
    assert _held(forgetting, "select id from fluint_sync.pending") == []
    # A mail of an erased deal that is related to another one next week is that one's mail.
    assert is_erased(forgetting, record=record["Id"]) is is_remembered


@pytest.mark.parametrize(
    ("table", "held", "now"),
    [
        ("email_message", {"Id": "02sA", "RelatedToId": "006A", "TextBody": "x"}, {"RelatedToId": GONE_DEAL}),
        ("task", {"Id": "00TA", "WhatId": "006A"}, {"WhatId": GONE_DEAL}),
        ("task", {"Id": "00TA", "WhatId": "006A", "WhoId": "003A"}, {"WhoId": GONE_CONTACT}),
        (
            "opportunity_contact_role",
            {"Id": "00KA", "OpportunityId": "006A", "ContactId": "003A"},
            {"ContactId": GONE_CONTACT},
        ),
    ],
    ids=["a mail of another deal", "a task of another deal", "a task with another person", "another role"],
)
def test_what_is_held_and_now_hangs_on_what_was_erased_leaves(
    forgetting: Connection, table: str, held: dict[str, Any], now: dict[str, Any]
) -> None:
    """A mail that is related to the erased deal: its key is dropped unjudged, and it stays with the deal that it had, for ever."""
    _merge(forgetting, table, held, held | {"Id": "other"})
    forgetting.execute(
        "insert into fluint_sync.modelled values ('deals', '3', 1, now()), ('owners', '3', 1, now())"
    )
    assert _merge(forgetting, table, held | now).erased == 1
    assert _held(forgetting, f"select id from raw_salesforce.{table}") == [("other",)]
    assert _held(forgetting, "select model from fluint_sync.modelled") == [("owners",)], (
        "it left no mark below them"
    )


def test_the_key_of_what_now_hangs_on_an_erased_deal_takes_it_out(forgetting: Connection) -> None:
    """A mail is followed by its key alone: one that is dropped says nothing of where the mail went."""
    sobject = BY_TABLE["email_message"]
    _merge(forgetting, "email_message", {"Id": "02sA", "RelatedToId": "006A", "TextBody": "Dear Bob"})
    with staged(forgetting, sobject.raw_table(sobject.keys())) as staging:
        _stage(staging, {"Id": "02sA", "RelatedToId": GONE_DEAL, "IsDeleted": False})
        assert keep_out(forgetting, staging.name, staging.table) == 1
    assert _held(forgetting, "select id from raw_salesforce.email_message") == []


def test_a_mail_loses_the_person_and_what_was_written_and_is_not_written_again(
    forgetting: Connection,
) -> None:
    """A body that quotes the person, or a mail that every nightly reading writes anew because it differs from what is held."""
    mail = {
        "Id": "02sA",
        "RelatedToId": "006A",
        "FromAddress": "rep@x.example",
        "FromName": "Rep",
        "ToAddress": f"Berg, Ada <{ADA}>; bob@x.example",
        "CcAddress": ADA,
        "Subject": "About Ada",
        "TextBody": "Dear Ada",
        "HtmlBody": "<p>Dear Ada</p>",
        "Headers": "To: Ada",
    }
    quoting = {
        "Id": "02sB",
        "RelatedToId": "006A",
        "ToAddress": "bob@x.example",
        "HtmlBody": f"<a href='mailto:{ADA}'>",
    }
    own = {
        "Id": "02sC",
        "RelatedToId": "006A",
        "FromAddress": ADA,
        "FromName": "Ada Berg",
        "ToAddress": "rep@x.example",
    }
    other = {
        "Id": "02sD",
        "RelatedToId": "006A",
        "ToAddress": "bob@x.example",
        "TextBody": "kept",
        "Subject": "kept",
    }
    assert _merge(forgetting, "email_message", mail, quoting, own, other).inserted == 4
    assert _held(
        forgetting,
        "select from_address, from_name, to_address, cc_address, subject, text_body, html_body, headers"
        " from raw_salesforce.email_message order by id",
    ) == [
        ("rep@x.example", "Rep", "bob@x.example", None, None, None, None, None),
        (None, None, "bob@x.example", None, None, None, None, None),
        (None, None, "rep@x.example", None, None, None, None, None),
        (None, None, "bob@x.example", None, "kept", "kept", None, None),
    ]
    again = _merge(forgetting, "email_message", mail, quoting, own, other)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 4)


@pytest.mark.parametrize(
    "record",
    [
        {"Id": GONE_USER, "Email": "new@x.example"},
        {"Id": "005A", "Email": ADA},
        {"Id": "005A", "Username": f"{ADA}.invalid"},
    ],
    ids=["by id", "by address", "by username"],
)
def test_a_user_keeps_the_id_that_owns_deals_and_nothing_else(
    forgetting: Connection, record: dict[str, Any]
) -> None:
    """Deals without an owner, or an owner whose name comes back with the next change."""
    _merge(
        forgetting,
        "user",
        {"FirstName": "Ada", "LastName": "Berg", "UserType": "Standard", "IsActive": True} | record,
    )
    assert _held(
        forgetting,
        'select id, first_name, last_name, email, username, user_type, is_active from raw_salesforce."user"',
    ) == [(record["Id"], None, None, None, None, "Standard", True)]


def test_a_text_of_any_other_table_loses_the_address_alone(forgetting: Connection) -> None:
    """An address in a next step, which no column's name gives away."""
    _merge(forgetting, "opportunity", {"Id": "006A", "NextStep": f"write to {ADA}, then wait"})
    assert _held(forgetting, "select next_step from raw_salesforce.opportunity") == [
        ("write to [erased], then wait",)
    ]


def test_keys_of_what_is_erased_are_dropped_before_they_are_judged(forgetting: Connection) -> None:
    """An erased deal whose owner is licensed: its key is entitled at every tick for twenty minutes, and after every change."""
    sobject = BY_TABLE["opportunity"]
    with staged(forgetting, sobject.raw_table(sobject.keys())) as staging:
        _stage(staging, *({"Id": i, "IsDeleted": False} for i in ("006A", GONE_DEAL)))
        assert keep_out(forgetting, staging.name, staging.table) == 1
        assert _held(forgetting, f"select id from {staging.name.as_string()}") == [("006A",)]


@pytest.mark.parametrize("key", [None, "another key, as long as the first one was"])
def test_nothing_is_merged_where_the_key_of_an_erasure_is_missing(
    database: Database, key: str | None
) -> None:
    """A process without the key, or with a rotated one, that lets everybody in again and says nothing."""
    with database.transaction() as connection:
        assert not is_erased(connection, record="003A"), "where nothing was erased no key is needed"
    with replace(database, erasure_key=KEY).transaction() as connection:
        connection.execute("insert into fluint_sync.erasure values (gen_random_uuid(), 'email')")
        connection.execute(
            "insert into fluint_sync.erased select '\\x00', erasure_id from fluint_sync.erasure"
        )
        connection.execute(
            "insert into fluint_sync.erasure_key (fingerprint) values (fluint_sync.erasure_hash(%s))",
            [FINGERPRINT],
        )
    with (
        replace(database, erasure_key=key).transaction() as connection,
        pytest.raises(SetupError, match="FLUINT_ERASURE_KEY"),
    ):
        _merge(connection, "contact", {"Id": "003A"})


def test_what_is_erased_can_be_joined_to_in_sql(forgetting: Connection) -> None:
    """A nightly comparison that finds an erased record missing and wants it back, every night."""
    assert _held(
        forgetting,
        f"select id from unnest(array['006A', '{GONE_DEAL}']) as id where not fluint_sync.is_erased(id)",
    ) == [("006A",)]


def _arrive_alone(
    connection: Connection, table: str, paths: str, record: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """What becomes of a record of which some fields were read alone: the staged rows afterwards."""
    sobject = BY_TABLE[table]
    fields = [field for field in sobject.fields if field.path in ("Id", "SystemModstamp", *paths.split())]
    with staged(connection, sobject.raw_table(fields)) as staging:
        _stage(staging, record)
        keep_out(connection, staging.name, staging.table)
        rows = _held(connection, f"select * from {staging.name.as_string()}")
    return [tuple(value for value in row if value != T0) for row in rows]


def test_columns_that_are_read_alone_do_not_bring_back_what_a_mail_or_user_lost(
    forgetting: Connection,
) -> None:
    """A column that becomes visible and is read by itself: nothing in it says that the mail named somebody."""
    _merge(
        forgetting,
        "email_message",
        {"Id": "02sA", "RelatedToId": "006A", "ToAddress": ADA, "FromName": "Ada"},
    )
    _merge(forgetting, "email_message", {"Id": "02sB", "RelatedToId": "006A", "ToAddress": "bob@x.example"})
    _merge(forgetting, "user", {"Id": "005A", "Email": ADA})
    assert _arrive_alone(
        forgetting,
        "email_message",
        "TextBody FromName",
        {"Id": "02sA", "TextBody": "Dear Ada", "FromName": "Ada"},
    ) == [("02sA", None, None)]
    assert _arrive_alone(forgetting, "email_message", "TextBody", {"Id": "02sB", "TextBody": "Dear Bob"}) == [
        ("02sB", "Dear Bob")
    ]
    assert _arrive_alone(forgetting, "user", "FirstName", {"Id": "005A", "FirstName": "Ada"}) == [
        ("005A", None)
    ]


def test_an_address_that_becomes_visible_shows_that_a_held_contact_is_an_erased_person(
    forgetting: Connection,
) -> None:
    """A contact that came in while its address was hidden, and whose address comes in with the column."""
    _merge(forgetting, "contact", {"Id": "003A", "LastName": "Berg"})
    assert _arrive_alone(forgetting, "contact", "Email", {"Id": "003A", "Email": ADA}) == []
    assert _held(forgetting, "select id from raw_salesforce.contact") == []
