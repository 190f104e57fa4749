"""One org: its directory, its rows, its clock, its switches, and the questions that the API's front ends ask.

Org.open makes a new org where there is none (standard.py says what a new org holds). HTTP is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local_org import access_notes, shapes, soql, standard
from local_org.before_query import STEPS, Question, prepare
from local_org.clock import Clock
from local_org.freshness import Freshness
from local_org.security import Security
from local_org.soql import dates
from local_org.store import Store
from local_org.transactions import SlowTransactions


class Org:
    """A Salesforce org on this machine."""

    def __init__(self, directory: Path, store: Store, org_id: str) -> None:
        """Wraps an opened store; use `Org.open`."""
        self.directory = directory
        self.store = store
        self.clock = store.clock
        self.org_id = org_id
        self.switches = store.switches
        self.security = Security(store, store.clock, self.switches)
        self.identity_url: Callable[[str], str] = lambda user_id: f"/id/{org_id}/{user_id}"
        """Names a user (id); a served org puts its address before it."""
        self.freshness = Freshness(store.clock)
        self.before_query = dict(STEPS)
        """By object (lower case), what happens before it is queried; whoever serves the org adds what needs its tokens."""
        self.transactions = SlowTransactions(store)

    @classmethod
    def open(cls, directory: Path, clock: Clock | None = None) -> Org:
        """Opens the org in `directory`, or creates an empty one there."""
        directory.mkdir(parents=True, exist_ok=True)
        store = Store(directory / "org.sqlite3", clock or Clock())
        found = store.find_ids("Organization")
        return cls(directory, store, found[0] if found else standard.create(store))

    def close(self) -> None:
        """Closes the store."""
        self.store.close()

    def query(self, text: str, *, user_id: str, include_deleted: bool) -> soql.QueryResult:
        """Returns what this user sees for a SOQL statement; `include_deleted` is queryAll. Raises ApiError."""
        if include_deleted:
            self.store.expire_bin()
        prepare(Question(self.store, self.security, text, user_id), self.before_query)
        zone = dates.zone(self.user(user_id).get("TimeZoneSidKey"))
        asking = soql.Asking(
            self.security.of(user_id), self.clock.now(), zone, self.switches, include_deleted
        )
        result = soql.run(self.store, text, asking)
        access_notes.note(asked=shapes.asked_by(result.plan))
        return result

    def user(self, user_id: str) -> dict[str, object]:
        """Returns a user's row; raises KeyError when there is none."""
        found = self.store.get("User", user_id)
        if found is None:
            raise KeyError(user_id)
        return found

    def user_by_username(self, username: str) -> dict[str, object] | None:
        """Returns the row of the user who logs in with this name (without regard to case), or None."""
        found = self.store.find_ids("User", Username=username)
        return self.store.get("User", found[0]) if found else None

    @property
    def system_user_id(self) -> str:
        """The id of the user as whom the platform itself acts."""
        return self.store.find_ids("User", UserType="AutomatedProcess")[0]
