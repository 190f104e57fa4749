"""Which objects a tick asks for: one call has room for five, so some are asked for at every tick and the others in turn.

With 60 s between two ticks and six objects in turn, a change of one of these is seen within six minutes. What was never read is not
made to wait for its turn: the first tick after the org was connected asks for everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from orchestration.postgres.connection import Connection
from orchestration.sync.objects import BY_TABLE
from orchestration.sync.options import Collaborators
from orchestration.sync.plan import QUERIES_IN_A_COMPOSITE


def tables_of_a_tick(with_: Collaborators) -> list[str]:
    """The objects of every tick, and as many of the others, in turn, as there is room for in the same call."""
    always = [table for table in with_.options.tables if BY_TABLE[table].at_every_tick]
    others = [table for table in with_.options.tables if table not in always]
    with with_.database.transaction() as connection:
        return always + _take_turns(connection, others, _room(len(always)))


def cadence(table: str, tables: Sequence[str], interval: timedelta) -> timedelta:
    """How often an object among `tables` is asked for its changes where a tick comes every `interval`."""
    if BY_TABLE[table].at_every_tick:
        return interval
    always = sum(BY_TABLE[each].at_every_tick for each in tables)
    return interval * math.ceil(max(1, len(tables) - always) / _room(always))


def _room(always: int) -> int:
    return max(1, QUERIES_IN_A_COMPOSITE - always)


def _take_turns(connection: Connection, tables: Sequence[str], count: int) -> list[str]:
    """Those that were not asked for longest, whether they answered or not: one that fails holds up no other.

    Ticks before the connection asked nobody. Without this, whom a person licensed right after `fluint connect` waited seven minutes for
    the users to have their turn; an object that the org does not let be read costs the call once, not at every tick.
    """
    rows = connection.execute(
        """
        with wanted as (
            select wanted.object, wanted.place, last.taken_at, cursor.object is null and exists (
                select from fluint_sync.connection
                where state = 'connected' and connected_at > coalesce(last.taken_at, '-infinity')
            ) as is_new
            from unnest(%s::text[]) with ordinality as wanted (object, place)
            left join fluint_sync.turn as last on last.object = wanted.object
            left join fluint_sync.cursor as cursor on cursor.object = wanted.object
        )
        insert into fluint_sync.turn (object, taken_at)
        select object, clock_timestamp() from wanted
        order by is_new desc, taken_at nulls first, place
        limit (select greatest(%s, count(*) filter (where is_new)) from wanted)
        on conflict (object) do update set taken_at = excluded.taken_at
        returning object
        """,
        [list(tables), count],
    )
    return [row[0] for row in rows]
