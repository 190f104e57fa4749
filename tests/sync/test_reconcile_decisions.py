"""What reconciling concludes, from values alone: absences, permissions, counts, and the sentences about them. Rules R8, R9."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from orchestration.errors import TransientSalesforceError
from orchestration.sync.reconciling.counting import DealsOf, next_month, packed
from orchestration.sync.reconciling.findings import Bucket, Finding, Outcome, Part, Tally
from orchestration.sync.reconciling.judging import Judgement, Withheld, judge, too_many
from orchestration.sync.reconciling.permissions import Change, Permissions, changes
from orchestration.sync.reconciling.rotation import IDS_A_NIGHT, NIGHTS, months_due, runs
from orchestration.sync.reconciling.texts import summary
from orchestration.sync.windows import CreatedRange

MAY, JUNE = (Bucket(Part.IN_SCOPE, "005A", date(2026, month, 1)) for month in (5, 6))
ALL_WELL = {
    "integration user": "005I",
    "permission records": "readable",
    "permission sets": "0PSA,0PSB",
    "role": "none",
    "View All Records on Opportunity": "yes",
}
UNREADABLE = {"integration user": "005I", "permission records": "not readable"}


@pytest.mark.parametrize(
    ("gone", "live", "expected"),
    [(20, 100, False), (21, 100, True), (21, 2_100, False), (22, 2_100, True), (1_000, 100_000, False)],
)
def test_many_means_more_than_one_per_cent_and_more_than_twenty(gone: int, live: int, expected: bool) -> None:
    """Either bound alone cries wolf: at five deals one is 20 %, and of a million 21 go every night."""
    assert too_many(gone, live) is expected


NOTHING_CHANGED = {"listed_as_deleted": (), "live": 1_000, "views_all": True, "permissions_changed": False}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"a": "hard_deleted", "b": "hard_deleted"}),
        ({"views_all": False}, {"a": "not_visible", "b": "not_visible"}),
        ({"views_all": False, "listed_as_deleted": {"a"}}, {"a": "hard_deleted", "b": "not_visible"}),
        ({"permissions_changed": True}, {}),
        ({"permissions_changed": True, "listed_as_deleted": {"a"}}, {"a": "hard_deleted"}),
        ({"permissions_changed": True, "accepted": True}, {"a": "hard_deleted", "b": "hard_deleted"}),
    ],
)
def test_an_absence_is_a_deletion_only_where_nothing_else_explains_it(
    given: dict[str, object], expected: dict[str, str]
) -> None:
    """Access that was taken away, taken for deletions: a pipeline that marks half of the deals as gone."""
    assert judge(["a", "b"], **{**NOTHING_CHANGED, **given}).tombstones == expected  # type: ignore[arg-type]


def test_so_many_at_once_are_left_until_a_person_accepts_them() -> None:
    """A sharing rule that was removed changes no permission record; only the number gives it away."""
    ids = [f"006{number}" for number in range(30)]
    withheld = judge(ids, **NOTHING_CHANGED)  # type: ignore[arg-type]
    assert withheld == Judgement({}, tuple(ids), Withheld.TOO_MANY)
    accepted = judge(ids, accepted=True, **NOTHING_CHANGED)  # type: ignore[arg-type]
    assert accepted.tombstones == dict.fromkeys(ids, "hard_deleted")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({}, {}, []),
        ({}, {"View All Records on Opportunity": "no"}, ["View All Records on Opportunity was taken away"]),
        ({"View All Records on Opportunity": "no"}, {}, ["View All Records on Opportunity was granted"]),
        ({}, {"permission sets": "0PSB,0PSC"}, ["the permission set 0PSA was taken away", "the permission set 0PSC was assigned"]),
        ({}, {"integration user": "005J"}, ["the integration user is 005J and was 005I"]),
        ({}, {"role": "00EA"}, ["the role is 00EA and was none"]),
    ],
)  # fmt: skip
def test_what_changed_is_named_as_an_admin_finds_it_in_the_set_up(
    before: dict[str, str], now: dict[str, str], expected: list[str]
) -> None:
    """ "Check your permissions": of forty, in a profile and five permission sets."""
    found = changes(Permissions(ALL_WELL | before), Permissions(ALL_WELL | now))
    assert [str(each) for each in found] == expected


def test_what_was_not_known_before_is_not_told_as_a_change() -> None:
    """The first night, and a release that asks for a new fact, would each stop all conclusions for want of a past."""
    assert changes(None, Permissions(ALL_WELL)) == []
    assert changes(Permissions(ALL_WELL), Permissions(ALL_WELL | {"Read on Task": "yes"})) == []
    (lost,) = changes(Permissions(ALL_WELL), Permissions(UNREADABLE))
    assert "can no longer be read" in lost.text


def test_view_all_is_proven_by_permissions_that_were_read_and_by_nothing_else() -> None:
    """A mail is seen through other records: View All on the deal's object does not show that no mail is hidden."""
    tables = ("opportunity", "opportunity_contact_role", "contact", "email_message")
    on_deals, everything = Permissions(ALL_WELL), Permissions(ALL_WELL | {"View All Data": "yes"})
    assert [on_deals.views_all(table) for table in tables] == [True, True, False, False]
    assert all(everything.views_all(table) for table in tables)
    assert not any(Permissions(UNREADABLE).views_all(table) for table in tables)


