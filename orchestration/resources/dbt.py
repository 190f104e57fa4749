"""dbt against the workspace's database as a resource."""

import dagster as dg

from orchestration.modelling import Dbt
from orchestration.postgres.connection import Database


class DbtResource(dg.ConfigurableResource[Dbt]):
    """Gives the dbt project against the database; `in_process=False` starts dbt's command instead (slower)."""

    database: dg.ResourceDependency[Database]
    in_process: bool = True

    def create_resource(self, context: dg.InitResourceContext) -> Dbt:
        """Makes the object; imports no dbt and opens no connection."""
        return Dbt(self.database, in_process=self.in_process)
