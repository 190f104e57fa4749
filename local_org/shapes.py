"""The shape of what the org answers: objects, fields, numbers and ids of records, read off the answers themselves; never a value.

Belongs here: finding records in the bodies of REST and Bulk answers. Does not: keeping what was found (access_log.py).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_org.objects import of_id

if TYPE_CHECKING:  # whoever compiles statements also notes them
    from local_org.soql.plan import Node, Plan


@dataclass
class Shape:
    """Records of one object with the same fields; `ids` are their 18-character ids, as far as the answer told them."""

    sobject: str
    fields: tuple[str, ...]
    rows: int = 0
    ids: list[str] = field(default_factory=list)


Shapes = dict[tuple[str, tuple[str, ...]], Shape]


def asked_by(plan: Plan) -> list[Shape]:
    """Returns which fields a statement asks of which objects: of its own, with dotted paths, of its parents, of its sub-selects."""
    found = [Shape(plan.sobject.name, tuple(each.name for each in plan.columns))]
    if plan.node is not None:
        found += _parents(plan.node)
    for children in plan.children:
        found += asked_by(children.plan)
    return found


def _parents(node: Node) -> Iterator[Shape]:
    for _, parent in node.parents:
        yield Shape(parent.sobject.name, tuple(name for name, _, _ in parent.fields))
        yield from _parents(parent)


def returned_in(body: Any) -> list[Shape]:
    """Returns the records of a REST answer's body, those inside composites, collections, parents and sub-selects included."""
    found: Shapes = {}
    _collect(body, found)
    return list(found.values())


def _collect(value: Any, found: Shapes) -> None:
    if isinstance(value, list):
        for each in value:
            _collect(each, found)
    elif isinstance(value, dict):
        _add_record(value, found)
        for name, each in value.items():
            if name in ("ids", "deletedRecords"):
                _add_ids(each, found)
            elif isinstance(each, dict | list):
                _collect(each, found)


def _add_record(value: dict[str, Any], found: Shapes) -> None:
    attributes = value.get("attributes")
    if isinstance(attributes, dict) and "type" in attributes:
        fields = tuple(name for name in value if name != "attributes")
        record_id = str(attributes.get("url", "")).rpartition("/")[2]
        _add(found, str(attributes["type"]), fields, record_id)
    elif value.get("success") is True and isinstance(value.get("id"), str):
        _add_ids([value["id"]], found)


def _add_ids(listed: Any, found: Shapes) -> None:
    for each in listed if isinstance(listed, list) else ():
        record_id = str(each.get("id") if isinstance(each, dict) else each)
        sobject = of_id(record_id)
        if sobject is not None:
            _add(found, sobject.name, ("Id",), record_id)


def _add(found: Shapes, sobject: str, fields: tuple[str, ...], record_id: str) -> None:
    shape = found.setdefault((sobject, fields), Shape(sobject, fields))
    shape.rows += 1
    if record_id:
        shape.ids.append(record_id)


class CsvShape:
    """The shape of a page of Bulk results, from its bytes as they pass: its columns and, if they are wanted, its ids."""

    def __init__(self, *, with_ids: bool) -> None:
        """Keeps no more than the header line, or the whole page where the ids are wanted."""
        self._with_ids = with_ids
        self._kept = b""

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        if self._with_ids or b"\n" not in self._kept:
            self._kept += chunk

    def shape(self, sobject: str, rows: int) -> Shape:
        """Returns what the page was of. A page without a header line has no fields."""
        text = self._kept if self._with_ids else self._kept.partition(b"\n")[0]
        csv.field_size_limit(2**31 - 1)
        lines = csv.reader(io.StringIO(text.decode(errors="replace"), newline=""))
        columns = tuple(next(lines, []))
        place = columns.index("Id") if self._with_ids and "Id" in columns else None
        ids = [line[place] for line in lines] if place is not None else []
        return Shape(sobject, columns, rows, ids)