def test_rows_count_what_is_held_after_all_that_the_run_closed() -> None:
    """A month that is shown as lacking what the same run has brought in, or as whole while something is left."""
    tally = Tally()
    tally.in_salesforce.update({MAY: 10, JUNE: 5})
    tally.not_held |= {"a": MAY, "b": MAY, "c": MAY}
    tally.not_there |= {"d": JUNE, "e": JUNE}
    tally.outcomes |= {
        "a": Outcome.BROUGHT_IN,
        "b": Outcome.WAITING,
        "c": Outcome.MOVED_ON,
        "d": Outcome.HARD_DELETED,
        "e": Outcome.TOO_MANY,
    }
    rows = [(row.in_salesforce, row.held, row.brought_in) for row in tally.rows()]
    assert rows == [(9, 8, 1), (5, 6, 0)]
    finding = Finding("opportunity", tally.rows(), tally.differences(), Withheld.TOO_MANY)
    assert [each.id for each in finding.open] == ["b", "e"]
    assert not finding.is_complete


def test_an_id_that_nothing_was_concluded_about_stays_open() -> None:
    """A difference that is forgotten looks like one that was closed."""
    tally = Tally(not_there={"a": MAY})
    assert [(each.id, each.outcome) for each in tally.differences()] == [("a", Outcome.UNKNOWN)]
    assert tally.rows()[0].held == 1


def _withheld(reason: Withheld, ids: int) -> Finding:
    outcome = Outcome(reason.value)
    tally = Tally(not_there={f"006{number:03}": MAY for number in range(ids)})
    tally.in_salesforce[MAY] = 3
    tally.outcomes = dict.fromkeys(tally.not_there, outcome)
    return Finding("opportunity", tally.rows(), tally.differences(), reason)


def test_the_text_names_numbers_ids_the_permission_and_the_next_step() -> None:
    """A red check that says "41 rows differ" sends its reader to the support."""
    lost = [Change("View All Records on Opportunity was taken away", may_hide=True)]
    text = summary(_withheld(Withheld.PERMISSIONS_CHANGED, 41), lost, permissions_told=True)
    assert "Salesforce has 3 deals in scope, 44 are held." in text
    assert "006000" in text
    assert "and 21 more" in text
    assert "because View All Records on Opportunity was taken away" in text
    assert "fluint reconcile --accept" in text


GRANTED, TAKEN, ASSIGNED = (
    {"View All Records on Opportunity": "yes"},
    {"View All Records on Opportunity": "no"},
    {"permission sets": "0PSA,0PSB,0PSC"},
)


@pytest.mark.parametrize(
    ("before", "now", "because", "takes_back"),
    [
        (GRANTED, TAKEN, "because View All Records on Opportunity was taken away.", True),
        (GRANTED, TAKEN | ASSIGNED, "because View All Records on Opportunity was taken away.", True),
        ({}, {"role": "00EA"}, "because the role is 00EA and was none.", True),
        (ALL_WELL, UNREADABLE, "can no longer be read", True),
        (TAKEN, GRANTED, "changed: View All Records on Opportunity was granted. That gave access", False),
        ({}, ASSIGNED, "changed: the permission set 0PSC was assigned. That gave access", False),
        (UNREADABLE, ALL_WELL, "can be read again. That gave access", False),
    ],
)
def test_only_what_took_access_away_is_to_be_taken_back(
    before: dict[str, str], now: dict[str, str], because: str, takes_back: bool
) -> None:
    """An admin who is told to take back the View All that was granted yesterday, because a deal was purged in the same night."""
    known = {} if UNREADABLE in (before, now) else ALL_WELL
    changed = changes(Permissions(known | before), Permissions(known | now))
    text = summary(_withheld(Withheld.PERMISSIONS_CHANGED, 2), changed, permissions_told=True)
    assert because in text
    assert ("A Salesforce admin takes that back." in text) is takes_back
    assert "fluint reconcile --accept" in text


