"""Which statement takes e-mail addresses out of the rows of a table, decided from the names of its columns. Pure, no I/O.

The same statement serves a raw table, a mart and a temporary table of staged rows, so that what comes in later is treated like
what was held. Which addresses, and in which tables, is the caller's; rows that go altogether are not this file's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import sql

ERASED = "[erased]"
# A mail that names a person among others loses the address, and everything that a person wrote or a server noted in it: nobody
# can tell by a query whether a subject or a body speaks of the one who is named.
MAILS = ("email_message", "email_activity")
_LISTS = ("to_address", "cc_address", "bcc_address")
_WRITTEN = ("subject", "name", "text_body", "html_body", "headers")
_SENDER = ("from_address", "validated_from_address", "from_name")
# A user's row stays as the bare id that owns deals.
USERS = "user"
_OF_A_USER_STAY = ("id", "user_type")
# Rows that stay without what names somebody; a later read of some of their columns is not to bring it back.
KNOWN_BY_ID = {USERS: "record", "email_message": "mail"}

# The at-sign as links and HTML write it, and what may not stand beside an address that is this one.
_AT = "(?:@|%40|&#0*64;|&#x0*40;|&commat;)"
_BEFORE = "(?:(?<![[:alnum:]._%+-])|(?<=%[0-9a-f][0-9a-f])|(?<=(?:^|[^[:alnum:]])[._+-]))"
_AFTER = r"(?:\.invalid)?(?![[:alnum:]]|-+[[:alnum:]]|\.[[:alnum:]])"


@dataclass(frozen=True)
class Scrub:
    """An update in two parts: which rows name one of the addresses, and what becomes of their columns."""

    where: sql.Composable
    sets: sql.Composable


def pattern(addresses: Collection[str]) -> str:
    """A regular expression of Postgres for these addresses (normal form) in any text; for `~*`."""
    forms = []
    for address in sorted(addresses):
        local, _, domain = address.rpartition("@")
        forms.append(f"{re.escape(local)}{_AT}{re.escape(domain)}")
    return f"{_BEFORE}(?:{'|'.join(forms)}){_AFTER}"


def likes(addresses: Collection[str]) -> list[str]:
    """What `lower(text) like any (…)` finds first, and faster: the two halves of each address in their order."""
    escaped = (re.sub(r"([\\%_])", r"\\\1", address) for address in sorted(addresses))
    return [f"%{'%'.join(address.rpartition('@')[::2])}%" for address in escaped]


def names_one_of(
    columns: Sequence[str], addresses: Collection[str], *, in_bytes: bool = False
) -> sql.Composed:
    """A condition that is true of rows in which one of these text (or bytea) columns holds one of the addresses."""
    shown = [sql.SQL("encode({}, 'escape')" if in_bytes else "{}").format(sql.Identifier(c)) for c in columns]
    text = sql.SQL("concat_ws(' ', {})").format(sql.SQL(", ").join(shown))
    return sql.SQL("(lower({text}) like any ({likes}::text[]) and {text} ~* {pattern})").format(
        text=text, likes=sql.Literal(likes(addresses)), pattern=sql.Literal(pattern(addresses))
    )


def scrub(
    table: str, columns: Sequence[str], addresses: Collection[str], known: Collection[str] = ()
) -> Scrub | None:
    """The update of a table with these text columns; None if there is nothing to do there.

    `known` are ids of users or mails that are to be treated so whatever stands in these columns, which need not be all that there are.
    """
    conditions = [names_one_of(columns, addresses)] if addresses and columns else []
    if table in KNOWN_BY_ID and known:
        conditions.append(sql.SQL("id = any ({}::text[])").format(sql.Literal(sorted(known))))
    if not conditions:
        return None
    found = sql.Literal(pattern(addresses)) if addresses else sql.NULL
    values = [(column, _value(table, column, columns, found)) for column in columns]
    sets = [sql.SQL("{} = {}").format(sql.Identifier(column), value) for column, value in values if value]
    return Scrub(sql.SQL(" or ").join(conditions), sql.SQL(", ").join(sets)) if sets else None


def _value(table: str, column: str, columns: Sequence[str], found: sql.Composable) -> sql.Composable | None:
    """What a column of a row becomes that names somebody; None for one that stays as it is."""
    name = sql.Identifier(column)
    if table == USERS:
        return None if column in _OF_A_USER_STAY else sql.NULL
    if table in MAILS:
        return _in_a_mail(column, columns, found)
    return sql.SQL("regexp_replace({}, {}, {}, 'gi')").format(name, found, sql.Literal(ERASED))


def _in_a_mail(column: str, columns: Sequence[str], found: sql.Composable) -> sql.Composable:
    name = sql.Identifier(column)
    if column in _WRITTEN:
        return sql.NULL
    if column in _LISTS:
        return sql.SQL(_WITHOUT_ENTRIES).format(list=name, found=found)
    # The name goes with the address beside it, or where no address was read.
    if column == "from_name" and "from_address" not in columns:
        return sql.NULL
    beside = [c for c in _SENDER if c in columns] if column == "from_name" else [column]
    text = sql.SQL("concat_ws(' ', {})").format(sql.SQL(", ").join(map(sql.Identifier, beside)))
    return sql.SQL("case when {} ~* {} then null else {} end").format(text, found, name)


# Entries are parted by semicolons, or by commas outside of quotes. An entry without an at-sign is a piece of the display name of the
# next one (Berg, Ada <ada@…>) and goes with it.
_WITHOUT_ENTRIES = """(
    select nullif(string_agg(entry, case when position(';' in {list}) > 0 then '; ' else ', ' end order by place), '')
    from (
        select btrim(entry) as entry, place, entry ~* {found} as is_found,
               coalesce(lead(entry ~* {found}) over (order by place), false) and position('@' in entry) = 0 as is_a_piece
        from regexp_split_to_table(
            {list}, case when position(';' in {list}) > 0 then ';' else ',(?=(?:[^"]*"[^"]*")*[^"]*$)' end
        ) with ordinality as part (entry, place)
    ) as entries
    where not is_found and not is_a_piece and entry <> ''
)"""
