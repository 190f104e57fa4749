"""What a sensor decides from runs and keys: who waits, who rests, what is started. No org and no Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.test_utils import create_run_for_test

from orchestration.assets.documents import LINGERS, STARTED_BY_SENSOR, lingers
from orchestration.assets.reports import is_current, raw_key
from orchestration.errors import MissingFieldError, QuotaReachedError
from orchestration.sensors.runs import deferred_until, rest_after, rests_until, unfinished_run
from orchestration.sensors.salesforce_changes import _answer_changes, _answer_errors, answer
from orchestration.sync.changes import KeysOutcome

JOB = "list_missing_job"
HIDDEN = MissingFieldError("Contact.LastName is hidden.")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in which nothing has run."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _ended(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, job: str = JOB, **tags: str
) -> DagsterRun:
    run = create_run_for_test(instance, job_name=job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    event = {
        dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterRunStatus.SUCCESS: dg.DagsterEventType.RUN_SUCCESS,
    }[status]
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=event.value, job_name=job), run_id=run.run_id
    )
    return run


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
def test_a_run_that_has_not_ended_is_found(instance: dg.DagsterInstance, status: str) -> None:
    """Two runs for one difference; or a queue that grows by one run at every tick."""
    run = create_run_for_test(instance, job_name=JOB, status=dg.DagsterRunStatus(status))
    assert unfinished_run(instance, ["another_job", JOB]) == run.run_id
    assert unfinished_run(instance, ["another_job"]) is None


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "CANCELED"])
def test_a_run_that_ended_holds_up_nothing(instance: dg.DagsterInstance, status: str) -> None:
    """A failed run that blocks its sensor for ever."""
    create_run_for_test(instance, job_name=JOB, status=dg.DagsterRunStatus(status))
    assert unfinished_run(instance, [JOB]) is None


def test_rests_grow_with_failures_and_end_with_a_success(instance: dg.DagsterInstance) -> None:
    """1,600 token requests in 38 minutes (airbyte PR#82784): a fault that a person must mend, tried again at every tick."""
    assert rests_until(instance, JOB) is None
    for failures in (1, 2, 3):
        _ended(instance, dg.DagsterRunStatus.FAILURE)
        until = rests_until(instance, JOB)
        assert until is not None
        rest = until - datetime.now(UTC)
        assert rest_after(failures) / 2 < rest <= rest_after(failures)
    _ended(instance, dg.DagsterRunStatus.SUCCESS)
    assert rests_until(instance, JOB) is None
    assert rest_after(50) == timedelta(hours=1)


def test_a_run_that_left_the_difference_as_it_was_rests_like_a_failed_one(
    instance: dg.DagsterInstance,
) -> None:
    """A difference that cannot be closed and reopens at every tick: a run every 30 seconds for ever (R10)."""
    tags = {"fluint/missing_owners": "3"}
    _ended(instance, dg.DagsterRunStatus.SUCCESS, **tags)
    assert rests_until(instance, JOB, same=tags) is not None
    assert rests_until(instance, JOB, same={"fluint/missing_owners": "2"}) is None


def test_a_deferral_is_read_from_the_check_although_a_month_was_reported_since(
    instance: dg.DagsterInstance,
) -> None:
    """The month is the asset's last materialization and knows nothing of the deferral: a run at every tick till midnight."""
    until = datetime(2026, 5, 5, tzinfo=UTC)
    key = raw_key("opportunity")
    assert deferred_until(instance, is_current("opportunity")) is None
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name="is_current",
            passed=False,
            metadata={"deferred_until": dg.MetadataValue.timestamp(until)},
        )
    )
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition="2024-01-01"))
    assert deferred_until(instance, is_current("opportunity")) == until


@pytest.mark.parametrize(("tags", "seconds"), [({STARTED_BY_SENSOR: "1"}, LINGERS), ({}, 0.0)])
def test_only_a_run_that_the_sensor_started_waits_for_the_next_document(
    tags: dict[str, str], seconds: float
) -> None:
    """Whoever clicks, and the demo, would wait for nothing."""
    assert lingers(tags) == seconds


