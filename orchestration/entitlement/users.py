"""The workspace's Fluint users and their licences: read from a file, changed one by one, listed. Who matches whom is a view's business."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from orchestration.entitlement.known import nearest
from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.erased import in_force, is_erased

_YES = {"true", "yes", "y", "1", "licensed"}
_NO = {"false", "no", "n", "0", "", "unlicensed"}
_COLUMNS = ("email", "full_name", "is_licensed")
_FORM = "The first line names the columns: email,full_name,is_licensed (true or false)."
_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class FluintUser:
    """One row of the user list."""

    email: str
    full_name: str
    is_licensed: bool


@dataclass(frozen=True)
class ListedUser:
    """A Fluint user as it stands: `match` says by which rule Salesforce has this person, or why not; `deals` are held ones."""

    email: str
    full_name: str | None
    is_licensed: bool
    match: str
    deals: int


def read_user_file(path: Path) -> list[FluintUser]:
    """The users of a CSV file, separated by commas, semicolons or tabs.

    Raises SetupError with the line and the column that are wrong, before anything is written. Columns that a user list
    does not have are ignored, and so is an address that comes again.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            separator = max(_SEPARATORS, key=first.count)
            lines = itertools.chain([first], file)  # a pipe cannot be read from its beginning again
            return list(_users(csv.reader(lines, delimiter=separator, strict=True), path.name))
    except FileNotFoundError:
        raise SetupError(f"There is no file {path}. Nothing was imported.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"{path} cannot be read as a UTF-8 text file ({type(error).__name__}). Nothing was imported."
        ) from None


def _users(rows: Iterator[list[str]], file: str) -> Iterator[FluintUser]:
    """The users of the rows of a file, the first of which names the columns."""
    places: dict[str, int] = {}
    seen: dict[str, tuple[int, FluintUser]] = {}
    width, line = 0, 0
    try:
        for row in rows:
            line = rows.line_num  # type: ignore[attr-defined] # what csv.reader returns has it
            if not any(value.strip() for value in row):
                continue
            if not places:
                places, width = _places(row, file), len(row)
                continue
            if len(row) != width:
                _refuse(
                    file,
                    line,
                    f"there are {len(row)} values for {width} columns; a value with a comma is put in quotes",
                )
            user = _user({name: row[place].strip() for name, place in places.items()}, file, line)
            earlier, first = seen.setdefault(user.email.casefold(), (line, user))
            if first.is_licensed is not user.is_licensed:
                _refuse(file, line, f"column is_licensed: line {earlier} says otherwise of the same address")
            if first is user:
                yield user
        if not places:
            _places([], file)
    except csv.Error as error:
        _refuse(file, line + 1, f"the line is no CSV ({error})")


def _places(header: list[str], file: str) -> dict[str, int]:
    names = [name.strip().casefold() for name in header]
    missing = [name for name in ("email", "is_licensed") if name not in names]
    if missing:
        near = nearest(missing[0], header, most=1)
        hint = f" Its column {near[0].strip()} may be meant." if near else ""
        raise SetupError(
            f"{file}, line 1: there is no column {missing[0]}.{hint} {_FORM} Nothing was imported."
        )
    return {name: names.index(name) for name in _COLUMNS if name in names}


def _user(row: dict[str, str], file: str, line: int) -> FluintUser:
    email, licensed = row["email"], row["is_licensed"].casefold()
    name, _, domain = email.partition("@")
    if (
        not name
        or not domain
        or any(character.isspace() or character in "@,;<>" for character in name + domain)
    ):
        _refuse(file, line, "column email: this is no e-mail address")
    if licensed not in _YES | _NO:
        _refuse(file, line, "column is_licensed: this is neither true nor false")
    return FluintUser(email, row.get("full_name", ""), licensed in _YES)


def _refuse(file: str, line: int, what: str) -> NoReturn:
    raise SetupError(f"{file}, line {line}, {what}. Nothing was imported.")


