"""From the text of a statement to its tree; refuses what the grammar does not know with Salesforce's words."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from lark import (
    Lark,
    Token,
    Transformer,
    UnexpectedCharacters,
    UnexpectedEOF,
    UnexpectedInput,
    UnexpectedToken,
    v_args,
)

from local_org.errors import ApiError
from local_org.soql import tree
from local_org.soql.faults import malformed

MAX_LENGTH = 100_000
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {
    "n": "\n",
    "N": "\n",
    "r": "\r",
    "R": "\r",
    "t": "\t",
    "T": "\t",
    "b": "\b",
    "B": "\b",
    "f": "\f",
    "F": "\f",
}


def unquote(text: str, keep: str = "") -> str:
    """Returns the inside of a quoted string with its escapes resolved, except those of the characters in `keep`."""

    def resolved(match: re.Match[str]) -> str:
        escaped = match[1]
        if len(escaped) == 5:
            return chr(int(escaped[1:], 16))
        return match[0] if escaped in keep else _ESCAPES.get(escaped, escaped)

    return _ESCAPE.sub(resolved, text) if "\\" in text else text


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Turns lark's parse into the tree, bottom up. Method names are those of the grammar's rules."""

    def alias(self, path: Token) -> str:
        return str(path)

    def field_item(self, path: Token, alias: str | None) -> tree.Item:
        return tree.Item(_path(path), alias)

    def call_item(self, call: tree.Call, alias: str | None) -> tree.Item:
        return tree.Item(call, alias)

    def sub_item(self, query: tree.Query) -> tree.Item:
        return tree.Item(query)

    def when(
        self, _: Token, sobject: Token, __: Token, *fields: Token
    ) -> tuple[tree.Path, tuple[tree.Path, ...]]:
        return _path(sobject), tuple(map(_path, fields))

    def typeof_else(self, _: Token, *fields: Token) -> list[tree.Path]:
        return list(map(_path, fields))

    def typeof_item(self, _: Token, relationship: Token, *parts: Any) -> tree.Item:
        branches = tuple(each for each in parts if isinstance(each, tuple))
        otherwise = next((tuple(each) for each in parts if isinstance(each, list)), ())
        return tree.Item(tree.TypeOf(_path(relationship), branches, otherwise))

    def call(self, path: Token, argument: tree.Path | tree.Call | None) -> tree.Call:
        return tree.Call(str(path).upper(), argument, path.start_pos or 0)

    def call_argument(self, argument: Token | tree.Call) -> tree.Operand:
        return _path(argument) if isinstance(argument, Token) else argument

    operand = call_argument
    group_item = call_argument

    def where(self, _: Token, condition: tree.Condition) -> tree.Condition:
        return condition

    having = where

    def both(self, *terms: Any) -> tree.Logic:
        return tree.Logic("AND", tuple(each for each in terms if not isinstance(each, Token)))

    def either(self, *terms: Any) -> tree.Logic:
        return tree.Logic("OR", tuple(each for each in terms if not isinstance(each, Token)))

    def negation(self, _: Token, term: tree.Condition) -> tree.Negation:
        return tree.Negation(term)

    def compare(self, operand: tree.Operand, operator: Token, value: tree.Literal) -> tree.Compare:
        return tree.Compare(operand, "!=" if operator == "<>" else str(operator), value)

    def like(self, operand: tree.Operand, _: Token, value: Token) -> tree.Compare:
        return tree.Compare(
            operand, "LIKE", tree.Literal("string", unquote(value[1:-1], keep="%_\\"), value.start_pos or 0)
        )

    def strings(self, token: Token) -> tuple[tree.Literal, ...]:
        start = token.start_pos or 0
        return tuple(
            tree.Literal("string", unquote(match[1]), start + match.start())
            for match in _STRING.finditer(token)
        )

    def values(self, *literals: tree.Literal) -> tuple[tree.Literal, ...]:
        return literals

    def semijoin(
        self, _: Token, selected: Token, __: Token, source: Token, where: tree.Condition | None
    ) -> tuple[Any, ...]:
        return _path(selected), _path(source), where

    def join(self, parts: tuple[Any, ...]) -> list[Any]:
        return list(parts)

    def member(self, operand: tree.Operand, _: Token, values: Any) -> tree.Member | tree.Join:
        return _membership(operand, values, negated=False)

    def not_member(self, operand: tree.Operand, _: Token, __: Token, values: Any) -> tree.Member | tree.Join:
        return _membership(operand, values, negated=True)

    def includes(self, operand: tree.Operand, keyword: Token, values: Any) -> tree.Condition:
        raise malformed("", keyword.start_pos or 0, f"{keyword.upper()} is only for multi-select picklists")

    excludes = includes

    def value(self, token: Token) -> tree.Literal:
        text = unquote(token[1:-1]) if token.type == "STRING" else str(token)
        return tree.Literal(token.type.lower(), text, token.start_pos or 0)

    def group(self, _: Token, __: Token, *items: tree.Operand) -> tuple[tree.Operand, ...]:
        return items

    def order(self, _: Token, __: Token, *items: tree.Order) -> tuple[tree.Order, ...]:
        return items

    def order_item(self, operand: tree.Operand, direction: Token | None, nulls: Token | None) -> tree.Order:
        return tree.Order(
            operand, (direction or "").upper() == "DESC", not (nulls or "").upper().endswith("LAST")
        )

    def limit(self, _: Token, number: Token) -> int:
        return _whole(number)

    offset = limit

    def query(self, *parts: Any) -> tree.Query:
        items, source, alias, where, group, having, order, limit, offset = _split(parts)
        return tree.Query(items, source, alias, where, group or (), having, order or (), limit, offset)

    def subquery(self, *parts: Any) -> tree.Query:
        items, source, alias, where, order, limit, offset = _split(parts)
        return tree.Query(items, source, alias, where, (), None, order or (), limit, offset)


