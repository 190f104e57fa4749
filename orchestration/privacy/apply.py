"""Forgetting in one transaction: under every writer's lock, through all tables, proved before it is committed; all or nothing.

Asking the person, and copies of the ledger outside of the database, are the command's. Nothing in Salesforce is changed or asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.errors import BugError, SetupError
from orchestration.postgres.archive import PREFIX
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.erased import FINGERPRINT, in_force, lock_writers, rebuild_whole, remember_rows
from orchestration.postgres.locks import views_lock
from orchestration.privacy import planner
from orchestration.privacy.columns import APP, OURS, our_tables
from orchestration.privacy.plan import Step, plan
from orchestration.privacy.prove import Found, Proof, in_statistics, search
from orchestration.privacy.subject import Holdings, Kind, Subject, holdings, resolve, resolve_hashes

_MODELS = ("fluint", "fluint_intermediate")


@dataclass(frozen=True)
class Change:
    """How many rows of a table go (`remove`) or lose what names the person (`change`)."""

    table: str
    action: str
    rows: int


@dataclass(frozen=True)
class Work:
    """What erasing takes: who is meant, what is held of them, the statements."""

    subject: Subject
    held: Holdings
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Erased:
    """What was done. `elsewhere` is what still stands in tables that are not ours, `names` where the full name does."""

    erasure_id: UUID
    kind: Kind
    changes: tuple[Change, ...]
    elsewhere: tuple[Found, ...]
    names: tuple[Found, ...]
    columns: int
    unreadable: tuple[str, ...]
    files: int

    def report(self) -> dict[str, Any]:
        """The same without personal data: names of tables and columns, and counts."""
        return {
            "changes": [[change.table, change.action, change.rows] for change in self.changes],
            "elsewhere": [[str(found), found.what, found.rows] for found in self.elsewhere],
            "full_name_in": [[str(found), found.rows] for found in self.names],
            "columns_looked_into": self.columns,
            "not_readable": list(self.unreadable),
            "files_outside": self.files,
        }


def look(database: Database, kind: Kind, given: str) -> tuple[Work, tuple[Change, ...]]:
    """What erasing this person or deal takes, and how many rows of which table it concerns; changes nothing."""
    _insist_on_key(database)
    with database.transaction() as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        in_force(connection)
        work = _work(connection, resolve(connection, kind, given))
        changes = [_count(connection, step) for step in work.steps]
    return work, _told(changes)


def erase(database: Database, kind: Kind, given: str, raw_tables: Sequence[str]) -> Erased:
    """Erases a person or deal everywhere in our tables, and keeps the hashes that keep it out. `raw_tables` in the sync's order.

    Raises BugError, and changes nothing, when the proof still finds something in a table of ours.
    """
    _insist_on_key(database)
    with _alone(database, raw_tables) as connection:
        subject = resolve(connection, kind, given)
        erasure_id = uuid4()
        connection.execute(
            "insert into fluint_sync.erasure (erasure_id, kind) values (%s, %s)", [erasure_id, kind]
        )
        return _carry_out(connection, erasure_id, _work(connection, subject))


def erase_again(
    database: Database, raw_tables: Sequence[str], restore: Callable[[Connection], UUID | None]
) -> Erased | None:
    """Carries out erasures that this database does not know, because it was restored from before them.

    `restore` writes their ledger and hashes and returns the id of one of them, or None when none was missing.
    """
    _insist_on_key(database)
    with _alone(database, raw_tables) as connection:
        erasure_id = restore(connection)
        if erasure_id is None:
            return None
        subject = resolve_hashes(connection, our_tables(connection))
        return _carry_out(connection, erasure_id, _work(connection, subject))


@contextmanager
def _alone(database: Database, raw_tables: Sequence[str]) -> Iterator[Connection]:
    """A transaction beside which no sync writes, no model is built and no view deployed: each waits for the other."""
    with views_lock(database, shared=True), database.transaction() as connection:
        for table in raw_tables:
            lock_writers(connection, table)
        models = [table.name for table in our_tables(connection) if table.schema in _MODELS]
        # The next build compares every row: what vanished below a mart left no mark.
        rebuild_whole(connection, models)
        connection.execute(
            "insert into fluint_sync.erasure_key (fingerprint) values (fluint_sync.erasure_hash(%s)) on conflict do nothing",
            [FINGERPRINT],
        )
        in_force(connection)
        yield connection


def _insist_on_key(database: Database) -> None:
    if not database.erasure_key:
        raise SetupError(
            "FLUINT_ERASURE_KEY is not set, and what is erased could not be kept out by the next sync. Nothing was changed. Whoever"
            " runs this sets it, in this environment and in that of Dagster, and never changes it: .env.example says how to make one."
        )


def _work(connection: Connection, subject: Subject) -> Work:
    tables = our_tables(connection)
    held = holdings(connection, subject, [table for table in tables if table.schema == "raw_salesforce"])
    return Work(subject, held, tuple(plan(subject, held, tables)))


def _count(connection: Connection, step: Step) -> Change:
    row = connection.execute(step.count).fetchone()
    return Change(str(step.table), step.action, row[0] if row else 0)


def _told(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(change for change in changes if change.rows)


def _carry_out(connection: Connection, erasure_id: UUID, work: Work) -> Erased:
    _keep_hashes(connection, erasure_id, work)
    for step in work.steps:
        if step.action == "change" and step.table.schema == "raw_salesforce":
            remember_rows(connection, step.table.name, step.table.identifier, step.where)
    changes = [_run(connection, step) for step in work.steps]
    # What the planner remembers of a column is taken from its rows anew, for it holds some of its values.
    for table in sorted({change.table for change in _told(changes)}):
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(*table.split("."))))
    proof = _prove(connection, work.subject)
    elsewhere = _refuse_remains(proof)
    erased = Erased(
        erasure_id,
        work.subject.kind,
        _told(changes),
        elsewhere,
        tuple(found for found in proof.found if found.what == "name"),
        proof.columns,
        proof.unreadable,
        len(work.held.content_uris),
    )
    connection.execute(
        "update fluint_sync.erasure set report = %s where erasure_id = %s and report is null",
        [Jsonb(erased.report()), erasure_id],
    )
    return erased


def _run(connection: Connection, step: Step) -> Change:
    try:
        return Change(str(step.table), step.action, connection.execute(step.statement).rowcount)
    except psycopg.errors.ForeignKeyViolation as error:
        raise SetupError(
            f"A row of {step.table} cannot be erased: {error.diag.schema_name}.{error.diag.table_name} refers to it"
            f" ({error.diag.constraint_name}), and that table is not Fluint's. Nothing was changed. Whoever owns it removes the"
            " reference, then this is run again."
        ) from None


def _keep_hashes(connection: Connection, erasure_id: UUID, work: Work) -> None:
    """Keeps what the merge compares with: the records, the addresses, and the roles by which a person hangs on deals."""
    values = [f"record {record}" for record in sorted(work.subject.records | work.held.roles)]
    values += [f"address {address}" for address in sorted(work.subject.addresses)]
    connection.execute(
        """
        insert into fluint_sync.erased (hash, erasure_id)
        select fluint_sync.erasure_hash(value), %s from unnest(%s::text[]) as value on conflict (hash) do nothing
        """,
        [erasure_id, values],
    )


def _prove(connection: Connection, subject: Subject) -> Proof:
    """The proof, once the planner was made to forget what it alone remembers, of rows that went before or were put into an archive."""
    proof = search(connection, subject)
    if not (stale := _remembered(proof.found)):
        return proof
    planner.look_again(connection, {(found.schema, found.table) for found in stale})
    empty = _remembered(tuple(in_statistics(connection, subject)))
    planner.forget(connection, [(found.schema, found.table, found.remembered_of or "") for found in empty])
    rest = [found for found in proof.found if not found.remembered_of]
    return replace(proof, found=(*rest, *in_statistics(connection, subject)))


def _remembered(found: Sequence[Found]) -> list[Found]:
    return [each for each in found if each.remembered_of and _is_ours(each)]


def _refuse_remains(proof: Proof) -> tuple[Found, ...]:
    """What was found outside of our tables, or is remembered of an empty one; BugError when something was found in their rows."""
    left = [found for found in proof.found if found.what != "name"]
    ours = [found for found in left if _is_ours(found) and not found.remembered_of]
    if ours:
        places = ", ".join(f"{found} ({found.what}, {found.rows} rows)" for found in ours)
        raise BugError(
            f"The erasure was undone, because something of the person or deal would have stayed in {places}. Nothing was changed."
            " Please report this: it needs no more than the names of these columns."
        )
    return tuple(left)


def _is_ours(found: Found) -> bool:
    return (
        found.schema in OURS
        or found.schema.startswith(PREFIX)
        or (found.schema == "fluint_app" and found.table in APP)
    )
