"""The workspace's Postgres as a resource."""

import dagster as dg

from orchestration.postgres.connection import Database
from orchestration.resources.unready import or_told_at_use
from orchestration.settings import missing


class DatabaseResource(dg.ConfigurableResource[Database]):
    """Gives a `Database`; a `SetupError` at its first use names the variable that is not set."""

    url: str | None = None
    without_tls_because: str | None = None
    erasure_key: str | None = None

    def create_resource(self, context: dg.InitResourceContext) -> Database:
        """Makes the object; opens no connection."""
        return or_told_at_use(self._database)

    def _database(self) -> Database:
        if not self.url:
            raise missing("database_url")
        return Database(self.url, without_tls_because=self.without_tls_because, erasure_key=self.erasure_key)
