"""A workspace's rows for tests of the models: raw records, admissions and people, written as the sync and the app write them.

Belongs here: how a row gets into a table with as few words as possible. What a test expects does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from orchestration.modelling import Dbt
from orchestration.postgres.connection import Connection, Database

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ORG_URL = "https://acme.my.salesforce.example"
MARTS = (
    "fluint.deals",
    "fluint.deal_stages",
    "fluint.contacts",
    "fluint.deal_contacts",
    "fluint.email_activity",
    "fluint.accounts",
    "fluint.activities",
    "fluint.owners",
    "fluint.excluded_deals",
    "fluint.deal_documents",
)

# What the models read of each raw table that a contract requires; a test says what matters to it.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "user": {"first_name": "Ada", "last_name": "Berg", "is_active": True},
    "opportunity_stage": {"is_active": True, "is_closed": False, "is_won": False, "sort_order": 1},
    "record_type": {"is_active": True},
    "opportunity": {
        "name": "A deal",
        "owner_id": "005A",
        "stage_name": "Open",
        "is_closed": False,
        "created_date": NOW,
    },
    "opportunity_contact_role": {"is_primary": False},
    "contact": {"last_name": "Carr"},
    "email_message": {"incoming": True, "message_date": NOW},
    "account": {"name": "Acme"},
    "task": {"subject": "Call"},
    "event": {"subject": "Demo"},
}


@dataclass(frozen=True)
class Workspace:
    """One database with its views deployed."""

    database: Database
    dbt: Dbt = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dbt", Dbt(self.database))

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """One transaction of the sync."""
        with self.database.transaction() as connection:
            yield Rows(connection)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.database.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def value(self, query: str) -> Any:
        """The one value of a query."""
        return self.ask(query)[0][0]

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """Every row of one of our tables, without what the build adds to it, in order of the key."""
        columns = self.ask(
            "select string_agg(quote_ident(column_name), ', ' order by column_name) from information_schema.columns"
            f" where table_schema || '.' || table_name = '{name}' and column_name <> '_xact_id'"
        )[0][0]
        return sorted(self.ask(f"select {columns} from {name}"), key=repr)

    def marts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every mart that is built anew at any time."""
        return {name: self.table(name) for name in MARTS}

    def empty_marts(self) -> None:
        """As if nothing had ever been built: what comes next is built from nothing."""
        with self.writing() as rows:
            for name in (*MARTS, "fluint_sync.modelled"):
                rows.run(f"truncate {name}")


@dataclass(frozen=True)
class Rows:
    """Writes rows in one transaction."""

    connection: Connection

    def raw(self, table: str, id: str, *, deleted: str | None = None, **columns: Any) -> None:
        """Writes a raw row as a merge does: columns not named keep what they had, the transaction is noted."""
        values = {
            "system_modstamp": NOW,
            "_read_at": NOW,
            "_run_id": "test",
            "_deleted_at": NOW if deleted else None,
            "_deleted_reason": deleted,
            **columns,
        }
        first = {"id": id, **_DEFAULTS[table], **values}
        self._write(
            "insert into {} ({}) values ({}) on conflict (id) do update set {}, _xact_id = pg_current_xact_id()",
            sql.Identifier("raw_salesforce", table),
            first,
            values,
        )

    def admit(self, deal: str) -> None:
        """Notes that a deal came in."""
        self.run(
            "insert into fluint_sync.admission (opportunity_id, admitted_at, rule, run_id) values (%s, %s, 'filters', 'test')"
            " on conflict do nothing",
            deal,
            NOW,
        )

    def deal(self, id: str, **columns: Any) -> None:
        """An opportunity that came in."""
        self.raw("opportunity", id, **columns)
        self.admit(id)

    def person(self, number: int, email: str, *, licensed: bool = True) -> None:
        """A person of the workspace, as the app writes one."""
        self.run(
            "insert into fluint_app.app_user (user_id, email, is_licensed) values (%s, %s, %s)"
            " on conflict (user_id) do update set email = excluded.email, is_licensed = excluded.is_licensed",
            UUID(int=number),
            email,
            licensed,
        )

    def connected(self, url: str = ORG_URL) -> None:
        """The connection to the org."""
        self.run(
            "insert into fluint_sync.connection (org_id, instance_url, identity_url, user_id, scope, state)"
            " values ('00DA', %s, %s, '005I', 'api', 'connected')"
            " on conflict (singleton) do update set instance_url = excluded.instance_url",
            url,
            url,
        )

    def document(self, name: str, deal: str, *, version: int, uploaded: bool) -> None:
        """A generated version of a document, and what became of it."""
        document = UUID(int=0xD0 + int(name))
        self.run(
            "insert into fluint_app.document (document_id, opportunity_id, title) values (%s, %s, 'Plan') on conflict do nothing",
            document,
            deal,
        )
        self.run(
            "insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256,"
            " content) values (%s, %s, 'plan.pdf', 'application/pdf', 1, repeat('0', 64), 'x') on conflict do nothing",
            document,
            version,
        )
        self.run(
            "insert into fluint_sync.upload (document_id, version_number, state) values (%s, %s, %s) on conflict"
            " (document_id, version_number) do update set state = excluded.state, _xact_id = pg_current_xact_id()",
            document,
            version,
            "uploaded" if uploaded else "failed",
        )

    def run(self, statement: str, *values: Any) -> None:
        """Any other statement."""
        self.connection.execute(statement.encode(), values)

    def _write(
        self, statement: str, table: sql.Composable, first: dict[str, Any], later: dict[str, Any]
    ) -> None:
        updates = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in later]
        self.connection.execute(
            sql.SQL(statement).format(  # type: ignore[arg-type]
                table,
                sql.SQL(", ").join(map(sql.Identifier, first)),
                sql.SQL(", ").join(sql.Placeholder() for _ in first),
                sql.SQL(", ").join(updates),
            ),
            list(first.values()),
        )
