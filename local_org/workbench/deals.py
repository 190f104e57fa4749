"""The list of deals as one person sees them, filtered, sorted and paged, and the recycle bin.

Belongs here: the query of the list. Does not: one deal (deal.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from local_org.ids import to_18
from local_org.objects import SOBJECTS
from local_org.workbench.person import Person, Row, containing, quoted
from local_org.workbench.site import Site, Visit

SIZE = 25
# SOQL skips 2,000 rows at most (SOQL and SOSL Reference, OFFSET), so that is where the pages of a list end.
LAST_PAGE = 2_000 // SIZE + 1
COLUMNS = {
    "Name": "Deal",
    "Account.Name": "Account",
    "StageName": "Stage",
    "Amount": "Amount",
    "CloseDate": "Close date",
    "Owner.Name": "Owner",
    "LastModifiedDate": "Last modified",
}
_NEWEST_FIRST = "-LastModifiedDate"


@dataclass(frozen=True)
class Asked:
    """What a list was asked for: `sort` is a column, with `-` before it from high to low; `page` counts from 1."""

    stage: str = ""
    owner: str = ""
    text: str = ""
    bin: str = ""
    sort: str = _NEWEST_FIRST
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """Reads the parameters of an address; what it does not understand is left out."""
        page = query.get("page", "1")
        sort = query.get("sort", _NEWEST_FIRST)
        return cls(
            query.get("stage", ""),
            to_18(query.get("owner", "")) or "",
            query.get("text", "").strip(),
            "1" if query.get("bin") else "",
            sort if sort.removeprefix("-") in COLUMNS else _NEWEST_FIRST,
            min(max(int(page), 1), LAST_PAGE) if page.isdigit() else 1,
        )

    def address(self, **changes: object) -> str:
        """Gives the parameters of the same list with changes, those that say nothing left out."""
        values = {**vars(self), "page": 1, **changes}
        usual = vars(Asked())
        return "?" + urlencode({name: value for name, value in values.items() if value != usual[name]})


def conditions(asked: Asked, person: Person) -> str:
    """Returns the WHERE clause; a filter on a field that the person does not see is left out, as it is on the page."""
    terms = ["IsDeleted = true"] if asked.bin else []
    if asked.stage and person.sees("Opportunity", "StageName"):
        terms.append(f"StageName = {quoted(asked.stage)}")
    if asked.owner:
        terms.append(f"OwnerId = {quoted(asked.owner)}")
    if asked.text and person.sees("Opportunity", "Name"):
        terms.append(f"Name LIKE {containing(asked.text)}")
    return f" WHERE {' AND '.join(terms)}" if terms else ""


def listed(asked: Asked, person: Person, columns: list[str]) -> list[Row]:
    """Returns one page of deals, one more than fits where there is a next page."""
    sort = asked.sort.removeprefix("-")
    order = sort if sort in columns else "Id"
    direction = "DESC" if asked.sort.startswith("-") else "ASC"
    return person.rows(
        f"SELECT {', '.join(['Id', *columns])} FROM Opportunity{conditions(asked, person)}"
        f" ORDER BY {order} {direction} NULLS LAST, Id LIMIT {SIZE + 1} OFFSET {(asked.page - 1) * SIZE}",
        deleted=bool(asked.bin),
    )


def owners(person: Person) -> list[tuple[str, str]]:
    """Returns who owns deals that the person sees: id and name, by name."""
    if not person.sees("Opportunity", "Owner.Name"):
        return []
    rows = person.rows("SELECT OwnerId, Owner.Name FROM Opportunity GROUP BY OwnerId, Owner.Name")
    found = [tuple(str(value) for value in row.values()) for row in rows]
    return sorted(((key, name) for key, name in found), key=lambda each: each[1].casefold())


def stages(person: Person) -> list[Row]:
    """Returns the stages in their order, retired ones last: ApiName, MasterLabel, IsActive, IsClosed, IsWon."""
    return person.rows(
        "SELECT ApiName, MasterLabel, IsActive, IsClosed, IsWon FROM OpportunityStage ORDER BY IsActive DESC, SortOrder"
    )


def show(site: Site, visit: Visit) -> Response:
    """Shows a page of the list."""
    person = site.person(visit)
    if not person.sees("Opportunity", "Id"):
        return site.page(visit, "no_deals.html", 403)
    asked = Asked.of(visit.asked)
    columns = person.seen("Opportunity", *COLUMNS)
    rows = listed(asked, person, columns)
    return site.page(
        visit,
        "deals.html",
        asked=asked,
        columns={name: COLUMNS[name] for name in columns},
        deals=rows[:SIZE],
        total=person.count(f"Opportunity{conditions(asked, person)}", deleted=bool(asked.bin)),
        has_next=len(rows) > SIZE and asked.page < LAST_PAGE,
        is_cut=len(rows) > SIZE and asked.page == LAST_PAGE,
        stages=stages(person),
        owners=owners(person),
        sees_all=person.access.sees_all(SOBJECTS["Opportunity"]),
        size=SIZE,
    )


PAGES = (("GET", "/deals", show),)
