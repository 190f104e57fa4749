"""Life that goes on by itself: plausible, consistent, the same for a seed, and over when it is told to be."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local_org.clock import Clock
from local_org.demo_data import populate
from local_org.life import Life, begin
from local_org.org import Org

NOW = datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)
ACTS = {
    "mail",
    "move_on",
    "move_back",
    "close",
    "new_deal",
    "change_amount",
    "reassign",
    "edit_contact",
    "delete",
}


def _org(directory: Path, opportunities: int = 60) -> Org:
    org = Org.open(directory, Clock(lambda: NOW))
    populate(org, opportunities=opportunities)
    return org


def _mails(org: Org) -> int:
    return int(str(org.store.select("select count(*) from EmailMessage")[0][0]))


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    """A small demo org, to be lived in."""
    made = _org(tmp_path)
    yield made
    made.close()


def test_same_seed_does_the_same_things(org: Org, tmp_path: Path) -> None:
    """Fault: a fault that life found cannot be found again."""
    lives = [Life(org, seed=3), Life(_org(tmp_path / "again"), seed=3)]
    first, second = ([life.step() for _ in range(40)] for life in lives)
    assert first == second


def test_everything_happens_and_the_org_stays_in_order(tmp_path: Path) -> None:
    """Fault: an act that never comes about, or one that leaves a deal whose flags disagree with its stage."""
    org = _org(tmp_path, 300)
    life = Life(org, seed=1)
    acts: Counter[object] = Counter()
    for _ in range(500):
        org.clock.turn(timedelta(seconds=7))
        acts[life.step()["act"]] += 1
    assert set(acts) == ACTS
    assert acts["mail"] > acts["move_on"] > acts["delete"]
    assert str(org.store.select("select max(SystemModstamp) from Opportunity")[0][0]) > "2026-03-04T15"
    assert not org.store.select(
        "select 1 from Opportunity o join OpportunityStage s on s.ApiName = o.StageName"
        " where s.IsClosed <> o.IsClosed or s.IsWon <> o.IsWon or o.SystemModstamp < o.CreatedDate"
    )
    assert not org.store.select(
        "select 1 from OpportunityContactRole r left join Contact c on c.Id = r.ContactId where c.Id is null"
    )


def test_acts_move_the_stamp_of_what_they_touch(org: Org) -> None:
    """Fault: a change that no sync can see, because it went around the audit fields."""
    life = Life(org, seed=2)
    for second in range(60):
        org.clock.turn(timedelta(seconds=60))
        did = life.step()
        stamp = org.clock.stamp()
        touched = [
            name
            for name in ("Opportunity", "EmailMessage", "Contact")
            if org.store.select(f"select 1 from {name} where SystemModstamp = ?", (stamp,))
        ]
        assert touched or (did["act"] == "edit_contact" and did["contact_id"] is None), (second, did)


def test_org_without_open_deals_gets_new_ones(org: Org) -> None:
    """Fault: life stops for good when the last deal is closed."""
    org.store.execute("update Opportunity set IsClosed = 1")
    assert Life(org).step()["act"] == "new_deal"


def test_org_without_people_says_so(tmp_path: Path) -> None:
    """Fault: an empty org ends the thread with an index error."""
    with pytest.raises(ValueError, match="fill it with demo data"):
        Life(Org.open(tmp_path)).step()


def test_life_goes_on_until_it_is_stopped_and_ends_at_once(org: Org) -> None:
    """Fault: Ctrl-C waits for the next act, or the thread outlives the event."""
    before = _mails(org)
    stop = begin(org, pace_seconds=0.002)
    thread = next(each for each in threading.enumerate() if each.name == "life")
    deadline = time.monotonic() + 60
    while _mails(org) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert _mails(org) > before


def test_slow_life_can_be_stopped_between_two_acts(org: Org) -> None:
    """Fault: the pause between two acts is slept through."""
    stop = threading.Event()
    thread = threading.Thread(target=Life(org, pace_seconds=3_600).run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_life_in_an_empty_org_waits_until_somebody_fills_it(tmp_path: Path) -> None:
    """`--live` on a new directory must not die of the emptiness that its first page offers to fill."""
    org = Org.open(tmp_path, Clock(lambda: NOW))
    stop = begin(org, 0.001)
    time.sleep(0.05)
    alive = [each for each in threading.enumerate() if each.name == "life"]
    assert alive
    populate(org, opportunities=12)
    before = _mails(org)
    deadline = time.monotonic() + 30
    while _mails(org) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    for each in alive:
        each.join(30)
    assert _mails(org) > before
    org.close()