def import_users(database: Database, users: Iterable[FluintUser]) -> int:
    """Adds or updates these users, told apart by their e-mail address whatever its case; others stay. Returns how many."""
    rows = [(uuid4(), user.email, user.full_name, user.is_licensed) for user in users]
    with database.transaction() as connection:
        _refuse_erased(connection, [row[1] for row in rows])
        connection.cursor().executemany(
            """
            insert into fluint_app.app_user as held (user_id, email, full_name, is_licensed, licensed_at)
            values (%s, %s, %s, %s, case when %s then now() end)
            on conflict (lower(btrim(email))) do update
            set email = excluded.email, is_licensed = excluded.is_licensed,
                full_name = coalesce(nullif(excluded.full_name, ''), held.full_name),
                licensed_at = case when excluded.is_licensed and not held.is_licensed then now() else held.licensed_at end,
                unlicensed_at = case when held.is_licensed and not excluded.is_licensed then now() else held.unlicensed_at end
            """,
            [(*row, row[-1]) for row in rows],
        )
    return len(rows)


def _refuse_erased(connection: Connection, emails: list[str]) -> None:
    if not in_force(connection):
        return
    erased = [place for place, email in enumerate(emails, 1) if is_erased(connection, address=email)]
    if erased:
        raise SetupError(
            f"Of the users in the list, number {', '.join(map(str, erased))} was erased from Fluint, and an erasure is for good. Nothing"
            " was imported. Whoever made the list takes that line out."
        )


def set_licence(database: Database, email: str, *, is_licensed: bool) -> bool:
    """Gives or takes one user's licence; False when nothing had to change.

    Raises SetupError with the nearest addresses when there is no such user.
    """
    with database.transaction() as connection:
        before = connection.execute(
            "select is_licensed from fluint_app.app_user where lower(btrim(email)) = lower(btrim(%s)) for update",
            [email],
        ).fetchall()
        if not before:
            raise SetupError(_nobody(connection, email))
        connection.execute(
            """
            update fluint_app.app_user
            set is_licensed = %(licensed)s,
                licensed_at = case when %(licensed)s then now() else licensed_at end,
                unlicensed_at = case when %(licensed)s then unlicensed_at else now() end
            where lower(btrim(email)) = lower(btrim(%(email)s)) and is_licensed is distinct from %(licensed)s
            """,
            {"licensed": is_licensed, "email": email},
        )
    return any(held is not is_licensed for (held,) in before)


def _nobody(connection: Connection, email: str) -> str:
    if is_erased(connection, address=email):
        return "This person was erased from Fluint, and an erasure is for good. Nothing was changed."
    known = [row[0] for row in connection.execute("select btrim(email) from fluint_app.app_user")]
    near = nearest(email, known)
    among = f" Near it: {', '.join(near)}." if near else ""
    return (
        f"There is no Fluint user with the e-mail address {email}.{among} Nothing was changed. `fluint users import` adds users from"
        " a file."
    )


def list_users(database: Database) -> list[ListedUser]:
    """Every Fluint user by e-mail address, with what Salesforce says of this person and how many live deals are held."""
    with database.transaction() as connection:
        rows = connection.execute(
            """
            select btrim(usr.email), usr.full_name, coalesce(usr.is_licensed, false),
                   coalesce(string_agg(distinct coalesce(matched.reason, matched.rule), ', '), 'no_match'),
                   coalesce(sum((select count(*) from raw_salesforce.opportunity as deal
                                 where deal.owner_id = matched.owner_id and deal._deleted_at is null)), 0)
            from fluint_app.app_user as usr
            left join fluint_entitlement.user_matches as matched on matched.user_id = usr.user_id
            group by usr.user_id, usr.email, usr.full_name, usr.is_licensed order by lower(btrim(usr.email))
            """
        ).fetchall()
    return [
        ListedUser(email, name, licensed, match, int(deals)) for email, name, licensed, match, deals in rows
    ]
