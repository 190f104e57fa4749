"""Commands about the workspace's backfill filter, and the options that say what it should be (`fluint preview` takes the same)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.console import console, done, speaking, table
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError

if TYPE_CHECKING:
    from orchestration.entitlement.filters import BackfillFilter
    from orchestration.postgres.connection import Connection

group = typer.Typer(
    help="Which deals of licensed owners come in. It holds from the next sync on; nothing has to be deployed.",
    no_args_is_help=True,
)

NONE = "none"
_SINCE = "beginning, last-year, last-two-years, or a date (YYYY-MM-DD, UTC)"
_REPEATED = "May be repeated; together they replace those left out before; none leaves none out."

CreatedSince = Annotated[
    str | None, typer.Option(help=f"{_SINCE}. Words are kept as the date that they mean today.")
]
ExcludeStage = Annotated[
    list[str] | None, typer.Option(help=f"A stage to leave out, by API name or label. {_REPEATED}")
]
ExcludeRecordType = Annotated[
    list[str] | None,
    typer.Option(help=f"A record type to leave out, by name, developer name or id. {_REPEATED}"),
]
ExcludeOwner = Annotated[
    list[str] | None,
    typer.Option(help=f"An owner to leave out, by e-mail address, username or id in Salesforce. {_REPEATED}"),
]
MinimumAmount = Annotated[
    str | None,
    typer.Option(
        help="Deals below it, each in its own currency, or without an amount, stay out; none takes it away."
    ),
]


@dataclass(frozen=True)
class Choice:
    """What the options say, as written; None leaves a part of the filter as it is."""

    created_since: str | None = None
    stages: Sequence[str] | None = None
    record_types: Sequence[str] | None = None
    owners: Sequence[str] | None = None
    minimum_amount: str | None = None

    def applied_to(self, connection: Connection, current: BackfillFilter) -> BackfillFilter:
        """The filter that the options ask for; SetupError for a value that is none or that the org does not know."""
        from orchestration.entitlement.known import known_owners, known_record_types, known_stages

        changes: dict[str, Any] = {}
        if self.created_since is not None:
            changes["created_since"] = since(self.created_since, datetime.now(UTC))
        lists: tuple[tuple[str, Sequence[str] | None, Callable[..., tuple[str, ...]]], ...] = (
            ("excluded_stages", self.stages, known_stages),
            ("excluded_record_types", self.record_types, known_record_types),
            ("excluded_owners", self.owners, known_owners),
        )
        for part, names, known in lists:
            if names:
                changes[part] = () if list(names) == [NONE] else known(connection, names)
        if self.minimum_amount is not None:
            changes["minimum_amount"] = amount(self.minimum_amount)
        return replace(current, **changes)


@group.command("show")
@speaking
def show() -> None:
    """Show the filter that is in force."""
    from orchestration.entitlement.filters import read_filter

    with Workspace.here().database.transaction() as connection:
        console.print(filter_table(connection, "Filter", read_filter(connection)))


@group.command("set")
@speaking
def set_(
    created_since: CreatedSince = None,
    exclude_stage: ExcludeStage = None,
    exclude_record_type: ExcludeRecordType = None,
    exclude_owner: ExcludeOwner = None,
    minimum_amount: MinimumAmount = None,
) -> None:
    """Change the filter; what no option names stays as it is. See `fluint preview` first: what came in stays.

    A wider filter brings in what is missing, and only that. A narrower one removes nothing that was imported.
    """
    choice = Choice(created_since, exclude_stage, exclude_record_type, exclude_owner, minimum_amount)
    put_in_force(Workspace.here(), choice)


def put_in_force(workspace: Workspace, choice: Choice) -> None:
    """Writes the filter that the options ask for, and says what follows from it."""
    from orchestration.entitlement.filters import read_filter, write_filter
    from orchestration.sync.coverage import missing_parents

    with workspace.database.transaction() as connection:
        current = read_filter(connection)
        new = choice.applied_to(connection, current)
        if new != current:
            write_filter(connection, new)
        shown = filter_table(connection, "Filter", new)
    console.print(shown)
    if new == current:
        done("This filter was in force already. Nothing was changed.")
        return
    done("The filter is in force.")
    owners = missing_parents(workspace.database).owners
    if owners:
        console.print(
            f"  Deals of {owners} owners are to be listed by it. A running Dagster does so by itself; `fluint sync` does it now."
        )


def filter_table(connection: Connection, title: str, filters: BackfillFilter) -> object:
    """The filter for a person: record types and owners by name."""
    from orchestration.entitlement.known import names_of

    names = names_of(connection, [*filters.excluded_record_types, *filters.excluded_owners])
    rows = [
        (
            "created since",
            f"{filters.created_since:%Y-%m-%d %H:%M} UTC" if filters.created_since else "beginning",
        ),
        ("stages left out", _listed(filters.excluded_stages)),
        ("record types left out", _listed([names.get(i, i) for i in filters.excluded_record_types])),
        ("owners left out", _listed([names.get(i, i) for i in filters.excluded_owners])),
        (
            "minimum amount",
            NONE
            if filters.minimum_amount is None
            else f"{filters.minimum_amount:f}, in each deal's own currency",
        ),
    ]
    return table(title, ["part", "setting"], rows)


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values) or NONE


def since(text: str, now: datetime) -> datetime | None:
    """The start of a date range in words or as a date, in UTC; None for the beginning of time. Raises SetupError."""
    years = {"last-year": 1, "last-two-years": 2}
    if text == "beginning":
        return None
    if text in years:
        day = now.date()
        # 29 February has no counterpart in most years.
        first = day.replace(year=day.year - years[text], day=min(day.day, 28) if day.month == 2 else day.day)
        return datetime(first.year, first.month, first.day, tzinfo=UTC)
    try:
        chosen = date.fromisoformat(text)
    except ValueError:
        raise SetupError(f"{text} is no date range. It is {_SINCE}. Nothing was changed.") from None
    start = datetime(chosen.year, chosen.month, chosen.day, tzinfo=UTC)
    if start > now:
        raise SetupError(f"{text} lies in the future: no deal would come in. Nothing was changed.")
    return start


def amount(text: str) -> Decimal | None:
    """A minimum amount, None for the word none; SetupError for what is no plain number from zero on."""
    if text == NONE:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise SetupError(
            f"{text} is no amount. An amount is a plain number from 0 on, for example 5000. Nothing was changed."
        )
    return value
