"""The five named changes of the demo: each on another deal inside any sensible filter, done as the rep would do it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_org import changes
from local_org.clock import Clock
from local_org.demo_data import populate
from local_org.org import Org

NOW = datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)
STAMP = "2026-03-04T15:06:07.000Z"


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    """A small demo org: the changes must find their deals in the smallest that has any."""
    made = Org.open(tmp_path, Clock(lambda: NOW))
    populate(made, opportunities=40)
    yield made
    made.close()


def _deal(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    found = org.store.get("Opportunity", change["opportunity_id"])
    assert found is not None
    return found


def _user(org: Org, role: str, place: int = 0) -> object:
    return [each["user_id"] for each in changes.cast(org) if each["role"] == role][place]


def _all(org: Org) -> dict[str, dict[str, Any]]:
    return {str(each["change"]): each for each in changes.all_demo_changes(org)}


def test_all_changes_touch_five_deals_and_no_other(org: Org) -> None:
    """Fault: two changes meet on one deal, or a change moves more than it says, and the demo's figures cannot be compared."""
    done = _all(org)
    assert list(done) == list(changes.CHANGES)
    touched = {
        str(row[0])
        for row in org.store.select("select Id from Opportunity where SystemModstamp = ?", (STAMP,))
    }
    # The deal of the new mail is touched by the system alone, which notes its last activity.
    assert touched == {each["opportunity_id"] for each in done.values()}
    assert _deal(org, done["new_email"])["LastModifiedDate"] != STAMP
    assert len({each["opportunity_id"] for each in done.values()}) == 5


def test_changed_deals_lie_inside_any_sensible_filter(org: Org) -> None:
    """Fault: a change on a deal that the filter leaves out is invisible, and the demo shows nothing."""
    before = {row[0]: row[1:] for row in org.store.select(
        "select o.Id, o.IsClosed, o.CreatedDate, t.DeveloperName, o.Amount from Opportunity o join RecordType t on t.Id = o.RecordTypeId"
    )}  # fmt: skip
    done = _all(org)
    assert done
    for change in done.values():
        is_closed, created, record_type, amount = before[change["opportunity_id"]]
        assert (is_closed, record_type) == (0, "New_Business")
        assert str(created) > "2025-06"
        assert float(str(amount)) >= 1_000


def test_stage_moves_to_the_next_and_takes_its_probability_along(org: Org) -> None:
    """Fault: a stage that is set behind the platform's back leaves probability and LastStageChangeDate as they were."""
    change = changes.change_stage(org)
    deal = _deal(org, change)
    order = {row[0]: row[1:] for row in org.store.select(
        "select ApiName, SortOrder, DefaultProbability, ForecastCategoryName from OpportunityStage where IsClosed = 0"
    )}  # fmt: skip
    place, probability, forecast = order[change["to"]]
    assert place == int(str(order[change["from"]][0])) + 1
    assert (deal["StageName"], deal["Probability"], deal["ForecastCategoryName"]) == (
        change["to"],
        probability,
        forecast,
    )
    assert (deal["LastStageChangeDate"], deal["LastModifiedById"]) == (STAMP, deal["OwnerId"])
    assert deal["OwnerId"] == _user(org, "rep")


def test_new_mail_arrives_with_its_task_and_relations(org: Org) -> None:
    """Fault: a mail without the task and relations that Salesforce makes of it; or one whose line breaks were straightened."""
    change: dict[str, Any] = changes.new_email(org)
    mail = org.store.get("EmailMessage", change["email_message_id"])
    assert mail is not None
    assert (mail["RelatedToId"], mail["Incoming"], mail["CreatedDate"]) == (
        change["opportunity_id"],
        True,
        STAMP,
    )
    assert "\r\n" in str(mail["TextBody"])
    assert "\u2028" in str(mail["TextBody"])
    task = org.store.get("Task", str(mail["ActivityId"]))
    assert task is not None
    assert task["WhatId"] == change["opportunity_id"]
    relations = org.store.select(
        "select RelationType from EmailMessageRelation where EmailMessageId = ?", (mail["Id"],)
    )
    assert ("ToAddress",) in relations


def test_deleted_deal_goes_to_the_bin_with_its_roles_and_leaves_its_mails(org: Org) -> None:
    """Fault: mails vanish with their deal, which Salesforce does not do."""
    change: dict[str, Any] = changes.delete_opportunity(org)
    assert _deal(org, change)["IsDeleted"] is True
    assert change["contact_roles"] > 0
    for sobject, field, live in (
        ("OpportunityContactRole", "OpportunityId", 0),
        ("EmailMessage", "RelatedToId", change["email_messages"]),
    ):
        assert len(org.store.find_ids(sobject, **{field: change["opportunity_id"], "IsDeleted": 0})) == live


def test_deal_reassigned_to_a_licensed_rep_brings_people_and_mails(org: Org) -> None:
    """Fault: the deal that comes in has nothing to bring, so that fetching its children is not shown."""
    change: dict[str, Any] = changes.reassign_to_licensed_rep(org)
    assert (change["from"], change["to"]) == (_user(org, "unmatched"), _user(org, "rep"))
    assert _deal(org, change)["OwnerId"] == change["to"]
    assert _deal(org, change)["LastModifiedById"] == change["from"]
    assert min(change["contact_roles"], change["contacts"], change["email_messages"]) > 0


def test_deal_reassigned_away_goes_to_the_rep_whom_fluint_does_not_know(org: Org) -> None:
    """Fault: the deal stays with somebody licensed, and retention is not shown."""
    change = changes.reassign_away(org)
    assert (change["from"], change["to"]) == (_user(org, "rep", 3), _user(org, "unmatched"))
    assert _deal(org, change)["OwnerId"] == change["to"]


def test_changes_can_be_made_again(org: Org) -> None:
    """Fault: the second press of the button finds nothing left to change."""
    first, second = _all(org), _all(org)
    assert first["delete_opportunity"]["opportunity_id"] != second["delete_opportunity"]["opportunity_id"]
    assert second["change_stage"]["from"] != second["change_stage"]["to"]


def test_every_change_tells_what_it_did_as_json(org: Org) -> None:
    """Fault: the admin endpoint cannot answer with what a change returns."""
    done = json.loads(json.dumps(changes.make_change(org, "all")))
    assert [each["change"] for each in done] == list(changes.CHANGES)
    assert json.loads(json.dumps(changes.make_change(org, "new_email")))["change"] == "new_email"


def test_unknown_change_is_refused_by_name(org: Org) -> None:
    """Fault: a typing error answers with an unknown failure, or changes something else."""
    with pytest.raises(ValueError, match=r"no change 'delete'.*delete_opportunity"):
        changes.make_change(org, "delete")


def test_org_without_demo_data_says_so(tmp_path: Path) -> None:
    """Fault: an empty org answers with an index error."""
    org = Org.open(tmp_path)
    with pytest.raises(ValueError, match="not filled with demo data"):
        changes.make_change(org, "all")


def test_change_that_fails_leaves_the_others_undone(org: Org) -> None:
    """Fault: half of the changes are made and nobody is told which."""
    away = _user(org, "rep", 3)
    org.store.execute("update Opportunity set IsClosed = 1 where OwnerId = ?", (away,))
    with pytest.raises(ValueError, match="owns no open deal"):
        changes.all_demo_changes(org)
    assert not org.store.select("select 1 from Opportunity where SystemModstamp = ?", (STAMP,))
