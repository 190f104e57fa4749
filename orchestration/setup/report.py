"""What the set-up check says: every item with its answer, and what changed since the last check. Pure; nobody is asked or told here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from orchestration.setup.items import ITEMS, Item
from orchestration.setup.outcome import Fault, Outcome, worst
from orchestration.setup.seen import Seen
from orchestration.setup.texts import TEXTS


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, in words. `key` tells it apart from others of its item; code and request id are Salesforce's."""

    key: str
    outcome: Outcome
    seen: str
    symptom: str
    works: str
    who: str
    step: str
    salesforce_code: str | None
    request_id: str | None


@dataclass(frozen=True)
class Answer:
    """One item's answer. Without findings, `seen` says that all is well."""

    item: str
    title: str
    outcome: Outcome
    tested: str
    seen: str
    findings: tuple[Finding, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """What is wrong, for the next check to compare; what could not be tested says nothing of it."""
        return tuple(each.key for each in self.findings if each.outcome is not Outcome.UNTESTED)


@dataclass(frozen=True)
class Before:
    """An item's answer at an earlier check."""

    outcome: Outcome
    keys: tuple[str, ...]
    checked_at: datetime


@dataclass(frozen=True)
class Drift:
    """What is otherwise than at the last check (UTC): an item, from what to what, what is new and what is gone."""

    item: str
    title: str
    since: datetime
    before: Outcome
    now: Outcome
    new: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def is_better(self) -> bool:
        """Whether something was mended and nothing broke."""
        return not self.new


@dataclass(frozen=True)
class Report:
    """One check of a whole set-up, at a moment (UTC)."""

    checked_at: datetime
    answers: tuple[Answer, ...]
    drift: tuple[Drift, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst of all answers."""
        return worst(answer.outcome for answer in self.answers)

    def counts(self) -> dict[Outcome, int]:
        """How many items came to each outcome, the worst first; those that none came to are left out."""
        numbers = {outcome: sum(a.outcome is outcome for a in self.answers) for outcome in reversed(Outcome)}
        return {outcome: number for outcome, number in numbers.items() if number}

    def as_dict(self) -> dict[str, object]:
        """All of it for programs."""
        return {
            "checked_at": self.checked_at.isoformat(),
            "outcome": self.outcome.value,
            "drift": [asdict(each) | {"since": each.since.isoformat()} for each in self.drift],
            "items": [asdict(each) for each in self.answers],
        }


def judge(seen: Seen, checked_at: datetime, before: Mapping[str, Before]) -> Report:
    """The report of everything that was seen, told apart from the last check of each item."""
    answers = tuple(_answer(item, seen) for item in ITEMS)
    drift = (_drift(answer, before[answer.item]) for answer in answers if answer.item in before)
    return Report(checked_at, answers, tuple(each for each in drift if each is not None))


def _answer(item: Item, seen: Seen) -> Answer:
    judgement = item.judge(seen)
    findings = tuple(map(_finding, judgement.faults))
    outcome = worst(finding.outcome for finding in findings)
    return Answer(item.key, item.title, outcome, item.tested, _sentence(judgement.seen), findings)


def _finding(fault: Fault) -> Finding:
    text = TEXTS[fault.code]
    seen, symptom, works, step = (
        _sentence(part.format_map(fault.values)) for part in (text.seen, text.symptom, text.works, text.step)
    )
    error = fault.error
    return Finding(
        key=f"{fault.code}: {fault.subject}" if fault.subject else fault.code,
        outcome=text.outcome,
        seen=seen,
        symptom=symptom,
        works=works,
        who=text.who,
        step=step,
        salesforce_code=error.code if error else None,
        request_id=error.request_id if error else None,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _drift(answer: Answer, before: Before) -> Drift | None:
    """What could not be tested, then or now, says nothing about a change."""
    if Outcome.UNTESTED in (answer.outcome, before.outcome):
        return None
    new = tuple(key for key in answer.keys if key not in before.keys)
    gone = tuple(key for key in before.keys if key not in answer.keys)
    if not new and not gone:
        return None
    return Drift(answer.item, answer.title, before.checked_at, before.outcome, answer.outcome, new, gone)
