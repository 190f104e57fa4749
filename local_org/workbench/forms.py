"""Forms made from a settings dataclass: one input per field by the type of its value, and the way back from text to value.

Belongs here: what the pages of switches and of faults share, so that a new switch or fault needs no page. Does not: either page.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Input:
    """One input of a form: `kind` is `checkbox`, `number`, `text` or `json`; `text` is what it holds at first."""

    name: str
    kind: str
    text: str


def defaults(settings: Any) -> dict[str, object]:
    """Returns the defaults of a dataclass by name; a field without one is left out."""
    found: dict[str, object] = {}
    for each in fields(settings):
        if each.default is not MISSING:
            found[each.name] = each.default
        elif each.default_factory is not MISSING:
            found[each.name] = each.default_factory()
    return found


def groups(settings: type) -> list[tuple[str, list[str]]]:
    """Returns the fields of a dataclass as its source groups them: the comment above some of them, and their names.

    The comments say what the fields mean, and nothing else does; without the source all fields are one group.
    """
    try:
        lines = inspect.getsource(settings).splitlines()
    except OSError:
        lines = []
    found: list[tuple[str, list[str]]] = [("", [])]
    names = {each.name for each in fields(settings)}
    for line in map(str.strip, lines):
        name = line.partition(":")[0]
        if line.startswith("#"):
            if found[-1][1] or not found[-1][0]:
                found.append(("", []))
            found[-1] = (f"{found[-1][0]} {line.lstrip('# ')}".strip(), [])
        elif name in names:
            found[-1][1].append(name)
            names.remove(name)
    rest = [each.name for each in fields(settings) if each.name in names]
    return [each for each in [*found, ("", rest)] if each[1]]


def inputs(values: Mapping[str, object]) -> list[Input]:
    """Returns the inputs for values by name."""
    return [Input(name, _kind(value), _text(value)) for name, value in values.items()]


def read(form: Mapping[str, str], values: Mapping[str, object], shown: Iterable[str]) -> dict[str, object]:
    """Returns what a form says differently from `values`, typed like them; `shown` are the names that it asked for.

    Raises ValueError, with the name of the field, for what does not fit.
    """
    changed: dict[str, object] = {}
    for name in shown:
        value = values[name]
        given = name in form if isinstance(value, bool) else _typed(name, form.get(name, ""), value)
        if given != value:
            changed[name] = given
    return changed


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "checkbox"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "json"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _typed(name: str, text: str, value: object) -> object:
    if isinstance(value, str):
        return text.replace("\r\n", "\n")
    if not text.strip():
        return value
    try:
        if isinstance(value, int):
            return int(text)
        return float(text) if isinstance(value, float) else json.loads(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is not a {_NOUNS.get(type(value), 'JSON value')}.") from None


_NOUNS = {int: "whole number", float: "number"}
