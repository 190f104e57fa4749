"""What `fluint_sync.connection` says of the connection without its secrets, for whoever shows or judges it. Needs no encryption key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestration.postgres.connection import Database


@dataclass(frozen=True)
class ConnectionFacts:
    """The connection of a workspace: Salesforce's ids, `state` (connected, needs_reconnect, disconnected), times aware and in UTC.

    `has_refresh_token` is False for a session that the app gets without a person; `reason` is a sentence, where it is dead.
    """

    org_id: str
    user_id: str
    instance_url: str
    login_url: str
    environment: str | None
    state: str
    reason: str | None
    connected_at: datetime
    refreshed_at: datetime
    has_refresh_token: bool


def connection_facts(database: Database) -> ConnectionFacts | None:
    """Reads them; None where nobody ever connected."""
    with database.transaction() as conn:
        row = conn.execute(
            """
            select org_id, user_id, instance_url, coalesce(token_url, ''), environment, state, reason, connected_at, refreshed_at,
                refresh_token is not null
            from fluint_sync.connection
            """
        ).fetchone()
    return ConnectionFacts(*row) if row else None