def _path(token: Token) -> tree.Path:
    return tree.Path(str(token), token.start_pos or 0)


def _whole(number: Token) -> int:
    if not number.isdigit():
        raise malformed("", number.start_pos or 0, f"unexpected token: '{number}'")
    return int(number)


def _split(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    items = tuple(each for each in parts if isinstance(each, tree.Item))
    source, *rest = parts[len(items) + 2 :]
    return items, _path(source), *rest


def _membership(operand: tree.Operand, values: Any, negated: bool) -> tree.Member | tree.Join:
    if isinstance(values, list):
        selected, source, where = values
        return tree.Join(operand, selected, source, where, negated)
    return tree.Member(operand, values, negated)


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    # One transformer inside the parser: no parse tree is built in between.
    text = FilePath(__file__).with_name("grammar.lark").read_text()
    return Lark(text, parser="lalr", start="query", transformer=_Builder(), maybe_placeholders=True)


def parse(text: str) -> tree.Query:
    """Returns the tree of a statement; raises ApiError MALFORMED_QUERY."""
    if len(text) > MAX_LENGTH:
        raise ApiError(
            400, "MALFORMED_QUERY", f"SOQL statements cannot be longer than {MAX_LENGTH} characters."
        )
    try:
        result = _grammar().parse(text)
    except UnexpectedInput as unexpected:
        raise _refusal(text, unexpected) from None
    assert isinstance(result, tree.Query)
    return result


def _refusal(text: str, unexpected: UnexpectedInput) -> ApiError:
    if isinstance(unexpected, UnexpectedToken) and unexpected.token.type != "$END":
        return malformed(text, unexpected.token.start_pos or 0, f"unexpected token: '{unexpected.token}'")
    if isinstance(unexpected, UnexpectedCharacters) and unexpected.pos_in_stream is not None:
        rest = text[unexpected.pos_in_stream :]
        word = re.match(r"\w+|.", rest, re.DOTALL)
        return malformed(
            text, unexpected.pos_in_stream, f"unexpected token: '{word[0] if word else rest[:1]}'"
        )
    assert isinstance(unexpected, UnexpectedEOF | UnexpectedToken)
    return malformed(text, len(text), "unexpected token: '<EOF>'")
