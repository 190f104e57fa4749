"""What a comparison says to the person who reads the check: numbers first, then what differs by id, why, and who takes which step.

Pure. No name, address or content: ids and counts may enter Dagster's log, which cannot be edited.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.sync.reconciling.findings import Difference, Finding, Outcome
from orchestration.sync.reconciling.judging import Withheld
from orchestration.sync.reconciling.permissions import Change

MOST_IDS = 20
NAMES = {
    "user": "users",
    "opportunity_stage": "stages",
    "record_type": "record types",
    "opportunity": "deals in scope",
    "opportunity_contact_role": "contact roles of them",
    "email_message": "e-mails of them",
    "contact": "contacts that they name",
    "account": "accounts that they name",
    "task": "tasks of them",
    "event": "events of them",
}
BECAUSE = {
    Outcome.WAITING: "it is not read yet",
    Outcome.PERMISSIONS_CHANGED: "it is held and not shown, and the permissions of the integration user changed",
    Outcome.TOO_MANY: "it is held and not shown, with too many others at once",
    Outcome.UNKNOWN: "the comparison failed before it was asked for",
}
GAVE = (
    "That gave access and hides nothing: whoever runs Fluint looks these ids up in Salesforce and, where they are gone, marks them with"
    " `fluint reconcile --accept`."
)
ACCEPT = "If this was meant, whoever runs Fluint marks them with `fluint reconcile --accept`."


def summary(finding: Finding, changed: Sequence[Change], *, permissions_told: bool) -> str:
    """One object's comparison as sentences; `changed` says what changed of the integration user's permissions."""
    name = NAMES.get(finding.table, finding.table)
    if finding.error is not None:
        nothing = "There is nothing to compare"
        return f"{nothing if finding.is_absent else f'Whether all {name} are held could not be told'}. {finding.error}"
    sentences = [f"Salesforce has {finding.in_salesforce:,} {name}, {finding.held:,} are held."]
    sentences += filter(
        None, (_came(finding, changed), _left(finding), _withheld(finding, changed, permissions_told))
    )
    if waiting := [each for each in finding.open if each.outcome is Outcome.WAITING]:
        sentences.append(
            f"{len(waiting):,} that Salesforce has are not held yet ({some_ids(waiting)}): they wait to be read, and every sync tries."
        )
    if finding.owners_not_listed:
        sentences.append(
            f"Of {finding.owners_not_listed:,} owners it cannot be told yet: their deals are still being listed."
        )
    return " ".join(sentences)


def some_ids(differences: Sequence[Difference]) -> str:
    """The first ids and how many more there are."""
    ids = [each.id for each in differences[:MOST_IDS]]
    more = len(differences) - len(ids)
    return ", ".join(ids) + (f" and {more:,} more" if more else "")


def _came(finding: Finding, changed: Sequence[Change]) -> str:
    came = [each for each in finding.differences if each.outcome is Outcome.BROUGHT_IN]
    if not came:
        return ""
    why = f" Since the last comparison {_joined(changed)}." if changed else ""
    return (
        f"{len(came):,} that Salesforce shows and that were not held were brought in ({some_ids(came)}).{why}"
    )


_SAID = {
    Outcome.SOFT_DELETED: "lie in Salesforce's recycle bin",
    Outcome.HARD_DELETED: "were deleted in Salesforce for good",
    Outcome.NOT_VISIBLE: "are no longer shown to the integration user, and it is not proven that they were deleted",
}


def _left(finding: Finding) -> str:
    """What was marked as gone in this comparison, with the reason."""
    said = []
    for outcome, words in _SAID.items():
        if some := [each for each in finding.differences if each.outcome is outcome]:
            said.append(f"{len(some):,} {words} ({some_ids(some)}).")
    return " ".join(said) + (" Fluint keeps them, marked." if said else "")


def _withheld(finding: Finding, changed: Sequence[Change], permissions_told: bool) -> str:
    if finding.withheld is None:
        return ""
    left = [each for each in finding.open if each.outcome.value in list(Withheld)]
    what = f"{len(left):,} are held that Salesforce does not show ({some_ids(left)}). None of them was marked as deleted, because "
    if finding.withheld is Withheld.PERMISSIONS_CHANGED and changed:
        took = [each for each in changed if each.may_hide]
        return what + (
            f"{_joined(took)}. A Salesforce admin takes that back. {ACCEPT}"
            if took
            else f"the integration user's permissions changed: {_joined(changed)}. {GAVE}"
        )
    if finding.withheld is Withheld.PERMISSIONS_CHANGED:
        return (
            what
            + f"the integration user's permissions changed while they were asked for; the next run tells more. {ACCEPT}"
        )
    told = (
        "no permission of the integration user changed that its records tell of; sharing rules and teams they do not tell"
        if permissions_told
        else "which permission changed could not be told, for the integration user may not read permission records (View Setup and"
        " Configuration)"
    )
    return (
        what
        + f"so many at once are more likely hidden than gone: {told}. A Salesforce admin looks whether the integration user still sees"
        f" them. {ACCEPT}"
    )


def _joined(changed: Sequence[Change]) -> str:
    sentences = [str(each) for each in changed]
    return ", and ".join(filter(None, (", ".join(sentences[:-1]), sentences[-1])))
