"""What is read of a Dagster instance: signs of life, who was stopped by hand, how often a job failed and what it said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo

from orchestration import jobs
from orchestration.assets.reports import failure
from orchestration.definitions import build_definitions
from orchestration.errors import NeedsReconnectError, SetupError, TransientError
from orchestration.sensors.instance import dagster_facts, has_failed_runs
from orchestration.settings import Settings
from orchestration.status.facts import DagsterFacts, JobRuns


@cache
def known() -> tuple[dg.SensorDefinition, ...]:
    """The sensors of a workspace."""
    return tuple(build_definitions(Settings()).sensors or ())


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in which nothing has run."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def kept() -> Iterator[dg.DagsterInstance]:
    """One that keeps states of sensors, which takes seconds to make."""
    with dg.instance_for_test() as made:
        yield made


def seen(instance: dg.DagsterInstance) -> DagsterFacts:
    """The facts of the instance, with the sensors of a workspace."""
    return dagster_facts(instance, known())


def runs_of(instance: dg.DagsterInstance, job: str) -> JobRuns:
    """The runs of one job."""
    (found,) = [each for each in seen(instance).jobs if each.job == job]
    return found


def ended(instance: dg.DagsterInstance, kind: dg.DagsterEventType) -> DagsterRun:
    """A run of the sync that ended so."""
    run = create_run_for_test(instance, job_name=jobs.SYNC_SALESFORCE, status=dg.DagsterRunStatus.STARTED)
    instance.report_dagster_event(dg.DagsterEvent(kind.value, jobs.SYNC_SALESFORCE), run_id=run.run_id)
    return run


def test_an_instance_in_which_nothing_ran_knows_what_there_is_and_no_daemon(
    instance: dg.DagsterInstance,
) -> None:
    """Before the first start of the daemon nobody has written a state for a sensor."""
    found = seen(instance)
    assert found.daemon_seen_at is None
    names = {each.name: each for each in found.automations}
    assert {"salesforce_changes_sensor", "pending_documents_sensor", "check_status_schedule"} <= set(names)
    assert all(each.is_on and each.last_tick is None for each in found.automations)
    coming = names["check_setup_schedule"].next_at
    assert coming is not None
    assert timedelta(0) < coming - datetime.now(UTC) <= timedelta(days=1)
    looks = found.looks_for("changes")
    assert looks is not None
    assert (looks.every, looks.next_at) == (timedelta(minutes=1), None)
    assert {each.role for each in found.jobs} == {"changes", "history", "models", "upload", "other"}


def test_a_daemon_lives_as_long_as_all_that_it_cannot_do_without(instance: dg.DagsterInstance) -> None:
    """A daemon whose sensor thread hangs goes on with its other heartbeats."""
    now = datetime.now(UTC)
    beats = {"SENSOR": 600, "SCHEDULER": 5, "QUEUED_RUN_COORDINATOR": 7}
    for name, seconds in beats.items():
        assert seen(instance).daemon_seen_at is None
        at = (now - timedelta(seconds=seconds)).timestamp()
        instance.add_daemon_heartbeat(DaemonHeartbeat(at, name, "one"))
    found = seen(instance).daemon_seen_at
    assert found is not None
    assert abs(now - found - timedelta(minutes=10)) < timedelta(seconds=1)


def test_failures_are_counted_back_to_the_last_success(instance: dg.DagsterInstance) -> None:
    """'It failed' tells nobody whether it fails since a minute or since Friday."""
    ended(instance, dg.DagsterEventType.RUN_FAILURE)
    ended(instance, dg.DagsterEventType.RUN_SUCCESS)
    first = ended(instance, dg.DagsterEventType.RUN_FAILURE)
    last = ended(instance, dg.DagsterEventType.RUN_FAILURE)
    waits = create_run_for_test(
        instance, job_name=jobs.SYNC_SALESFORCE, status=dg.DagsterRunStatus.NOT_STARTED
    )
    found = runs_of(instance, jobs.SYNC_SALESFORCE)
    assert (found.failures, found.run_id, found.status) == (2, last.run_id, "FAILURE")
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[first.run_id]))
    assert found.failing_since == datetime.fromtimestamp(record.end_time or 0, UTC)
    assert (found.unfinished_id, found.unfinished_status) == (waits.run_id, "NOT_STARTED")
    assert found.unfinished_since is not None
    assert abs(datetime.now(UTC) - found.unfinished_since) < timedelta(minutes=5)


def test_the_text_of_a_failure_is_our_own_and_cut_to_what_can_be_read(instance: dg.DagsterInstance) -> None:
    """A traceback in a status line hides the sentence."""

    @dg.op
    def fails() -> None:
        raise dg.Failure("user: Access Activities is missing. " + "x" * 5000)

    @dg.job(name=jobs.LIST_MISSING)
    def job() -> None:
        fails()

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job.execute_in_process(instance=instance, raise_on_error=False, run_config=quiet)
    found = runs_of(instance, jobs.LIST_MISSING)
    assert found.failures == 1
    assert found.error is not None
    assert found.error.startswith("user: Access Activities is missing.")
    assert len(found.error) == 1000


@pytest.mark.parametrize(
    ("error", "says", "must_reconnect"),
    [
        (failure({"user": NeedsReconnectError("It was revoked.")}), "user: It was revoked.", True),
        (failure({"user": TransientError("Salesforce was away.")}), "user: Salesforce was away.", False),
        (ValueError("a name from a record"), "Its log in Dagster says more.", False),
        (SetupError("FLUINT_DATABASE_URL is not set."), "FLUINT_DATABASE_URL is not set.", False),
    ],
)
def test_a_failed_run_says_what_is_ours_to_say_and_whether_somebody_must_connect_again(
    instance: dg.DagsterInstance, error: Exception, says: str, *, must_reconnect: bool
) -> None:
    """A library's text may quote a record, and an alert leaves the house; what a dead grant failed is no incident of its own."""

    @dg.op
    def fails() -> None:
        raise error

    @dg.job(name=jobs.CHECK_MODELS)
    def job() -> None:
        fails()

    assert not has_failed_runs(instance)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job.execute_in_process(instance=instance, raise_on_error=False, run_config=quiet)
    found = runs_of(instance, jobs.CHECK_MODELS)
    assert (found.error, found.must_reconnect) == (says, must_reconnect)
    assert has_failed_runs(instance)


