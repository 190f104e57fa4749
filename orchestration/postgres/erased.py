"""What was erased stays out (R12): staged rows and keys lose it inside the transaction that would bring it in.

Compares by the keyed hashes of `fluint_sync.erased`; nothing is done, and no key is needed, while there are none. Whatever writes
staged rows into a raw table calls `keep_out` first, with the locks held that its merge needs. Erasing itself is privacy/'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from psycopg import sql

from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection
from orchestration.postgres.raw_tables import SCHEMA, RawTable
from orchestration.postgres.scrub import KNOWN_BY_ID, USERS, scrub

ROLES, CONTACTS = "opportunity_contact_role", "contact"
# Columns that hang a row on a deal or a person: without that one there is no such row.
OF_A_DEAL = ("opportunity_id", "related_to_id", "what_id")
OF_A_PERSON = ("contact_id", "who_id")

# A contact that was merged into an erased one is the same person, too.
_PERSONS = (*OF_A_PERSON, "master_record_id")

# Hashed like a record or an address, it tells one key from another.
FINGERPRINT = "fluint erasure key"
_STATE = """
select case when not exists (select from fluint_sync.erased) then 'none'
            when coalesce(current_setting('fluint.erasure_outer', true), '') = '' then 'without key'
            when (select fingerprint from fluint_sync.erasure_key) = fluint_sync.erasure_hash(%s) then 'in force'
            else 'another key' end
