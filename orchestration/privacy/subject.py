"""Who is to be forgotten: from what a person typed, or from kept hashes, to every address and id that stands for the same one.

Reads our tables only. What then happens to which rows is plan.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from psycopg import sql

from orchestration.errors import SetupError
from orchestration.postgres.archive import PREFIX
from orchestration.postgres.connection import Connection
from orchestration.postgres.erased import OF_A_DEAL, OF_A_PERSON
from orchestration.postgres.raw_tables import SCHEMA
from orchestration.privacy.columns import Table
from orchestration.salesforce.record_links import read_link

Kind = Literal["email", "contact", "opportunity", "user"]
_PREFIXES: dict[str, str] = {"contact": "003", "opportunity": "006", "user": "005"}
Ids = frozenset[str]


@dataclass(frozen=True)
class Subject:
    """A person or a deal: `users` are Salesforce users, `people` the workspace's (UUIDs); addresses are in their normal form.

    `names` are full names, which are looked for and never taken out: they are not unique.
    """

    kind: Kind
    addresses: Ids = frozenset()
    contacts: Ids = frozenset()
    opportunities: Ids = frozenset()
    users: Ids = frozenset()
    people: Ids = frozenset()
    names: Ids = frozenset()

    @property
    def records(self) -> Ids:
        """The ids of Salesforce records that are to stay out, or (users) to stay without a name."""
        return self.contacts | self.opportunities | self.users


def resolve(connection: Connection, kind: Kind, given: str) -> Subject:
    """Everybody whom the given address or id stands for. Raises SetupError when it is none, without repeating it."""
    if kind == "email":
        address = _normal(connection, given)
        if not address:
            raise SetupError("What was given is no e-mail address, so nothing was looked up or changed.")
        return whole(connection, Subject(kind, addresses=frozenset({address})))
    if kind == "user" and _is_uuid(given):
        return whole(connection, Subject(kind, people=frozenset({str(UUID(given))})))
    record = read_link(given).record_id
    if not record.startswith(_PREFIXES[kind]):
        raise SetupError(
            f"{record} is not the id of a Salesforce {kind} (those begin with {_PREFIXES[kind]}). Nothing was changed."
        )
    if kind == "opportunity":
        return Subject(kind, opportunities=frozenset({record}))
    if kind == "contact":
        return whole(connection, Subject(kind, contacts=frozenset({record})))
    return whole(connection, Subject(kind, users=frozenset({record})))


def whole(connection: Connection, subject: Subject) -> Subject:
    """The subject with everything that leads from one of its marks to another: duplicates, merged records, accounts on both sides."""
    while True:
        grown = _grown(connection, subject)
        if grown == subject:
            return replace(subject, names=_names(connection, subject))
        subject = grown


def _grown(connection: Connection, subject: Subject) -> Subject:
    marks = _marks(subject)
    contacts = [
        row
        for table in _copies(connection, "contact")
        for row in connection.execute(sql.SQL(_CONTACTS).format(table), marks)
    ]
    users = connection.execute(_USERS, marks).fetchall()
    people = connection.execute(_PEOPLE, marks).fetchall()
    found = [
        address for row in (*contacts, *users, *people) for address in row[1] if address and "@" in address
    ]
    return replace(
        subject,
        addresses=subject.addresses | frozenset(found),
        contacts=subject.contacts | frozenset(id for row in contacts for id in (row[0], row[2]) if id),
        users=subject.users | frozenset(row[0] for row in users),
        people=subject.people | frozenset(row[0] for row in people),
    )


# A contact that another one was merged into, or that was merged into it, is the same person by the word of whoever merged them.
_CONTACTS = """
select id, array[fluint_sync.normal_address(email)], master_record_id from {}
where id = any (%(contacts)s) or master_record_id = any (%(contacts)s)
   or fluint_sync.normal_address(email) = any (%(addresses)s)
