"""An installation in which something is not set: its runs end with the text that names it."""

from __future__ import annotations

import dagster as dg
import pytest

from orchestration.definitions import build_definitions
from orchestration.settings import Settings
from tests.dagster.house import QUIET, failure

# Of several that are not set, the one is named whose resource Dagster happens to open first.
NOT_SET = {"FLUINT_DATABASE_URL", "FLUINT_ENCRYPTION_KEY"}


OTHERS = (
    "upload_documents_job", "list_missing_job", "reread_columns_job", "reconcile_salesforce_job", "check_documents_job",
    "build_models_job",
)  # fmt: skip


@pytest.mark.parametrize(
    "job",
    [
        "sync_salesforce_job",
        "check_setup_job",
        *(pytest.param(job, marks=pytest.mark.slow) for job in OTHERS),
    ],
)
def test_a_run_for_which_something_is_not_set_names_the_setting_on_top(job: str) -> None:
    """`DagsterResourceFunctionError: Error executing resource_fn` sends an admin to an engineer."""
    definitions = build_definitions(Settings())
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance, raise_on_error=False, run_config=QUIET
        )
    assert not result.success
    texts = failure(result).splitlines()
    assert texts
    assert {text.partition(" is not set")[0] for text in texts} <= NOT_SET
