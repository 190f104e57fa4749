"""dbt against one database, in this process: builds, tests and deployed views.

What is built is dbt_project/'s business, when it is built is the Dagster layer's. Callers hold the lock on the views
(`views_lock` of the room postgres): shared to build, alone to deploy.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from orchestration.errors import BugError, FluintError, SetupError, TransientError
from orchestration.modelling import project

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

# What a sync builds: tables that follow their inputs. Views are deployed by `fluint upgrade`, the daily snapshot has its day.
INTERVAL = "tag:interval"
FAILED = ("error", "fail", "runtime error")
_VIEWS = ("config.materialized:view", "config.materialized:lasting_view")
# Unit tests say nothing about data; they run in CI. Of tests, `build` runs those that the selection names and no others.
BUILD = ("build", "--exclude-resource-type", "unit_test")

# dbt keeps its flags, its adapter and its log in module variables: one invocation at a time in a process.
_ONE_AT_A_TIME = threading.RLock()

Callback = Callable[[Any], None]  # what dbt tells while it works: its event messages


class Cursor(Protocol):
    """As much of a psycopg cursor as is needed here."""

    def fetchone(self) -> Any:
        """The next row, or None."""


class Connection(Protocol):
    """As much of a psycopg connection as is needed here."""

    def execute(self, query: LiteralString, params: Sequence[Any] | None = None, /) -> Cursor:
        """Runs one statement."""


class Database(Protocol):
    """As much of the room postgres' `Database` as is needed here, which this room does not import."""

    @property
    def url(self) -> str:
        """`postgresql://user:password@host:port/name?parameters`."""

    def connect(self) -> AbstractContextManager[Connection]:
        """A connection that commits when its block ends well."""


@dataclass(frozen=True)
class Built:
    """What became of one node: `name` of the model or test, dbt's `status`, `seconds`, and `message` without record contents."""

    name: str
    kind: str
    status: str
    seconds: float
    message: str


@dataclass(frozen=True)
class Dbt:
    """The dbt project against one database; `in_process=False` makes Dagster runs start dbt's command instead (slower)."""

    database: Database
    directory: Path = project.DIRECTORY
    in_process: bool = True

    def build(self, select: str = INTERVAL, *, full_refresh: bool = False) -> list[Built]:
        """Builds the selected models and runs the tests that the selection names itself. Raises if one of them failed.

        A model that fails keeps its table and its mark as they were, and so do those that read it; the others are built.
        """
        options = ["--full-refresh"] if full_refresh else []
        result = self.invoke([*BUILD, "--select", *select.split(), *options], indirect_selection="empty")
        return checked(result)

    def test(self, select: str = "fqn:*") -> list[Built]:
        """Runs the data tests of the selected models and those selected themselves; raises if one of them failed."""
        return checked(
            self.invoke(["test", "--exclude-resource-type", "unit_test", "--select", *select.split()])
        )

    def unit_test(self) -> list[Built]:
        """Runs all unit tests, which need the deployed views and tables but no row; raises if one of them failed."""
        return checked(self.invoke(["test", "--select", "test_type:unit"]))

    def deploy_views(self) -> None:
        """Brings every view and every empty table of the contract to the state of the project: part of `fluint upgrade`.

        After a change of the project all marks are forgotten, so that the next build compares every row. Foreign views on
        `fluint` and `fluint_entitlement` stay. The caller holds the lock on the views alone.
        """
        checked(self.invoke(["run-operation", "bring_up_tables"]))
        checked(self.invoke(["run", "--select", *_VIEWS]))
        now = project.views_hash(project.read_manifest(self.directory))
        with self.database.connect() as connection:
            if _deployed_hash(connection) != now:
                connection.execute("delete from fluint_sync.modelled")
            connection.execute(
                "insert into fluint_sync.deployed_views (views_hash, deployed_at) values (%s, now())"
                " on conflict (singleton) do update set views_hash = excluded.views_hash, deployed_at = now()",
                [now],
            )

    def check_deployed_views(self) -> None:
        """Returns if the database has the views of this project; SetupError otherwise."""
        with self.database.connect() as connection:
            deployed = _deployed_hash(connection)
        if deployed != project.views_hash(project.read_manifest(self.directory)):
            state = "older or newer than" if deployed else "without the views of"
            raise SetupError(
                f"The database is {state} this installation, so nothing was read or built; tables keep what they have."
                " Whoever installed Fluint runs `fluint upgrade`."
            )

    def invoke(
        self,
        arguments: Sequence[str],
        *,
        callbacks: Sequence[Callback] = (),
        indirect_selection: str | None = None,
    ) -> dbtRunnerResult:
        """Runs one dbt command and gives dbt's own result; the tables that it names are those of this database."""
        from dbt.cli.main import dbtRunner  # takes a second to import; most processes never build

        with self.environment(indirect_selection), tempfile.TemporaryDirectory() as target:
            path = project.parsed_path(self.directory)
            name = os.environ["FLUINT_DBT_DBNAME"]
            runner = dbtRunner(
                manifest=_manifest(path, path.stat().st_mtime, name), callbacks=list(callbacks)
            )
            return runner.invoke([*arguments, *project.options(self.directory, Path(target))])

    @contextmanager
    def environment(self, indirect_selection: str | None = None) -> Iterator[None]:
        """Lends dbt the connection for one invocation, one at a time.

        dbt takes a profile's values from the process' environment only. They are there for as long as it runs and no longer, so
        that no other child process, crash report or second database in this process meets them.
        """
        lent = connection_environment(self.database.url) | {
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
            "DBT_LOG_LEVEL_FILE": "none",
        }
        if indirect_selection:
            lent["DBT_INDIRECT_SELECTION"] = indirect_selection
        with _ONE_AT_A_TIME:
            before = {name: os.environ.get(name) for name in lent}
            os.environ.update(lent)
            try:
                yield
            finally:
                for name, value in before.items():
                    if value is None:
                        os.environ.pop(name, None)
                    else:
                        os.environ[name] = value


