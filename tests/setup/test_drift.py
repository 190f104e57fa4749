"""What changed since the last check is told first, and survives an hour in which nothing could be tested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestration.setup import ledger
from orchestration.setup.check import check_setup
from orchestration.setup.outcome import Outcome
from orchestration.setup.report import Report
from orchestration.setup.seen import Numbers
from tests.setup.clinic import Clinic
from tests.sync.bench import TABLES


@pytest.fixture
def clean(clinic: Clinic) -> Iterator[Clinic]:
    """The office without an earlier check."""
    yield clinic
    with clinic.bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.setup")


def run(clinic: Clinic, *mistakes: str) -> Report:
    """A check that is kept, with these mistakes."""
    with clinic.mistakes(*mistakes):
        return check_setup(clinic.bench.database, clinic.client(), enabled=TABLES, numbers=Numbers())


def test_what_broke_and_what_was_mended_is_told_with_the_time_of_the_last_check(clean: Clinic) -> None:
    """`Since when?` is the first question, and the answer is half of the diagnosis."""
    first = run(clean)
    assert first.drift == ()
    (worse,) = run(clean, "opportunity_amount_hidden").drift
    assert (worse.item, worse.before, worse.now) == ("opportunity", Outcome.OK, Outcome.DATA)
    assert (worse.new, worse.gone, worse.is_better) == (("field_hidden: Amount",), (), False)
    assert worse.since == first.checked_at
    away = run(clean, "calls_used_by_others")
    assert [drift.item for drift in away.drift] == ["api_headroom"]
    (better,) = [each for each in run(clean).drift if each.item == "opportunity"]
    assert (better.gone, better.is_better) == (("field_hidden: Amount",), True)
    kept = clean.bench.ask(
        "select outcome, findings, since > checked_at from fluint_sync.setup where item = 'opportunity'"
    )
    assert kept == [("ok", [], False)]


def test_what_the_check_sees_is_looked_at_again_by_the_next_sync(clean: Clinic) -> None:
    """The admin grants what the text says, syncs and checks again, and reads for ten minutes that nothing was read yet."""
    seen_before = (
        "insert into fluint_sync.unavailable_object (object, seen_at) values ('task', now())",
        "update fluint_sync.described_field set gone_at = now() where object = 'opportunity' and field = 'Amount'",
    )
    with clean.bench.database.transaction() as connection:
        for statement in seen_before:
            connection.execute(statement.encode())
    run(clean, "access_activities_missing")
    assert clean.bench.ask("select object from fluint_sync.unavailable_object") == [("task",)]
    run(clean)
    assert clean.bench.ask("select object from fluint_sync.unavailable_object") == []
    known = {row[0] for row in clean.bench.ask("select object from fluint_sync.described_object")}
    assert ("opportunity" in known, "contact" in known) == (False, True)
    clean.bench.follow()
    assert clean.bench.ask(
        "select count(*) from fluint_sync.described_field where object = 'opportunity' and gone_at is not null"
    ) == [(0,)]


@pytest.mark.slow
def test_users_who_can_be_seen_by_now_are_read_by_the_next_sync(clean: Clinic) -> None:
    """View All Users changes no user's stamp: people stayed unmatched for good, and the check sent somebody to compare addresses."""
    bench, read = clean.bench, 'select count(*) from raw_salesforce."user"'
    before = bench.ask(read)
    with bench.database.transaction() as connection:
        connection.execute(
            'delete from raw_salesforce."user" where id not in (select min(id) from raw_salesforce."user" where is_active)'
        )
    bench.follow()
    assert bench.ask(read) != before
    assert "users_not_read" in str(run(clean).as_dict())
    bench.follow()
    assert bench.ask(read) == before
    bench.load()
    assert run(clean).outcome is Outcome.OK


def test_a_check_that_could_test_nothing_keeps_what_was_known(clean: Clinic) -> None:
    """An hour without Salesforce would otherwise make every item look new."""
    known = run(clean)
    unreachable = Report(known.checked_at, tuple(_untested(known)))
    with clean.bench.database.transaction() as connection:
        ledger.keep(connection, unreachable)
        last = ledger.read_last(connection)
    assert {before.outcome for before in last.values()} == {Outcome.OK}


def _untested(report: Report) -> Iterator[object]:
    from dataclasses import replace

    for answer in report.answers:
        yield replace(answer, outcome=Outcome.UNTESTED)
