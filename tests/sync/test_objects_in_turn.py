"""What is asked for in turn, and an object that is read later than the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from orchestration.sync.changes import read_keys
from orchestration.sync.objects import BY_TABLE, CATALOGUE
from orchestration.sync.plan import QUERIES_IN_A_COMPOSITE
from orchestration.sync.turns import tables_of_a_tick
from tests.sync.bench import TABLES, Bench


def test_every_object_is_asked_for_and_no_tick_asks_for_more_than_one_call_holds(bench: Bench) -> None:
    """A tenth object that makes each quiet minute cost two calls; or one whose changes nobody ever asks for."""
    in_turn = [sobject.table_name for sobject in CATALOGUE if not sobject.at_every_tick]
    ticks = [tables_of_a_tick(bench.with_()) for _ in in_turn]
    assert {len(tick) for tick in ticks} == {QUERIES_IN_A_COMPOSITE}
    asked = Counter(table for tick in ticks for table in tick)
    assert {table: asked[table] for table in in_turn} == dict.fromkeys(in_turn, 1)
    assert {table: n for table, n in asked.items() if table not in in_turn} == {
        sobject.table_name: len(ticks) for sobject in CATALOGUE if sobject.at_every_tick
    }


def test_without_mail_two_others_take_their_turn(bench: Bench) -> None:
    """Room in the call that stays empty because an object is switched off."""
    options = replace(bench.options, tables=tuple(t for t in TABLES if t != "email_message"))
    tick = tables_of_a_tick(replace(bench.with_(), options=options))
    assert len(tick) == QUERIES_IN_A_COMPOSITE
    assert sum(not BY_TABLE[table].at_every_tick for table in tick) == 2


def test_the_first_tick_of_a_connection_asks_for_all_that_was_never_read_and_the_next_goes_in_turn(
    bench: Bench,
) -> None:
    """Whoever is licensed right after connecting waits for the users' turn, in which they would be looked up; or a tick that costs two
    calls for ever, because the org does not let one object be read."""
    tables_of_a_tick(bench.with_())  # of a daemon that was started before anybody connected
    with bench.database.transaction() as connection:
        connection.execute(
            "insert into fluint_sync.connection (org_id, instance_url, identity_url, user_id, scope, state, connected_at)"
            " values ('00D', 'https://acme.my.salesforce.example', 'https://acme.my.salesforce.example', '005', 'api', 'connected', now())"
        )
        connection.execute("insert into fluint_sync.cursor (object, position) values ('account', now())")
    before = bench.log_position()
    first = tables_of_a_tick(bench.with_())
    read_keys(bench.with_(), first)
    asked = [
        call for call in bench.org.admin("GET", f"/log?after={before}") if call["path"].endswith("/composite")
    ]
    second = tables_of_a_tick(bench.with_())
    assert len(set(first)) == len(first)
    assert set(TABLES) - {"account"} <= set(first)
    assert len(asked) == 2  # besides what each object's description costs, once a day
    assert len(second) == QUERIES_IN_A_COMPOSITE
    assert "account" in second, "it waited longest"


@pytest.mark.slow
def test_an_object_that_comes_with_an_upgrade_brings_what_is_named_already(bench: Bench) -> None:
    """Accounts of deals that were held before accounts were read: no deal would arrive and name them."""
    bench.options = replace(bench.options, tables=tuple(t for t in TABLES if t != "account"))
    bench.load()
    bench.options = replace(bench.options, tables=tuple(TABLES))
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.pending where object = 'account'")
    named = {
        row[0]
        for row in bench.ask("select account_id from raw_salesforce.opportunity where account_id <> ''")
    }
    assert named
    assert not bench.live("account")
    read_keys(bench.with_(), ["account"])
    bench.follow()
    assert bench.live("account") == named
