"""What left the org, by its own access log: content of records in scope, and of all others nothing but keys. Rules R1, R5, R6.

The log tells which fields of which records each answer held, Bulk results included; what was asked in which words is no matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from orchestration.entitlement.users import set_licence
from orchestration.sync import listing
from orchestration.sync.changes import read_keys
from orchestration.sync.fetch import fetch_pending
from orchestration.sync.objects import CATALOGUE
from tests.sync.bench import TABLES, Bench
from tests.sync.test_changes import _new_deal

# What may be known of anybody's records: ids, stamps and what decides the scope; never a name, an amount or a text.
KEYS = {sobject.name: {"attributes", *sobject.key_fields} for sobject in CATALOGUE if not sobject.is_whole}
# Users, stages and record types are read whole: without them nobody could be matched.
WHOLE = {sobject.name for sobject in CATALOGUE if sobject.is_whole}


@dataclass
class Guard:
    """Compares what left the org with what was in scope while it left; `licensed` are the owners in scope."""

    bench: Bench
    licensed: set[str]
    contents: dict[str, set[str]] = field(default_factory=dict)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Fails when content of a record came that was neither in scope now nor admitted before the block began.

        Nothing that decides the scope may change in the org while the block runs.
        """
        admitted = {row[0] for row in self.bench.ask("select opportunity_id from fluint_sync.admission")}
        mark = self.bench.log_position()
        yield
        returned = self.bench.org.admin("GET", f"/log/reads?after={mark}")["returned"]
        allowed = self._allowed(admitted)
        for read in returned:
            sobject = read["object"]
            if sobject in WHOLE or set(read["fields"]) <= KEYS.get(sobject, set()):
                continue
            if sobject == "AggregateResult":
                assert not read["ids"]
                continue
            assert len(read["ids"]) <= read["rows"], read["fields"]
            assert read["ids"] or not read["rows"], f"{sobject} came without ids"
            assert set(read["ids"]) <= allowed[sobject], (sobject, read["fields"])
            self.contents.setdefault(sobject, set()).update(read["ids"])

    def _allowed(self, admitted: set[str]) -> dict[str, set[str]]:
        records = self.bench.records
        deals = [
            d
            for d in records("SELECT Id, OwnerId, AccountId FROM Opportunity")
            if d["OwnerId"] in self.licensed or d["Id"] in admitted
        ]
        ids = {deal["Id"] for deal in deals}
        roles = [
            r
            for r in records("SELECT Id, OpportunityId, ContactId FROM OpportunityContactRole")
            if r["OpportunityId"] in ids
        ]
        named = {role["ContactId"] for role in roles}
        contacts = [c for c in records("SELECT Id, AccountId FROM Contact") if c["Id"] in named]
        mails = [m for m in records("SELECT Id, RelatedToId FROM EmailMessage") if m["RelatedToId"] in ids]
        activities = {
            name: {r["Id"] for r in records(f"SELECT Id, WhatId FROM {name}") if r["WhatId"] in ids}
            for name in ("Task", "Event")
        }
        return activities | {
            "Opportunity": ids,
            "OpportunityContactRole": {role["Id"] for role in roles},
            "Contact": {contact["Id"] for contact in contacts},
            "EmailMessage": {mail["Id"] for mail in mails},
            "Account": {row["AccountId"] for row in deals + contacts},
        }


def _hand_over_before_reading(
    bench: Bench, guard: Guard, monkeypatch: pytest.MonkeyPatch, owner: str
) -> list[str]:
    """Lets a deal of the owner go to nobody of ours after a listing has counted it and before it is read."""
    real, gone = listing._read_deals, list[str]()

    def read(with_: Any, what: Any, scope: Any, where: Sequence[str], *rest: Any) -> Any:
        if not gone and owner in " ".join(where):
            gone.append(sorted(bench.entitled([owner]))[0])
            bench.update("Opportunity", gone[0], OwnerId=bench.owners("unmatched")[0])
            bench.org.admin("POST", "/clock", {"seconds": 2})
        return real(with_, what, scope, where, *rest)

    monkeypatch.setattr(listing, "_read_deals", read)
    return gone


def test_of_records_outside_the_scope_nothing_but_keys_ever_leaves_the_org(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, amounts and bodies of people who never agreed crossing the wire: by a first load, a change of hands or a race."""
    bench.org.admin("PATCH", "/switches", {"log_bulk_ids": True})
    first, second = (m for m in [m for m in bench.people if m["role"] == "rep"][:2])
    for person in (first, second):
        set_licence(bench.database, person["fluint_email"], is_licensed=False)
    guard = Guard(bench, set(bench.owners()) - {first["user_id"], second["user_id"]})
    with guard.watching():
        bench.load()
    bench.org.admin("POST", "/changes/all")
    bench.org.admin("POST", "/changes/move_email_away")
    with guard.watching():
        bench.follow()
    _licensed(bench, guard, first)
    bench.options = replace(bench.options, bulk_threshold=1)
    with guard.watching():
        bench.load()
    assert bench.entitled([first["user_id"]]) <= guard.contents["Opportunity"]
    deal = _new_deal(bench, OwnerId=first["user_id"])
    bench.org.admin("POST", "/clock", {"seconds": 2})
    with guard.watching():
        read_keys(bench.with_(), TABLES)
    bench.update("Opportunity", deal, OwnerId=bench.owners("unmatched")[0])
    with guard.watching():
        fetch_pending(bench.with_(), "opportunity")
        bench.follow()
    _licensed(bench, guard, second)
    gone = _hand_over_before_reading(bench, guard, monkeypatch, second["user_id"])
    with guard.watching():
        bench.load()
    assert {deal, *gone} & guard.contents["Opportunity"] == set()
    assert len(gone) == 1
    assert set(guard.contents) == set(KEYS)
    assert bench.entitled() <= guard.contents["Opportunity"]


def _licensed(bench: Bench, guard: Guard, person: dict[str, Any]) -> None:
    set_licence(bench.database, person["fluint_email"], is_licensed=True)
    guard.licensed.add(person["user_id"])
