"""The first page, and who plays whom: choosing a person of the cast, logging in with a password, logging out.

Belongs here: the session's beginning and end. Does not: what the person then sees (deals.py, deal.py).
"""

from __future__ import annotations

import hmac

from starlette.responses import FileResponse, Response

from local_org import demo_data
from local_org.access_log import calls_in_last_day
from local_org.org import Org
from local_org.workbench.site import PREFIX, TEMPLATES, Site, Visit

Row = dict[str, object]
DEMO_DEALS = 300
_PARTS = {
    "rep": "Sales rep",
    "manager": "Sales manager; sees the deals of all",
    "administrator": "Administrator; may see and change everything",
    "integration": "The user that Fluint connects as",
    "unmatched": "Sales rep whom Fluint does not know",
    "no_licence": "Sales rep without a Fluint licence",
    "left": "Left the company; cannot log in",
    "left_twin": "Old login of a rep; cannot log in",
    "active_twin": "Sales rep with an old second login",
    "ambiguous_a": "Sales rep; two logins share an e-mail",
    "ambiguous_b": "The second login with that e-mail",
    "rep_case_differs": "Sales rep; e-mail in other letters",
    "sandbox_invalid": "Sales rep; e-mail as a sandbox leaves it",
    "username_only": "Sales rep; matched by username",
}


def home(site: Site, visit: Visit) -> Response:
    """Says what this is, where the API answers, how to connect, and who is there."""
    store = site.org.store
    counts = {
        name: store.select(f"select count(*) from {name} where IsDeleted = 0")[0][0]
        for name in ("Opportunity", "Contact", "EmailMessage")
    }
    return site.page(
        visit,
        "home.html",
        card=site.registration,
        org_id=site.org.org_id,
        people=people_of(site.org),
        counts=counts,
        calls=calls_in_last_day(site.org),
        demo_deals=DEMO_DEALS,
    )


def choose(site: Site, visit: Visit) -> Response:
    """Lists whom one can play."""
    return site.page(
        visit,
        "people.html",
        people=people_of(site.org),
        following=_own_path(visit.asked.get("next", "")),
        username="",
        failed=False,
    )


def log_in(site: Site, visit: Visit) -> Response:
    """Begins a new session as the person chosen, or as whoever's name and password were given."""
    following = _own_path(visit.form.get("next", ""))
    username = visit.form.get("username", "").strip()
    if "user_id" in visit.form:
        user = site.org.store.get("User", visit.form["user_id"])
    else:
        right = hmac.compare_digest(
            visit.form.get("password", "").encode(), site.registration.password.encode()
        )
        user = site.org.user_by_username(username) if right else None
    if user is None or not user["IsActive"] or user["UserType"] != "Standard":
        return site.page(
            visit, "people.html", 401, people=people_of(site.org), following=following, username=username, failed=True
        )  # fmt: skip
    site.sessions.end(visit.session)
    # A new secret: whoever knew the one before knows nothing of the person's session.
    visit.session = site.sessions.begin(str(user["Id"]))
    return site.go(following or "/deals")


def log_out(site: Site, visit: Visit) -> Response:
    """Ends the session."""
    site.sessions.end(visit.session)
    visit.session = site.sessions.begin()
    return site.go("/people")


def fill(site: Site, visit: Visit) -> Response:
    """Fills an empty org with demo data."""
    try:
        demo_data.populate(site.org, opportunities=DEMO_DEALS)
    except ValueError as refusal:
        visit.say(str(refusal), good=False)
    else:
        visit.say(f"{DEMO_DEALS} deals with their people, mails and history are there. Choose whom to play.")
    return site.go("/")


def script(site: Site, visit: Visit) -> Response:
    """Gives the few lines of script that the log page uses."""
    return FileResponse(TEMPLATES / "workbench" / "refresh.js", media_type="text/javascript")


def people_of(org: Org) -> list[Row]:
    """Returns whom one can meet: id, name, username, profile, part, whether active; the cast first in its order, then others."""
    parts = {str(member["user_id"]): str(member["role"]) for member in demo_data.cast(org)}
    order = {user_id: place for place, user_id in enumerate(parts)}
    rows = org.store.select(
        "select u.Id, u.Name, u.Username, p.Name, u.IsActive, u.Title from User u left join Profile p on p.Id = u.ProfileId"
        " where u.UserType = 'Standard' order by u.Id"
    )
    found = [
        {
            "id": user_id, "name": name, "username": username, "profile": profile, "is_active": bool(active),
            "part": _PARTS.get(parts.get(str(user_id), ""), title or ""),
        }
        for user_id, name, username, profile, active, title in rows
    ]  # fmt: skip
    return sorted(found, key=lambda each: (not each["is_active"], order.get(str(each["id"]), len(order))))


def _own_path(path: str) -> str:
    """Gives the part of a path behind PREFIX, or nothing for any other: the login must not send people elsewhere."""
    return path.removeprefix(PREFIX) if path.startswith(f"{PREFIX}/") else ""


PAGES = (
    ("GET", "/", home),
    ("GET", "/people", choose),
    ("POST", "/people", log_in),
    ("POST", "/people/leave", log_out),
    ("POST", "/fill", fill),
    ("GET", "/refresh.js", script),
)
