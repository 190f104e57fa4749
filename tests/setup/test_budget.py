"""However large the org: no more than 30 calls, those for layouts spent on the ones that most deals are seen with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orchestration.entitlement.filters import BackfillFilter
from orchestration.errors import RejectedRequestError
from orchestration.salesforce.query import QUERIES_PER_COMPOSITE
from orchestration.setup.layouts import read_layouts
from orchestration.setup.questions import DESCRIBED, MOST_CALLS, MOST_LAYOUTS, first_questions
from orchestration.setup.seen import FluintSeen

NOW = datetime(2026, 11, 26, tzinfo=UTC)
OTHER_CALLS = 1 + 1 + 1  # the follow-up, the limits, the assignment of layouts
OFFICE = FluintSeen(
    connection=None, now=NOW, licensed=1, active_users=1, unmatched=(), ambiguous=(), is_a_person=False,
    filters=BackfillFilter(NOW, ("Closed Lost",)), stages=frozenset(), record_types={}, objects=(), owners=(), settled_before=NOW,
    owners_not_listed=0, deals_not_listed=0, deals_held=0, deals_erased=0, pairs={}, sample_deal=None, unknown_stages={}, uploads={},
)  # fmt: skip


class Tooling:
    """The Tooling API of an org with a layout for each of many profiles and record types; the second one cannot be looked into."""

    def __init__(self, profiles: int, record_types: int) -> None:
        self.asked: list[str] = []
        self.rows = [
            {"ProfileId": f"profile-{p}", "RecordTypeId": f"type-{t}", "LayoutId": f"layout-{p}-{t}", "Layout": {"Name": f"L {p} {t}"}}
            for p in range(profiles)
            for t in range(record_types)
        ]  # fmt: skip

    def tooling_query(self, soql: str) -> list[dict[str, Any]]:
        """Answers, and remembers what was asked."""
        self.asked.append(soql)
        if "FROM ProfileLayout" in soql:
            return self.rows
        if "'layout-0-1'" in soql:
            raise RejectedRequestError("closed", status=403, code="INSUFFICIENT_ACCESS")
        lists = [] if "'layout-0-0'" in soql else [{"relatedList": "RelatedFileList"}]
        return [{"Metadata": {"relatedLists": lists}}]


def test_an_org_of_thousands_of_owners_stays_within_the_calls() -> None:
    """A check that costs an org its calls is the next fault."""
    many = replace(OFFICE, owners=tuple(f"005Qy0000000{number:05}AA"[:18] for number in range(9_000)))
    questions = first_questions("005Qy000000000LIAQ", many)
    calls = -(-len(questions) // QUERIES_PER_COMPOSITE)
    assert calls + OTHER_CALLS + len(DESCRIBED) + MOST_LAYOUTS <= MOST_CALLS == 30
    assert MOST_LAYOUTS >= 5
    assert max(map(len, questions.values())) < 14_000


def test_the_layouts_of_most_deals_are_looked_at_first_and_no_more_than_fit() -> None:
    """With a hundred layouts the calls go to those that people see, and what cannot be seen of one says nothing of the others."""
    org = Tooling(profiles=10, record_types=10)
    profiles = {f"owner-{p}": (f"profile-{p}", f"Profile {p}") for p in range(10)}
    pairs = {(f"owner-{p}", f"type-{t}"): 1_000 - 10 * p - t for p in range(10) for t in range(10)}
    layouts = read_layouts(org, profiles, pairs)  # type: ignore[arg-type]
    assert len(org.asked) == 1 + MOST_LAYOUTS
    assert [each.id for each in layouts[:3]] == ["layout-0-0", "layout-0-1", "layout-0-2"]
    assert layouts[0].shows_files is False
    assert isinstance(layouts[1].shows_files, RejectedRequestError)
    assert layouts[2].shows_files is True
    assert layouts[0].used_for == (("Profile 0", "type-0"),)


def test_a_layout_that_no_licensed_owner_sees_is_left_alone() -> None:
    """The integration user's own layout, or that of a partner, says nothing of what a rep finds on a deal."""
    org = Tooling(profiles=2, record_types=2)
    layouts = read_layouts(
        org, {"owner": ("profile-1", "Rep")}, {("owner", "type-0"): 3, ("gone", "type-1"): 9}
    )  # type: ignore[arg-type]
    assert [each.id for each in layouts] == ["layout-1-0"]
    assert read_layouts(org, {}, {("gone", "type-1"): 9}) == ()  # type: ignore[arg-type]
