"""What a night finds, object by object, and what became of each id that differed (R8, R9).

`run.reconcile` gives the order, comparing.py what is counted and listed; what follows from an absence stands in judging.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestration.errors import FluintError, NeedsReconnectError, SetupError
from orchestration.sync import ledger
from orchestration.sync.deleted import recently_deleted
from orchestration.sync.fields import Readable
from orchestration.sync.objects import BY_TABLE, SObject
from orchestration.sync.options import Collaborators, Counts, ObjectReport, is_absence
from orchestration.sync.reconciling import closing, holdings
from orchestration.sync.reconciling import ledger as kept
from orchestration.sync.reconciling.findings import Bucket, Finding, Outcome, Part, Tally
from orchestration.sync.reconciling.holdings import Place
from orchestration.sync.reconciling.judging import Withheld, judge
from orchestration.sync.reconciling.permissions import Change, Permissions, ask_permissions, changes


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

    def begin(self) -> datetime:
        """The org's time before anything is counted, with the permissions asked for before it."""
        self.permissions  # noqa: B018 - what is counted is compared with what was allowed then
        return self.with_.salesforce.server_time()

    def settle(
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
        self._prove_deleted(sobject, hidden.keys() & asked.gone.keys(), listed.keys())
        gone = {record_id: at for record_id, at in asked.gone.items() if record_id not in hidden}
        return Counts(tombstoned=asked.tombstoned + self.judge_gone(tally, sobject, gone, listed))

    def _prove_deleted(self, sobject: SObject, hidden: Set[str], listed: Set[str]) -> None:
        """Takes for deleted what was only hidden, once Salesforce lists it as deleted or nothing could hide it any more."""
        before, now = self.permissions
        is_proven = now.views_all(sobject.table_name) and not changes(before, now)
        proven = hidden if is_proven else hidden & listed
        if proven:
            with self.with_.database.transaction() as connection:
                closing.prove_deleted(connection, sobject, sorted(proven), self.with_.run_id)

    def judge_gone(
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

    def conclude_object(self, tally: Tally, sobject: SObject, *, owners_not_listed: int = 0) -> None:
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
            finding = Finding(
                table,
                tally.rows(),
                tally.differences(),
                _withheld(tally),
                owners_not_listed,
                tuple(tally.by_id),
            )
            kept.record(connection, finding, self.with_.run_id)
            kept.note_ids_compared(connection, table, tally.by_id, self.with_.run_id)
        self.findings[table] = finding

    def conclude(self, reports: Iterable[ObjectReport]) -> None:
        """Adds what could not be compared, and takes the permissions of now for the next night's if nothing is left open.

        A person who accepted what is gone has accepted the permissions, too. What only a person can mend is compared as far as it can be:
        nobody needs to start that again before the permissions are others.
        """
        for report in reports:
            if report.error:
                finding = self.findings.get(report.table, Finding(report.table))
                self.findings[report.table] = replace(
                    finding, error=report.error, is_absent=self._is_absent(report.table, report.error)
                )
        failed = [each.error for each in self.findings.values() if each.error and not each.is_absent]
        if self._permissions is None or not self.findings or not all(map(_stays, failed)):
            return
        is_left = any(finding.withheld for finding in self.findings.values())
        self.is_remembered = not failed and (self.accept or not is_left)
        with self.with_.database.transaction() as connection:
            kept.note_permissions(
                connection, self._permissions[1], self.with_.run_id, as_good=self.is_remembered
            )

    def _is_absent(self, table: str, error: FluintError) -> bool:
        """Whether the org lacks an object that it may lack, and nothing of it is held that could have been hidden."""
        with self.with_.database.transaction() as connection:
            return is_absence(table, error) and not holdings.count_live(connection, BY_TABLE[table])

    @property
    def changed(self) -> list[Change]:
        """What changed of the integration user's permissions since the last good night; empty if they were not read."""
        return changes(*self._permissions) if self._permissions else []

    @property
    def permissions_told(self) -> bool:
        """Whether the permission records could be read."""
        return self._permissions is not None and self._permissions[1].are_told


def _stays(error: FluintError) -> bool:
    """Whether a comparison under the same permissions ends with this error again. A grant that is gone says nothing of them."""
    return isinstance(error, SetupError) and not isinstance(error, NeedsReconnectError)


def _withheld(tally: Tally) -> Withheld | None:
    found = set(tally.outcomes.values())
    return next((reason for reason in Withheld if Outcome(reason.value) in found), None)
