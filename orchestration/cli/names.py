"""Puts names to the ids of people in what a command says. Dagster keeps ids alone; whoever sits at a terminal may read names."""

from __future__ import annotations

import re

from orchestration.cli.workspace import Workspace

_USER_ID = re.compile(r"\b005[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?\b")


def with_names(text: str) -> str:
    """The text with the name and username behind each Salesforce user's id, as far as they were ever read; else as it is."""
    ids = set(_USER_ID.findall(text))
    names = _names(ids) if ids else {}
    return _USER_ID.sub(lambda found: names.get(found[0], found[0]), text)


def _names(ids: set[str]) -> dict[str, str]:
    query = """
        select id, concat_ws(' ', first_name, last_name), username from raw_salesforce.user where left(id, 15) = any(%s)
    """
    try:
        with Workspace.here().database.connect() as connection:
            rows = connection.execute(query, [[each[:15] for each in ids]]).fetchall()
    except Exception:  # this is said about another error, which matters more than a name
        return {}
    known = {row[0][:15]: f"{row[1]}, {row[2]}" for row in rows}
    return {each: f"{each}, {known[each[:15]]}" for each in ids if each[:15] in known}
