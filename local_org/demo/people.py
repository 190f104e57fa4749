"""The users of the demo org, and the cast: who is meant to match which Fluint user, and who is not.

Belongs here: rows of User and the cast as data. Does not: profiles and permissions (administration.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from local_org.demo.administration import INTEGRATION_PROFILE
from local_org.demo.moments import DAY, as_stamp
from local_org.demo.pools import Person
from local_org.demo.world import Owner, World
from local_org.standard import ADMINISTRATOR, ORDINARY

Row = dict[str, object]
DOMAIN = "acme.example"
INTEGRATION_USERNAME = f"integration@{DOMAIN}"


@dataclass(frozen=True)
class Part:
    """A part in the cast. `share` of the deals; `left` days ago; whether Fluint knows the person, and licenses them."""

    role: str
    share: int = 0
    left: int | None = None
    in_fluint: bool = True
    is_licensed: bool = True
    profile: str = ORDINARY
    user_role: str | None = "Sales_EMEA"
    title: str = "Account Executive"


@dataclass(frozen=True)
class CastMember:
    """A user of the org: `fluint_email` is what Fluint's user list should hold (None: nobody), `is_licensed` a suggestion."""

    role: str
    username: str
    email: str
    user_id: str
    first_name: str | None
    last_name: str
    is_active: bool
    fluint_email: str | None
    is_licensed: bool


PARTS = (
    Part("rep", 14, user_role="Sales_AMER"),
    Part("rep", 11),
    Part("rep", 9),
    Part("rep", 7, user_role="Sales_AMER"),
    Part("rep_case_differs", 8),
    Part("sandbox_invalid", 6),
    Part("username_only", 6),
    Part("ambiguous_a", 4),
    Part("ambiguous_b", 3),
    Part("active_twin", 5),
    Part("left_twin", 3, left=400),
    Part("unmatched", 8, in_fluint=False, user_role="Sales_AMER"),
    Part("no_licence", 5, is_licensed=False),
    Part("left", 6, left=200, is_licensed=False),
    Part("manager", user_role="VP_Sales", title="VP Sales"),
    Part(
        "administrator",
        in_fluint=False,
        profile=ADMINISTRATOR,
        user_role="CEO",
        title="Salesforce Administrator",
    ),
)
_SYSTEM_USERS = (
    ("Platform Integration User", "cloud", "CloudIntegrationUser"),
    ("Insights Integration User", "insightsintegration", "CloudIntegrationUser"),
    ("Security User", "insightssecurity", "CloudIntegrationUser"),
)
# The second of each pair is the same person's second login, with the e-mail of the first.
_TWINS = {"ambiguous_b": "ambiguous_a", "left_twin": "active_twin"}


def _place(role: str) -> int:
    return [part.role for part in PARTS].index(role)


def reserve(world: World) -> None:
    """Gives every part of the cast its user id before anything is made: whatever the administrator set up names them."""
    world.user_ids.extend(world.ids.next("005") for _ in PARTS)
    world.admin_id = world.user_ids[_place("administrator")]


def users(
    world: World, roles: dict[str, str], profiles: dict[str, str], cast: list[CastMember]
) -> Iterator[Row]:
    """Yields the rows of User; notes the owners in the world and the cast in `cast`."""
    yield from _system_users(world, cast)
    yield _integration(world, profiles, cast)
    manager = world.user_ids[_place("manager")]
    for place, part in enumerate(PARTS):
        person = world.pools.colleagues[place]
        member = _member(part, person, world.user_ids[place], cast)
        cast.append(member)
        left_at = None if part.left is None else world.today - part.left * DAY
        if part.share:
            name = f"{member.first_name} {member.last_name}"
            world.owners.append(Owner(part.role, member.user_id, name, member.email, part.share, left_at))
        yield _user(world, part, member, left_at, place) | {
            "UserRoleId": roles[part.user_role] if part.user_role else None,
            "ProfileId": profiles[part.profile],
            "ManagerId": manager if part.share else None,
        }


