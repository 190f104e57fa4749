"""Names for ids, for the command line: what the check itself says names people by id alone, because Dagster's log cannot be edited."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestration.postgres.connection import Connection

_ID = re.compile(r"\b005[0-9A-Za-z]{15}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def ids_in(texts: Iterable[str]) -> set[str]:
    """The Salesforce users and Fluint users that texts name."""
    return {found for text in texts for found in _ID.findall(text)}


def people(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Id → name and address; users that were not read yet are left out."""
    rows = connection.execute(
        """
        select id, concat_ws(', ', nullif(concat_ws(' ', first_name, last_name), ''), email) from raw_salesforce."user"
        where id = any (%(ids)s)
        union all select user_id::text, btrim(email) from fluint_app.app_user where user_id::text = any (%(ids)s)
        """,
        {"ids": sorted(ids)},
    ).fetchall()
    return {key: name for key, name in rows if name}


def with_names(text: str, names: dict[str, str]) -> str:
    """The text with each known person's name beside a Salesforce id, and in place of a Fluint one."""

    def named(found: re.Match[str]) -> str:
        name = names.get(found[0])
        if name is None:
            return found[0]
        return f"{found[0]}: {name}" if found[0].startswith("005") else name

    return _ID.sub(named, text)
