"""The page of what an operator turns: the clock, the switches, the tokens.

Belongs here: its forms. Does not: what the switches mean (switches.py), which tokens there are (tokens.py).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from local_org.switches import Switches
from local_org.workbench import forms
from local_org.workbench.people import people_of
from local_org.workbench.site import Site, Visit

TURNS = (
    ("Back an hour", -3_600), ("On an hour", 3_600), ("On a day", 86_400), ("On 15 days, the life of the recycle bin", 15 * 86_400),
)  # fmt: skip


def show(site: Site, visit: Visit) -> Response:
    """Shows clock, switches and whose tokens can be revoked."""
    now = site.org.switches.as_dict()
    usual = forms.defaults(Switches)
    return site.page(
        visit,
        "operator.html",
        turns=TURNS,
        ahead=_ahead(site),
        groups=forms.groups(Switches),
        inputs={each.name: each for each in forms.inputs(now)},
        usual={each.name: each.text for each in forms.inputs(usual)},
        people=people_of(site.org),
    )


def _ahead(site: Site) -> timedelta:
    """Gives how far the org's clock is ahead of this machine's, to the second."""
    return timedelta(seconds=round((site.org.clock.now() - datetime.now(UTC)).total_seconds()))


def turn(site: Site, visit: Visit) -> Response:
    """Turns the clock by some seconds, or back to real time."""
    try:
        by = (
            -_ahead(site) if "real" in visit.form else timedelta(seconds=float(visit.form.get("seconds", "")))
        )
        site.org.clock.turn(by)
    except (ValueError, OverflowError):
        visit.say("The clock turns by a number of seconds.", good=False)
    else:
        visit.say(f"It is {site.org.clock.now():%-d %b %Y, %H:%M:%S} UTC in the org.")
    return site.go("/operator")


def switch(site: Site, visit: Visit) -> Response:
    """Sets the switches that the form changes, or all back to their defaults."""
    now = site.org.switches.as_dict()
    try:
        changed = forms.defaults(Switches) if "usual" in visit.form else forms.read(visit.form, now, now)
        site.org.switches.set(changed)
    except ValueError as refusal:
        visit.say(str(refusal), good=False)
    else:
        named = ", ".join(changed) if len(changed) < 4 else f"{len(changed)} switches"
        visit.say(f"Set: {named}." if changed else "There was nothing to change.")
    return site.go("/operator")


def revoke(site: Site, visit: Visit) -> Response:
    """Revokes the grants and tokens of a person, or of everyone."""
    user_id = visit.form.get("user_id", "")
    site.tokens.revoke_all(user_id or None)
    whose = site.org.user(user_id)["Name"] if user_id else "everyone"
    visit.say(f"All grants and tokens of {whose} are revoked.")
    return site.go("/operator")


PAGES = (
    ("GET", "/operator", show),
    ("POST", "/operator/clock", turn),
    ("POST", "/operator/switches", switch),
    ("POST", "/operator/tokens", revoke),
)
