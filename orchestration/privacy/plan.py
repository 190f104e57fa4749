"""What becomes of each table's rows when somebody is forgotten, as statements that can be counted before they are run. Pure.

A rule is about columns, not about tables: what hangs on an erased record goes, what names an erased address loses it. So a table
that an object adds tomorrow is covered; the proof (prove.py) finds what no rule reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from orchestration.postgres.erased import OF_A_DEAL, OF_A_PERSON
from orchestration.postgres.scrub import ERASED, Scrub, names_one_of, scrub
from orchestration.privacy.columns import Table
from orchestration.privacy.subject import Holdings, Subject

# Columns of marts and ledgers that make a row one about a record.
_ABOUT_A_RECORD = (
    *OF_A_DEAL,
    *OF_A_PERSON,
    "deal_id",
    "record_id",
    "parent_id",
    "email_message_id",
    "deal_contact_id",
    "master_record_id",
    "merged_into_contact_id",
)
# In these a row's own id is the id of a Salesforce record.
_OF_RECORDS = ("raw_salesforce", "fluint_sync")
# What a mart says of a Salesforce user beside the id.
_OF_AN_OWNER = ("owner_name", "owner_email", "username", "fluint_user_id")
# Generated files in which an address can be found by looking; the others are for people to look into.
_READABLE = "^(text/|message/)|json|xml|html|csv|rtf"
_NOTHING_READ = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of no bytes


@dataclass(frozen=True)
class Step:
    """One statement: rows of `table` for which `where` holds go, or are changed as `sets` says."""

    table: Table
    action: Literal["remove", "change"]
    where: sql.Composable
    sets: sql.Composable | None = None

    @property
    def count(self) -> sql.Composed:
        """How many rows it concerns, as a query."""
        return sql.SQL("select count(*) from {} where {}").format(self.table.identifier, self.where)

    @property
    def statement(self) -> sql.Composed:
        """The statement itself."""
        if self.sets is None:
            return sql.SQL("delete from {} where {}").format(self.table.identifier, self.where)
        # Models read by it what changed.
        mark = sql.SQL(", _xact_id = pg_current_xact_id()" if "_xact_id" in self.table.columns else "")
        return sql.SQL("update {} set {}{} where {}").format(
            self.table.identifier, self.sets, mark, self.where
        )


def plan(subject: Subject, held: Holdings, tables: Iterable[Table]) -> list[Step]:
    """The statements in the order in which they can be run: what goes before what is changed, documents and users last."""
    return [step for table in tables for step in _of_table(subject, held, table)]


def _of_table(subject: Subject, held: Holdings, table: Table) -> Iterator[Step]:
    about: tuple[str, ...] = _record_columns(table)
    persons: tuple[str, ...] = ()
    if table.columns.keys() & {*OF_A_DEAL, "deal_id"}:
        about, persons = tuple(c for c in about if c not in OF_A_PERSON), OF_A_PERSON
    going = [
        *_among(table, about, held.gone),
        *_among(table, persons, held.gone - held.along),
        *_among(table, ("document_id",), held.documents),
        *(_among(table, ("account_id",), held.gone) if table.origin[1] == "accounts" else ()),
        *(_among(table, ("user_id",), subject.people) if table.origin[1] == "app_user" else ()),
    ]
    if going:
        yield Step(table, "remove", sql.SQL(" or ").join(going))
    for change in _changes(subject, table):
        yield Step(table, "change", change.where, change.sets)


def _record_columns(table: Table) -> tuple[str, ...]:
    return ("id", *_ABOUT_A_RECORD) if table.origin[0] in _OF_RECORDS else _ABOUT_A_RECORD


def _changes(subject: Subject, table: Table) -> Iterator[Scrub]:
    if table.origin[0].startswith("fluint") and (owned := _among(table, ("owner_id",), subject.users)):
        yield from _emptied(table, _OF_AN_OWNER, owned)
    yield from _emptied(table, ("created_by",), _among(table, ("created_by",), subject.people))
    # The id that a reading of columns has come to: without it, the reading begins again.
    come_to = _among(table, ("through_id",), subject.contacts | subject.opportunities)
    yield from _emptied(table, ("through_id",), come_to)
    if table.origin[0] == "fluint_sync" and (error := _named_in_errors(subject, table)):
        yield error
    if subject.addresses and table.name == "document_version":
        yield _without_content(subject)
    if change := scrub(table.origin[1], table.written, subject.addresses, subject.users):
        yield change


def _emptied(table: Table, columns: Sequence[str], where: Sequence[sql.Composable]) -> Iterator[Scrub]:
    there = [column for column in columns if column in table.columns]
    if there and where:
        some = sql.SQL(" or ").join(
            sql.SQL("{} is not null").format(sql.Identifier(column)) for column in there
        )
        emptied = sql.SQL(", ").join(sql.SQL("{} = null").format(sql.Identifier(column)) for column in there)
        yield Scrub(sql.SQL("({}) and ({})").format(sql.SQL(" or ").join(where), some), emptied)


def _named_in_errors(subject: Subject, table: Table) -> Scrub | None:
    """Texts of our ledger name records by their id."""
    ids, texts = subject.contacts | subject.opportunities, [c for c in table.written if c.endswith("error")]
    if not ids or not texts:
        return None
    named = sql.Literal(f"({'|'.join(sorted(record[:15] for record in ids))})([A-Z0-5]{{3}})?")
    where = [sql.SQL("{} ~ {}").format(sql.Identifier(column), named) for column in texts]
    sets = [
        sql.SQL("{0} = regexp_replace({0}, {1}, {2}, 'g')").format(
            sql.Identifier(column), named, sql.Literal(ERASED)
        )
        for column in texts
    ]
    return Scrub(sql.SQL(" or ").join(where), sql.SQL(", ").join(sets))


def _without_content(subject: Subject) -> Scrub:
    """A generated file that names somebody loses its content; the outbox refuses an empty file."""
    readable = sql.SQL("(content_type ~* {}) and ({})").format(
        sql.Literal(_READABLE), names_one_of(["content"], subject.addresses, in_bytes=True)
    )
    return Scrub(
        readable, sql.SQL("content = '', byte_size = 0, sha256 = {}").format(sql.Literal(_NOTHING_READ))
    )


def _among(table: Table, columns: Iterable[str], values: Iterable[str]) -> list[sql.Composable]:
    listed = sorted(values)
    if not listed:
        return []
    return [
        sql.SQL("{}{} = any ({}::text[])").format(
            sql.Identifier(column),
            sql.SQL("" if table.columns[column] == "text" else "::text"),
            sql.Literal(listed),
        )
        for column in columns
        if column in table.columns
    ]
