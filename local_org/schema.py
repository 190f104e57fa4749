"""The SQLite tables of the org, made from the objects' definitions; grows columns when a definition does.

Text compares without regard to case, as SOQL does, except ids, dates and times. Private tables start with an underscore.
"""

from __future__ import annotations

import sqlite3

from local_org.objects import SOBJECTS, Field, SObject

_TYPES = {"boolean": "INTEGER", "int": "INTEGER", "double": "REAL", "currency": "REAL", "percent": "REAL"}
_EXACT = {"id", "reference", "date", "datetime", "time", "base64"}
_INDEXED = (
    "SystemModstamp",
    "CreatedDate",
    "OwnerId",
    "ActivityId",
    "Username",
    "Email",
    "AssigneeId",
    "ProfileId",
)

_PRIVATE = """
create table if not exists _sequence (prefix text primary key, last integer not null) without rowid;
create table if not exists _deletion (
    id text primary key, sobject text not null, deleted_at text not null, cause text not null, purged integer not null default 0
) without rowid;
create index if not exists _deletion_by_time on _deletion (sobject, deleted_at);
create index if not exists _deletion_in_bin on _deletion (deleted_at) where purged = 0;
create table if not exists _setting (name text primary key, value text) without rowid;
"""


def stored(field: Field) -> bool:
    """Tells whether the field has a column: compound ones and formulas have none."""
    return field.type != "address" and field.formula is None


def columns(sobject: SObject) -> tuple[Field, ...]:
    """Returns the fields that have a column, in the order of the definition."""
    return tuple(each for each in sobject.fields if stored(each))


def quoted(name: str) -> str:
    """Returns a name of our own definitions as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _column(field: Field) -> str:
    if field.name == "Id":
        return '"Id" TEXT PRIMARY KEY'
    kind = _TYPES.get(field.type, "TEXT")
    collation = "" if kind != "TEXT" or field.type in _EXACT else " COLLATE NOCASE"
    return f"{quoted(field.name)} {kind}{collation}"


def _indexed(sobject: SObject) -> list[str]:
    return [each.name for each in sobject.fields if each.child_relationship or each.name in _INDEXED]


def indexes(sobject: SObject) -> list[str]:
    """Returns the statements that make the indexes of an object where they are missing."""
    return [
        f"create index if not exists {quoted(f'{sobject.name}_{name}')} on {quoted(sobject.name)} ({quoted(name)})"
        for name in _indexed(sobject)
    ]


def index_drops(sobject: SObject) -> list[str]:
    """Returns the statements that drop the indexes of an object."""
    return [f"drop index if exists {quoted(f'{sobject.name}_{name}')}" for name in _indexed(sobject)]


def create(connection: sqlite3.Connection) -> None:
    """Brings every table and index into being that is missing, and adds the columns that a definition gained."""
    connection.executescript(_PRIVATE)
    for sobject in SOBJECTS.values():
        wanted = columns(sobject)
        table = quoted(sobject.name)
        connection.execute(f"create table if not exists {table} ({', '.join(map(_column, wanted))})")
        present = {row[1] for row in connection.execute(f"pragma table_info({table})")}
        for field in wanted:
            if field.name not in present:
                connection.execute(f"alter table {table} add column {_column(field)}")
        for statement in indexes(sobject):
            connection.execute(statement)
