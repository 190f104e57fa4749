"""A row of a Bulk result as CSV, written by SQLite: one expression gives the whole line, so that no value passes through Python.

Belongs here: how each type of value looks in Salesforce's CSV dialect. Does not: files (bulk_results.py), which rows (soql/).
Facts: Bulk API 2.0 Developer Guide, "Get Results for a Query Job": every value quoted, quotes doubled, null an empty value.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from local_org.objects import Field
from local_org.soql.plan import Column
from local_org.values import NUMBERS

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
# Types whose text holds no quote.
_PLAIN = frozenset({"id", "reference", "date", "time", "int"})
_EXACT_BELOW = 1e13  # Above it the 15 digits that SQLite gives a number do not hold two decimals.


@dataclass(frozen=True)
class Dialect:
    """How a job wants its CSV, by the names of the API, and the readings of what is unconfirmed (switches.py)."""

    column_delimiter: str = "COMMA"
    line_ending: str = "LF"
    datetime_with_offset: bool = False
    scientific_numbers: bool = False


def header(columns: Sequence[Column], dialect: Dialect) -> bytes:
    """Returns the header line with its line end; a child-to-parent column is headed with its dotted path."""
    names = DELIMITERS[dialect.column_delimiter].join(f'"{each.name}"' for each in columns)
    return (names + LINE_ENDINGS[dialect.line_ending]).encode()


def line(columns: Sequence[Column], dialect: Dialect) -> str:
    """Returns the SQL expression of a row's line, line end included, as bytes."""
    # Control characters only: neither needs a quote doubled. Delimiters are single characters without a meaning in SQL text.
    between = f"""'"{DELIMITERS[dialect.column_delimiter]}"'"""
    end = "char(34, 13, 10)" if dialect.line_ending == "CRLF" else "char(34, 10)"
    parts = ["""'"'"""]
    for each in columns:
        parts += [_text(each, dialect), between]
    return f"cast({_joined([*parts[:-1], end])} as blob)"


def _joined(parts: Sequence[str]) -> str:
    """Returns the concatenation as a balanced tree: SQLite limits the depth, and copies the left side at each step."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_joined(parts[:half])} || {_joined(parts[half:])})"


def _text(column: Column, dialect: Dialect) -> str:
    field, sql = column.value.field, column.value.sql
    if field.type == "boolean":
        # A checkbox is never null, but the parent that has it may not be there.
        missing = f"when {sql} is null then '' " if column.value.relationships else ""
        return f"case {missing}when {sql} then 'true' else 'false' end"
    if field.type == "datetime":
        return f"ifnull({_datetime(sql, dialect)}, '')"
    if field.type in NUMBERS:
        return f"case when {sql} is null then '' {_number(field, sql, dialect)} end"
    if field.type in _PLAIN:
        return f"ifnull({sql}, '')"
    return f"""replace(ifnull({sql}, ''), '"', '""')"""


def _datetime(sql: str, dialect: Dialect) -> str:
    return f"substr({sql}, 1, 23) || '+0000'" if dialect.datetime_with_offset else sql


def _number(field: Field, sql: str, dialect: Dialect) -> str:
    """Returns the branches for a number that is there."""
    plain = f"when abs({sql}) < {_EXACT_BELOW} then {sql} else printf('%!.{field.scale or 2}f', {sql})"
    if not dialect.scientific_numbers:
        return plain
    # As Java writes a double of 10⁷ or more, 1.25E7, with the fewest digits that give the number back.
    short, long = f"printf('%!.14e', {sql})", f"printf('%!.15e', {sql})"
    digits = f"iif(cast({short} as real) = {sql}, {short}, {long})"
    mantissa = f"substr({digits}, 1, instr({digits}, 'e') - 1)"
    exponent = f"cast(substr({digits}, instr({digits}, 'e') + 2) as integer)"
    return f"when abs({sql}) >= 1e7 then {mantissa} || 'E' || {exponent} {plain}"
