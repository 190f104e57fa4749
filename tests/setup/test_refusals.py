"""The connection itself: not there, refused as a whole, or about to end. Judged on what a look at the healthy office saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestration.errors import (
    FluintError,
    MissingFieldError,
    NeedsReconnectError,
    ObjectUnavailableError,
    QuotaReachedError,
    SetupError,
    TransientError,
)
from orchestration.salesforce.api_meanings import MOVED
from orchestration.salesforce.responses import Ask, Refusal, error_for, sign_in_error
from orchestration.salesforce.sign_in_meanings import SIGN_IN
from orchestration.salesforce.troubleshooting import catalogue
from orchestration.setup.outcome import Outcome
from orchestration.setup.report import judge
from orchestration.setup.seen import SalesforceSeen, Seen
from orchestration.setup.texts import TEXTS
from orchestration.setup.texts.form import OPERATOR
from tests.setup.clinic import Healthy, answer_of, unwell

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "words", "held"),
    [("not_connected", "is not connected", None), ("not_connected", "is not connected", "disconnected"),
     ("grant_ended", "Salesforce has ended the connection", "needs_reconnect")],
)  # fmt: skip
def test_a_connection_that_is_not_there_is_the_first_thing_that_is_told(
    healthy: Healthy, code: str, words: str, held: str | None
) -> None:
    """Thirty items that could not be tested, and the one that would let them be somewhere among them."""
    assert healthy.fluint.connection is not None
    connection = None if held is None else replace(healthy.fluint.connection, state=held, reason="revoked")
    error = NeedsReconnectError("The grant was revoked.")
    finding = healthy.finding("connection", code, refused=error, org=error, fluint={"connection": connection})
    assert words in finding.seen
    assert "`fluint connect`" in finding.step
    assert finding.outcome is Outcome.STOPS
    untold = healthy.finding(
        "api_access", "not_asked", refused=error, org=error, fluint={"connection": connection}
    )
    assert ("there is no connection" in untold.seen) is (code == "not_connected")


def test_a_dead_grant_is_told_by_what_refused_the_newest_sign_in(healthy: Healthy) -> None:
    """The reason of the end may be long mended; what a person meets now is another one."""
    assert healthy.fluint.connection is not None
    blocked = sign_in_error("OAUTH_APP_BLOCKED", "this app is blocked by admin", "https://acme")
    held = replace(healthy.fluint.connection, state="needs_reconnect", reason=str(blocked))
    error = NeedsReconnectError(f"The connection to Salesforce no longer works: {blocked}")
    finding = healthy.finding(
        "app_permitted", "app_blocked", refused=error, org=error, apps=error, fluint={"connection": held}
    )
    assert "› Unblock" in finding.step


def test_another_org_than_the_database_belongs_to_is_told_apart(healthy: Healthy) -> None:
    """Two orgs in one set of tables cannot be told apart afterwards."""
    other = replace(healthy.salesforce.org, id="00DQy000000000XMAQ")  # type: ignore[type-var]
    finding = healthy.finding("connection", "other_org", org=other)
    assert "00DQy000000000XMAQ" in finding.seen


def test_a_token_that_was_renewed_proves_what_the_policy_does_not_tell(healthy: Healthy) -> None:
    """An External Client App hides its policy: whoever runs for weeks must not read `could not be tested` for ever."""
    assert healthy.fluint.connection is not None
    since = healthy.fluint.connection.connected_at
    renewed = replace(healthy.fluint.connection, refreshed_at=since + timedelta(hours=3))
    seen = Seen(
        replace(healthy.salesforce, apps=(), may_approve_apps=True),
        replace(healthy.fluint, connection=renewed),
    )
    assert unwell(judge(seen, NOW, {})) == {}


def test_a_connection_that_rested_is_told_before_the_usual_policies_end_it(healthy: Healthy) -> None:
    """Where the policy cannot be seen, the thirtieth day would be the first sign of it."""
    assert healthy.fluint.connection is not None
    rested = replace(healthy.fluint.connection, refreshed_at=healthy.fluint.now - timedelta(days=24))
    finding = healthy.finding(
        "refresh_token_policy",
        "token_was_idle",
        apps=(),
        may_approve_apps=True,
        fluint={"connection": rested},
    )
    assert f"since {rested.refreshed_at:%Y-%m-%d}" in finding.seen
    assert (finding.outcome, finding.who) == (Outcome.ADVICE, OPERATOR)


def test_an_app_that_signs_in_by_itself_has_no_refresh_token_that_could_end(healthy: Healthy) -> None:
    """A policy for tokens that this workspace does not have would be a red check for ever, and no click turns it green."""
    assert healthy.fluint.connection is not None
    assert not isinstance(healthy.salesforce.apps, Exception)
    alone = replace(healthy.fluint.connection, has_refresh_token=False)
    strict = tuple(replace(app, period=30) for app in healthy.salesforce.apps)
    strictly = replace(healthy.salesforce, apps=strict)
    judged = judge(Seen(strictly, replace(healthy.fluint, connection=alone)), NOW, {})
    assert unwell(judged) == {}
    assert "without a person" in answer_of(judged, "refresh_token_policy").seen
    assert unwell(judge(Seen(strictly, healthy.fluint), NOW, {})) == {"refresh_token_policy": Outcome.STOPS}


def _refusals() -> Iterator[Any]:
    """Every refusal of the catalogue that is not about one object, field or record: it can be that of a whole connection."""
    for entry in catalogue():
        code = entry.codes[0] if entry.codes else ""
        if entry in SIGN_IN:
            error = sign_in_error(code, entry.words, "https://acme")
        else:
            refusal = Refusal(302 if entry is MOVED else 403, code, entry.words)
            error = error_for(refusal, Ask("query", "Organization"), NOW)
        if isinstance(error, SetupError | TransientError | QuotaReachedError) and not isinstance(
            error, ObjectUnavailableError | MissingFieldError
        ):
            yield pytest.param(error, id=f"{code or 'moved'} {entry.words}".strip())


@pytest.mark.parametrize("error", list(_refusals()))
def test_whatever_refuses_everything_is_told_by_one_item(healthy: Healthy, error: FluintError) -> None:
    """Thirty items that could not be tested, `mend what stops the sync first`, and nothing that says what does."""
    refused = {
        f.name: error for f in fields(SalesforceSeen) if f.name not in ("user_id", "usage", "describes")
    }
    describes = dict.fromkeys(healthy.salesforce.describes, error)
    seen = Seen(replace(healthy.salesforce, **refused, describes=describes), healthy.fluint)
    told = [
        finding.key
        for answer in judge(seen, NOW, {}).answers
        for finding in answer.findings
        if finding.key.partition(":")[0] not in ("not_asked", "not_visible")
    ]
    assert len(told) == 1, told
    reason = str(error).partition(" (Salesforce")[0]
    assert TEXTS[told[0]].outcome in (Outcome.STOPS, Outcome.UNTESTED)
    assert "{reason}" not in TEXTS[told[0]].seen or reason in str(judge(seen, NOW, {}).as_dict())
