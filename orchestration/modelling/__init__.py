"""dbt in process: what is built, how views are deployed, and how far the marts are behind.

`project` knows the files, `specs` what they are in Dagster, `dbt` runs them against one database, `assets` does so within a step. Only
`assets` imports dagster-dbt, because that takes two seconds; SQL that makes tables belongs to dbt_project/.
"""

from orchestration.modelling.dbt import Dbt, marts_are_behind
from orchestration.modelling.project import prepare

__all__ = ["Dbt", "marts_are_behind", "prepare"]
