"""How values are written for people: money, sizes, times, the value of a field by its type. Pure; templates use these as filters."""

from __future__ import annotations

from datetime import datetime

from local_org.objects import Field

NOTHING = "–"
_ACRONYMS = {"api", "id", "jwt", "mb", "pkce", "uri"}


def money(value: object) -> str:
    """Writes an amount with separators, its cents only where there are any."""
    if value is None:
        return NOTHING
    number = float(str(value))
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


def size(value: object) -> str:
    """Writes a number of bytes as people read it."""
    number = float(str(value or 0))
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1024 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "B" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError


def moment(value: object) -> str:
    """Writes a stored stamp as day and minute in UTC."""
    if not value:
        return NOTHING
    return f"{datetime.fromisoformat(str(value)):%-d %b %Y, %H:%M}"


def day(value: object) -> str:
    """Writes a stored date."""
    return f"{datetime.fromisoformat(str(value)):%-d %b %Y}" if value else NOTHING


def words(name: object) -> str:
    """Writes a name as words: `PermissionsViewAllRecords` is "View all records", `daily_api_limit` "Daily API limit"."""
    plain = str(name).removeprefix("Permissions").replace("_", " ")
    spaced = "".join(f" {char.lower()}" if char.isupper() else char for char in plain).split()
    written = " ".join(each.upper() if each in _ACRONYMS else each for each in spaced)
    return written[:1].upper() + written[1:]


def label(field: Field) -> str:
    """Gives the label of a field as a page shows it, where a reference shows the name of what it points to."""
    return field.label.removesuffix(" ID") if field.type == "reference" else field.label


def value(field: Field, raw: object) -> str:
    """Writes the value of a field by its type."""
    if raw is None or raw == "":
        return NOTHING
    match field.type:
        case "boolean":
            return "Yes" if raw else "No"
        case "currency":
            return money(raw)
        case "percent":
            return f"{money(raw)} %"
        case "date":
            return day(raw)
        case "datetime":
            return moment(raw)
        case "int" | "double":
            return money(raw)
        case _:
            return str(raw)


FILTERS = {"money": money, "size": size, "moment": moment, "day": day, "words": words}
