"""The DDL of the raw tables only ever adds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestration.errors import SetupError
from orchestration.postgres.connection import Database
from orchestration.postgres.raw_tables import RawColumn, bring_up
from orchestration.sync.objects import CATALOGUE
from tests.postgres.rows import DEAL, merge_json, row

EVERY_TABLE = [sobject.raw_table() for sobject in CATALOGUE]


def test_bringing_up_a_second_time_adds_nothing(empty_database: Database) -> None:
    """It runs at every upgrade: a list that is never empty would hide what an upgrade really did."""
    with empty_database.transaction() as conn:
        added = bring_up(conn, EVERY_TABLE)
        assert "table raw_salesforce.email_message" in added
        assert "index raw_salesforce.email_message_related_to_id_idx" in added
        assert bring_up(conn, EVERY_TABLE) == []


def test_a_new_field_is_added_to_the_rows_that_are_there_and_to_the_views_on_them_nothing(
    deals: Database,
) -> None:
    """Analysts hang views on these tables; a rebuilt table would take them along."""
    wider = replace(DEAL, columns=(*DEAL.columns, RawColumn("owner_id", "text", ("OwnerId",))))
    with deals.transaction() as conn:
        merge_json(conn, [row()], read=1)
        conn.execute("create view public.theirs as select id from raw_salesforce.deal_for_tests")
        assert bring_up(conn, [wider]) == [
            "column raw_salesforce.deal_for_tests.owner_id",
            "index raw_salesforce.deal_for_tests_owner_id_idx",
        ]
        assert conn.execute(
            "select owner_id, id from theirs join raw_salesforce.deal_for_tests using (id)"
        ).fetchall() == [(None, "006A")]


def test_a_field_that_is_no_longer_read_keeps_its_column(deals: Database) -> None:
    """A field that is hidden today is visible tomorrow, and its history is not ours to drop."""
    with deals.transaction() as conn:
        assert bring_up(conn, [replace(DEAL, columns=DEAL.columns[:1])]) == []
        assert conn.execute("select amount from raw_salesforce.deal_for_tests").fetchall() == []


def test_another_type_for_a_column_is_refused_by_name(deals: Database) -> None:
    """Altering in place rewrites the table and fails under a view, in the middle of an upgrade."""
    changed = replace(DEAL, columns=(RawColumn("amount", "text", ("Amount",)),))
    with (
        deals.transaction() as conn,
        pytest.raises(SetupError, match=r"deal_for_tests\.amount holds numeric"),
    ):
        bring_up(conn, [changed])
