"""What Dagster is told of a sync: one object's fault stays its own, and only counts and times leave the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from orchestration.assets.modes import Mode, keys_were_read, mode_of
from orchestration.assets.reports import COLUMNS, IS_CURRENT, events, raw_key, told_as_failure
from orchestration.errors import (
    MissingFieldError,
    NeedsReconnectError,
    ObjectUnavailableError,
    QuotaReachedError,
    TransientSalesforceError,
)
from orchestration.sync.column_states import Columns, ColumnState
from orchestration.sync.objects import Need
from orchestration.sync.options import Counts, ObjectReport

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HIDDEN = MissingFieldError("Contact.LastName is hidden.", code="INVALID_FIELD", request_id="42")
DOWN = TransientSalesforceError("Salesforce is down.")
QUOTA = QuotaReachedError("80 % of today's calls are used.", until=NOON)


def _told(*reports: ObjectReport, of_months: bool = False) -> tuple[list[Any], dg.Failure | None]:
    told = []
    try:
        for event in events(lambda: reports, "changes", of_months=of_months):
            told.append(event)
    except dg.Failure as failure:
        return told, failure
    return told, None


def _materialized(told: list[Any]) -> set[str]:
    return {event.asset_key.path[-1] for event in told if isinstance(event, dg.MaterializeResult)}


def test_an_object_that_fails_is_not_materialized_and_the_others_are() -> None:
    """One hidden field that stops seven objects (lesson of every connector that stops at the first error)."""
    told, failure = _told(
        ObjectReport("opportunity"), ObjectReport("contact", error=HIDDEN), ObjectReport("email_message")
    )
    assert _materialized(told) == {"opportunity", "email_message"}
    red = [e for e in told if isinstance(e, dg.AssetCheckResult) and e.check_name == IS_CURRENT]
    assert [(check.asset_key, check.passed, check.description) for check in red] == [
        (raw_key("contact"), False, "Contact.LastName is hidden.")
    ]
    assert failure is not None
    assert failure.description == "contact: Contact.LastName is hidden."
    assert {name: value.value for name, value in failure.metadata.items()} == {
        "contact remedy": "fix the set-up",
        "contact code": "INVALID_FIELD",
        "contact request id": "42",
    }


@pytest.mark.parametrize(("error", "may_retry"), [(HIDDEN, False), (DOWN, True)])
def test_a_set_up_fault_is_never_retried(error: Any, may_retry: bool) -> None:
    """A hidden field that is retried is as hidden as before, 5,363 times."""
    _, failure = _told(ObjectReport("contact", error=error))
    assert failure is not None
    assert failure.allow_retries is may_retry


def test_an_error_before_the_first_object_ends_the_step_with_its_text() -> None:
    """A person who must reconnect should not have to find that below a traceback."""

    def read() -> list[ObjectReport]:
        raise NeedsReconnectError("A Salesforce admin connects again.")

    with pytest.raises(dg.Failure) as failed, told_as_failure():
        list(events(read, "changes", of_months=False))
    assert failed.value.description == "A Salesforce admin connects again."


def test_a_deferred_object_is_materialized_as_incomplete_and_its_check_warns() -> None:
    """Reaching the API allowance is no failure; what was read must be modelled, and people must see that it is not all."""
    told, failure = _told(ObjectReport("opportunity", error=QUOTA, data_as_of=NOON))
    assert failure is None
    metadata = {name: value.value for name, value in told[0].metadata.items()}
    assert (metadata["complete"], metadata["deferred_until"]) == (False, NOON.timestamp())
    check, _ = told[0].check_results
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_months_that_were_deferred_are_not_shown_as_read() -> None:
    """Dagster cannot take a month back."""
    told, failure = _told(ObjectReport("opportunity", error=QUOTA), ObjectReport("contact"), of_months=True)
    assert _materialized(told) == {"contact"}
    assert failure is None


def test_metadata_holds_counts_and_times_only() -> None:
    """What enters Dagster's log cannot be erased again."""
    counts = Counts(read=5, inserted=1, updated=2, tombstoned=1)
    told, _ = _told(ObjectReport("contact", counts, pending=1, data_as_of=NOON))
    assert {name: value.value for name, value in told[0].metadata.items()} == {
        "read": 5,
        "inserted": 1,
        "updated": 2,
        "tombstoned": 1,
        "characters left out": 0,
        "pending": 1,
        "mode": "changes",
        "complete": True,
        "data_as_of": NOON.timestamp(),
    }


def test_characters_that_were_left_out_are_told() -> None:
    """airbyte#8300: a text that lost a character, and nobody who could know."""
    told, _ = _told(ObjectReport("email_message", Counts(read=5, cleaned=3)))
    assert told[0].metadata["characters left out"].value == 3
    assert "3 characters that Postgres cannot hold" in told[0].metadata["notes"].value


def test_an_object_that_the_org_lacks_warns_and_fails_nothing() -> None:
    """An org without mail whose every run is red; while deals that nobody may read must stay a failure."""
    absent = ObjectUnavailableError("EmailMessage is not there.")
    told, failure = _told(ObjectReport("opportunity"), ObjectReport("email_message", error=absent))
    assert failure is None
    assert _materialized(told) == {"opportunity"}
    check = next(e for e in told if isinstance(e, dg.AssetCheckResult))
    assert (check.passed, check.severity, check.description) == (
        False,
        dg.AssetCheckSeverity.WARN,
        "EmailMessage is not there.",
    )
    _, failure = _told(ObjectReport("opportunity", error=absent))
    assert failure is not None


def test_a_stale_column_warns_with_the_permission_and_what_the_org_never_had_does_not() -> None:
    """SFDX-Data-Move-Utility#793: "check your permissions", or a check that is yellow in every org with one currency."""
    hidden = ColumnState("NextStep", "next_step", Need.OURS, "hidden", NOON, was_seen=True)
    never = ColumnState("CurrencyIsoCode", "currency_iso_code", Need.OURS, "removed", NOON, was_seen=False)
    change = ("NextStep", "hidden", "string", None, NOON)
    results = []
    for states in ((hidden, never), (never,)):
        told, _ = _told(ObjectReport("opportunity", columns=Columns(states, (change,))))
        results.append(next(c for c in told[0].check_results if c.check_name == COLUMNS))
    assert [result.passed for result in results] == [False, True]
    assert {result.severity for result in results} == {dg.AssetCheckSeverity.WARN}
    assert "CurrencyIsoCode" not in results[0].description
    for words in (
        "Opportunity.NextStep",
        "since 2026-05-04 12:00 UTC",
        "grants Read on Opportunity.NextStep",
        "permission set",
    ):
        assert words in results[0].description
    assert [record.data["field"] for record in results[0].metadata["changes of a week"].records] == [
        "NextStep"
    ]


def test_a_run_without_tags_follows_changes_and_reads_the_keys_itself() -> None:
    """Somebody clicked Materialize: that must not list the whole org, nor trust a tick that never was."""
    assert mode_of({}) is Mode.CHANGES
    assert not keys_were_read({})
    assert mode_of({"fluint/mode": "history"}) is Mode.HISTORY
    with pytest.raises(ValueError, match="hurry"):
        mode_of({"fluint/mode": "hurry"})
