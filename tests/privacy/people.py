"""Who is forgotten in these tests, and where something of them still stands: a search of its own, that knows no rule of the product."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from orchestration.modelling import Dbt
from orchestration.privacy.apply import Erased, erase
from orchestration.privacy.subject import Kind
from tests.sync.bench import TABLES, Bench

KEY = "a key of the tests, which is longer than it need be"


@dataclass(frozen=True)
class Person:
    """A contact with an address who has a role in a deal, and whom mails name."""

    contact: str
    address: str
    role: str
    deal: str
    mail: str


@dataclass
class Office:
    """A loaded workspace."""

    bench: Bench

    def person(self) -> Person:
        """The contact whom most mails name, of those whose address no other contact and no user has."""
        rows = self.bench.ask(
            """
            select c.id, c.email, min(r.id), min(r.opportunity_id), min(m.id)
            from raw_salesforce.contact as c
            join raw_salesforce.opportunity_contact_role as r on r.contact_id = c.id and r._deleted_at is null
            join raw_salesforce.email_message as m on position(lower(c.email) in lower(concat_ws(' ', m.to_address, m.from_address))) > 0
            where c._deleted_at is null and m._deleted_at is null
              and not exists (select from raw_salesforce.contact as o where o.id <> c.id and lower(o.email) = lower(c.email))
            group by 1, 2 order by count(distinct m.id) desc, 1 limit 1
            """
        )
        assert rows, "the demo has no mail to a contact"
        return Person(*rows[0])

    def deal(self) -> str:
        """The deal with most mails, of those with a contact whom no other deal names (not every deal has one, on every day of the demo)."""
        rows = self.bench.ask(
            """
            select m.related_to_id
            from raw_salesforce.email_message as m
            where m._deleted_at is null and m.related_to_id in (
                select min(opportunity_id) from raw_salesforce.opportunity_contact_role
                group by contact_id having count(distinct opportunity_id) = 1
            )
            group by 1 order by count(*) desc, 1 limit 1
            """
        )
        assert rows, "the demo has no deal with a contact of its own"
        return str(rows[0][0])

    def mails(self, most: int) -> list[str]:
        """Mails that are held."""
        rows = self.bench.ask(
            f"select id from raw_salesforce.email_message where _deleted_at is null order by 1 desc limit {most}"
        )
        return [str(row[0]) for row in rows]

    def forget(self, kind: Kind, given: str) -> Erased:
        """Erases."""
        return erase(self.bench.database, kind, given, TABLES)

    def build(self, *, full_refresh: bool = False) -> None:
        """Builds the marts."""
        Dbt(self.bench.database).build(full_refresh=full_refresh)

    def traces(self, *texts: str) -> dict[str, int]:
        """Where one of these texts stands in any column of any table: `schema.table.column` → rows."""
        with self.bench.database.connect() as connection:
            columns = connection.execute(
                """
                select table_schema, table_name, column_name, data_type from information_schema.columns
                join information_schema.tables using (table_schema, table_name)
                where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
                """
            ).fetchall()
            found = {}
            for schema, table, column, type_ in columns:
                text = "encode({}, 'escape')" if type_ == "bytea" else "{}::text"
                query = sql.SQL("select count(*) from {} where lower(" + text + ") like any (%s)").format(
                    sql.Identifier(schema, table), sql.Identifier(column)
                )
                row = connection.execute(query, [[f"%{text.lower()}%" for text in texts]]).fetchone()
                if row and row[0]:
                    found[f"{schema}.{table}.{column}"] = row[0]
        return found

    def pending(self) -> list[tuple[object, ...]]:
        """What waits to be fetched."""
        return self.bench.ask("select object, id, reason from fluint_sync.pending order by 1, 2")
