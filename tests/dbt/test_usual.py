"""What is compared with the past: days and stages far from the usual are named, and a small workspace or a first week is left alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from orchestration.checks.usual import USUAL, Usual
from tests.dbt.workspace import Rows, Workspace

BY_NAME = {usual.name: usual for usual in USUAL}


def _day_before(today: datetime) -> str:
    return str((today - timedelta(days=1)).date())


def _mails(
    rows: Rows, today: datetime, each_day: int, yesterday: int, size: int = 400, size_yesterday: int = 400
) -> None:
    """Mails of one deal for 63 days, so many a day and another number yesterday, with bodies of so many bytes."""
    rows.deal("006A", created_date=today - timedelta(days=400))
    rows.run(
        """
        insert into raw_salesforce.email_message
            (id, system_modstamp, _read_at, _run_id, incoming, message_date, related_to_id, text_body)
        select '02s' || ago || '-' || n, now(), now(), 'test', true, %s - ago * interval '1 day' + interval '9 hours', '006A',
               repeat('x', case when ago = 1 then %s else %s end)
        from generate_series(1, 63) as ago, generate_series(1, %s) as n where ago > 1 or n <= %s
        """,
        today,
        size_yesterday,
        size,
        max(each_day, yesterday),
        yesterday,
    )


def _far(workspace: Workspace, usual: Usual) -> list[tuple[str, float, float]]:
    rows = usual.rows(workspace.database)
    return [row[:3] for row in rows if not usual.least <= row[3] <= usual.most]


@pytest.mark.parametrize(
    ("each_day", "yesterday", "found"),
    [
        (40, 4, [(4.0, 40.0)]),
        pytest.param(40, 0, [(0.0, 40.0)], marks=pytest.mark.slow),
        pytest.param(40, 25, [], marks=pytest.mark.slow),
        pytest.param(15, 0, [], marks=pytest.mark.slow),
    ],
)
def test_a_day_with_a_tenth_of_the_usual_mail_is_named(
    workspace: Workspace, today: datetime, each_day: int, yesterday: int, found: list[tuple[float, float]]
) -> None:
    """Mail that Salesforce has stopped to record, noticed by a person weeks later; or an alarm in a workspace of three people."""
    with workspace.writing() as rows:
        _mails(rows, today, each_day, yesterday)
    workspace.dbt.build()
    assert _far(workspace, BY_NAME["mail_is_as_much_as_usual"]) == [
        (_day_before(today), *numbers) for numbers in found
    ]
    assert _far(workspace, BY_NAME["mail_bodies_are_as_long_as_usual"]) == []


@pytest.mark.slow
def test_a_day_of_bodies_that_became_short_is_named(workspace: Workspace, today: datetime) -> None:
    """Bodies cut off or hidden from one day to the next, while every count is as it was."""
    with workspace.writing() as rows:
        _mails(rows, today, 25, 25, size=9_000, size_yesterday=900)
    workspace.dbt.build()
    assert _far(workspace, BY_NAME["mail_bodies_are_as_long_as_usual"]) == [
        (_day_before(today), 900.0, 9000.0)
    ]
    assert _far(workspace, BY_NAME["mail_is_as_much_as_usual"]) == []


@pytest.mark.slow
def test_a_stage_that_nobody_uses_any_more_is_named(workspace: Workspace, today: datetime) -> None:
    """A stage that was replaced in Salesforce, and a report that goes on counting what nobody puts there."""
    with workspace.writing() as rows:
        for stage, recent in (("Used", 12), ("Left", 0)):
            for n in range(recent):
                rows.deal(f"006{stage}{n}", stage_name=stage, created_date=today - timedelta(days=3))
        rows.run(
            """
            insert into fluint.deal_daily_snapshot
                (snapshot_date, deal_id, owner_id, stage_name, is_closed, is_won, is_owner_licensed, stage_entered_at, captured_at)
            select (%s - back * interval '28 days')::date, stage || back || '-' || n, '005A', stage, false, false, true,
                   %s - back * interval '28 days' - interval '2 days', now()
            from generate_series(1, 4) as back, unnest(array['Used', 'Left']) as stage, generate_series(1, 12) as n
            """,
            today,
            today,
        )
    workspace.dbt.build()
    usual = BY_NAME["stages_are_used_as_usual"]
    assert {row[0] for row in usual.rows(workspace.database)} == {"Used", "Left"}
    assert _far(workspace, usual) == [("Left", 0.0, 12.0)]


@pytest.mark.slow
def test_without_a_past_there_is_nothing_to_compare(workspace: Workspace) -> None:
    """A first week in which every check is yellow."""
    workspace.dbt.build()
    assert [usual.rows(workspace.database) for usual in USUAL] == [[] for _ in USUAL]
