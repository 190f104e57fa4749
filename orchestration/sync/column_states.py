"""What a person is told of an object's columns: which are stale or being read, why, and what the org changed of late. Texts and one query.

Names of fields are the org's own; nothing here holds a value of a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.postgres.connection import Connection
from orchestration.sync import described
from orchestration.sync.objects import BY_TABLE, Need


@dataclass(frozen=True)
class ColumnState:
    """A wanted column that is not current: `cause` says why it is not read (None: it is, and its rows are still being read).

    `since` (aware, UTC): from when on its values are stale. `was_seen`: a describe showed the field once.
    """

    field: str
    column: str
    need: Need
    cause: str | None
    since: datetime | None
    was_seen: bool

    @property
    def is_wrong(self) -> bool:
        """Whether somebody should know: what the org never had, as far as anybody can tell, is no fault of it."""
        return (
            self.cause in (None, "hidden", "retyped")
            or self.was_seen
            or self.need in (Need.REQUIRED, Need.EXTRA)
        )

    def text(self, sobject: str) -> str:
        """The state as a person reads it, with the permission and the next step."""
        return _TEXTS[self.cause].format(
            name=f"{sobject}.{self.field}",
            sobject=sobject,
            column=self.column,
            kept=f"the column {self.column} keeps what was read before and grows stale"
            if self.was_seen
            else f"the column {self.column} stays empty",
            since=f" (since {self.since:%Y-%m-%d %H:%M} UTC)" if self.since else "",
        )


_GRANT = (
    "a Salesforce admin grants Read on {name} (field-level security) in the integration user's permission set: Setup › Permission Sets ›"
    " the set › Object Settings › {sobject} › Field Permissions. It is then read again by itself, for all rows"
)
_TEXTS: dict[str | None, str] = {
    None: "{name} is being read for rows that lack it; list_missing_job does so by itself.",
    "hidden": "{name} is hidden from the integration user by field-level security{since}: {kept}. Next step: " + _GRANT + ".",
    "removed": (
        "{name} was removed from the org, or no profile and no permission set may read it{since}: {kept}. Next step: if it is still"
        " there, " + _GRANT + "; if it is gone for good and fluint.yaml names it, whoever runs this pipeline takes it out there."
    ),
    "not_shown": (
        "{name} is not shown to the integration user{since}; whether it was hidden or removed could not be told, for that takes the"
        " permission View Setup and Configuration: {kept}. Next step: if it is still there, " + _GRANT + "."
    ),
    "retyped": (
        "{name} has another type in Salesforce now{since}: what is read goes into a column of that type beside {column}, which keeps what"
        " was read before. Next step: whoever reads {column} takes the other column (fluint.column_freshness names it)."
    ),
}  # fmt: skip

_NOT_CURRENT = """
select field, column_name, need, cause, not_read_since,
       exists (select from fluint_sync.described_field as seen
               where seen.object = wanted.object and lower(seen.field) = lower(wanted.field))
from fluint_sync.raw_column as wanted
where object = %s and coalesce(cause, '') <> 'not_wanted' and (not is_read or covered_at is null)
order by field, column_name
"""


def states_of(connection: Connection, table: str) -> tuple[ColumnState, ...]:
    """The columns of a table that are not current."""
    rows = connection.execute(_NOT_CURRENT, [table]).fetchall()
    return tuple(ColumnState(field, column, Need(need), *rest) for field, column, need, *rest in rows)


@dataclass(frozen=True)
class Columns:
    """The columns of one object that are not current, and what its describe showed anew: field, kind, was, is now, seen at (UTC)."""

    states: tuple[ColumnState, ...] = ()
    changes: tuple[tuple[Any, ...], ...] = ()

    @property
    def wrong(self) -> list[ColumnState]:
        """What somebody should know."""
        return [state for state in self.states if state.is_wrong]


def columns_of(connection: Connection, table: str, since: datetime) -> Columns:
    """What there is to say of an object's columns, with the changes seen since then."""
    return Columns(states_of(connection, table), tuple(described.changes_since(connection, table, since)))


def texts(table: str, states: Sequence[ColumnState]) -> list[str]:
    """One sentence or two for each column."""
    return [state.text(BY_TABLE[table].name) for state in states]
