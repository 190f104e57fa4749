"""Who sees which rows: owners, roles above them, organization-wide defaults, teams, what hangs on a record (API sheet 4, Visibility)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from local_org import standard
from local_org.clock import Clock
from tests.local_org.conftest import World


def seen(world: World, by: str, sobject: str = "Opportunity") -> list[str]:
    """Returns the names, or the ids where there is none, of the rows that a user sees."""
    field = "Name" if sobject == "Opportunity" else "Id"
    return sorted(world.column(f"SELECT {field} FROM {sobject}", by=by))


def add_rep(world: World, name: str, role: str | None = None) -> str:
    """Adds a standard user, in a role or in none."""
    return standard.add_user(
        world.org.store, f"{name}@acme.example", standard.ORDINARY, by=world.admin, UserRoleId=role
    )


@pytest.fixture
def team(world: World) -> dict[str, str]:
    """A director above a manager above two reps, a colleague beside them, and a deal of each."""
    roles: dict[str, str | None] = {"top": None}
    for name, above in (
        ("director", "top"),
        ("manager", "director"),
        ("rep", "manager"),
        ("colleague", "top"),
    ):
        roles[name] = world.add("UserRole", Name=name, DeveloperName=name, ParentRoleId=roles[above])
    people = {
        "director": "director",
        "manager": "manager",
        "one": "rep",
        "two": "rep",
        "colleague": "colleague",
    }
    found = {name: add_rep(world, name, roles[role]) for name, role in people.items()}
    for name, user in found.items():
        world.add("Opportunity", by=user, Name=name)
    return found


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("director", ["director", "manager", "one", "two"]),
        ("manager", ["manager", "one", "two"]),
        ("one", ["one"]),
        ("colleague", ["colleague"]),
    ],
)
def test_a_user_sees_the_deals_of_the_roles_below_theirs(
    world: World, team: dict[str, str], who: str, names: list[str]
) -> None:
    """Role hierarchy: all levels down, never sideways: two reps of one role do not see each other's deals."""
    assert seen(world, team[who]) == names


def test_a_manager_may_change_and_delete_what_a_rep_owns_and_not_the_reverse(
    world: World, team: dict[str, str]
) -> None:
    """Role hierarchy: access from above is that of the owner."""
    deals = {name: world.org.store.find_ids("Opportunity", Name=name)[0] for name in ("manager", "one")}
    change = {"NextStep": "call"}
    assert (
        world.call("PATCH", f"/sobjects/Opportunity/{deals['one']}", change, by=team["manager"]).status == 204
    )
    assert (
        world.call("PATCH", f"/sobjects/Opportunity/{deals['manager']}", change, by=team["one"]).status == 404
    )
    assert world.call("DELETE", f"/sobjects/Opportunity/{deals['one']}", by=team["manager"]).status == 204


def test_access_that_comes_and_goes_leaves_no_trace_on_the_rows(
    world: World, team: dict[str, str], clock: Clock
) -> None:
    """API sheet 4 and 6: losing access looks like a deletion without a tombstone, gaining it moves no SystemModstamp."""
    soql = "SELECT Id, SystemModstamp, IsDeleted FROM Opportunity"
    before = world.records(soql, deleted=True)
    clock.turn(timedelta(hours=1))
    alone = world.add("UserRole", Name="alone", DeveloperName="alone")
    own_role = world.org.user(team["manager"])["UserRoleId"]
    for role, count in ((alone, 1), (own_role, 3)):
        world.org.store.update("User", team["manager"], {"UserRoleId": role}, by=world.admin)
        assert len(world.records(soql, by=team["manager"], deleted=True)) == count
    assert world.records(soql, deleted=True) == before


OPENED = ["colleague", "director", "one", "two"]


@pytest.mark.parametrize(
    ("default", "names", "status"), [("None", ["one"], 404), ("Read", OPENED, 400), ("Edit", OPENED, 204)]
)
def test_the_organizations_default_opens_all_deals_but_private_ones(
    world: World, team: dict[str, str], default: str, names: list[str], status: int
) -> None:
    """Help, "Organization-Wide Defaults": private, public read, public read/write; a private deal stays its owner's."""
    world.org.store.update(
        "Organization", world.org.org_id, {"DefaultOpportunityAccess": default}, by=world.admin
    )
    private, other = (world.org.store.find_ids("Opportunity", Name=name)[0] for name in ("manager", "two"))
    world.org.store.update("Opportunity", private, {"IsPrivate": True}, by=team["manager"])
    assert seen(world, team["one"]) == names
    assert world.records("SELECT DefaultOpportunityAccess FROM Organization") == [
        {"DefaultOpportunityAccess": default}
    ]
    answer = world.call("PATCH", f"/sobjects/Opportunity/{other}", {"NextStep": "call"}, by=team["one"])
    assert answer.status == status
    assert "manager" in seen(world, team["director"])