"""
_USERS = """
select id, array[fluint_sync.normal_address(email), fluint_sync.normal_address(username)] from raw_salesforce."user"
where id = any (%(users)s) or fluint_sync.normal_address(email) = any (%(addresses)s)
   or fluint_sync.normal_address(username) = any (%(addresses)s)
"""
_PEOPLE = """
select user_id::text, array[fluint_sync.normal_address(email)] from fluint_app.app_user
where user_id::text = any (%(people)s) or fluint_sync.normal_address(email) = any (%(addresses)s)
"""
_NAMES = """
select btrim(concat_ws(' ', first_name, last_name)) from raw_salesforce.contact where id = any (%(contacts)s)
union select btrim(concat_ws(' ', first_name, last_name)) from raw_salesforce."user" where id = any (%(users)s)
union select btrim(full_name) from fluint_app.app_user where user_id::text = any (%(people)s)
"""


def _copies(connection: Connection, raw: str) -> list[sql.Identifier]:
    """A raw table and the copies of it that other orgs left, those that there are."""
    found = connection.execute(
        "select schemaname, tablename from pg_tables where (schemaname = 'raw_salesforce' and tablename = %(raw)s)"
        " or (starts_with(schemaname, %(archives)s) and tablename = 'raw_salesforce__' || %(raw)s) order by 1",
        {"raw": raw, "archives": PREFIX},
    ).fetchall()
    return [sql.Identifier(*row) for row in found]


def _names(connection: Connection, subject: Subject) -> Ids:
    """Full names of two words at least: one word alone is a word of the language as often as a name."""
    rows = connection.execute(_NAMES, _marks(subject)).fetchall()
    return frozenset(" ".join(name.lower().split()) for (name,) in rows if name and " " in name)


def _marks(subject: Subject) -> dict[str, list[str]]:
    return {
        "addresses": sorted(subject.addresses),
        "contacts": sorted(subject.contacts),
        "users": sorted(subject.users),
        "people": sorted(subject.people),
    }


@dataclass(frozen=True)
class Holdings:
    """What is held of a subject: ids of rows that go, those of them that only the person hangs on (`roles`), and documents (UUIDs).

    `along`: contacts and accounts that go because no other deal names them, not because they are meant; what else mentions them stays.
    `content_uris` are places of files outside of the database.
    """

    gone: Ids
    along: Ids
    roles: Ids
    documents: Ids
    content_uris: tuple[str, ...]


def holdings(connection: Connection, subject: Subject, raw: Sequence[Table]) -> Holdings:
    """The rows that go with the subject, by the columns that hang a row on a deal or a person."""
    roles, children = set[str](), set[str]()
    for table in raw:
        roles |= _hanging(connection, table, OF_A_PERSON, subject.contacts)
        children |= _hanging(connection, table, OF_A_DEAL, subject.opportunities)
    deals = sorted(subject.opportunities)
    alone = {
        row[0]
        for naming, column, deal in _NAMED_BY_DEALS
        for row in connection.execute(
            _only_there(_copies(connection, naming), column, deal), {"deals": deals}
        )
    }
    documents = connection.execute(
        "select document_id::text from fluint_app.document where opportunity_id = any (%s)", [deals]
    ).fetchall()
    ids = [row[0] for row in documents]
    uris = connection.execute(
        "select content_uri from fluint_app.document_version where document_id::text = any (%s) and content_uri is not null"
        " order by 1",
        [ids],
    ).fetchall()
    gone = subject.contacts | subject.opportunities | roles | children | alone
    along = frozenset(alone - subject.contacts)
    return Holdings(frozenset(gone), along, frozenset(roles), frozenset(ids), tuple(row[0] for row in uris))


# Contacts and accounts that came in with these deals alone. Another deal may bring them back: it is not they who are erased.
_NAMED_BY_DEALS = (
    ("opportunity_contact_role", "contact_id", "opportunity_id"),
    ("opportunity", "account_id", "id"),
)


def _only_there(tables: Sequence[sql.Identifier], column: str, deal: str) -> sql.Composed:
    """What `column` of rows of the deals names and no live row of another deal does, in none of these tables."""
    every = sql.SQL(" union all ").join(
        sql.SQL("select {} as named, {} as deal, _deleted_at from {}").format(
            sql.Identifier(column), sql.Identifier(deal), table
        )
        for table in tables
    )
    return sql.SQL(
        """
        with naming as materialized ({})
        select distinct named from naming
        where deal = any (%(deals)s) and named is not null
          and not exists (select from naming as other
                          where other.named = naming.named and other._deleted_at is null and not other.deal = any (%(deals)s))
        """
    ).format(every)


def _hanging(connection: Connection, table: Table, columns: Iterable[str], on: Ids) -> set[str]:
    found = set[str]()
    for column in columns:
        if on and column in table.columns:
            query = sql.SQL("select id from {} where {} = any (%s)").format(
                table.identifier, sql.Identifier(column)
            )
            found |= {row[0] for row in connection.execute(query, [sorted(on)])}
    return found


def resolve_hashes(connection: Connection, tables: Sequence[Table]) -> Subject:
    """Everybody held whose hash is kept: for a database that was restored from before an erasure."""
    records = {kind: _kept_records(connection, tables, held) for kind, held in _HELD.items()}
    addresses = set[str]()
    for table in tables:
        addresses |= _kept_addresses(connection, table)
    return whole(connection, Subject("email", frozenset(addresses), **records))


# (schema, table, column) that hold the ids; * is every table with that column, for erasing goes by these columns, too: of a person
# without a role a call or a meeting alone may tell. What other orgs left counts as the table that it is a copy of.
_HELD = {
    "contacts": [
        (SCHEMA, "contact", "id"),
        (SCHEMA, "contact", "master_record_id"),
        *((SCHEMA, "*", column) for column in OF_A_PERSON),
    ],
    "opportunities": [
        (SCHEMA, "opportunity", "id"),
        *((SCHEMA, "*", column) for column in OF_A_DEAL),
        ("fluint_sync", "admission", "opportunity_id"),
        ("fluint_app", "document", "opportunity_id"),
    ],
    "users": [(SCHEMA, "user", "id")],
}


def _kept_records(
    connection: Connection, tables: Sequence[Table], held: Iterable[tuple[str, str, str]]
) -> Ids:
    found = set[str]()
    for schema, name, column in held:
        for table in tables:
            if table.origin[0] == schema and name in ("*", table.origin[1]):
                found |= _kept_in(connection, table, column)
    return frozenset(found)


def _kept_in(connection: Connection, table: Table, column: str) -> set[str]:
    if column not in table.columns:
        return set()
    kept = sql.SQL("select distinct {0} from {1} where fluint_sync.is_erased({0})")
    rows = connection.execute(kept.format(sql.Identifier(column), table.identifier))
    return {row[0] for row in rows if row[0]}


def _kept_addresses(connection: Connection, table: Table) -> set[str]:
    if not table.written:
        return set()
    text = sql.SQL("concat_ws(' ', {})").format(sql.SQL(", ").join(map(sql.Identifier, table.written)))
    rows = connection.execute(
        sql.SQL(
            """
            with words as materialized (
                select distinct word from {table} as t cross join lateral fluint_sync.addresses_in({text}) as word
                where {text} ~ '@|%40|&#|&commat;')
            select word from words join fluint_sync.erased as e on e.hash = fluint_sync.erasure_hash('address ' || word)
            """
        ).format(table=table.identifier, text=text)
    )
    return {row[0] for row in rows}


def _normal(connection: Connection, given: str) -> str | None:
    row = connection.execute("select fluint_sync.normal_address(%s)", [given]).fetchone()
    address: str = row[0] if row and row[0] else ""
    local, _, domain = address.rpartition("@")
    return address if local and "." in domain and not any(map(str.isspace, address)) else None


def _is_uuid(given: str) -> bool:
    try:
        UUID(given)
    except ValueError:
        return False
    return "-" in given
