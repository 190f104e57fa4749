"""A workspace under test: runs of the sync, changes that people make in the org, and what the org itself says is there."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests
from psycopg import sql

from orchestration.entitlement.filters import BackfillFilter, write_filter
from orchestration.entitlement.users import FluintUser, import_users
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import Tokens
from orchestration.sync.objects import CATALOGUE
from orchestration.sync.options import Collaborators, ObjectReport, SyncOptions
from orchestration.sync.reconciling.doubt import Doubt
from orchestration.sync.run import list_missing, reconcile, reread, sync_changes
from tests.contract.running_org import RunningOrg
from tests.postgres_fixtures import PostgresServer
from tests.salesforce.scripted_org import MemoryStore

TABLES = [sobject.table_name for sobject in CATALOGUE]


@dataclass
class Bench:
    """One connected workspace."""

    org: RunningOrg
    database: Database
    client: Salesforce
    tokens: Tokens
    options: SyncOptions = field(default_factory=SyncOptions)
    _runs: Any = field(default_factory=lambda: count(1))
    _admin: Tokens | None = None

    def __post_init__(self) -> None:
        people = [m for m in self.org.admin("GET", "/cast") if m["fluint_email"]]
        self.people = people
        import_users(
            self.database, [FluintUser(m["fluint_email"], m["last_name"], m["is_licensed"]) for m in people]
        )

    def with_(self) -> Collaborators:
        """What the next run works with."""
        return Collaborators(self.database, self.client, f"run-{next(self._runs)}", self.options)

    def load(self) -> dict[str, ObjectReport]:
        """Lists what is missing."""
        return _by_table(list_missing(self.with_(), TABLES))

    def follow(self) -> dict[str, ObjectReport]:
        """Follows changes, once the org's clock has left the second of the last change."""
        self.org.admin("POST", "/clock", {"seconds": 2})
        return _by_table(sync_changes(self.with_(), TABLES))

    def reread(self) -> dict[str, ObjectReport]:
        """Reads all months again."""
        return _by_table(reread(self.with_(), TABLES, None, None))

    def reconcile(self, *, accept: bool = False) -> Doubt:
        """Compares what is held with the org, as in a night, once the org's clock has left the second of the last read."""
        self.org.admin("POST", "/clock", {"seconds": 2})
        return reconcile(self.with_(), TABLES, accept=accept)

    def filter(self, new: BackfillFilter) -> None:
        """Puts a filter in force."""
        with self.database.transaction() as connection:
            write_filter(connection, new)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of our Postgres."""
        with self.database.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def live(self, table: str) -> set[str]:
        """Ids of the rows that are held and not tombstoned."""
        query = sql.SQL("select id from {} where _deleted_at is null").format(
            sql.Identifier("raw_salesforce", table)
        )
        with self.database.connect() as connection:
            return {row[0] for row in connection.execute(query)}

    def content(self, table: str) -> list[tuple[Any, ...]]:
        """Every live row as JSON without our own columns, by id."""
        query = sql.SQL(
            "select to_jsonb(t) - '{{_read_at,_synced_at,_run_id,_xact_id}}'::text[] from {} t"
            " where _deleted_at is null order by id"
        ).format(sql.Identifier("raw_salesforce", table))
        with self.database.connect() as connection:
            return connection.execute(query).fetchall()

    def rep(self, place: int = 0) -> dict[str, Any]:
        """A licensed member of the cast whose deals come in."""
        return [member for member in self.people if member["role"] == "rep"][place]

    def records(self, soql: str) -> list[dict[str, Any]]:
        """All records of a query, asked beside the client under test."""
        answer = self.org.http.get(
            f"{self.org.url}/services/data/v66.0/queryAll",
            params={"q": soql},
            headers=self._session,
            timeout=60,
        ).json()
        records: list[dict[str, Any]] = answer["records"]
        while not answer["done"]:
            answer = self.org.http.get(
                self.org.url + answer["nextRecordsUrl"], headers=self._session, timeout=60
            ).json()
            records += answer["records"]
        return records

    def ids(self, soql: str) -> set[str]:
        """The ids of a query's records."""
        return {record["Id"] for record in self.records(soql)}

    def owners(self, *roles: str) -> list[str]:
        """User ids of the cast's members with these roles; of everybody who should match without roles."""
        return [
            str(member["user_id"])
            for member in self.org.admin("GET", "/cast")
            if (member["role"] in roles)
            or (not roles and member["is_licensed"] and not member["role"].startswith("ambiguous"))
        ]

    def entitled(self, owners: Sequence[str] = ()) -> set[str]:
        """The live deals of these owners in the org; of everybody in scope by default."""
        listed = ",".join(f"'{owner}'" for owner in owners or self.owners())
        return self.ids(f"SELECT Id FROM Opportunity WHERE IsDeleted = false AND OwnerId IN ({listed})")

    def write(self, method: str, path: str, body: object = None) -> Any:
        """Changes the org through its REST API, as a person with all rights would."""
        answer = self.org.http.request(
            method, f"{self.org.url}/services/data/v66.0{path}", json=body, headers=self._session, timeout=60
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def administer(self, method: str, path: str, body: object = None) -> Any:
        """Changes the org as its administrator, for what the integration user may only read."""
        if self._admin is None:
            (name,) = (m["username"] for m in self.org.admin("GET", "/cast") if m["role"] == "administrator")
            self._admin = RunningOrg({**self.org.card, "username": name}, self.org.http).connect()
        answer = self.org.call(self._admin, method, path, body)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def update(self, sobject: str, record_id: str, **values: object) -> None:
        """Changes one record."""
        self.write("PATCH", f"/sobjects/{sobject}/{record_id}", values)

    def queries(self, after: int) -> list[str]:
        """Every query that the org was asked since an entry of its access log."""
        return [soql for entry in self.org.admin("GET", f"/log?after={after}") for soql in _queries(entry)]

    def log_position(self) -> int:
        """The newest entry of the org's access log."""
        return int(self.org.admin("GET", "/log/last")["entry"])

    @property
    def _session(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.client._transport.tokens.access_token}"}


def _by_table(reports: Iterable[ObjectReport]) -> dict[str, ObjectReport]:
    """The reports by table; pytest shows what is printed beside a failure, which would otherwise only say `failed`."""
    found = {report.table: report for report in reports}
    for report in found.values():
        if report.error:
            print(f"{report.table}: {report.error}")
    return found


def _queries(entry: dict[str, Any]) -> list[str]:
    soql = entry["soql"]
    return list(soql) if isinstance(soql, list) else [soql]


@contextmanager
def connected(org: RunningOrg, server: PostgresServer, template: str) -> Iterator[Bench]:
    """A workspace with a database and a grant of its own, which has read nothing yet."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    database = server.create(name, template)
    with requests.Session() as session:
        session.trust_env = False
        tokens = org.connect()
        client = Salesforce(org.app(), MemoryStore(tokens), session=session, sleep=lambda _: None)
        yield Bench(org, database, client, tokens)
    server.drop(name)
