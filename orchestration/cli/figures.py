"""Figures of the demo, each beside the org's own count of the same thing, asked by the API in words of its own.

The org is asked about owners by their ids, as its cast names them, and not through our matching: a fault there must show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestration.postgres.connection import Database
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce


@dataclass(frozen=True)
class Expectation:
    """Which deals should be in Fluint: these owners', within these conditions, and those that came in earlier."""

    owner_ids: tuple[str, ...]
    created_since: datetime
    excluded_stages: tuple[str, ...]
    excluded_record_types: tuple[str, ...]
    kept: tuple[str, ...] = ()

    def deals(self, prefix: str = "") -> list[str]:
        """SOQL conditions for these deals, on Opportunity or, with a prefix, on a child's parent."""
        inside = [
            soql.is_in(f"{prefix}OwnerId", self.owner_ids),
            soql.compare(f"{prefix}CreatedDate", ">=", self.created_since),
            soql.is_not_in(f"{prefix}StageName", self.excluded_stages),
            soql.is_not_in(f"{prefix}RecordTypeId", self.excluded_record_types),
        ]
        live = soql.equal(f"{prefix}IsDeleted", False)
        kept = [soql.is_in(f"{prefix}Id", self.kept)] if self.kept else []
        return [soql.any_of([soql.all_of(inside), *kept]), live]


@dataclass
class Figures:
    """Collects (what, ours, the org's) and says whether all agree."""

    rows: list[tuple[str, object, object]] = field(default_factory=list)

    def compare(self, what: str, ours: object, orgs: object) -> None:
        """Adds one pair."""
        self.rows.append((what, ours, orgs))

    @property
    def agree(self) -> bool:
        """Whether there are figures and every one is the org's, too."""
        return bool(self.rows) and all(ours == orgs for _, ours, orgs in self.rows)

    def shown(self) -> list[tuple[str, object, object, str]]:
        """The rows with a mark for agreement."""
        return [(what, ours, orgs, "✓" if ours == orgs else "✗ differs") for what, ours, orgs in self.rows]


@dataclass(frozen=True)
class Comparison:
    """Asks both sides."""

    database: Database
    salesforce: Salesforce

    def number(self, query: str) -> int:
        """One number from our Postgres."""
        with self.database.transaction() as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Rows from our Postgres."""
        with self.database.transaction() as connection:
            return connection.execute(query).fetchall()

    def count(self, sobject: str, where: Sequence[str] = ()) -> int:
        """How many records the org says there are."""
        return next(self.salesforce.query(soql.select(["COUNT()"], sobject, where))).total_size

    def grouped(self, sobject: str, by: str, where: Sequence[str]) -> dict[str | None, int]:
        """Value of a field → how many records the org says have it."""
        query = soql.select([by, "COUNT(Id) n"], sobject, where, group_by=[by])
        return {row[by]: int(row["n"]) for page in self.salesforce.query(query) for row in page.records()}

    def ids(self, sobject: str, where: Sequence[str]) -> list[str]:
        """The ids of the org's records."""
        query = soql.select(["Id"], sobject, where)
        return [row["Id"] for page in self.salesforce.query(query) for row in page.records()]

    def figures(self, expected: Expectation) -> Figures:
        """Everything that the demo prints, beside the org's own figure."""
        made = Figures()
        live_role = [*expected.deals("Opportunity."), soql.equal("IsDeleted", False)]
        deal_ids = self.ids("Opportunity", expected.deals())
        made.compare(
            "Salesforce users", self.number("select count(*) from fluint.owners"), self.count("User")
        )
        made.compare(
            "stages", self.number("select count(*) from fluint.deal_stages"), self.count("OpportunityStage")
        )
        made.compare(
            "deals",
            self.number("select count(*) from fluint.deals where not is_deleted_in_salesforce"),
            len(deal_ids),
        )
        made.compare(
            "contacts in deals",
            self._our_contacts(),
            len(self.grouped("OpportunityContactRole", "ContactId", live_role)),
        )
        made.compare(
            "e-mails", self._our_emails(), self._children_of(deal_ids, "EmailMessage", "RelatedToId")
        )
        self._compare_activities_and_accounts(made, deal_ids, expected)
        all_deals = self.count("Opportunity", [soql.equal("IsDeleted", False)])
        excluded = self.number("select coalesce(sum(deal_count), 0) from fluint.excluded_deals")
        made.compare("deals that stay out", excluded, all_deals - len(deal_ids))
        theirs = self.grouped("Opportunity", "StageName", expected.deals())
        for stage, deals in self.deals_per_stage():
            made.compare(f"deals in {stage}", deals, theirs.pop(stage, 0))
        for left, deals in theirs.items():
            made.compare(f"deals in {left}", 0, deals)
        return made

    def _compare_activities_and_accounts(
        self, made: Figures, deal_ids: Sequence[str], expected: Expectation
    ) -> None:
        ours = self._our_activities()
        for kind in ("Task", "Event"):
            theirs = self._children_of(deal_ids, kind, "WhatId")
            made.compare(f"{kind.lower()}s", ours.get(kind.lower(), 0), theirs)
        made.compare(
            "accounts of deals",
            self.number("select count(*) from fluint.accounts where is_read and deal_count > 0"),
            len(self.grouped("Opportunity", "AccountId", expected.deals()).keys() - {None}),
        )

    def deals_per_stage(self) -> list[tuple[str, int]]:
        """Stage and number of live deals, in the order of the pipeline."""
        return [
            (str(stage), int(str(deals)))
            for stage, deals in self.rows(
                "select stage_name, count(*) from fluint.deals where not is_deleted_in_salesforce"
                " group by stage_name order by min(stage_order), stage_name"
            )
        ]

    def _our_contacts(self) -> int:
        return self.number(
            "select count(distinct role.contact_id) from fluint.deal_contacts as role join fluint.deals as deal using (deal_id)"
            " where not deal.is_deleted_in_salesforce"
        )

    def _our_emails(self) -> int:
        return self.number(
            "select count(*) from fluint.email_activity as mail join fluint.deals as deal using (deal_id)"
            " where not deal.is_deleted_in_salesforce"
        )

    def _our_activities(self) -> dict[object, object]:
        query = """
            select activity.activity_type, count(*) from fluint.activities as activity join fluint.deals as deal using (deal_id)
            where not activity.is_deleted_in_salesforce and not deal.is_deleted_in_salesforce group by 1
        """
        return {kind: count for kind, count in self.rows(query)}

    def _children_of(self, deal_ids: Sequence[str], sobject: str, parent: str) -> int:
        live = soql.equal("IsDeleted", False)
        return sum(self.count(sobject, [soql.is_in(parent, some), live]) for some in soql.chunked(deal_ids))
