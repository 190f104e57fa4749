"""Staging: what arrives in either format is in the temporary table as typed values, or the read has failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from psycopg import sql

from orchestration.errors import BugError, IncompleteReadError, SetupError
from orchestration.postgres.clean import Cleaned
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.copy import Staged, staged
from orchestration.postgres.raw_tables import RawColumn, RawTable
from tests.postgres.rows import DEAL, T0, as_csv, as_json, minutes, row, subset

VALUES = row(name='Zoë "the\nbest", 😀', amount="1.25E7", account_name=None)
HEADER = '"Id","Name","Account.Name","Amount","CloseDate","IsWon","IsDeleted","SystemModstamp"\n'


@pytest.fixture
def conn(deals: Database) -> Iterator[Connection]:
    """A transaction in a database that has the raw table."""
    with deals.transaction() as connection:
        yield connection


def _rows(conn: Connection, staging: Staged) -> list[tuple[object, ...]]:
    return conn.execute(sql.SQL("select * from {} order by id").format(staging.name)).fetchall()


def test_json_and_csv_give_the_same_typed_rows(conn: Connection) -> None:
    """REST and Bulk write times, numbers and nulls differently; a row must not depend on which way it came."""
    with staged(conn, DEAL) as by_json, staged(conn, DEAL) as by_csv:
        assert by_json.add_json(as_json([VALUES]), ["records"]) == 1
        assert by_csv.copy_csv([as_csv([VALUES])]) == 1
        expected = (
            "006A",
            'Zoë "the\nbest", 😀',
            None,
            Decimal("12500000"),
            date(2026, 6, 30),
            False,
            False,
            T0,
        )
        assert _rows(conn, by_json) == _rows(conn, by_csv) == [expected]


def test_an_empty_field_is_null_quoted_or_not(conn: Connection) -> None:
    """Bulk quotes everything and writes null as an empty field: without FORCE_NULL an amount of '' would stop the load."""
    with staged(conn, DEAL) as staging:
        staging.copy_csv([HEADER.encode(), b'"006A","","","",,,"","2026-05-01T12:00:00.000Z"\n'])
        assert _rows(conn, staging) == [("006A", None, None, None, None, None, None, T0)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_bulk_result_may_be_cut_anywhere(conn: Connection, size: int) -> None:
    """The socket decides where chunks end: inside the header, a quoted line break, a character."""
    body = as_csv([VALUES, row("006B")])
    with staged(conn, DEAL) as staging:
        assert staging.copy_csv(body[at : at + size] for at in range(0, len(body), size)) == 2
        assert _rows(conn, staging)[0][1] == VALUES["name"]


def test_columns_in_another_order_arrive_where_they_belong(conn: Connection) -> None:
    """Older API versions sort the columns: by position, names would land in amounts."""
    names = HEADER.strip().replace('"', "").split(",")
    shuffled = f"{','.join(reversed(names))}\n".encode()
    line = ",".join(
        ['"2026-05-01T12:00:00.000Z"', "false", "false", "2026-06-30", "3", "Acme", "Deal", "006A"]
    )
    with staged(conn, DEAL) as staging:
        assert staging.copy_csv([b"\xef\xbb\xbf" + shuffled, line.encode()]) == 1
        assert _rows(conn, staging)[0][:4] == ("006A", "Deal", "Acme", Decimal(3))


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("Amount", "Amount__c"),
        HEADER.replace(',"IsWon"', ""),
        HEADER.replace('"IsWon"', '"IsWon","Extra"'),
        HEADER.replace("IsWon", "IsDeleted"),
    ],
)
def test_another_header_is_a_failed_read_that_names_the_columns(conn: Connection, header: str) -> None:
    """A column that is not there must not be read as one that is empty."""
    with staged(conn, DEAL) as staging, pytest.raises(IncompleteReadError, match="deal_for_tests"):
        staging.copy_csv([header.encode(), b"x\n"])


@pytest.mark.parametrize("body", [[], [b""], [HEADER.encode()], [HEADER.strip().encode()]])
def test_a_result_without_rows_is_empty_and_no_failure(conn: Connection, body: list[bytes]) -> None:
    """Salesforce sends the header alone, or nothing at all, for a job that found nothing."""
    with staged(conn, DEAL) as staging:
        assert staging.copy_csv(body) == 0


def test_a_page_that_ends_inside_a_row_is_a_failed_read(conn: Connection) -> None:
    """A connection that breaks off must not pass for the end of the data."""
    body = as_csv([VALUES, row("006B", name="cut\nhere")])
    with staged(conn, DEAL) as staging, pytest.raises(IncompleteReadError):
        staging.copy_csv([body[: body.index(b"cut") + 4]])


def test_a_value_that_does_not_fit_is_told_by_column_and_without_the_value(conn: Connection) -> None:
    """The text goes to logs: it may say where, and never what stood there."""
    with staged(conn, DEAL) as staging, pytest.raises(IncompleteReadError) as caught:
        staging.copy_csv([as_csv([row(amount="secret words")])])
    assert "column amount" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_value_of_json_that_does_not_fit_stays_out_of_the_text_too(conn: Connection) -> None:
    """REST answers fail in another function of Postgres, which quotes the value as readily."""
    with staged(conn, DEAL) as staging, pytest.raises(IncompleteReadError, match="deal_for_tests") as caught:
        staging.add_json(as_json([row(close_date="secret words")]), ["records"])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b'{"records": {"Id": "x"}}', b'{"other": []}', b'{"records": null}', b"<html>", b'{"reco']
)
def test_an_answer_without_the_list_of_records_is_a_failed_read(conn: Connection, body: bytes) -> None:
    """R13: failed is not empty. An error page with status 200 would otherwise count as 'no rows'."""
    with staged(conn, DEAL) as staging, pytest.raises(IncompleteReadError):
        staging.add_json(body, ["records"])


def test_a_record_without_an_id_or_a_stamp_is_a_failed_read(conn: Connection) -> None:
    """Without them nothing can be merged; such a row would vanish or win over every other."""
    with staged(conn, DEAL) as staging, pytest.raises(IncompleteReadError, match="system_modstamp"):
        staging.add_json(as_json([row(system_modstamp=None)]), ["records"])


def test_records_are_found_at_any_path_and_nulls_are_skipped(conn: Connection) -> None:
    """Composite answers nest the page, and a collection by id answers with a bare array that has nulls for ids not found."""
    record = json.loads(as_json([VALUES]))["records"][0]
    composite = {"compositeResponse": [{"body": {"records": []}}, {"body": {"records": [record]}}]}
    with staged(conn, DEAL) as staging:
        assert (
            staging.add_json(json.dumps(composite).encode(), ["compositeResponse", 1, "body", "records"]) == 1
        )
        assert staging.add_json(json.dumps([None, {**record, "Id": "006B"}, None]).encode(), []) == 1
        assert [values[0] for values in _rows(conn, staging)] == ["006A", "006B"]


def test_what_postgres_cannot_hold_is_left_out_and_counted(conn: Connection) -> None:
    """One NUL in one mail must cost one character, not the mailbox."""
    with staged(conn, DEAL) as staging:
        staging.add_json(as_json([row(name="a\0b\ud800c")]), ["records"])
        staging.copy_csv([as_csv([row("006B", name="a\0b")]).replace(b"Acme", b"Ac\xffme")])
        assert [values[1:3] for values in _rows(conn, staging)] == [("abc", "Acme"), ("ab", "Acme")]
        assert staging.cleaned == Cleaned(nul=2, invalid_utf8=1, surrogates=1)


def test_the_zone_of_a_time_is_kept_and_not_that_of_the_session(conn: Connection) -> None:
    """A server set to local time would shift every stamp, and the order of versions with it."""
    conn.execute("set local timezone = 'America/New_York'")
    with staged(conn, subset("id", "system_modstamp")) as staging:
        staging.add_json(b'[{"Id": "006A", "SystemModstamp": "2026-05-01T07:25:37.000+0000"}]', [])
        staging.copy_csv([b"Id,SystemModstamp\n006B,2026-05-01T07:25:37.000Z\n"])
        stamp = datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)
        assert [held[1] for held in _rows(conn, staging)] == [stamp, stamp]


def test_a_staging_is_gone_at_its_exit_and_at_the_end_of_the_transaction(deals: Database) -> None:
    """A worker that lives for weeks would gather temporary tables."""
    left = "select count(*) from pg_class where relname like 'staged_%' and relpersistence = 't'"
    with deals.connect() as conn:
        with staged(conn, DEAL), staged(conn, DEAL):
            assert conn.execute(left).fetchone() == (2,)
        assert conn.execute(left).fetchone() == (0,)
        with staged(conn, DEAL) as staging:
            staging.add_json(as_json([VALUES]), ["records"])
            conn.commit()
        assert conn.execute(left).fetchone() == (0,)


def test_staging_outside_of_a_transaction_is_refused(deals: Database) -> None:
    """On an autocommit connection the table would be gone before its first row."""
    with deals.connect(autocommit=True) as conn, pytest.raises(BugError), staged(conn, DEAL):
        pass


def test_a_failure_inside_keeps_its_own_text(deals: Database) -> None:
    """Dropping the table in an aborted transaction would hide what went wrong."""
    with pytest.raises(ZeroDivisionError), deals.transaction() as conn, staged(conn, DEAL):
        raise ZeroDivisionError


def test_rows_become_visible_only_with_the_transaction(deals: Database) -> None:
    """R14: rows and what they prove commit together; a kill before leaves neither."""
    with deals.connect() as conn:
        with staged(conn, DEAL) as staging:
            staging.copy_csv([as_csv([VALUES])])
            staging.merge(read_at=minutes(1), run_id="run")
        conn.rollback()
        assert conn.execute("select count(*) from raw_salesforce.deal_for_tests").fetchone() == (0,)


def test_a_row_that_no_table_of_postgres_can_hold_is_told_by_its_object(deals: Database) -> None:
    """Eight hundred custom fields, all of them filled: a database error of a page size, where fewer fields would help."""
    names = [f"field_{number:03d}" for number in range(800)]
    wide = RawTable(
        "deal_for_tests",
        (*subset("id", "system_modstamp").columns, *(RawColumn(n, "text", (n,)) for n in names)),
    )
    record = {"Id": "006A", "SystemModstamp": "2026-05-01T12:00:00.000Z"} | dict.fromkeys(
        names, "twelve chars"
    )
    with (
        deals.transaction() as conn,
        staged(conn, wide) as staging,
        pytest.raises(SetupError, match="802 columns"),
    ):
        staging.add_json(json.dumps([record]).encode(), [])
