"""What a judgement is. `judging.judge` makes them; the command, the asset and its checks show the same ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """How bad it is, the worst last: `warning` may wait for a working hour, `error` is data that people miss or will soon miss."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


_ORDER = list(Level)


@dataclass(frozen=True)
class Judgement:
    """What one part of the sync has come to.

    `subject` is stable: connection, dagster, data.<table>, coverage, runs (of them all) or runs.<job>, api_calls, uploads. `cause` is a
    stable code, `ok` where all is well; it may change while an incident of its subject lasts. `text` says what is so, `why` what it
    comes from, `since` (aware, UTC) from when on, `works` what still does, `step` the one next step and `who` takes it; these are empty
    where all is well. `latest` (aware, UTC): of what happens one by one, such as a document that is given up, when the last one did.
    """

    subject: str
    level: Level
    cause: str
    text: str
    why: str = ""
    since: datetime | None = None
    works: str = ""
    step: str = ""
    who: str = ""
    latest: datetime | None = None

    def in_one(self) -> str:
        """The whole of it in a line or two, for a check in Dagster and for an alert."""
        works = f"Still works: {self.works}" if self.works else ""
        step = f"Next step, by {self.who}: {self.step}" if self.step else ""
        return " ".join(filter(None, (self.text, self.why, works, step)))


def worst(judgements: Iterable[Judgement]) -> Level:
    """The worst level among them; `ok` where there are none."""
    return max((each.level for each in judgements), key=_ORDER.index, default=Level.OK)
