"""The page of the access log, newest first: who asked what, with which query, and the shape of what came back.

Belongs here: its filter. Does not: what is logged (access_log.py).
"""

from __future__ import annotations

from starlette.responses import Response

from local_org.workbench.people import people_of
from local_org.workbench.site import Site, Visit

SIZE = 100


def show(site: Site, visit: Visit) -> Response:
    """Shows the newest entries that the filter leaves, or those before an entry."""
    asked = {name: visit.asked.get(name, "").strip() for name in ("text", "user", "outcome")}
    before = visit.asked.get("before", "")
    entries = site.log.newest(
        SIZE + 1,
        before=int(before) if before.isdigit() else None,
        text=asked["text"],
        user_id=asked["user"],
        is_refused={"ok": False, "refused": True}.get(asked["outcome"]),
    )
    people = people_of(site.org)
    return site.page(
        visit,
        "log.html",
        entries=entries[:SIZE],
        has_more=len(entries) > SIZE,
        asked=asked,
        before=before,
        people=people,
        names={each["id"]: each["name"] for each in people},
    )


def clear(site: Site, visit: Visit) -> Response:
    """Empties the log."""
    site.log.clear()
    visit.say("The log is empty. What counts against the daily limit stays counted.")
    return site.go("/log")


PAGES = (("GET", "/log", show), ("POST", "/log/clear", clear))
