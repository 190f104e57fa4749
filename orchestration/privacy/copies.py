"""Copies of the ledger of erasures outside of the database, one file each: what a restored backup does not know is carried out again.

A directory of them is a register. A file without content, named for the workspace, says whose: without it nobody could tell a register
of a workspace that never erased anybody from a directory that was lost and made anew.

A file holds what the report holds, counts and names of tables, and the keyed hashes; without the key (FLUINT_ERASURE_KEY, which is in
no file and no database) nobody can tell whom they mean.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.erased import FINGERPRINT

_FORM = "fluint erasure 1"
_WHOSE = ".workspace"


def write_copies(database: Database, directory: Path) -> list[Path]:
    """Writes a file for each erasure that has none there yet; returns the new ones. A kill leaves no half of a file."""
    with database.transaction() as connection:
        rows = connection.execute(
            """
            select erasure_id, kind, erased_at, report,
                   array(select encode(hash, 'hex') from fluint_sync.erased as e where e.erasure_id = erasure.erasure_id order by 1),
                   encode((select fingerprint from fluint_sync.erasure_key), 'hex')
            from fluint_sync.erasure order by erased_at
            """
        ).fetchall()
    if rows:
        directory.mkdir(parents=True, exist_ok=True)
    written = []
    for erasure_id, kind, erased_at, report, hashes, fingerprint in rows:
        path = directory / f"{erased_at:%Y%m%dT%H%M%SZ}-{erasure_id}.json"
        if path.exists():
            continue
        copy = {
            "form": _FORM,
            "erasure_id": str(erasure_id),
            "kind": kind,
            "erased_at": erased_at.isoformat(),
            "report": report,
            "key_fingerprint": fingerprint,
            "hashes": hashes,
        }
        aside = path.with_suffix(".part")
        aside.write_text(json.dumps(copy, indent=2) + "\n")
        os.chmod(aside, 0o600)
        aside.replace(path)
        written.append(path)
    return written


def copied(directory: Path) -> frozenset[str]:
    """The ids of the erasures that have a copy there."""
    return frozenset(path.stem.split("Z-", 1)[-1] for path in directory.glob("*Z-*.json"))


def is_register_of(directory: Path, workspace_id: str) -> bool:
    """Whether the copies there are those of this workspace."""
    return (directory / f"{workspace_id}{_WHOSE}").exists()


def name_register(directory: Path, workspace_id: str) -> None:
    """Says that from now on the copies there are those of this workspace (too)."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{workspace_id}{_WHOSE}").touch(mode=0o600)


def missing_copies(database: Database, directory: Path) -> list[dict[str, Any]]:
    """The erasures of these files that the database does not know. Raises SetupError for a file that is none."""
    copies = list(_read(directory))
    with database.transaction() as connection:
        known = {str(row[0]) for row in connection.execute("select erasure_id from fluint_sync.erasure")}
    return [copy for copy in copies if copy["erasure_id"] not in known]


def restore_copies(connection: Connection, copies: list[dict[str, Any]]) -> UUID | None:
    """Writes ledger and hashes of these erasures; returns the id of the last one. Raises SetupError when they are of another key."""
    row = connection.execute("select encode(fluint_sync.erasure_hash(%s), 'hex')", [FINGERPRINT]).fetchone()
    for copy in copies:
        if row is None or copy["key_fingerprint"] != row[0]:
            raise SetupError(
                f"The erasure {copy['erasure_id']} was made with another FLUINT_ERASURE_KEY, so it cannot be carried out again. Nothing"
                " was changed. Whoever runs this sets the key of then."
            )
        connection.execute(
            "insert into fluint_sync.erasure (erasure_id, kind, erased_at, report) values (%s, %s, %s, %s) on conflict do nothing",
            [copy["erasure_id"], copy["kind"], copy["erased_at"], Jsonb(copy["report"])],
        )
        connection.execute(
            """
            insert into fluint_sync.erased (hash, erasure_id)
            select decode(hash, 'hex'), %s from unnest(%s::text[]) as hash on conflict (hash) do nothing
            """,
            [copy["erasure_id"], copy["hashes"]],
        )
    return UUID(copies[-1]["erasure_id"]) if copies else None


def _read(directory: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(directory.glob("*.json")):
        try:
            copy = json.loads(path.read_text())
        except (OSError, ValueError):
            copy = None
        if not isinstance(copy, dict) or copy.get("form") != _FORM:
            raise SetupError(
                f"{path} is not the copy of an erasure. Nothing was changed. Whoever put it there moves it elsewhere; if it is a broken"
                " copy, one from a backup of the directory takes its place."
            )
        yield copy
