"""Commands about the workspace's backfill filter."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from orchestration.cli.console import console, done, speaking
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError

group = typer.Typer(help="Which deals of licensed owners come in.", no_args_is_help=True)

_SINCE = "beginning, last-year, last-two-years, or a date (YYYY-MM-DD, UTC)."


@group.command("show")
@speaking
def show() -> None:
    """Show the filter that is in force."""
    from orchestration.entitlement.filters import read_filter

    with Workspace.here().database.transaction() as connection:
        now = read_filter(connection)
    since = f"{now.created_since:%Y-%m-%d}" if now.created_since else "the beginning"
    console.print(f"Created since: {since}")
    console.print(f"Stages left out: {', '.join(now.excluded_stages) or 'none'}")
    console.print(f"Record types left out: {', '.join(now.excluded_record_types) or 'none'}")
    console.print(f"Minimum amount: {now.minimum_amount if now.minimum_amount is not None else 'none'}")


@group.command("set")
@speaking
def set_(
    created_since: Annotated[str, typer.Option(help=_SINCE)] = "beginning",
    exclude_stage: Annotated[
        list[str] | None, typer.Option(help="API name of a stage; may be repeated.")
    ] = None,
    exclude_record_type: Annotated[
        list[str] | None, typer.Option(help="Name, developer name or id of a record type; may be repeated.")
    ] = None,
    minimum_amount: Annotated[
        str | None, typer.Option(help="Deals below it, or without an amount, stay out.")
    ] = None,
) -> None:
    """Replace the filter. A wider one brings in what is missing; a narrower one removes nothing that was imported."""
    from orchestration.entitlement.filters import (
        BackfillFilter,
        known_record_types,
        known_stages,
        write_filter,
    )

    with Workspace.here().database.transaction() as connection:
        new = BackfillFilter(
            created_since=since(created_since, datetime.now(UTC)),
            excluded_stages=known_stages(connection, exclude_stage or []),
            excluded_record_types=known_record_types(connection, exclude_record_type or []),
            minimum_amount=_amount(minimum_amount),
        )
        write_filter(connection, new)
    done("The filter is in force. The next sync lists what it lets in.")


def since(text: str, now: datetime) -> datetime | None:
    """The start of a date range in words or as a date, in UTC; None for the beginning of time."""
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
        raise SetupError(f"{text} is no date range. It is {_SINCE} Nothing was changed.") from None
    return datetime(chosen.year, chosen.month, chosen.day, tzinfo=UTC)


def _amount(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise SetupError(
            f"{text} is no amount. An amount is a plain number, for example 5000. Nothing was changed."
        ) from None
