"""What the workbench turns: permissions, faults, clock, switches, tokens; each is what a client meets from the next call on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta

import pytest
import requests

from local_org import standard
from local_org.faults import KINDS, Fault
from local_org.objects import SOBJECTS
from local_org.server import OrgServer
from local_org.switches import Switches
from local_org.workbench.faults import READY
from local_org.workbench.setup import coherent
from tests.local_org.wire.workbench.conftest import Visitor, api_as, member, own_set, read, text_of

TICKED = re.compile(r'<input type="checkbox" name="([^"]+)" value="1"[^>]*? checked')
HOUR = timedelta(hours=1)
QUERY = "/services/data/v66.0/query"


def ticked(page: requests.Response) -> dict[str, str]:
    """The boxes of a page that are ticked, as a browser would send them."""
    return dict.fromkeys(TICKED.findall(page.text), "1")


@pytest.fixture
def standard_users(served: OrgServer) -> Iterator[str]:
    """The permission set of the profile of reps; object permissions, fields and system permissions are put back."""
    store, by, set_id = served.org.store, served.org.system_user_id, own_set(served, "Standard User")
    kept = {
        name: (store.get("PermissionSet", set_id) or {})[name] for name in ("PermissionsActivitiesAccess",)
    }
    yield set_id
    own = ("PermissionsCreate", "PermissionsRead", "PermissionsEdit", "PermissionsDelete")
    standard.grant_object(store, set_id, "Opportunity", own, by=by)
    standard.grant_fields(store, set_id, "Opportunity", by=by)
    store.update("PermissionSet", set_id, kept, by=by)


def test_taking_read_away_takes_what_needs_it_and_closes_the_object(
    served: OrgServer, rep: Visitor, standard_users: str
) -> None:
    """A client must meet an object that no longer exists for it, exactly as after the click in Salesforce."""
    api = api_as(served, member(served, "rep"))
    boxes = ticked(rep.look(f"/permissions/{standard_users}"))
    del boxes["Opportunity.PermissionsRead"]
    assert "Saved" in text_of(rep.send(f"/permissions/{standard_users}/objects", **boxes))
    page = rep.look(f"/permissions/{standard_users}")
    assert not [name for name in ticked(page) if name.startswith("Opportunity.")]
    assert "no opportunities at all" in text_of(rep.look("/deals", 403))
    answer = api.get(QUERY, params={"q": "SELECT Id FROM Opportunity"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_TYPE")


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ("", "Delete", "Read Edit Delete"),
        ("", "ModifyAllRecords", "Read Edit Delete ViewAllRecords ModifyAllRecords"),
        ("Read Edit Delete", "Edit Delete", ""),
        ("Read Edit Delete", "Read Delete", "Read"),
        ("Read ViewAllRecords Edit", "Read ViewAllRecords Edit Create", "Read ViewAllRecords Edit Create"),
        ("Read", "", ""),
    ],
)
def test_object_permissions_that_need_each_other_come_and_go_together(
    before: str, asked: str, after: str
) -> None:
    """Salesforce knows no Edit without Read; an org that did would let a client write what it cannot read."""
    names = ({f"Permissions{each}" for each in text.split()} for text in (before, asked, after))
    had, wanted, expected = names
    assert coherent(had, wanted) == expected


def test_granting_view_all_shows_the_deals_of_all(
    served: OrgServer, rep: Visitor, standard_users: str
) -> None:
    """The one box that the set-up guide is about."""
    boxes = ticked(rep.look(f"/permissions/{standard_users}"))
    rep.send(
        f"/permissions/{standard_users}/objects", **boxes, **{"Opportunity.PermissionsViewAllRecords": "1"}
    )
    every = served.org.store.select("select count(*) from Opportunity where IsDeleted = 0")[0][0]
    assert f"{every} deals that" in text_of(rep.look("/deals"))


def test_hiding_a_field_takes_it_from_the_api_and_changes_no_other(
    served: OrgServer, rep: Visitor, standard_users: str
) -> None:
    """A save that rewrote every field would move stamps of rows that a client reads by change."""
    store = served.org.store
    stamps = "select Field, SystemModstamp, PermissionsRead from FieldPermissions where ParentId = ?"
    boxes = ticked(rep.look(f"/permissions/{standard_users}"))
    sent = {name: "1" for name in boxes if name.endswith((".read", ".edit")) and name != "NextStep.read"}
    before = store.select(stamps, (standard_users,))
    served.org.clock.turn(HOUR)
    rep.send(f"/permissions/{standard_users}/fields", object="Opportunity", **sent)
    served.org.clock.turn(-HOUR)
    after = store.select(stamps, (standard_users,))
    changed = {str(row[0]) for row in set(after) - set(before)}
    assert changed == {"Opportunity.NextStep"}
    answer = api_as(served, member(served, "rep")).get(
        QUERY, params={"q": "SELECT NextStep FROM Opportunity"}
    )
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"
    flags = store.find_ids("FieldPermissions", ParentId=standard_users, Field="Opportunity.NextStep")
    assert (store.get("FieldPermissions", flags[0]) or {})["PermissionsEdit"] is False


def test_a_user_permission_is_taken_from_profile_and_permission_set(
    served: OrgServer, rep: Visitor, standard_users: str
) -> None:
    """The profile's row and the set's row must say the same: clients read either."""
    boxes = ticked(rep.look(f"/permissions/{standard_users}"))
    sent = {name: "1" for name in boxes if name.startswith("system.") and "ActivitiesAccess" not in name}
    rep.send(f"/permissions/{standard_users}/system", **sent)
    me = member(served, "rep")
    access = served.org.security.of(me)
    assert (access.has("ActivitiesAccess"), access.has("ApiEnabled")) == (False, True)
    profile = served.org.store.get("Profile", str(served.org.user(me)["ProfileId"])) or {}
    assert profile["PermissionsActivitiesAccess"] is False
    rep.look("/permissions/0PS000000000000AAA", 404)


def test_every_object_and_field_that_can_be_granted_is_on_the_page(rep: Visitor, standard_users: str) -> None:
    """An object that is added to the org must not need a change here."""
    page = rep.look(f"/permissions/{standard_users}").text
    governed = [each.name for each in SOBJECTS.values() if each.access == "object"]
    assert governed
    assert not [name for name in governed if f'name="{name}.PermissionsRead"' not in page]
    named = standard.governed_fields(SOBJECTS["Opportunity"])
    assert not [name for name in named if f'name="{name}.read"' not in page]


def test_a_ready_made_fault_hits_the_next_query_once(served: OrgServer, rep: Visitor) -> None:
    """What the button says is what a client meets; the pages themselves are never hit."""
    api = api_as(served, member(served, "rep"))
    rep.look("/faults")
    page = rep.send("/faults", ready="The next query answers 503")
    assert "At work (1)" in text_of(page)
    question = {"q": "SELECT Id FROM User"}
    assert rep.look("/deals").status_code == 200
    assert [api.get(QUERY, params=question).status_code for _ in range(2)] == [503, 200]
    assert "At work (0)" in text_of(rep.look("/faults"))


def test_every_ready_made_fault_can_be_switched_on(rep: Visitor) -> None:
    """A name that the faults no longer know would break the button silently."""
    rep.look("/faults")
    for title in READY:
        assert "The fault is at work." in text_of(rep.send("/faults", ready=title)), title
    assert f"At work ({len(READY)})" in text_of(rep.look("/faults"))
    assert "At work (0)" in text_of(rep.send("/faults/clear"))


def test_the_form_of_faults_has_every_kind_and_every_field(rep: Visitor) -> None:
    """A fault that is added to the org must not need a change here."""
    page = rep.look("/faults").text
    assert not [kind for kind in KINDS if f'<option value="{kind}">' not in page]
    assert not [each.name for each in fields(Fault) if f'name="{each.name}"' not in page]


def test_a_fault_of_ones_own_is_what_the_form_says(served: OrgServer, rep: Visitor) -> None:
    """Numbers, texts and JSON have to arrive as what they are; nonsense is refused with the field's name."""
    rep.look("/faults")
    rep.send(
        "/faults",
        kind="answer",
        method="GET",
        path=".*/limits",
        times="2",
        status="418",
        body="no",
        headers='{"X-Why": "tea"}',
    )
    api = api_as(served, member(served, "rep"))
    answer = api.get("/services/data/v66.0/limits")
    assert (answer.status_code, answer.text, answer.headers["X-Why"]) == (418, "no", "tea")
    assert "times: 'many' is not a whole number" in text_of(rep.send("/faults", kind="answer", times="many"))
    assert "A fault has a kind" in text_of(rep.send("/faults", kind="earthquake"))
    rep.send("/faults/clear")