def _member(part: Part, person: Person, user_id: str, cast: list[CastMember]) -> CastMember:
    fluint = f"{person.mailbox}@{DOMAIN}"
    username, email = fluint, fluint
    if part.role == "rep_case_differs":
        email, fluint = f"{person.mailbox.title()}@{DOMAIN.title()}", f" {fluint.upper()} "
    elif part.role == "sandbox_invalid":
        username, email = f"{fluint}.uat", f"{fluint}.invalid"
    elif part.role == "username_only":
        email = f"{person.mailbox}@mail.example"
    elif part.role in _TWINS:
        twin = next(each for each in cast if each.role == _TWINS[part.role])
        email, fluint = twin.email, str(twin.fluint_email)
        username = twin.username.replace("@", ".2@")
        person = Person(twin.first_name, twin.last_name, person.mailbox, None)
    return CastMember(
        part.role, username, email, user_id, person.first, person.last, part.left is None,
        fluint if part.in_fluint else None, part.in_fluint and part.is_licensed,
    )  # fmt: skip


def _user(world: World, part: Part, member: CastMember, left_at: int | None, place: int) -> Row:
    since = as_stamp(world.began - (200 - place) * DAY)
    last_login = world.today - 3_600 * (place + 6) if left_at is None else left_at
    changed = as_stamp(left_at if left_at is not None else world.began + 20 * DAY)
    name = f"{member.first_name} {member.last_name}"
    return {
        "Id": member.user_id, "Username": member.username, "FirstName": member.first_name, "LastName": member.last_name, "Name": name,
        "Email": member.email, "Alias": member.last_name[:8].lower(), "CommunityNickname": member.username.split("@")[0][:40],
        "IsActive": member.is_active, "Title": part.title, "Department": "Sales", "CompanyName": "Acme", "UserType": "Standard",
        "TimeZoneSidKey": "Europe/Berlin" if place % 2 else "America/New_York", "LocaleSidKey": "en_US", "LanguageLocaleKey": "en_US",
        "EmailEncodingKey": "UTF-8", "EmployeeNumber": f"A{1000 + place}", "LastLoginDate": as_stamp(last_login),
        "CreatedDate": since, "CreatedById": world.admin_id, "LastModifiedDate": changed, "LastModifiedById": world.admin_id,
        "SystemModstamp": changed,
    }  # fmt: skip


def _integration(world: World, profiles: dict[str, str], cast: list[CastMember]) -> Row:
    world.integration_id = world.ids.next("005")
    member = CastMember(
        "integration",
        INTEGRATION_USERNAME,
        INTEGRATION_USERNAME,
        world.integration_id,
        "Fluint",
        "Integration",
        True,
        None,
        False,
    )
    cast.append(member)
    part = Part("integration", title="API integration user")
    return _user(world, part, member, None, 0) | {
        "ProfileId": profiles[INTEGRATION_PROFILE],
        "Department": "IT",
        "EmployeeNumber": None,
    }


def _system_users(world: World, cast: list[CastMember]) -> Iterator[Row]:
    """Users that the platform itself brings: no first name, no profile (seen in a recorded org)."""
    since = as_stamp(world.began - 400 * DAY)
    for name, box, user_type in _SYSTEM_USERS:
        username = f"{box}@00d000000000001.invalid"
        user_id = world.ids.next("005")
        cast.append(CastMember("system", username, username, user_id, None, name, True, None, False))
        yield {
            "Id": user_id, "Username": username, "FirstName": None, "LastName": name, "Name": name, "Email": username,
            "Alias": box[:8], "CommunityNickname": box, "IsActive": True, "UserType": user_type, "ProfileId": None,
            "TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US", "LanguageLocaleKey": "en_US", "EmailEncodingKey": "UTF-8",
            "CreatedDate": since, "CreatedById": user_id, "LastModifiedDate": since, "LastModifiedById": user_id, "SystemModstamp": since,
        }  # fmt: skip


def as_rows(cast: list[CastMember]) -> list[Row]:
    """Returns the cast as JSON-able rows."""
    return [asdict(member) for member in cast]
