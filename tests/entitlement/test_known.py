"""What a person may write for a stage, a record type, an owner; and what is said when the org does not have it."""

from __future__ import annotations

import pytest

from orchestration.entitlement.filters import BackfillFilter, read_filter, write_filter
from orchestration.entitlement.known import known_owners, known_record_types, known_stages, nearest
from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection, Database

ADA, TWIN, BEN = "005000000000001AAA", "005000000000002AAA", "005000000000003AAA"
RENEWAL, SAME_A, SAME_B = "012000000000001AAA", "012000000000002AAA", "012000000000003AAA"


@pytest.fixture
def org(database: Database) -> Database:
    """A workspace that has read users, stages and record types."""
    with database.transaction() as connection:
        _insert(connection, "user", "id, email, username", [(ADA, "Ada@Acme.example", "ada@acme.crm")])
        _insert(
            connection, "user", "id, email, username", [(TWIN, "ada@acme.example.invalid", "ada.2@acme.crm")]
        )
        _insert(connection, "user", "id, email, username", [(BEN, "ben@acme.example", "ben@acme.crm")])
        stages = [
            ("01J1", "Needs", "Discovery"),
            ("01J2", "Closed Lost", "Closed Lost"),
            ("01J3", "Discovery", "Needs"),
        ]
        _insert(
            connection,
            "opportunity_stage",
            "id, api_name, master_label",
            [*stages, ("01J4", "Won", "Closed Won")],
        )
        types = [(RENEWAL, "Renewal", "Renewal_1", "Opportunity"), (SAME_A, "Same", "Same_A", "Opportunity")]
        types += [
            (SAME_B, "Same", "Same_B", "Opportunity"),
            ("012000000000004AAA", "Partner", "Partner", "Account"),
        ]
        _insert(connection, "record_type", "id, name, developer_name, sobject_type", types)
    return database


def _insert(connection: Connection, table: str, columns: str, rows: list[tuple[str, ...]]) -> None:
    values = ", ".join(["%s"] * len(rows[0]))
    connection.cursor().executemany(
        f'insert into raw_salesforce."{table}" ({columns}, system_modstamp, _read_at, _run_id)'
        f" values ({values}, now(), now(), 'r')".encode(),
        rows,
    )


def test_values_are_known_by_every_name_that_people_give_them(org: Database) -> None:
    """An administrator who writes the label that Salesforce shows, and lets every deal of that stage in."""
    with org.transaction() as connection:
        assert known_stages(connection, ["closed lost", "Closed Won"]) == ("Closed Lost", "Won")
        assert known_record_types(connection, ["renewal", "RENEWAL_1", RENEWAL, "Same_B"]) == (
            RENEWAL,
            SAME_B,
        )
        assert known_owners(connection, ["ben@acme.crm", BEN[:15], BEN]) == (BEN,)
        assert known_owners(connection, [" ADA@acme.example"]) == (ADA, TWIN)


def test_an_api_name_is_not_taken_for_the_label_of_another_stage(org: Database) -> None:
    """Renamed stages: one's label is another's API name, and the wrong one would be left out."""
    with org.transaction() as connection:
        assert known_stages(connection, ["Discovery"]) == ("Discovery",)
        assert known_stages(connection, ["Needs"]) == ("Needs",)


@pytest.mark.parametrize(
    ("known", "name", "said"),
    [
        (known_stages, "Closed Lots", "no stage 'Closed Lots'. Near it: Closed Lost"),
        (known_stages, "zzz", "It knows Closed Lost, Closed Won, Discovery, Needs"),
        (known_record_types, "renewals", "Near it: Renewal"),
        (known_record_types, "Partner", "no record type 'Partner'"),  # Account's
        (known_record_types, "Same", "is the name of 2 record types"),
        (known_owners, "benn@acme.example", "Near it: ben@acme.example"),
        (known_owners, BEN.lower(), "no user"),  # ids are told apart by case
    ],
)
def test_a_value_that_the_org_does_not_know_is_refused(
    org: Database, known: object, name: str, said: str
) -> None:
    """A filter with a slip of the pen is in force, leaves nothing out, and what comes in stays for good."""
    assert callable(known)
    with (
        org.transaction() as connection,
        pytest.raises(SetupError, match=r"Nothing was changed\.") as refused,
    ):
        known(connection, [name])
    assert said in str(refused.value)


def test_whoever_has_never_synced_is_told_how_the_org_becomes_known(database: Database) -> None:
    """The filter is to be set before the first import, when no stage is known yet."""
    with (
        database.transaction() as connection,
        pytest.raises(SetupError, match="`fluint sync` reads the org's stages"),
    ):
        known_stages(connection, ["Closed Lost"])


def test_the_nearest_words_are_found_whatever_their_case() -> None:
    """`difflib` compares capitals as other letters."""
    assert nearest("closed lots", ["CLOSED LOST", "Qualification"]) == ["CLOSED LOST"]
    assert nearest("xyz", ["Closed Lost"]) == []


def test_a_filter_is_kept_whole_and_replaced_in_its_one_row(database: Database) -> None:
    """A part that is not written, or a second row beside the first: which of them holds?"""
    from tests.entitlement.test_filters import FULL

    with database.transaction() as connection:
        connection.execute("delete from fluint_app.backfill_filter")
        assert read_filter(connection) == BackfillFilter()
        for new in (FULL, BackfillFilter(excluded_owners=(ADA, BEN))):
            write_filter(connection, new)
            assert read_filter(connection) == new
        assert connection.execute("select count(*) from fluint_app.backfill_filter").fetchone() == (1,)


def test_ids_of_fifteen_characters_are_known_and_words_of_that_length_stay_words(org: Database) -> None:
    """An id from a Classic address bar that nobody knows; or an address of fifteen characters that was taken for an id."""
    with org.transaction() as connection:
        _insert(connection, "user", "id, email, username", [("005000000000009AAA", "al@acme.example", "al")])
        assert len("al@acme.example") == len(ADA[:15])
        assert known_owners(connection, [ADA[:15], "al@acme.example"]) == (ADA, "005000000000009AAA")
        assert known_record_types(connection, [f" {RENEWAL[:15]} "]) == (RENEWAL,)