@pytest.mark.parametrize(("told", "words"), [(True, "sharing rules"), (False, "could not be told")])
def test_what_could_not_be_told_is_said(told: bool, words: str) -> None:
    """A guess in place of "could not be told" costs an admin an afternoon."""
    text = summary(_withheld(Withheld.TOO_MANY, 30), [], permissions_told=told)
    assert words in text
    assert "None of them was marked as deleted" in text


def test_a_comparison_that_failed_says_that_nothing_could_be_told() -> None:
    """A night without an answer that looks like a night without a difference."""
    finding = Finding("email_message", error=TransientSalesforceError("Salesforce is unavailable."))
    text = summary(finding, [], permissions_told=True)
    assert text == "Whether all e-mails of them are held could not be told. Salesforce is unavailable."
    assert not finding.is_complete


def test_owners_are_packed_below_what_a_grouped_query_gives() -> None:
    """2,000 groups are the most that comes back, without a further page and, elsewhere, without a word."""
    months = {f"005{number:03}": 118 for number in range(40)}
    packs = list(packed(months, months))
    assert [owner for pack in packs for owner in pack] == sorted(months)
    assert {len(pack) for pack in packs} == {12, 4}
    assert list(packed({}, [])) == []


def test_a_part_that_is_too_much_is_cut_by_owner_and_then_by_time() -> None:
    """Groups that came with access nobody knew of must not end the comparison."""
    now = datetime(2026, 6, 1, tzinfo=UTC)
    both = DealsOf(("005A", "005B"), CreatedRange(None, None), ())
    assert [half.owners for half in both.halves(now) or ()] == [("005A",), ("005B",)]
    earlier, later = DealsOf(("005A",), CreatedRange(None, None), ()).halves(now) or pytest.fail("no halves")
    assert earlier.created.end == later.created.start
    second = datetime(2026, 5, 1, 0, 0, 1, tzinfo=UTC)
    assert DealsOf(("005A",), CreatedRange(datetime(2026, 5, 1, tzinfo=UTC), second), ()).halves(now) is None


def test_december_is_followed_by_january() -> None:
    """A range of the last month of a year that ends in a month 13."""
    assert next_month(date(2025, 12, 1)) == date(2026, 1, 1)
    assert next_month(date(2026, 1, 1)) == date(2026, 2, 1)


@pytest.mark.parametrize("seed", range(5))
def test_every_month_has_its_turn_within_seven_nights_however_uneven_they_are(seed: int) -> None:
    """A rotation that goes round its small months for ever, and never comes to the one of a million mails."""
    chance = random.Random(seed)
    months = {date(2000 + n // 12, n % 12 + 1, 1): int(chance.paretovariate(0.7) * 900) for n in range(240)}
    compared: dict[date, datetime] = {}
    for night in range(NIGHTS):
        due = months_due(months, compared)
        assert sum(months[month] for month in due) <= max(IDS_A_NIGHT, sum(months.values()) // 3) + max(
            months.values()
        )
        compared |= dict.fromkeys(due, datetime(2026, 5, 1, tzinfo=UTC) + timedelta(days=night))
    assert compared.keys() == months.keys()


def test_an_object_that_is_not_large_is_compared_by_ids_every_night() -> None:
    """A week's delay, for a workspace whose ids fit ten answers."""
    months = {date(2025, month, 1): IDS_A_NIGHT // 12 for month in range(1, 13)}
    yesterday = dict.fromkeys(months, datetime(2026, 5, 1, tzinfo=UTC))
    assert months_due(months, yesterday) == sorted(months)
    assert runs(months_due(months, yesterday)) == [(date(2025, 1, 1), date(2026, 1, 1))]


def test_months_that_follow_each_other_are_one_span() -> None:
    """A query for each of a hundred months; or one over all years, because the first and the last are due."""
    months = [date(2025, 11, 1), date(2025, 12, 1), date(2026, 2, 1)]
    assert runs(months) == [(date(2025, 11, 1), date(2026, 1, 1)), (date(2026, 2, 1), date(2026, 3, 1))]
    assert runs([]) == []


def test_users_are_never_taken_for_deleted() -> None:
    """Nobody can delete a user in Salesforce: one that is not shown is hidden, whatever else may be seen."""
    everything = Permissions(ALL_WELL | {"View All Data": "yes", "Modify All Data": "yes"})
    assert not everything.views_all("user")
    assert everything.views_all("opportunity_stage")
