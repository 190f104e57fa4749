"""Why a deal, or an owner's deals, are in Fluint or not: decided from facts alone, in the order in which the sync decides. No I/O.

Facts are collected by sync/evidence.py. Every answer says what is so, and who can change it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from orchestration.entitlement.filters import BackfillFilter

WORKSPACE = "the administrator of the Fluint workspace"
SALESFORCE = "a Salesforce administrator"
BY_ITSELF = "nobody: it comes by itself"
NOW = "A running Dagster does it by itself, within about a minute; `fluint sync` does it now."


@dataclass(frozen=True)
class Answer:
    """`code` is for programs. `state`: it is in Fluint, out of it, or on its way; `who` can change that, `notes` tell what else is so."""

    code: str
    state: Literal["in", "out", "waiting"]
    text: str
    who: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OwnerFacts:
    """One Salesforce user as the entitlement sees it; `reason` is None if the deals may come in, else one of `owner_…`.

    `label` is what a person calls the user: the e-mail address in Salesforce. `fluint_email` is the Fluint user who matches,
    `near` the addresses written most like it on the other side, `is_covered` says that all deals of the present filter were listed.
    """

    owner_id: str
    label: str
    reason: str | None
    detail: str | None = None
    fluint_email: str | None = None
    near: tuple[str, ...] = ()
    is_covered: bool = False


@dataclass(frozen=True)
class InSalesforce:
    """The deal's key as Salesforce gives it now, and the parts of the filter that refuse the deal, in order of reasons."""

    is_deleted: bool
    created_at: datetime
    stamp: datetime
    refused_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """The deal's row in our tables; `is_modelled` says that `fluint.deals` has it, too."""

    stamp: datetime
    deleted_reason: str | None = None
    is_modelled: bool = True


@dataclass(frozen=True)
class Waiting:
    """The deal's id among those that are to be fetched: why, and not before when (UTC)."""

    reason: str
    retry_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True)
class DealFacts:
    """Everything that decides about one deal. `cursor`: up to when (UTC) changes of deals were followed, None before the first sync."""

    deal_id: str
    filters: BackfillFilter
    in_salesforce: InSalesforce | None
    owner: OwnerFacts | None
    held: Held | None = None
    waiting: Waiting | None = None
    admitted_at: datetime | None = None
    purged_at: datetime | None = None
    cursor: datetime | None = None
    is_erased: bool = False


ERASED = "erased"


def _erased(what: str) -> Answer:
    return Answer(
        ERASED,
        "out",
        f"{what} was erased from Fluint and stays out; nothing was changed in Salesforce.",
        "nobody: an erasure is for good",
    )


def why_deal(facts: DealFacts) -> Answer:
    """The answer for one deal."""
    if facts.is_erased:
        return _erased("It")
    if facts.held is not None:
        return _held(facts, facts.held)
    if facts.in_salesforce is None:
        return _absent(facts)
    if facts.in_salesforce.is_deleted:
        return Answer(
            "deleted",
            "out",
            "It was deleted in Salesforce before Fluint had it.",
            f"{SALESFORCE}, or its owner: out of the recycle bin, within 15 days",
        )
    return _kept_out(facts, facts.in_salesforce) or _on_its_way(facts, facts.in_salesforce)


def _held(facts: DealFacts, held: Held) -> Answer:
    if held.deleted_reason is not None:
        return _gone(facts, held.deleted_reason)
    if not held.is_modelled:
        text = "Its row was read and waits to be modelled, so fluint.deals does not have it yet."
        return Answer("not_modelled", "waiting", f"{text} {NOW}", BY_ITSELF)
    since = f", since {_at(facts.admitted_at)}" if facts.admitted_at else ""
    return Answer(
        "in_fluint", "in", f"It is in Fluint{since}.", "nobody: what came in stays", _notes(facts, held)
    )


def _notes(facts: DealFacts, held: Held) -> tuple[str, ...]:
    notes = []
    now = facts.in_salesforce
    if now is None:
        notes.append(
            "Salesforce no longer shows it to the integration user. The nightly comparison says what became of it."
        )
    elif now.is_deleted:
        notes.append(f"It was deleted in Salesforce a moment ago; Fluint marks it with the next sync. {NOW}")
    elif now.stamp > held.stamp:
        notes.append(f"Salesforce has a newer version of it ({_at(now.stamp)}), which is not read yet. {NOW}")
    kept_out = _kept_out(facts, now, is_admitted=False) if now else None
    if kept_out is not None:
        notes.append(f"It would not come in today and stays because it came in before. {kept_out.text}")
    return tuple(notes)