def test_what_a_person_stopped_is_told_from_what_is_on_and_the_last_look_that_ended_counts(
    kept: dg.DagsterInstance,
) -> None:
    """A sensor stopped for an afternoon's maintenance is forgotten by the evening; one that is looking right now has not failed."""
    looked = datetime.now(UTC) - timedelta(seconds=20)
    left_by(kept, "salesforce_changes_sensor", InstigatorStatus.DECLARED_IN_CODE, looked, "fluint")
    left_by(
        kept, "salesforce_changes_sensor", InstigatorStatus.STOPPED, looked - timedelta(days=9), "earlier"
    )
    left_by(kept, "pending_documents_sensor", InstigatorStatus.STOPPED, looked, "fluint")
    began = looked + timedelta(seconds=15)
    for status, at in (
        (TickStatus.FAILURE, looked - timedelta(seconds=20)),
        (TickStatus.SKIPPED, looked),
        (TickStatus.STARTED, began),
    ):
        tick(kept, "salesforce_changes_sensor", status, at)
    found = seen(kept)
    changes, upload = found.looks_for("changes"), found.looks_for("upload")
    assert changes is not None
    assert upload is not None
    assert (changes.is_on, changes.last_tick, upload.is_on) == (True, "SKIPPED", False)
    assert (changes.last_tick_at, changes.next_at) == (began, began + timedelta(minutes=1))


def origin(name: str, location: str) -> RemoteInstigatorOrigin:
    """Where the daemon finds a sensor."""
    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=1, location_name=location)
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(server, "__repository__"), name)


def left_by(
    instance: dg.DagsterInstance, name: str, status: InstigatorStatus, looked: datetime, location: str
) -> None:
    """The state of a sensor as a daemon, or a person, leaves it."""
    data = SensorInstigatorData(last_tick_start_timestamp=looked.timestamp())
    state = InstigatorState(origin(name, location), InstigatorType.SENSOR, status, data)
    instance.add_instigator_state(state)


def tick(instance: dg.DagsterInstance, name: str, status: TickStatus, at: datetime) -> None:
    """One look of a sensor."""
    of = InstigatorState(origin(name, "fluint"), InstigatorType.SENSOR, InstigatorStatus.RUNNING, None)
    instance.create_tick(
        TickData(
            instigator_origin_id=of.instigator_origin_id,
            instigator_name=name,
            instigator_type=InstigatorType.SENSOR,
            status=status,
            timestamp=at.timestamp(),
            selector_id=of.selector_id,
            error=SerializableErrorInfo("it failed", [], None) if status is TickStatus.FAILURE else None,
        )
    )
