"""What stays behind when the parts of a row are read apart and something happens in between: columns read alone, wide objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestration.sync import changes, column_reads, fields
from orchestration.sync.objects import BY_TABLE, Field
from orchestration.sync.options import ExtraField
from tests.sync.bench import Bench
from tests.sync.test_columns import CUSTOM, _change, _state, _values

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(loaded: Bench) -> Iterator[Bench]:
    """A workspace that has read everything; afterwards org and settings are as before."""
    before, options = loaded.org.admin("GET", "/switches"), loaded.options
    yield loaded
    loaded.options = options
    loaded.org.admin("PATCH", "/switches", before)
    loaded.follow()
    loaded.load()


def _asks_without(deal: str) -> tuple[str, Any]:
    real = column_reads._question
    return "_question", lambda of, what, rows: real(of, what, [row for row in rows if row.id != deal])


def _is_older(_: str) -> tuple[str, Any]:
    real, day = column_reads._Reader._store, timedelta(days=1)
    return "_Reader._store", lambda reader, page: real(reader, replace(page, read_at=page.read_at - day))


@pytest.mark.parametrize("happens", [_asks_without, _is_older])
def test_a_row_that_does_not_take_a_column_which_is_read_alone_is_read_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, happens: Callable[[str], tuple[str, Any]]
) -> None:
    """A share that is away for an hour, or a row that another process read later in the second: empty for ever, and told as read."""
    bench.org.admin("PATCH", "/switches", {"custom_fields": True})
    deal = sorted(bench.live("opportunity"))[0]
    _change(bench, deal, **{CUSTOM: happens.__name__})
    for seconds in (0, 1_500):  # or the row is read once more for its stamp's sake
        bench.org.admin("POST", "/clock", {"seconds": seconds})
        bench.follow()
    bench.options = replace(bench.options, extra_fields={"opportunity": (ExtraField(CUSTOM),)})
    name, instead = happens(deal)
    monkeypatch.setattr(f"{column_reads.__name__}.{name}", instead)
    assert bench.load()["opportunity"].state == "complete"
    assert _state(bench, "competition_c") == ("current", False)
    assert _values(bench, "competition_c")[deal] == happens.__name__
    assert bench.ask("select count(*) from fluint_sync.pending") == [(0,)]


def test_a_user_that_changes_between_two_parts_of_it_is_read_again_and_waits_for_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users are not fetched by id: one that waited to be would start a run at every tick, for ever, and hold `data_as_of` up."""
    user, named = bench.rep()["user_id"], iter(["second"])
    rest_of, field_groups = changes.rest_of, fields.field_groups

    def in_two(wanted: tuple[Field, ...]) -> list[tuple[Field, ...]]:
        is_user = set(wanted) >= set(BY_TABLE["user"].fields)
        return [wanted[:-1], wanted[-1:]] if is_user else field_groups(wanted)

    def changes_meanwhile(*args: Any) -> Any:
        for name in named:
            bench.org.admin("POST", "/clock", {"seconds": 2})
            bench.update("User", user, FirstName=name)
        return rest_of(*args)

    monkeypatch.setattr(fields, "field_groups", in_two)
    monkeypatch.setattr(changes, "rest_of", changes_meanwhile)
    bench.update("User", user, FirstName="first")
    for _ in range(2):
        assert bench.follow()["user"].state == "complete"
    assert bench.ask(f"select first_name from raw_salesforce.\"user\" where id = '{user}'") == [("second",)]
    assert bench.ask("select object, reason from fluint_sync.pending") == []
