"""The questions of docs/for-analysts.md, put by the role that analysts have to a book of which the answers are known.

Belongs here: that each query of the page is right, whatever is deleted, hidden or planned. On the demo's data they run in tests/e2e.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import sql

from orchestration.settings import PROJECT
from tests.dbt.analysts import QUERIES
from tests.dbt.workspace import Rows, Workspace
from tests.postgres_fixtures import PostgresServer

TODAY = datetime.now(UTC)
CLOSES = date(2026, 5, 20)
_DELETED: dict[str, Any] = {"deleted": "soft_deleted"}


def days_ago(days: float) -> datetime:
    """So many days before the tests began."""
    return TODAY - timedelta(days=days)


def _book(rows: Rows) -> None:
    """Two open deals, one that is stale, two that were won and one that was lost; and of each kind one that is gone or hidden."""
    rows.connected()
    rows.raw("user", "005A", email="ada@acme.example", username="ada@acme.example")
    rows.person(1, "ada@acme.example")
    rows.raw("opportunity_stage", "01JA", api_name="Open", master_label="Open", sort_order=1)
    rows.raw("opportunity_stage", "01JB", api_name="Offer", master_label="Offer made", sort_order=2)
    for order, (name, won) in enumerate((("Won", True), ("Lost", False)), start=3):
        stage: dict[str, Any] = {"api_name": name, "master_label": name, "sort_order": order}
        rows.raw("opportunity_stage", f"01J{order}", **stage, is_closed=True, is_won=won)
    open_: dict[str, Any] = {
        "amount": 100,
        "probability": 25,
        "close_date": CLOSES,
        "created_date": days_ago(90),
    }
    rows.deal("006A", **open_, last_stage_change_date=days_ago(10))
    rows.deal("006B", **open_, last_stage_change_date=days_ago(60))
    rows.deal("006C", **open_ | {"stage_name": "Offer"}, last_stage_change_date=days_ago(4))
    for id, is_won in (("006D", True), ("006E", True), ("006F", False)):
        rows.deal(
            id, stage_name="Won" if is_won else "Lost", is_closed=True, is_won=is_won, close_date=CLOSES
        )
    rows.deal("006X", **open_, **_DELETED)
    rows.deal("006Y", **open_, deleted="not_visible")
    rows.deal("006Z", stage_name="Lost", is_closed=True, is_won=False, close_date=CLOSES, **_DELETED)
    _what_was_said(rows)


def _what_was_said(rows: Rows) -> None:
    a: dict[str, Any] = {"related_to_id": "006A"}
    rows.raw("email_message", "02sA", **a, message_date=days_ago(1))
    rows.raw("email_message", "02sB", **a, message_date=days_ago(2), incoming=False, status="3")
    rows.raw("email_message", "02sC", **a, message_date=days_ago(3), incoming=False, status="5")
    rows.raw("email_message", "02sD", **a, message_date=days_ago(31))
    rows.raw("email_message", "02sE", **a, message_date=days_ago(1), **_DELETED)
    # Planned, repeated and deleted ones are no sign of life; the deal was last worked at 50 days ago.
    b: dict[str, Any] = {"what_id": "006B"}
    rows.raw("task", "00TA", **b, is_closed=True, completed_date_time=days_ago(50))
    rows.raw("task", "00TB", **b, is_closed=True, completed_date_time=days_ago(5), **_DELETED)
    rows.raw("event", "00UA", **b, start_date_time=days_ago(-5))
    rows.raw("event", "00UB", **b, start_date_time=days_ago(5), is_recurrence=True)


@pytest.fixture(scope="module")
def book(postgres_server: PostgresServer, deployed_template: str) -> Iterator[Workspace]:
    """The book, modelled, and how its one deal that moved stood on earlier days. Tests only read it."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    workspace = Workspace(postgres_server.create(name, deployed_template))
    with workspace.writing() as rows:
        _book(rows)
    workspace.dbt.build()
    with workspace.writing() as rows:
        for day, stage, entered in ((20, "Open", 90), (19, "Open", 90), (6, "Won", 14)):
            rows.run(
                "insert into fluint.deal_daily_snapshot (snapshot_date, deal_id, owner_id, stage_name, is_closed, is_won,"
                " is_owner_licensed, stage_entered_at, captured_at) values (%s, '006C', '005A', %s, false, false, true, %s, %s)",
                days_ago(day).date(),
                stage,
                days_ago(entered),
                days_ago(day),
            )
    yield workspace
    postgres_server.drop(name)


def ask(workspace: Workspace, heading: str, *, excluded_stages: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """The answer as an analyst gets it, by the role that may only read, under a filter that nobody else sees."""
    with workspace.database.transaction() as connection:
        connection.execute(
            "update fluint_app.backfill_filter set excluded_stages = %s", [list(excluded_stages)]
        )
        connection.execute("set local role fluint_reader")
        answer = connection.execute(sql.SQL(QUERIES[heading])).fetchall()  # type: ignore[arg-type]
        connection.rollback()
    return answer


def test_the_questions_of_the_page_are_answered_from_what_salesforce_shows_today(book: Workspace) -> None:
    """Queries that everybody copies: one that counts deleted deals, drafts or meetings to come is wrong in every dashboard."""
    month = date(2026, 5, 1)
    assert ask(book, "Pipeline by stage and month") == [
        ("Open", month, None, 2, Decimal(200), Decimal(50)),
        ("Offer made", month, None, 1, Decimal(100), Decimal(25)),
    ]
    assert ask(book, "Win rate by month of closing") == [(month, 2, 1, Decimal("66.7"))]
    assert [(row[0], row[6]) for row in ask(book, "Stale deals")] == [("006B", days_ago(50))]
    assert ask(book, "E-mails per open deal in the last 30 days") == [
        ("006A", "A deal", 1, 1),
        ("006B", "A deal", 0, 0),
        ("006C", "A deal", 0, 0),
    ]
    in_stages = {row[0]: row[1:] for row in ask(book, "Days in each stage")}
    assert list(in_stages) == ["Open", "Offer", "Won", "Lost"]
    assert in_stages["Open"] == (1, Decimal("76.0"), 2, Decimal("35.0"))
    assert in_stages["Won"][:2] == (1, Decimal("10.0"))  # reopened
    assert in_stages["Offer"] == (0, None, 1, Decimal("4.0"))


@pytest.mark.parametrize(("stage", "rate"), [("Open", Decimal("66.7")), ("Lost", None), ("Won", None)])
def test_a_win_rate_is_empty_while_the_filter_leaves_a_closed_stage_out(
    book: Workspace, stage: str, rate: Decimal | None
) -> None:
    """With Closed Lost left out, as most workspaces have it, every month would be won to a hundred percent."""
    assert ask(book, "Win rate by month of closing", excluded_stages=[stage]) == [
        (date(2026, 5, 1), 2, 1, rate)
    ]


def test_the_page_names_only_what_analysts_can_read() -> None:
    """A table that was renamed, or one of another schema, which the reader's role is refused."""
    page = (PROJECT / "docs" / "for-analysts.md").read_text()
    marts = {path.stem for path in (PROJECT / "dbt_project" / "models" / "marts").glob("*.sql")}
    named = set(re.findall(r"\bfluint\.([a-z_]+)", page))
    listed = {
        name
        for line in page.splitlines()
        if line.startswith("| ")
        for name in re.findall(r"`([a-z_]+)`", line)
    }
    assert len(QUERIES) == page.count("```sql") == 5
    assert named <= marts
    assert listed - {"stage_id", "owner_id", "account_id", "data_as_of"} <= marts