def test_the_clock_turns_and_comes_back(served: OrgServer, rep: Visitor) -> None:
    """Fifteen days are what a deleted record has; nobody waits for them."""
    page = rep.look("/operator")
    assert "real time" in text_of(page)
    page = rep.send("/operator/clock", seconds=str(15 * 86_400))
    assert "15 days, 0:00:00 ahead of real time" in text_of(page)
    assert "The clock turns by a number" in text_of(rep.send("/operator/clock", seconds="soon"))
    assert "The clock turns by a number" in text_of(rep.send("/operator/clock", seconds="1e300"))
    assert "ahead of" not in text_of(rep.send("/operator/clock", real="1"))


def test_every_switch_is_on_the_page_and_can_be_set(served: OrgServer, rep: Visitor) -> None:
    """A switch that is added to the org must not need a change here."""
    page = rep.look("/operator")
    names = [each.name for each in fields(Switches)]
    assert not [name for name in names if f'name="{name}"' not in page.text]
    now = served.org.switches.as_dict()
    # A browser sends a box that is ticked, and nothing for one that is not.
    sent = {name: "1" if value is True else str(value) for name, value in now.items() if value is not False}
    del sent["rotate_refresh_tokens"]
    sent["bulk_page_records"] = "7"
    page = rep.send("/operator/switches", **sent)
    assert "Set: rotate_refresh_tokens, bulk_page_records." in text_of(page)
    switches = served.org.switches
    assert (switches.bulk_page_records, switches.require_pkce, switches.rotate_refresh_tokens) == (
        7,
        True,
        False,
    )
    assert "not a whole number" in text_of(
        rep.send("/operator/switches", **sent | {"bulk_page_records": "x"})
    )
    rep.send("/operator/switches", usual="1")
    assert served.org.switches.as_dict() == Switches().as_dict()


def test_revoking_tokens_ends_the_clients_of_one_person_and_no_other(served: OrgServer, rep: Visitor) -> None:
    """What an administrator does under Connected Apps OAuth Usage; the visitor's own session has nothing to do with it."""
    clients = [api_as(served, member(served, "rep", place)) for place in (0, 1)]
    rep.look("/operator")
    rep.send("/operator/tokens", user_id=member(served, "rep"))
    assert clients[0].get("/services/data/v66.0/limits").status_code == 401
    assert read(clients[1], "SELECT Id FROM User LIMIT 1")
    assert rep.look("/deals").url.endswith("/deals")
