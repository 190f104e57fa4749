"""Which tables and columns there are, from Postgres' own catalogue: a column that somebody adds tomorrow is looked into as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from orchestration.postgres.archive import PREFIX
from orchestration.postgres.connection import Connection

# What we write ourselves, and may therefore change; so are the copies of what another org left (postgres/archive.py). Of the app's side
# only what our migrations make.
OURS = ("raw_salesforce", "fluint_sync", "fluint_intermediate", "fluint")
APP = ("app_user", "document", "document_version")
# The hashes and the list of migrations name nobody.
_NEVER = ("erased", "erasure", "erasure_key", "alembic_version")


@dataclass(frozen=True)
class Table:
    """A table with the Postgres types of its columns (`text`, `timestamp with time zone` …)."""

    schema: str
    name: str
    columns: Mapping[str, str]

    @property
    def identifier(self) -> sql.Identifier:
        """The table in a statement."""
        return sql.Identifier(self.schema, self.name)

    @property
    def origin(self) -> tuple[str, str]:
        """Schema and name, of an archived copy those of the table that it is a copy of: by them rules know what the rows are."""
        if not self.schema.startswith(PREFIX):
            return self.schema, self.name
        schema, _, name = self.name.partition("__")
        return schema, name

    @property
    def written(self) -> tuple[str, ...]:
        """The columns in which a text can stand that somebody wrote, ids left out."""
        texts = (name for name, type_ in self.columns.items() if type_ in ("text", "character varying"))
        return tuple(name for name in texts if name != "id" and not name.endswith("_id"))

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def our_tables(connection: Connection) -> list[Table]:
    """The tables that erasing changes, by name; documents and users last, because others refer to them."""
    rows = connection.execute(
        """
        select space.nspname, class.relname,
               array_agg(attname::text order by attnum), array_agg(format_type(atttypid, null) order by attnum)
        from pg_class as class
        join pg_namespace as space on space.oid = class.relnamespace
        join pg_attribute as attribute on attribute.attrelid = class.oid and attnum > 0 and not attisdropped
        where class.relkind in ('r', 'p') and not class.relispartition
          and (space.nspname = any (%(ours)s) or starts_with(space.nspname, %(archives)s)
               or (space.nspname = 'fluint_app' and class.relname = any (%(app)s)))
          and not (space.nspname = 'fluint_sync' and class.relname = any (%(never)s))
        group by 1, 2
        """,
        {"ours": list(OURS), "archives": PREFIX, "app": list(APP), "never": list(_NEVER)},
    ).fetchall()
    tables = [
        Table(schema, name, dict(zip(names, types, strict=True))) for schema, name, names, types in rows
    ]
    last = ("document", "app_user")
    return sorted(
        tables, key=lambda table: (last.index(table.name) if table.name in last else -1, str(table))
    )
