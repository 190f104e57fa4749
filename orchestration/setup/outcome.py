"""What an item of the checklist can come to, and what a judge found. Shapes only: who judges, and in which words, belongs elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestration.errors import FluintError


class Outcome(StrEnum):
    """The effect of what was found, the worst last."""

    OK = "ok"
    ADVICE = "advice"
    UNTESTED = "could not be tested"
    FEATURE = "missing feature"
    DATA = "wrong or missing data"
    STOPS = "stops the sync"


_ORDER = list(Outcome)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of these; `ok` where there are none."""
    return max(outcomes, key=_ORDER.index, default=Outcome.OK)


@dataclass(frozen=True)
class Fault:
    """Something that a judge found: the code of its text, what it is about (told apart by it), and what the text names.

    `error` is Salesforce's refusal behind it, whose code and request id its support asks for.
    """

    code: str
    subject: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    error: FluintError | None = None


@dataclass(frozen=True)
class Judgement:
    """What was seen, as a sentence for the case that all is well, and what is wrong."""

    seen: str
    faults: tuple[Fault, ...] = ()


def fine(seen: str) -> Judgement:
    """Nothing is wrong."""
    return Judgement(seen)


def wrong(*faults: Fault) -> Judgement:
    """Something is."""
    return Judgement("", faults)
