"""What a person may write for a stage, a record type, an owner: compared with what the org has, the nearest named where it has none.

Reads our raw tables only; whoever has never synced is told how to.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection
from orchestration.salesforce.ids import to_18

_MOST_SHOWN = 10


def known_stages(connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    """The stages' API names, given as that or as the label that people see; SetupError for one that the org does not know."""
    rows = connection.execute(
        """
        select word, api_name from raw_salesforce.opportunity_stage as stage, unnest(array[api_name, master_label]) as word
        where word = api_name
           or not exists (select from raw_salesforce.opportunity_stage as other where other.api_name = stage.master_label)
        """
    ).fetchall()
    return _each("stage", names, rows)


def known_record_types(connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    """The ids of Opportunity's record types given by name, developer name or id; SetupError for an unknown one."""
    rows = connection.execute(
        """
        select word, id from raw_salesforce.record_type, unnest(array[name, developer_name, id]) as word
        where sobject_type = 'Opportunity'
        """
    ).fetchall()
    return _each("record type", [_as_id(name) for name in names], rows)


def known_owners(connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    """The ids of Salesforce users given by e-mail address (all who carry it), username or id; SetupError for an unknown one."""
    rows = connection.execute(
        """
        select word, id from raw_salesforce."user", unnest(array[email, username, id, regexp_replace(email, '\\.invalid$', '')]) as word
        """
    ).fetchall()
    return _each("user", [_as_id(name) for name in names], rows, may_be_several=True)


def nearest(word: str, words: Iterable[str], most: int = 3) -> list[str]:
    """Up to three of the words that are written most like this one, whatever the case."""
    written = {other.casefold(): other for other in words}
    return [written[near] for near in difflib.get_close_matches(word.casefold(), written, n=most, cutoff=0.5)]


def _each(
    kind: str, names: Sequence[str], rows: Iterable[Sequence[str | None]], *, may_be_several: bool = False
) -> tuple[str, ...]:
    """The value that each name stands for, each once; ids are told apart by case, words are not."""
    values: dict[str, dict[str, None]] = {}
    words: dict[str, None] = {}
    for word, value in rows:
        if word is not None and value is not None:
            if not _is_id(word):
                words[word] = None
            values.setdefault(_key(word), {})[value] = None
    found: dict[str, None] = {}
    for name in names:
        meant = values.get(_key(name))
        if meant is None:
            raise SetupError(_unknown(kind, name, list(words)))
        if len(meant) > 1 and not may_be_several:
            raise SetupError(
                f"{name!r} is the name of {len(meant)} {kind}s: {', '.join(sorted(meant))}. Write which of them. Nothing was changed."
            )
        found |= meant
    return tuple(found)


def _as_id(name: str) -> str:
    """An id of 15 characters, as the address bar of Classic shows it, in 18; any other word of that length is left as it is."""
    name = name.strip()
    return to_18(name) if name.startswith(("005", "012")) and name.isalnum() else name


def _key(word: str) -> str:
    return word if _is_id(word) else word.strip().casefold()


def _is_id(word: str) -> bool:
    return len(word) == 18 and word.startswith(("005", "012"))


def _unknown(kind: str, name: str, words: Sequence[str]) -> str:
    if not words:
        return (
            f"No {kind} of the org is known here yet, so {name!r} cannot be looked up. Nothing was changed. `fluint sync` reads"
            f" the org's {kind}s; before anybody is licensed it brings no deal."
        )
    near = nearest(name, words)
    among = f"Near it: {', '.join(near)}." if near else f"It knows {', '.join(sorted(words)[:_MOST_SHOWN])}."
    return f"The org knows no {kind} {name!r}. {among} Nothing was changed."


def names_of(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Id → the name of a record type or the e-mail address of a user, for the command line; unknown ids are left out."""
    rows = connection.execute(
        """
        select id, coalesce(name, developer_name) from raw_salesforce.record_type where id = any (%(ids)s)
        union all select id, coalesce(email, username) from raw_salesforce."user" where id = any (%(ids)s)
        """,
        {"ids": list(ids)},
    ).fetchall()
    return {key: name for key, name in rows if name}