def _gone(facts: DealFacts, reason: str) -> Answer:
    if facts.in_salesforce is not None and not facts.in_salesforce.is_deleted:
        return Answer(
            "restored",
            "waiting",
            f"It was gone in Salesforce and is there again; Fluint has not read it yet. {NOW}",
            BY_ITSELF,
        )
    what = {
        "soft_deleted": "It was deleted in Salesforce. Fluint keeps it, marked as deleted.",
        "hard_deleted": "It was deleted in Salesforce for good. Fluint keeps it, marked as deleted.",
        "not_visible": "Salesforce no longer shows it to the integration user, and nothing proves that it was deleted. Fluint keeps it as"
        " it was last seen, marked as hidden.",
    }
    who = {
        "soft_deleted": f"{SALESFORCE}, or its owner: out of the recycle bin, within 15 days",
        "hard_deleted": "nobody",
        "not_visible": f"{SALESFORCE}, who lets the integration user see it",
    }
    text = what.get(reason, f"It is gone from Salesforce ({reason}). Fluint keeps it, marked as deleted.")
    code = "not_visible" if reason == "not_visible" else "deleted_in_salesforce"
    return Answer(code, "out", text, who.get(reason, SALESFORCE))


def _absent(facts: DealFacts) -> Answer:
    if facts.purged_at is not None:
        return Answer(
            "hard_deleted",
            "out",
            f"It was deleted in Salesforce for good, on {_at(facts.purged_at)}.",
            "nobody",
        )
    return Answer(
        "not_visible",
        "out",
        "Salesforce shows no such opportunity to the integration user: it is not shared with that user, it was deleted for good, or"
        " the id belongs to another org.",
        f"{SALESFORCE}, who gives the integration user View All Records on Opportunity",
    )


def _kept_out(facts: DealFacts, deal: InSalesforce, *, is_admitted: bool | None = None) -> Answer | None:
    """Why a deal that is there does not come in; None when it may. What was admitted once is let in whoever owns it now."""
    if facts.admitted_at is not None if is_admitted is None else is_admitted:
        return None
    if facts.owner is None:
        text = f"Its owner is a user whom Fluint has not read from Salesforce yet. {NOW}"
        return Answer("owner_unknown", "waiting", text, BY_ITSELF)
    if facts.owner.reason is not None:
        return why_owner(facts.owner)
    since = facts.filters.created_since
    if since is not None and deal.created_at < since:
        return _filtered(
            "created_before",
            f"It was created on {_at(deal.created_at)}, and the filter begins on {_at(since)}.",
        )
    for reason in deal.refused_by:
        return _filtered(reason, _REFUSED.get(reason, f"The workspace's filter refuses it ({reason})."))
    return None


_REFUSED = {
    "stage_excluded": "It is in a stage that the workspace's filter leaves out.",
    "record_type_excluded": "It has a record type that the workspace's filter leaves out.",
    "amount_below_minimum": "Its amount, in its own currency, is below the filter's minimum, or it has none.",
}


def _filtered(code: str, text: str) -> Answer:
    return Answer(
        code, "out", text, f"{WORKSPACE}: `fluint filters show`, `fluint preview`, `fluint filters set`"
    )


def _on_its_way(facts: DealFacts, deal: InSalesforce) -> Answer:
    """The deal is entitled and not held: which step brings it, and when."""
    if facts.waiting is not None and facts.waiting.retry_at is not None:
        error = f" ({facts.waiting.error})" if facts.waiting.error else ""
        cause = _NOT_READ.get(facts.waiting.reason, f"it could not be read so far ({facts.waiting.reason})")
        again = f"It is tried again after {_at(facts.waiting.retry_at)}."
        return Answer("waiting", "waiting", f"It is to come in, but {cause}{error}. {again}", BY_ITSELF)
    if facts.waiting is not None:
        return Answer("waiting", "waiting", f"It is to come in and waits to be fetched. {NOW}", BY_ITSELF)
    if facts.owner is None or not facts.owner.is_covered:
        return Answer(
            "not_listed",
            "waiting",
            f"Its owner's deals of the present filter were not listed yet. {NOW}",
            BY_ITSELF,
        )
    if facts.cursor is None or deal.stamp >= facts.cursor:
        looked = (
            f"{_at(facts.cursor)}, when Fluint last looked for changes"
            if facts.cursor
            else "Fluint first looked for changes"
        )
        return Answer("not_read_yet", "waiting", f"It was changed after {looked}. {NOW}", BY_ITSELF)
    month = f"{deal.created_at:%Y-%m}"
    return Answer(
        "missing",
        "waiting",
        "It should be in Fluint and is not, though its owner's deals were listed: that is a fault. The nightly comparison finds it;"
        f" `fluint backfill --from {month} --to {month}` reads its month now.",
        WORKSPACE,
    )


