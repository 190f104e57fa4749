"""What opens and what ends an incident, and what people are told of it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.alerts.incidents import QUIET, TOLD_AGAIN, Incident, Sighting, decide
from orchestration.alerts.ledger import Alert
from orchestration.alerts.messages import message, trial

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
DEAD = Sighting("connection", "needs_reconnect", "It was revoked.")
STALE = Sighting("data", "stale", "Data is old.")
FAILED = Sighting("runs.sync_salesforce_job", "setup", "It failed.")
FOLLOWS = Sighting("runs.list_missing_job", "fails", "It failed.", follows=True)
GIVEN_UP = Sighting("uploads", "given_up", "Two were given up.", latest=NOW - timedelta(hours=1))
OLD_ONE = Sighting("uploads", "given_up", "One was given up.", latest=NOW - timedelta(days=9))


def _open(
    sighting: Sighting, *, seen: timedelta = timedelta(), since: timedelta = timedelta(hours=3)
) -> Incident:
    return Incident(7, sighting.subject, sighting.cause, sighting.text, NOW - since, NOW - seen)


@pytest.mark.parametrize(
    ("held", "sightings", "opened", "closed"),
    [
        pytest.param([], [FAILED], [FAILED], [], id="something new opens"),
        pytest.param([_open(FAILED)], [FAILED], [], [], id="what lasts is told once"),
        pytest.param([_open(FAILED, seen=QUIET)], [], [], [7], id="what is gone for a while ends"),
        pytest.param([_open(FAILED, seen=QUIET / 2)], [], [], [], id="what was just so may come back"),
        pytest.param([_open(FAILED, seen=2 * QUIET)], [FAILED], [], [], id="nobody looked for an hour, and it is still so"),
        pytest.param([_open(FAILED)], [replace(FAILED, cause="x")], [replace(FAILED, cause="x")], [], id="another cause is another"),
        pytest.param([], [DEAD, FOLLOWS], [DEAD], [], id="what only follows is not told"),
        pytest.param([], [DEAD, FAILED], [DEAD, FAILED], [], id="what does not follow is"),
        pytest.param([_open(FOLLOWS, seen=QUIET)], [DEAD, FOLLOWS], [DEAD], [], id="what follows and was open before stays open"),
        pytest.param([], [STALE, STALE], [STALE], [], id="seen twice is one"),
    ],
)  # fmt: skip
def test_an_incident_opens_once_and_ends_when_it_is_over(
    held: list[Incident], sightings: list[Sighting], opened: list[Sighting], closed: list[int]
) -> None:
    """A message for every tick of a fault teaches people to delete them unread; none at all lets it last for weeks."""
    decision = decide(held, sightings, NOW)
    assert (list(decision.opened), list(decision.closed)) == (opened, closed)


@pytest.mark.parametrize(
    ("held", "sighting", "renewed"),
    [
        pytest.param(_open(GIVEN_UP, since=TOLD_AGAIN), GIVEN_UP, [7], id="one more, a day after it was told"),
        pytest.param(_open(GIVEN_UP, since=TOLD_AGAIN / 2), GIVEN_UP, [], id="one more, and it was told today"),
        pytest.param(_open(GIVEN_UP, since=TOLD_AGAIN), OLD_ONE, [], id="the same one, for ever"),
        pytest.param(_open(STALE, since=9 * TOLD_AGAIN), STALE, [], id="what lasts is not one by one"),
    ],
)  # fmt: skip
def test_what_is_given_up_anew_is_told_though_what_was_given_up_before_was_never_mended(
    held: Incident, sighting: Sighting, renewed: list[int]
) -> None:
    """A file that is too large stays given up for ever, and would hide every later one; or it is told day after day."""
    decision = decide([held], [sighting], NOW)
    assert (list(decision.renewed), decision.closed) == (renewed, ())
    assert [each.key for each in decision.opened] == [held.key] * len(renewed)


def _alert(
    event: str, text: str = "Data is old. Look.", *, number: int = 1, lasted: timedelta | None = None
) -> Alert:
    return Alert(number, event, "data", "stale", text, NOW, NOW + lasted if lasted else None)


def test_one_alert_is_told_by_its_own_words_and_several_are_counted() -> None:
    """Ten mails for one evening's fault; or a subject that says nothing."""
    one = message([_alert("opened")], "production", "w")
    assert one.subject == "[Fluint production] Data is old"
    assert one.text.splitlines() == [one.subject, "", "✗ Since 2026-05-05 12:00 UTC: Data is old. Look."]
    both = [_alert("opened", number=2), _alert("resolved", lasted=timedelta(hours=26, minutes=5))]
    assert message(both, None, "w").subject == "[Fluint] Incidents: 1 new, 1 resolved"
    assert "✓ Resolved after 1 d 2 h 5 min" in message(both, None, "w").text
    assert (
        message([_alert("resolved", lasted=timedelta(minutes=1))], "dev", "w").subject
        == "[Fluint dev] Resolved: Data is old"
    )


def test_the_same_alerts_have_one_key_and_others_another() -> None:
    """A delivery whose answer was lost comes again; a receiver can only leave it out if it can tell."""
    keys = [
        message([_alert("opened")], None, "w").key,
        message([_alert("opened")], "dev", "w").key,
        message([_alert("opened", number=2)], None, "w").key,
        message([_alert("resolved")], None, "w").key,
        message([_alert("opened")], None, "another workspace").key,
        trial(None, "w").key,
    ]
    assert keys[0] == keys[1]
    assert len(set(keys[1:])) == 5


def test_a_message_stays_short_and_mentions_nobody() -> None:
    """A receiver refuses what is too long, and the alert is never told; `<!channel>` wakes everybody."""
    alerts = [_alert("opened", "x" * 5_000 + " <!channel>", number=n) for n in range(40)]
    said = message(alerts, None, "w").text
    assert len(said) < 10_000
    assert "and 30 more: `fluint alerts`" in said
    assert not set("<>") & set(message([_alert("opened", "<!channel> x")], None, "w").text)
