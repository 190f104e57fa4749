"""The part of docs/troubleshooting.md that is made from the catalogue of refusals, so that it cannot drift from what the program says.

`python -m orchestration.salesforce.troubleshooting docs/troubleshooting.md` writes it anew between its two marks; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from orchestration.errors import BugError, Remedy
from orchestration.salesforce.api_meanings import API, MOVED, REFUSED
from orchestration.salesforce.governed import STEPS, reading_step
from orchestration.salesforce.meaning import Meaning
from orchestration.salesforce.sign_in_meanings import SIGN_IN, UNKNOWN

BEGIN = "<!-- made from the catalogue: orchestration/salesforce/*_meanings.py -->"
END = "<!-- end of what is made from the catalogue -->"

_HEADINGS = {
    Remedy.SETUP: "Fix the set-up: a person changes a permission, a policy or a setting",
    Remedy.RECONNECT: "Reconnect: a Salesforce admin runs `fluint connect`",
    Remedy.WAIT: "Wait: it goes on by itself at a time that the text names",
    Remedy.RETRY: "Retry: nobody has to do anything",
    Remedy.BUG: "A bug: tell whoever maintains Fluint",
}
_PLACES = {
    "what": "the request",
    "user": "the integration user",
    "sobject": "OBJECT",
    "field": "FIELD",
    "host": "the address",
    "until": "TIME",
    "reading_step": "does what opens OBJECT",
}


def catalogue() -> tuple[Meaning, ...]:
    """Every entry, sign-in first; what no entry fits is said by the last two."""
    return (*SIGN_IN, *API, MOVED, UNKNOWN, REFUSED)


def section() -> str:
    """The made part as Markdown: for each remedy, what Salesforce says and what Fluint says of it."""
    entries = catalogue()
    parts = [
        f"### {heading}\n\n" + "\n\n".join(_told(e) for e in _each_text_once(entries) if e.remedy is remedy)
        for remedy, heading in _HEADINGS.items()
    ]
    return "\n\n".join(parts)


def _each_text_once(entries: Iterable[Meaning]) -> list[Meaning]:
    return list({entry.text: entry for entry in reversed(list(entries))}.values())[::-1]


def _told(entry: Meaning) -> str:
    same = [other for other in catalogue() if other.text == entry.text]
    said = [_said(code, other.words) for other in same for code in other.codes]
    said += [f'"… {phrase} …"' for other in same for phrase in other.phrases]
    text = entry.text.format_map(_PLACES)
    seen = [entry.seen] if entry.seen else []
    others = "By HTTP status" if entry is MOVED else "Any other code"
    return "\n".join([f"**{' · '.join(dict.fromkeys(said)) or others}**  ", *(f"{s}  " for s in seen),
                      f"{text[:1].upper()}{text[1:]}.", *(_reading_steps() if "{reading_step}" in entry.text else ())])  # fmt: skip


def _reading_steps() -> list[str]:
    """What opens which object, a line for each step: those without a permission of their own, then all others."""
    by_step: dict[str, list[str]] = {}
    for sobject, step in STEPS.items():
        by_step.setdefault(step, []).append(sobject)
    lines = [f"- {', '.join(sobjects)}: the admin {step}." for step, sobjects in by_step.items()]
    return ["", *lines, f"- any other OBJECT: the admin {reading_step('OBJECT')}."]


def _said(code: str, words: str) -> str:
    return f'`{code}` "{words}"' if words else f"`{code}`"


def written(document: str) -> str:
    """A document with the made part put in place; raises BugError when its marks are missing."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise BugError(f"The document lacks the marks {BEGIN} and {END}.")
    return f"{head}{BEGIN}\n\n{section()}\n\n{END}{tail}"


def main(path: Path) -> None:
    """Writes the part in a file anew."""
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
