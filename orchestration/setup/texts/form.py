"""The form of a text: its parts, and the people who can act on one."""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.setup.outcome import Outcome

ADMIN = "a Salesforce admin"
OPERATOR = "whoever runs Fluint"
WORKSPACE = "the administrator of the Fluint workspace"


@dataclass(frozen=True)
class Text:
    """What is told of a fault. The parts but `outcome` and `who` are filled by `str.format` with what the judge saw.

    `seen`: what was found. `symptom`: what people notice. `works`: what still works. `step`: the one next step, a path of clicks.
    """

    outcome: Outcome
    seen: str
    symptom: str
    works: str
    who: str
    step: str
