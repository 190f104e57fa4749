"""An installation in which something is not set: its runs end with the text that names it."""

from __future__ import annotations

import dagster as dg
import pytest

from orchestration.definitions import build_definitions
from orchestration.settings import Settings
from tests.dagster.house import QUIET, failure


@pytest.mark.parametrize(
    ("job", "variable"),
    [
        ("sync_salesforce_job", "FLUINT_DATABASE_URL"),
        pytest.param("upload_documents_job", "FLUINT_ENCRYPTION_KEY", marks=pytest.mark.slow),
    ],
)
def test_a_run_for_which_something_is_not_set_names_the_setting_on_top(job: str, variable: str) -> None:
    """`DagsterResourceFunctionError: Error executing resource_fn` sends an admin to an engineer."""
    definitions = build_definitions(Settings())
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance, raise_on_error=False, run_config=QUIET
        )
    assert not result.success
    texts = failure(result).splitlines()
    assert texts
    assert {text.partition(" is not set")[0] for text in texts} == {variable}
