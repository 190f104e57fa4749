"""Who sits at the pages: browser sessions with the person played, and the token that forms carry against forged requests.

Belongs here: the cookie's name and life, the token, messages for the next page. Does not: pages, and the OAuth pages' own session.
Kept in memory: after a restart people choose again whom they play. An API token opens none of this, and this opens no API.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

_MOST = 1_000


@dataclass
class Session:
    """One browser: `user_id` is whom it plays, None before that; `messages` are (is it good?, text) for the next page."""

    sid: str
    user_id: str | None = None
    messages: list[tuple[bool, str]] = field(default_factory=list)

    def take_messages(self) -> list[tuple[bool, str]]:
        """Gives the messages, once."""
        taken, self.messages = self.messages, []
        return taken


class Sessions:
    """The sessions of one org. The cookie bears the org's id: cookies know no port, and two orgs must not share one."""

    def __init__(self, org_id: str) -> None:
        """Begins without sessions and with a key of its own."""
        self.cookie = f"workbench_{org_id}"
        self._key = secrets.token_bytes(32)
        self._known: dict[str, Session] = {}

    def find(self, sid: str) -> Session | None:
        """Gives the session with that secret, or None."""
        return self._known.get(_digest(sid))

    def begin(self, user_id: str | None = None) -> Session:
        """Starts a session; the oldest ends when there are too many."""
        session = Session(secrets.token_urlsafe(32), user_id)
        while len(self._known) >= _MOST:
            self._known.pop(next(iter(self._known)))
        self._known[_digest(session.sid)] = session
        return session

    def end(self, session: Session) -> None:
        """Ends a session."""
        self._known.pop(_digest(session.sid), None)

    def token(self, session: Session) -> str:
        """Gives the form token of a session; who does not know key and secret cannot compute it."""
        return hmac.new(self._key, session.sid.encode(), "sha256").hexdigest()

    def is_token(self, session: Session, token: str) -> bool:
        """Tells whether a form was made for this session."""
        return hmac.compare_digest(token.encode(), self.token(session).encode())


def _digest(sid: str) -> str:
    return hashlib.sha256(sid.encode()).hexdigest()