CHANGES = dg.RunRequest(job_name="sync_salesforce_job")


@pytest.mark.parametrize(
    ("changes", "behind", "last_failed", "started"),
    [
        (None, False, False, None),
        (dg.SkipReason("resting"), False, True, None),
        (CHANGES, False, True, ["sync_salesforce_job"]),
        (CHANGES, True, True, ["sync_salesforce_job", "build_models_job"]),
        (CHANGES, True, False, ["sync_salesforce_job"]),
        (dg.SkipReason("resting"), True, True, ["build_models_job"]),
        (None, True, False, ["build_models_job"]),
    ],
)
def test_marts_that_were_left_behind_are_built_by_one_run(
    instance: dg.DagsterInstance,
    changes: dg.RunRequest | dg.SkipReason | None,
    behind: bool,
    last_failed: bool,
    started: list[str] | None,
) -> None:
    """One object that fails for days: every sync ends before it models. And beside a backfill two runs a tick, of which the second
    keeps the next tick from looking."""
    last = dg.DagsterRunStatus.FAILURE if last_failed else dg.DagsterRunStatus.SUCCESS
    _ended(instance, last, "sync_salesforce_job")
    told = answer(instance, changes, behind)
    if started is None:
        assert isinstance(told, dg.SkipReason)
    else:
        assert isinstance(told, dg.SensorResult)
        assert [request.job_name for request in told.run_requests or []] == started


def test_changes_start_a_run_that_does_not_ask_for_the_keys_again() -> None:
    """A changed interval would cost two calls in place of one."""
    request = _answer_changes(KeysOutcome(pending=2))
    assert isinstance(request, dg.RunRequest)
    assert (request.job_name, request.tags) == ("sync_salesforce_job", {"fluint/keys": "read"})
    assert _answer_changes(KeysOutcome()) is None


@pytest.mark.parametrize(
    "outcome",
    [KeysOutcome(left_to_run=("email_message",)), KeysOutcome(pending=1, errors={"contact": HIDDEN})],
    ids=["too many pages", "one object failed"],
)
def test_what_a_tick_did_not_read_is_read_by_the_run(outcome: KeysOutcome) -> None:
    """A run that trusts the tick would pass over the objects that the tick gave up on."""
    request = _answer_changes(outcome)
    assert isinstance(request, dg.RunRequest)
    assert request.tags == {}


def test_a_fault_is_shown_by_a_run_once_and_then_rests(instance: dg.DagsterInstance) -> None:
    """A fault that only a tick knows of is seen by nobody; one that starts a run every minute hides all others."""
    outcome = KeysOutcome(errors={"contact": HIDDEN})
    assert isinstance(_answer_errors(instance, outcome), dg.RunRequest)
    run = create_run_for_test(instance, job_name="sync_salesforce_job", status=dg.DagsterRunStatus.STARTED)
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value="PIPELINE_FAILURE", job_name="sync_salesforce_job"), run.run_id
    )
    rests = _answer_errors(instance, outcome)
    assert isinstance(rests, dg.SkipReason)
    assert "Contact.LastName is hidden." in str(rests.skip_message)


def test_a_deferral_is_shown_by_one_run_and_waited_for(instance: dg.DagsterInstance) -> None:
    """Runs that each find the allowance used up, every minute until midnight."""
    until = datetime.now(UTC) + timedelta(hours=3)
    outcome = KeysOutcome(errors={"opportunity": QuotaReachedError("80 % are used.", until=until)})
    assert isinstance(_answer_errors(instance, outcome), dg.RunRequest)
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=raw_key("opportunity"),
            check_name="is_current",
            passed=False,
            metadata={"deferred_until": dg.MetadataValue.timestamp(until)},
        )
    )
    assert isinstance(_answer_errors(instance, outcome), dg.SkipReason)