@lru_cache(maxsize=4)
def _manifest(path: Path, written: float, database: str) -> Manifest:
    """The parsed project, its relations renamed to this database: dbt-postgres refuses any other.

    Kept between builds, because reading it costs as much as a small build; `written` (the file's time) makes a new one count.
    """
    from dbt.contracts.graph.manifest import Manifest

    # Not from manifest.json: what dbt reads from there takes a generic test for a singular one, which then cannot run.
    manifest = Manifest.from_msgpack(path.read_bytes())
    for node in (*manifest.nodes.values(), *manifest.sources.values()):
        node.database = database
        if node.relation_name:
            node.relation_name = f'"{database}".' + node.relation_name.partition(".")[2]
    manifest.build_parent_and_child_maps()  # type: ignore[no-untyped-call]
    manifest.build_flat_graph()  # type: ignore[no-untyped-call] # what macros see as `graph`
    return manifest


def connection_environment(url: str) -> dict[str, str]:
    """The FLUINT_DBT_* variables for a database URL; profiles.yml reads them."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    values = {
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or 5432),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "DBNAME": unquote(parts.path.lstrip("/")),
        "SSLMODE": query.get("sslmode", ["prefer"])[-1],
        "SSLROOTCERT": query.get("sslrootcert", [""])[-1],
    }
    return {f"FLUINT_DBT_{name}": value for name, value in values.items()}


def marts_are_behind(database: Database) -> bool:
    """Whether something that the marts are built from changed since they were last built.

    Raw rows, admissions, exclusions and uploads by their transaction; licences, documents and the connection by value.
    """
    with database.connect() as connection:
        return (
            connection.execute("select from fluint_intermediate.int_inputs_ahead limit 1").fetchone()
            is not None
        )


def checked(result: dbtRunnerResult) -> list[Built]:
    """What was built or tested; raises one error that names everything that failed."""
    if result.exception is not None:
        raise _explained(result.exception) from None
    built = [_built(node) for node in getattr(result.result, "results", None) or []]
    if not result.success:
        raise failure(built)
    return built


def failure(nodes: Sequence[Built]) -> FluintError:
    """The error for a run in which something failed: what, why, and what still stands."""
    models = [
        f"{node.name} ({node.message})" for node in nodes if node.kind != "test" and node.status in FAILED
    ]
    tests = [
        f"{node.name} ({node.message})" for node in nodes if node.kind == "test" and node.status in FAILED
    ]
    skipped = [node.name for node in nodes if node.status == "skipped"]
    texts = []
    if models:
        texts.append(f"These models could not be built: {'; '.join(models)}.")
    if tests:
        texts.append(
            f"These data tests failed: {'; '.join(tests)}. The head of the test's file in dbt_project/tests says what that means."
        )
    if skipped:
        texts.append(f"Left as they were, because they read these: {', '.join(skipped)}.")
    if models:
        texts.append(
            "Their tables keep what they had; all others are up to date. The next build tries again."
        )
    return BugError(" ".join(texts) or "dbt ended without success and named nothing that failed.")


def _built(result: Any) -> Built:
    # A run-operation answers with another class, which has the id alone.
    unique_id: str = result.node.unique_id if hasattr(result, "node") else result.unique_id
    kind, _, name = unique_id.split(".")[:3]
    return Built(name, kind, str(result.status), result.execution_time, safe_message(result.message or ""))


def safe_message(message: str) -> str:
    """The lines of a dbt message that cannot quote a record: Postgres puts row values after DETAIL and invalid input."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if lines and lines[0].startswith("Database Error"):
        lines = lines[1:2]
    return " ".join(lines[:2]).partition(': "')[0]


def _explained(exception: BaseException) -> FluintError:
    from dbt.adapters.exceptions.connection import FailedToConnectError

    if isinstance(exception, FailedToConnectError):
        return TransientError(
            "dbt could not connect to the database; no table was changed. The next build tries again."
        )
    return BugError(f"dbt stopped before it built anything: {safe_message(str(exception))}")


def _deployed_hash(connection: Connection) -> str | None:
    # A database that was never upgraded has no such table, which is no fault of dbt's.
    row = connection.execute("select to_regclass('fluint_sync.deployed_views')").fetchone()
    if row is None or row[0] is None:
        return None
    row = connection.execute("select views_hash from fluint_sync.deployed_views").fetchone()
    return row[0] if row else None
