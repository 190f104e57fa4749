"""dbt in process: what is built, how views are deployed, and how far the marts are behind.

`project` knows the files, `dbt` runs them against one database, `assets` speaks Dagster. Only `assets` imports dagster-dbt, because
that takes a second; SQL that makes tables belongs to dbt_project/.
"""

from orchestration.modelling.dbt import Dbt, marts_are_behind
from orchestration.modelling.project import prepare

__all__ = ["Dbt", "marts_are_behind", "prepare"]
