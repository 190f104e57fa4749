"""How a run ends that could not do its work: what stands on top, what is tried again, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from orchestration.assets.reports import TRIED_AGAIN, told_as_failure
from orchestration.errors import BugError, QuotaReachedError, Remedy, SetupError, TransientError
from orchestration.jobs import BUILD_MODELS
from tests.dagster.house import House, failure

SECRET = "a name from a record"


def tries(result: dg.ExecuteInProcessResult) -> int:
    """How often the step `salesforce` was begun."""
    begun = ("STEP_START", "STEP_RESTARTED")
    return sum(e.event_type_value in begun and e.step_key == "salesforce" for e in result.all_events)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_fails_for_the_moment_is_tried_once_more_and_set_up_never(house: House) -> None:
    """A blip of ten seconds that fails a night's run; or a permission that is asked for again and again."""
    house.run("list_missing_job")
    org = house.bench.org
    org.admin("POST", "/faults", {"kind": "unavailable_html", "path": ".*/composite", "times": 4})
    blip = house.run("sync_salesforce_job")
    assert blip.success, failure(blip)
    assert tries(blip) == 2
    org.admin("DELETE", "/faults")
    org.admin("PATCH", "/switches", {"api_enabled_for_org": False})
    refused = house.run("sync_salesforce_job")
    assert not refused.success
    assert tries(refused) == 1
    text = failure(refused)
    user = house.bench.client.identity().user_id
    assert text.startswith("user, opportunity_stage, record_type, opportunity"), text
    assert text.count("\n") == 0
    assert f"the integration user ({user})" in text
    assert "Setup › Permission Sets › System Permissions" in text
    assert "Traceback" not in text
    (data,) = [event.step_failure_data for event in refused.all_events if event.is_step_failure]
    assert data.user_failure_data is not None
    told = {name: value.value for name, value in data.user_failure_data.metadata.items()}
    assert told["opportunity remedy"] == "fix the set-up"
    assert told["opportunity code"] == "API_DISABLED_FOR_ORG"


@pytest.mark.slow
def test_a_dead_connection_is_shown_by_a_run_and_not_by_a_tick_that_fails(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick's error is a traceback in a place where nobody looks; a run's text is on top, and it rests between two of them."""
    # Longer than a minute, which the build below may take on a busy machine.
    monkeypatch.setattr("orchestration.sensors.runs.rest_after", lambda _: timedelta(days=1))
    with house.bench.database.transaction() as connection:
        connection.execute(
            "update fluint_sync.connection set state = 'needs_reconnect', reason = 'It was revoked.'"
        )
    (request,) = house.tick("salesforce_changes_sensor").run_requests
    result = house.run(request.job_name)
    assert not result.success
    assert "It was revoked." in failure(result)
    assert "fluint connect" in failure(result)
    assert tries(result) == 1
    assert house.run(BUILD_MODELS).success  # the address of this house's org is new to the marts
    skipped = house.tick("salesforce_changes_sensor")
    assert not skipped.run_requests
    assert "It was revoked." in skipped.skip_message


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (TransientError("for the moment"), True),
        (SetupError("a person must act"), False),
        (BugError("ours"), False),
        (QuotaReachedError("later", until=datetime.now(UTC)), False),
        (KeyError(SECRET), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_step_ends_with_our_text_and_is_tried_again_only_where_that_may_help(
    error: Exception, is_tried_again: bool
) -> None:
    """Retried at once, what a person must mend fails twice as often and is mended no sooner."""
    with pytest.raises(dg.Failure) as caught, told_as_failure():
        raise error
    assert caught.value.allow_retries is is_tried_again
    assert caught.value.description
    assert SECRET not in f"{caught.value.description}{caught.value.__cause__}"
    assert TRIED_AGAIN.max_retries == 1


def test_a_bug_names_its_place_and_keeps_what_a_record_may_hold_to_itself() -> None:
    """'KeyError' alone cannot be reported; its message may be a person's name."""
    with (
        pytest.raises(dg.Failure, match=r"KeyError, in broken \(test_failures\.py, line \d+\)") as caught,
        told_as_failure(),
    ):
        broken()
    cause = caught.value.__cause__
    assert isinstance(cause, BugError)
    assert cause.remedy is Remedy.BUG
    assert cause.__traceback__ is not None


def broken() -> None:
    """Fails as a library would."""
    raise KeyError(SECRET)
