"""The workspace's Fluint users and their licences: read from a file, changed one by one. Who matches whom is a view's business."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from orchestration.errors import SetupError
from orchestration.postgres.connection import Database

_YES = {"true", "yes", "y", "1", "licensed"}
_NO = {"false", "no", "n", "0", "", "unlicensed"}
_FORM = "The first line names the columns: email,full_name,is_licensed (true or false)."


@dataclass(frozen=True)
class FluintUser:
    """One row of the user list."""

    email: str
    full_name: str
    is_licensed: bool


def read_user_file(path: Path) -> list[FluintUser]:
    """The users of a CSV file; raises SetupError with the line that is wrong, before anything is written."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"email", "is_licensed"} <= set(reader.fieldnames or ()):
                raise SetupError(f"{path.name} does not have the columns of a user list. {_FORM}")
            return [_user(row, path.name, reader.line_num) for row in reader]
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"{path} cannot be read as a UTF-8 text file ({type(error).__name__}). Nothing was imported."
        ) from None


def _user(row: dict[str, str], file: str, line: int) -> FluintUser:
    email, licensed = (row.get("email") or "").strip(), (row.get("is_licensed") or "").strip().casefold()
    if "@" not in email:
        raise SetupError(
            f"{file}, line {line}: the column email holds no e-mail address. Nothing was imported."
        )
    if licensed not in _YES | _NO:
        raise SetupError(f"{file}, line {line}: is_licensed is neither true nor false. Nothing was imported.")
    return FluintUser(email, (row.get("full_name") or "").strip(), licensed in _YES)


def import_users(database: Database, users: Iterable[FluintUser]) -> int:
    """Adds or updates these users, told apart by their e-mail address whatever its case; others stay. Returns how many."""
    rows = [(uuid4(), user.email, user.full_name, user.is_licensed) for user in users]
    with database.transaction() as connection:
        connection.cursor().executemany(
            """
            insert into fluint_app.app_user as held (user_id, email, full_name, is_licensed, licensed_at)
            values (%s, %s, %s, %s, case when %s then now() end)
            on conflict (lower(btrim(email))) do update
            set email = excluded.email, full_name = excluded.full_name, is_licensed = excluded.is_licensed,
                licensed_at = case when excluded.is_licensed and not held.is_licensed then now() else held.licensed_at end,
                unlicensed_at = case when held.is_licensed and not excluded.is_licensed then now() else held.unlicensed_at end
            """,
            [(*row, row[-1]) for row in rows],
        )
    return len(rows)


def set_licence(database: Database, email: str, *, is_licensed: bool) -> None:
    """Gives or takes one user's licence; raises SetupError when there is no such user."""
    with database.transaction() as connection:
        found = connection.execute(
            """
            update fluint_app.app_user
            set is_licensed = %(licensed)s,
                licensed_at = case when %(licensed)s then now() else licensed_at end,
                unlicensed_at = case when %(licensed)s then unlicensed_at else now() end
            where lower(btrim(email)) = lower(btrim(%(email)s))
            """,
            {"licensed": is_licensed, "email": email},
        ).rowcount
    if not found:
        raise SetupError(
            f"There is no Fluint user with the e-mail address {email}. `fluint users import` adds users from a file."
        )