"""


def in_force(conn: Connection) -> bool:
    """Whether anything was erased here. Raises SetupError when it was, and this process does not have the key of it."""
    row = conn.execute(_STATE, [FINGERPRINT]).fetchone()
    state = row[0] if row else "none"
    if state in ("without key", "another key"):
        raise SetupError(
            (
                "FLUINT_ERASURE_KEY is not set"
                if state == "without key"
                else "FLUINT_ERASURE_KEY is another key"
            )
            + ", and people were erased from this database: without the key of then nobody can tell whom a record would bring back,"
            " so nothing was read or written. Whoever runs this sets the key that `fluint erase` was run with."
        )
    return state == "in force"


def is_erased(conn: Connection, *, record: str | None = None, address: str | None = None) -> bool:
    """Whether the record of this 18-character id, or a person with this address, was erased here. Raises SetupError as `in_force`."""
    if not in_force(conn):
        return False
    row = conn.execute(
        """
        select exists (
            select from fluint_sync.erased as erased
            join (select 'record ' || %(record)s::text as value
                  union all select 'address ' || fluint_sync.normal_address(%(address)s)) as asked
              on erased.hash = fluint_sync.erasure_hash(asked.value))
        """,
        {"record": record, "address": address},
    ).fetchone()
    return bool(row and row[0])


def erased_among(conn: Connection, records: Collection[str]) -> set[str]:
    """Which of these records, by 18-character id, were erased here. Raises SetupError as `in_force`."""
    if not records or not in_force(conn):
        return set()
    rows = conn.execute(
        """
        select asked.id from unnest(%s::text[]) as asked (id)
        join fluint_sync.erased as erased on erased.hash = fluint_sync.erasure_hash('record ' || asked.id)
        """,
        [sorted(records)],
    )
    return {row[0] for row in rows}


def lock_writers(conn: Connection, table: str) -> None:
    """Waits for every other writer of a raw table, and keeps it for us until the transaction ends."""
    conn.execute("select pg_advisory_xact_lock(hashtextextended('fluint ' || %s, 0))", [f"{SCHEMA}.{table}"])


def rebuild_whole(conn: Connection, models: Collection[str]) -> None:
    """Waits for builds of these models that are under way and makes the next one compare every row: rows vanished below them."""
    for model in sorted(models):
        conn.execute("select pg_advisory_xact_lock(hashtextextended('fluint model ' || %s, 0))", [model])
    conn.execute("delete from fluint_sync.modelled where model = any (%s)", [sorted(models)])


def keep_out(conn: Connection, staging: sql.Identifier, table: RawTable) -> int:
    """Takes rows of erased records and people out of staged rows (or keys), and erased addresses out of the others.

    Returns how many rows went. Their ids are no longer pending; a new record of an erased person is erased by its id from now on.
    """
    if not in_force(conn):
        return 0
    if table.name == CONTACTS:
        lock_writers(conn, ROLES)  # the order in which the sync takes both
        _follow_merges(conn, staging, table)
    gone = _drop(conn, staging, table)
    if gone and table.name == CONTACTS:
        _people_leave(conn, gone)
    elif gone:
        _leave(conn, table, gone)
    _scrub(conn, staging, table)
    return len(gone)


def _drop(conn: Connection, staging: sql.Identifier, table: RawTable) -> list[str]:
    hits = list(_hits(staging, table))
    if not hits:
        return []
    rows = conn.execute(
        sql.SQL(
            """
            with hit as materialized ({hits}),
            removed as (delete from {staging} as s using hit where s.ctid = hit.place),
            noted as (
                insert into fluint_sync.erased (hash, erasure_id)
                select distinct on (id) fluint_sync.erasure_hash('record ' || id), erasure_id from hit where by_person
                on conflict (hash) do nothing),
            settled as (
                delete from fluint_sync.pending as p using hit where p.object = {table} and p.id = hit.id)
            select distinct id from hit
            """
        ).format(hits=sql.SQL(" union all ").join(hits), staging=staging, table=sql.Literal(table.name))
    ).fetchall()
    return [row[0] for row in rows]


def _hits(staging: sql.Identifier, table: RawTable) -> Iterator[sql.Composed]:
    """Queries of the staged rows that go: (place, id, erasure_id, whether a person is the reason)."""
    if table.name == USERS:
        return  # an owner stays as a bare id
    names = [column.name for column in table.columns]
    for name in ("id", *OF_A_DEAL, *_PERSONS):
        if name in names:
            yield sql.SQL(
                "select s.ctid as place, s.id, e.erasure_id, {by_person} as by_person from {staging} as s"
                " join fluint_sync.erased as e on e.hash = fluint_sync.erasure_hash('record ' || s.{name})"
            ).format(staging=staging, name=sql.Identifier(name), by_person=sql.Literal(name in _PERSONS))
    if table.name == CONTACTS:
        for name in (name for name in names if "email" in name):
            yield sql.SQL(
                "select s.ctid, s.id, e.erasure_id, true from {staging} as s join fluint_sync.erased as e"
                " on e.hash = fluint_sync.erasure_hash('address ' || fluint_sync.normal_address(s.{name}))"
            ).format(staging=staging, name=sql.Identifier(name))


def _follow_merges(conn: Connection, staging: sql.Identifier, table: RawTable) -> None:
    """A contact into which an erased one was merged is the same person, by the word of whoever merged them."""
    if not any(column.name == "master_record_id" for column in table.columns):
        return
    winners = conn.execute(
        sql.SQL(
            """
            with merged as (
                select s.master_record_id as id, e.erasure_id from {staging} as s
                join fluint_sync.erased as e on e.hash = fluint_sync.erasure_hash('record ' || s.id)
                where s.master_record_id is not null),
            noted as (
                insert into fluint_sync.erased (hash, erasure_id)
                select distinct on (id) fluint_sync.erasure_hash('record ' || id), erasure_id from merged
                on conflict (hash) do nothing)
            select distinct id from merged
            """
        ).format(staging=staging)
    ).fetchall()
    if winners:
        _people_leave(conn, [row[0] for row in winners])


def _people_leave(conn: Connection, contacts: Sequence[str]) -> None:
    """Removes what is held of contacts that turned out to be erased people: their rows, what hangs on them, ids pending."""
    lock_writers(conn, CONTACTS)
    ids = list(contacts)
    removed = conn.execute("delete from raw_salesforce.contact where id = any (%s)", [ids]).rowcount
    for table, column in conn.execute(_HANGS_ON_PEOPLE, [SCHEMA, list(OF_A_PERSON)]).fetchall():
        lock_writers(conn, table)
        statement = sql.SQL(_LEAVE_WITH_PEOPLE).format(
            raw=sql.Identifier(SCHEMA, table), column=sql.Identifier(column), table=sql.Literal(table)
        )
        removed += len(conn.execute(statement, {"ids": ids}).fetchall())
    conn.execute("delete from fluint_sync.pending where object = %s and id = any (%s)", [CONTACTS, ids])
    if removed:
        rebuild_whole(conn, _BELOW)


def _leave(conn: Connection, table: RawTable, ids: Sequence[str]) -> None:
    """Removes held rows that have come to hang on an erased deal or person: without their keys nobody would judge them again."""
    removed = conn.execute(
        sql.SQL("delete from {} where id = any (%s)").format(sql.Identifier(SCHEMA, table.name)), [list(ids)]
    ).rowcount
    if removed:
        rebuild_whole(conn, _BELOW)


# The models below what hangs on deals and people.
_BELOW = (
    "accounts",
    "activities",
    "contacts",
    "deal_contacts",
    "deals",
    "email_activity",
    "int_accounts_linked",
    "int_emails_linked",
)
# In the order in which they were made, which is the catalogue's: every writer takes its locks so.
_HANGS_ON_PEOPLE = """
select class.relname, attribute.attname from pg_class as class
join pg_namespace as space on space.oid = class.relnamespace
join pg_attribute as attribute on attribute.attrelid = class.oid and not attribute.attisdropped
where space.nspname = %s and class.relkind = 'r' and attribute.attname = any (%s)
order by class.oid, attribute.attnum
"""
_LEAVE_WITH_PEOPLE = """
with row as (delete from {raw} where {column} = any (%(ids)s) returning id, {column} as person),
noted as (
    insert into fluint_sync.erased (hash, erasure_id)
    select distinct on (row.id) fluint_sync.erasure_hash('record ' || row.id), e.erasure_id
    from row join fluint_sync.erased as e on e.hash = fluint_sync.erasure_hash('record ' || row.person)
    on conflict (hash) do nothing),
