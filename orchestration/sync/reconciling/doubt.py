"""One night's comparison, object by object: counts, then the ids of what differs, then what became of each (R8, R9).

`run.reconcile` gives the order; what is asked and what follows from an answer stand in the modules beside this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time

from orchestration.salesforce.pages import Page
from orchestration.sync import ledger, under_way
from orchestration.sync.asking import pages_of
from orchestration.sync.deleted import recently_deleted
from orchestration.sync.fetch import fetch_pending
from orchestration.sync.fields import Readable, readable
from orchestration.sync.listing import list_children, list_missing_deals
from orchestration.sync.named import want_all_named
from orchestration.sync.objects import BY_TABLE, OPPORTUNITY, SObject
from orchestration.sync.options import Collaborators, Counts, ObjectReport
from orchestration.sync.plan import DEALS_IN_A_QUERY, chunks
from orchestration.sync.reconciling import closing, counting, holdings
from orchestration.sync.reconciling import ledger as kept
from orchestration.sync.reconciling.closing import Listed, take_listing
from orchestration.sync.reconciling.counting import DealsOf, next_month
from orchestration.sync.reconciling.findings import Bucket, Finding, Outcome, Part, Tally
from orchestration.sync.reconciling.holdings import Place
from orchestration.sync.reconciling.judging import Withheld, judge
from orchestration.sync.reconciling.permissions import Permissions, ask_permissions, changes
from orchestration.sync.scope import Scope, scope_now
from orchestration.sync.windows import ChildrenOf, CreatedRange


@dataclass
class Doubt:
    """Collects a finding per object; `accept`: a person has looked at what is gone, so nothing is withheld."""

    with_: Collaborators
    accept: bool = False
    findings: dict[str, Finding] = field(default_factory=dict)
    is_remembered: bool = False
    _permissions: tuple[Permissions | None, Permissions] | None = None

    @property
    def permissions(self) -> tuple[Permissions | None, Permissions]:
        """The permissions of the last good night and those of now, asked for once."""
        if self._permissions is None:
            now = ask_permissions(self.with_.salesforce)
            with self.with_.database.transaction() as connection:
                self._permissions = kept.permissions_seen(connection), now
        return self._permissions

    def deals(self, table: str) -> Counts:
        """Compares deals per owner and month under the scope predicate, and those that were kept one by one."""
        what, tally = readable(self.with_, OPPORTUNITY), Tally()
        began = self._begin()
        with self.with_.database.transaction() as connection:
            scope = scope_now(connection)
            covered = holdings.covered_owners(connection, scope)
            held = holdings.count_deals(connection, scope, covered)
            also_held = holdings.kept_deals(connection, scope, began)
        total, is_reopened = Counts(), False
        for owner, first, last in self._differing(tally, scope, covered, held, began):
            listed = self._list_deals(what, scope, owner, first, last, began)
            _take(
                tally,
                listed,
                {b for b in tally.in_salesforce if b.owner_id == owner and first <= b.month <= last},
            )
            total += Counts(tombstoned=listed.tombstoned)
            is_reopened |= listed.is_reopened
        total += self._settle(tally, what, also_held, Part.KEPT, began)
        if is_reopened:
            total += list_missing_deals(self.with_)
        total += fetch_pending(self.with_, table)
        self._conclude(tally, OPPORTUNITY, owners_not_listed=len(scope.owners) - len(covered))
        return total

    def _differing(
        self, tally: Tally, scope: Scope, covered: Sequence[str], held: Mapping[Place, int], began: datetime
    ) -> list[tuple[str, date, date]]:
        """Counts, and gives (owner, first month, last month) of those whose counts differ from what is held."""
        months = Counter(owner for owner, _ in held)
        created, rules = CreatedRange(scope.filters.created_since, None), _rules(scope)
        parts = [DealsOf(pack, created, rules) for pack in counting.packed(months, covered)]
        counted = counting.count_deals(self.with_, parts, began)
        tally.in_salesforce.update(
            {Bucket(Part.IN_SCOPE, *place): number for place, number in counted.items()}
        )
        differing = {place for place in held.keys() | counted.keys() if held.get(place, 0) != counted[place]}
        owners = sorted({owner for owner, _ in differing})
        spans = ((owner, [month for of, month in differing if of == owner]) for owner in owners)
        return [(owner, min(some), max(some)) for owner, some in spans]

    def _list_deals(
        self, what: Readable, scope: Scope, owner: str, first: date, last: date, began: datetime
    ) -> Listed:
        """Lists the ids of one owner's deals of these months and takes what differs."""
        end, since = next_month(last), scope.filters.created_since
        start = max(_midnight(first), since) if since else _midnight(first)
        part = DealsOf((owner,), CreatedRange(start, _midnight(end)), _rules(scope))
        ((_, pages),) = pages_of(
            self.with_, OPPORTUNITY.name, [part], lambda p: closing.keys_of(what, p), began
        )
        return take_listing(
            self.with_,
            what,
            pages,
            place_of=lambda row: (row["OwnerId"], counting.month_of(row["CreatedDate"])),
            held=lambda connection: holdings.deals_of(connection, scope, owner, first, end, began),
            reopen=lambda connection: under_way.uncover_owners(connection, [owner]),
        )

    def children(self, table: str) -> Counts:
        """Compares roles or mails deal by deal; they are counted together per month of their deals."""
        what, tally = readable(self.with_, BY_TABLE[table]), Tally()
        sobject, began = what.sobject, self._begin()
        with self.with_.database.transaction() as connection:
            deals = holdings.deals_with_children(connection, sobject)
        counted = counting.count_children(self.with_, what, [deal.id for deal in deals], began)
        months = {deal.id: deal.month for deal in deals}
        differing = [deal.id for deal in deals if counted[deal.id] != deal.children]
        for deal in deals:
            tally.in_salesforce[Bucket(Part.IN_SCOPE, "", deal.month)] += counted[deal.id]
        total = Counts()
        parts = [
            ChildrenOf(sobject.parent or "Id", tuple(some)) for some in chunks(differing, DEALS_IN_A_QUERY)
        ]
        for part, pages in pages_of(
            self.with_, sobject.name, parts, lambda p: closing.keys_of(what, p), began
        ):
            listed = self._take_children(what, part, pages, months, began)
            for deal_id in part.deals:
                tally.in_salesforce[Bucket(Part.IN_SCOPE, "", months[deal_id])] -= counted[deal_id]
            _take(tally, listed, ())
            total += Counts(tombstoned=listed.tombstoned)
            if listed.is_reopened:
                total += list_children(self.with_, table, part.deals)
        total += self._settle(tally, what, {}, Part.IN_SCOPE, began)
        total += fetch_pending(self.with_, table)
        self._conclude(tally, sobject)
        return total

    def _take_children(
        self,
        what: Readable,
        part: ChildrenOf,
        pages: Sequence[Page],
        months: Mapping[str, date],
        began: datetime,
    ) -> Listed:
        parent = part.parent
        return take_listing(
            self.with_,
            what,
            pages,
            place_of=lambda row: ("", months[row[parent]]),
            held=lambda connection: holdings.children_of(connection, what.sobject, part.deals, began),
            reopen=lambda connection: closing.reopen_children(connection, what.sobject, part.deals),
        )

    def named(self, table: str) -> Counts:
        """Asks for every row that others name, as contacts and accounts: it has no parent by which Salesforce could count it."""
        what, tally = readable(self.with_, BY_TABLE[table]), Tally()
        sobject, began = what.sobject, self._begin()
        with self.with_.database.transaction() as connection:
            held = holdings.named_rows(connection, sobject, began)
            wanted = holdings.named_and_not_held(connection, sobject)
            want_all_named(connection, sobject, ledger.cursor_of(connection, table) or began)
        total = self._settle(tally, what, held, Part.IN_SCOPE, began)
        total += fetch_pending(self.with_, table)
        with self.with_.database.transaction() as connection:
            came = holdings.held_among(connection, sobject, wanted)
        this_month = began.date().replace(day=1)
        for record_id in wanted:
            bucket = Bucket(Part.IN_SCOPE, *came.get(record_id, ("", this_month)))
            tally.not_held[record_id] = bucket
            tally.in_salesforce[bucket] += 1
        self._conclude(tally, sobject)
        return total

    def _begin(self) -> datetime:
        """The org's time before anything is counted, with the permissions asked for before it."""
        self.permissions  # noqa: B018 - what is counted is compared with what was allowed then
        return self.with_.salesforce.server_time()

    def _settle(
        self, tally: Tally, what: Readable, held: Mapping[str, Place], part: Part, began: datetime
    ) -> Counts:
        """Asks by id for what was not listed, is listed as deleted or was hidden before, and for all of `held`; judges what is gone."""
        sobject = what.sobject
        listed = recently_deleted(self.with_.salesforce, sobject.name)
        with self.with_.database.transaction() as connection:
            deleted = holdings.held_among(connection, sobject, list(listed), began)
            hidden = holdings.hidden(connection, sobject)
        places = {record_id: Bucket(part, *place) for record_id, place in (deleted | dict(held)).items()}
        ids = sorted(tally.not_there.keys() | places.keys() | hidden.keys())
        asked = closing.ask_by_id(self.with_, what, ids, began)
        for record_id in (hidden.keys() & asked.there) - tally.not_held.keys():
            tally.not_held[record_id] = bucket = Bucket(part, *hidden[record_id])
            tally.in_salesforce[bucket] += 1
        for record_id in tally.not_there.keys() & asked.there:
            tally.outcomes[record_id] = Outcome.ELSEWHERE
        for record_id in held.keys() & asked.there:
            tally.in_salesforce[places[record_id]] += 1
        missing = (places.keys() & (asked.deleted | asked.gone.keys())) - tally.not_there.keys()
        tally.not_there |= {record_id: places[record_id] for record_id in missing}
        tally.outcomes |= dict.fromkeys(asked.deleted & tally.not_there.keys(), Outcome.SOFT_DELETED)
        gone = {record_id: at for record_id, at in asked.gone.items() if record_id not in hidden}
        return Counts(tombstoned=asked.tombstoned + self._judge(tally, sobject, gone, listed))

    def _judge(
        self, tally: Tally, sobject: SObject, gone: Mapping[str, datetime], listed: Mapping[str, datetime]
    ) -> int:
        """Tombstones what is gone for good, and leaves what may only be hidden, in one transaction; returns how many rows it marked."""
        if not gone:
            return 0
        before, now = self.permissions
        again = ask_permissions(self.with_.salesforce)  # they may have changed while ids were asked for
        with self.with_.database.transaction() as connection:
            judgement = judge(
                sorted(gone),
                listed_as_deleted=listed,
                live=holdings.count_live(connection, sobject),
                views_all=again.views_all(sobject.table_name),
                permissions_changed=bool(changes(before, now) or changes(now, again)),
                accepted=self.accept,
            )
            marked = closing.tombstone(connection, sobject, judgement.tombstones, gone, self.with_.run_id)
        tally.outcomes |= {record_id: Outcome(reason) for record_id, reason in judgement.tombstones.items()}
        if judgement.withheld:
            tally.outcomes |= dict.fromkeys(judgement.left, Outcome(judgement.withheld.value))
        return marked

    def _conclude(self, tally: Tally, sobject: SObject, *, owners_not_listed: int = 0) -> None:
        """Sees what of the missing ids is held now, and keeps the finding."""
        table = sobject.table_name
        with self.with_.database.transaction() as connection:
            live = holdings.live(connection, sobject, tally.not_held)
            waiting = ledger.announced(connection, table, list(tally.not_held))
            for record_id in tally.not_held:
                tally.outcomes[record_id] = (
                    Outcome.BROUGHT_IN
                    if record_id in live
                    else Outcome.WAITING
                    if record_id in waiting
                    else Outcome.MOVED_ON
                )
            finding = Finding(table, tally.rows(), tally.differences(), _withheld(tally), owners_not_listed)
            kept.record(connection, finding, self.with_.run_id)
        self.findings[table] = finding

    def conclude(self, reports: Iterable[ObjectReport]) -> None:
        """Adds what could not be compared, and takes the permissions of now for the next night's if nothing is left open.

        A person who accepted what is gone has accepted the permissions, too.
        """
        for report in reports:
            if report.error and not BY_TABLE[report.table].is_whole:
                finding = self.findings.get(report.table, Finding(report.table))
                self.findings[report.table] = replace(finding, error=report.error)
        is_whole = bool(self.findings) and all(finding.error is None for finding in self.findings.values())
        if self._permissions is None or not is_whole:
            return
        if self.accept or not any(finding.withheld for finding in self.findings.values()):
            self.is_remembered = True
            with self.with_.database.transaction() as connection:
                kept.remember_permissions(connection, self._permissions[1], self.with_.run_id)

    @property
    def changed(self) -> list[str]:
        """What changed of the integration user's permissions since the last good night, as sentences; empty if they were not read."""
        return changes(*self._permissions) if self._permissions else []

    @property
    def permissions_told(self) -> bool:
        """Whether the permission records could be read."""
        return self._permissions is not None and self._permissions[1].are_told


def _take(tally: Tally, listed: Listed, recounted: Iterable[Bucket]) -> None:
    """Puts what a listing showed in the place of the counts of these buckets."""
    for bucket in recounted:
        tally.in_salesforce[bucket] = 0
    for place in listed.ids.values():
        tally.in_salesforce[Bucket(Part.IN_SCOPE, *place)] += 1
    for found, into in ((listed.not_held, tally.not_held), (listed.not_there, tally.not_there)):
        into.update({record_id: Bucket(Part.IN_SCOPE, *place) for record_id, place in found.items()})


def _withheld(tally: Tally) -> Withheld | None:
    found = set(tally.outcomes.values())
    return next((reason for reason in Withheld if Outcome(reason.value) in found), None)


def _rules(scope: Scope) -> tuple[str, ...]:
    return tuple(rule.passes for rule in scope.filters.rules())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