_NOT_READ = {
    "not_visible": "Salesforce did not show it when it was read",
    "not_yet_visible": "Salesforce had announced it before it could be read",
    "unreadable": "Salesforce could not give its row",
    "refused": "the filter or its owner kept it out when it was read",
}


def why_owner(owner: OwnerFacts) -> Answer:
    """The answer for an owner whose deals do not come in; `owner.reason` says why."""
    near = f" The nearest address is {', '.join(owner.near)}." if owner.near else ""
    who = owner.fluint_email or owner.label
    texts = {
        "owner_not_in_fluint": (
            f"Its owner in Salesforce, {owner.label}, is no Fluint user.{near}",
            f"{WORKSPACE}, who adds the user (`fluint users import`) or corrects the address; or {SALESFORCE}, who corrects it there",
        ),
        "owner_not_licensed": (
            f"Its owner, {owner.label}, holds no Fluint licence.",
            f"{WORKSPACE}: `fluint users license {who}`",
        ),
        "owner_ambiguous": (
            f"Its owner, {owner.label}, is matched in doubt, so nobody is chosen: {_DOUBT.get(owner.detail or '', owner.detail)}.",
            f"{SALESFORCE}, who deactivates one of the users or changes its address; or {WORKSPACE}, who removes one of two accounts",
        ),
        "owner_excluded": (
            f"Its owner, {owner.label}, is left out by the workspace's filter.",
            f"{WORKSPACE}: `fluint filters set --exclude-owner …` with those who are to stay out, or none",
        ),
    }
    reason = owner.reason or ""
    text, changed_by = texts.get(
        reason, (f"Its owner, {owner.label}, is out of scope ({reason}).", WORKSPACE)
    )
    return Answer(reason, "out", text, changed_by)


_DOUBT = {
    "two_active_salesforce_users": "two active Salesforce users carry this person's address",
    "one_salesforce_user_for_two_fluint_users": "two Fluint users match this Salesforce user",
}


@dataclass(frozen=True)
class PersonFacts:
    """An e-mail address on both sides. `owners` are the Salesforce users who carry it or are matched with its Fluint user.

    `is_in_salesforce`: the org has a user with it now, though we may not have read that yet. `held` and `excluded` count deals.
    """

    email: str
    fluint_email: str | None
    is_licensed: bool
    owners: tuple[OwnerFacts, ...]
    is_in_salesforce: bool = False
    near: tuple[str, ...] = ()
    held: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    is_erased: bool = False


def why_person(facts: PersonFacts) -> Answer:
    """The answer for an e-mail address: do this person's deals come in? It repeats nothing of a person who was erased."""
    if facts.is_erased:
        return _erased("This person")
    near = f" Near it: {', '.join(facts.near)}." if facts.near else ""
    if not facts.owners and facts.is_in_salesforce:
        return Answer(
            "owner_unknown",
            "waiting",
            f"Salesforce has this user, whom Fluint has not read yet. {NOW}",
            BY_ITSELF,
        )
    if facts.fluint_email is None and not facts.owners:
        text = f"Neither Fluint nor Salesforce has a user with the address {facts.email}.{near}"
        return Answer("unknown", "out", text, f"{WORKSPACE}: `fluint users list`, `fluint users import`")
    if facts.fluint_email is not None and not facts.is_licensed:
        text = f"{facts.email} holds no Fluint licence. What came in before stays ({facts.held:,} deals)."
        return Answer(
            "owner_not_licensed", "out", text, f"{WORKSPACE}: `fluint users license {facts.fluint_email}`"
        )
    if not facts.owners:
        text = f"{facts.email} is licensed, and no Salesforce user carries the address, as Email or Username.{near}"
        return Answer(
            "no_match", "out", text, f"{WORKSPACE} or {SALESFORCE}, who corrects the address on either side"
        )
    out = [owner for owner in facts.owners if owner.reason is not None]
    if len(out) == len(facts.owners):
        answer = why_owner(out[0])
        return Answer(answer.code, "out", answer.text.replace("Its owner", "The user", 1), answer.who)
    return _comes_in(facts)


def _comes_in(facts: PersonFacts) -> Answer:
    left = ", ".join(f"{deals:,} {reason}" for reason, deals in sorted(facts.excluded.items()))
    notes = (f"Deals that stay out, by reason: {left}.",) if left else ()
    if any(owner.reason is None and not owner.is_covered for owner in facts.owners):
        text = f"{facts.held:,} deals are in Fluint; the rest of them is to be listed. {NOW}"
        return Answer("not_listed", "waiting", text, BY_ITSELF, notes)
    return Answer(
        "in_scope", "in", f"{facts.held:,} deals are in Fluint.", "nobody: new ones come by themselves", notes
    )


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