settled as (delete from fluint_sync.pending where object = {table} and id in (select id from row))
select id from row
"""


def _scrub(conn: Connection, staging: sql.Identifier, table: RawTable) -> None:
    columns = [column.name for column in table.columns if column.type == "text"]
    written = [name for name in columns if name != "id" and not name.endswith("_id")]
    if not written:
        return
    text = sql.SQL("concat_ws(' ', {})").format(sql.SQL(", ").join(map(sql.Identifier, written)))
    addresses = conn.execute(
        sql.SQL(
            """
            with words as materialized (
                select distinct word from {staging} as s cross join lateral fluint_sync.addresses_in({text}) as word
                where {text} ~ '@|%40|&#|&commat;')
            select word from words join fluint_sync.erased as e on e.hash = fluint_sync.erasure_hash('address ' || word)
            """
        ).format(staging=staging, text=text)
    ).fetchall()
    known = _known(conn, staging, table)
    change = scrub(table.name, written, {row[0] for row in addresses}, known)
    if change:
        remember_rows(conn, table.name, staging, change.where)
        conn.execute(sql.SQL("update {} set {} where {}").format(staging, change.sets, change.where))


def remember_rows(conn: Connection, table: str, relation: sql.Identifier, where: sql.Composable) -> None:
    """Keeps the ids of users and mails that lose what names a person: of other columns, read alone, nobody could tell that they do."""
    if table in KNOWN_BY_ID:
        conn.execute(
            sql.SQL(
                """
                insert into fluint_sync.erased (hash, erasure_id)
                select distinct fluint_sync.erasure_hash({kind} || ' ' || id),
                       (select erasure_id from fluint_sync.erasure order by erased_at desc, erasure_id limit 1)
                from {relation} where {where} on conflict (hash) do nothing
                """
            ).format(kind=sql.Literal(KNOWN_BY_ID[table]), relation=relation, where=where)
        )


def _known(conn: Connection, staging: sql.Identifier, table: RawTable) -> list[str]:
    if table.name not in KNOWN_BY_ID:
        return []
    rows = conn.execute(
        sql.SQL(
            "select s.id from {} as s join fluint_sync.erased as e on e.hash = fluint_sync.erasure_hash({} || ' ' || s.id)"
        ).format(staging, sql.Literal(KNOWN_BY_ID[table.name]))
    )
    return [row[0] for row in rows]