def test_a_contact_can_be_seen_with_its_account(world: World, team: dict[str, str]) -> None:
    """Help, "Organization-Wide Defaults", Controlled by Parent: who sees the account sees its contacts."""
    account = world.add("Account", by=team["one"])
    contact = world.add("Contact", by=team["two"], AccountId=account)
    assert seen(world, team["one"], "Contact") == []
    organization = {"DefaultContactAccess": "ControlledByParent"}
    world.org.store.update("Organization", world.org.org_id, organization, by=world.admin)
    assert seen(world, team["one"], "Contact") == [contact]
    assert seen(world, team["colleague"], "Contact") == []


@pytest.mark.parametrize(("level", "status"), [("Read", 400), ("Edit", 204)])
def test_a_member_of_the_deals_team_sees_it(
    world: World, team: dict[str, str], level: str, status: int
) -> None:
    """Help, "Opportunity Teams": members see, and with Edit change, deals of others, once teams are switched on."""
    deal = world.org.store.find_ids("Opportunity", Name="two")[0]
    world.org.switches.opportunity_teams = True
    member = world.add(
        "OpportunityTeamMember", OpportunityId=deal, UserId=team["one"], OpportunityAccessLevel=level
    )
    assert seen(world, team["one"]) == ["one", "two"]
    path = f"/sobjects/Opportunity/{deal}"
    assert world.call("PATCH", path, {"NextStep": "call"}, by=team["one"]).status == status
    world.org.store.delete("OpportunityTeamMember", member, by=world.admin)
    assert seen(world, team["one"]) == ["one"]


def test_a_mail_is_seen_with_its_task_and_on_a_case_with_the_case(world: World) -> None:
    """API sheet 4, EmailMessage, access: like the case if ParentId is set, else like the task that logs it."""
    other = add_rep(world, "other")
    deal, case = world.add("Opportunity", by=world.rep), world.add("Case", by=world.rep)
    on_deal = world.add("EmailMessage", RelatedToId=deal)
    on_case = world.add("EmailMessage", ParentId=case, by=other)
    of_other = world.add("EmailMessage", by=other)
    assert seen(world, world.rep, "EmailMessage") == sorted([on_deal, on_case])
    assert seen(world, other, "EmailMessage") == [of_other]
    # Whoever the task is handed to sees the mail; whoever the deal is taken from no longer does.
    task = (world.org.store.get("EmailMessage", on_deal) or {})["ActivityId"]
    world.org.store.update("Task", str(task), {"OwnerId": other}, by=world.admin)
    world.org.store.update("Opportunity", deal, {"OwnerId": world.admin}, by=world.admin)
    assert seen(world, other, "EmailMessage") == sorted([on_deal, of_other])
    assert seen(world, world.rep, "EmailMessage") == [on_case]


def test_a_mail_that_is_related_elsewhere_is_seen_there(world: World) -> None:
    """API sheet 4, EmailMessage: its task goes along, so whoever sees the new record sees the mail, and the old one's owner not."""
    own, foreign = world.add("Opportunity", by=world.rep), world.add("Opportunity")
    mail = world.add("EmailMessage", RelatedToId=own)
    assert seen(world, world.rep, "EmailMessage") == [mail]
    world.org.store.update("EmailMessage", mail, {"RelatedToId": foreign}, by=world.admin)
    assert seen(world, world.rep, "EmailMessage") == []
    assert world.column("SELECT WhatId FROM Task") == [foreign]
    dates = {
        each["Id"]: each["LastActivityDate"]
        for each in world.records("SELECT Id, LastActivityDate FROM Opportunity")
    }
    assert dates == {own: None, foreign: "2026-05-13"}


def test_a_task_is_seen_with_the_person_it_is_about(world: World) -> None:
    """Help, "Organization-Wide Defaults", activities Controlled by Parent: WhoId opens a task as WhatId does."""
    task = world.add("Task", WhoId=world.add("Contact", by=world.rep), Subject="Call")
    assert seen(world, world.rep, "Task") == [task]
    assert seen(world, add_rep(world, "other"), "Task") == []


def test_tokens_of_others_take_manage_users(world: World) -> None:
    """API sheet 4, OauthToken: a user sees their own; who may manage users sees all."""
    for user in (world.rep, world.admin):
        world.add("OauthToken", UserId=user, AppName="Fluint")
    assert world.column("SELECT UserId FROM OauthToken", by=world.rep) == [world.rep]
    assert len(world.column("SELECT UserId FROM OauthToken")) == 2
    world.take("ManageUsers")
    assert world.column("SELECT UserId FROM OauthToken") == [world.admin]
