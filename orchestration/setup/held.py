"""What our own tables tell the set-up check: the connection, who is licensed and matched, the filter, what was read and sent.

Reads only, in one transaction, counts and ids; no name, address or content. Does not: what a fact means (judges/).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from orchestration.documents.standing import open_groups
from orchestration.entitlement.filters import KEY_PASSES, read_filter
from orchestration.entitlement.licences import scope_owners
from orchestration.postgres.connection import Connection as Postgres
from orchestration.postgres.connection import Database
from orchestration.setup.seen import Connection, FluintSeen, ObjectHeld
from orchestration.sync import ledger
from orchestration.sync.coverage import missing_parents
from orchestration.sync.objects import CATALOGUE

LATE = timedelta(minutes=30)
"""What was stamped so long before the sync's last look was committed by then: transactions end within ten minutes (REST limits)."""

_CONNECTION = """
select org_id, user_id, environment, state, reason, connected_at, refreshed_at, refresh_token is not null
from fluint_sync.connection
"""
_ACTIVE_USERS = 'select count(*) from raw_salesforce."user" where is_active and _deleted_at is null'
_UNMATCHED = """
select usr.user_id::text from fluint_app.app_user as usr
where usr.is_licensed and not exists (
    select from fluint_entitlement.user_matches as matched where matched.user_id = usr.user_id)
order by 1
"""
_AMBIGUOUS = """
select distinct user_id::text from fluint_entitlement.user_matches where is_licensed and is_ambiguous order by 1
"""
# Deals that would come in now and have not changed of late, by the same rule as the count that Salesforce is asked for.
_HELD = f"""
select count(*) from raw_salesforce.opportunity as k cross join fluint_app.backfill_filter as f
where k._deleted_at is null and k.owner_id = any (%s) and k.system_modstamp < %s and {KEY_PASSES}
  and (f.minimum_amount is null or k.amount >= f.minimum_amount)
"""  # noqa: S608 - KEY_PASSES is a constant of ours
_PAIRS = """
select owner_id, record_type_id, count(*) from raw_salesforce.opportunity
where _deleted_at is null and owner_id = any (%s) group by 1, 2
"""
_UNKNOWN_STAGES = """
select stage_name, count(*) from raw_salesforce.opportunity as deal
where deal._deleted_at is null and not exists (
    select from raw_salesforce.opportunity_stage as stage where deal.stage_name in (stage.api_name, stage.master_label))
group by 1 order by 2 desc, 1
"""
# Of some of them Salesforce may know nothing any more: as many as its count may be above ours.
_ERASED = "select count(*) from fluint_sync.erasure where kind = 'opportunity'"


def read_held(database: Database, enabled: Iterable[str]) -> FluintSeen:
    """The facts of our side; `enabled` are the tables of the objects that are not switched off."""
    missing = missing_parents(database)
    switched_on = set(enabled)
    with database.transaction() as postgres:
        connection = _connection(postgres)
        owners = sorted(scope_owners(postgres))
        objects = tuple(_object(postgres, sobject.table_name, switched_on) for sobject in CATALOGUE)
        settled = next(
            (each.data_as_of - LATE for each in objects if each.table == "opportunity" and each.data_as_of),
            None,
        )
        pairs = {(owner, kind): deals for owner, kind, deals in postgres.execute(_PAIRS, [owners])}
        return FluintSeen(
            connection=connection,
            now=_one(postgres, "select clock_timestamp()"),
            licensed=_one(postgres, "select count(*) from fluint_app.app_user where is_licensed"),
            active_users=_one(postgres, _ACTIVE_USERS),
            unmatched=_ids(postgres, _UNMATCHED),
            ambiguous=_ids(postgres, _AMBIGUOUS),
            is_a_person=bool(connection and _matches(postgres, connection.user_id)),
            filters=read_filter(postgres),
            stages=frozenset(_ids(postgres, "select api_name from raw_salesforce.opportunity_stage")),
            record_types=dict(
                postgres.execute("select id, coalesce(name, id) from raw_salesforce.record_type").fetchall()
            ),
            objects=objects,
            settled_before=settled,
            owners=tuple(owners),
            owners_not_listed=missing.owners,
            deals_not_listed=missing.deals,
            deals_held=_one(postgres, _HELD, owners, settled),
            deals_erased=_one(postgres, _ERASED),
            pairs=pairs,
            sample_deal=_sample(postgres, owners),
            unknown_stages=dict(postgres.execute(_UNKNOWN_STAGES).fetchall()),
            uploads=_uploads(postgres),
        )


def _connection(postgres: Postgres) -> Connection | None:
    row = postgres.execute(_CONNECTION).fetchone()
    return Connection(*row) if row else None


def _one(postgres: Postgres, query: str, *values: object) -> Any:
    row = postgres.execute(query.encode(), list(values)).fetchone()
    assert row is not None  # each of these queries has one row
    return row[0]


def _ids(postgres: Postgres, query: str) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in postgres.execute(query.encode()))


def _matches(postgres: Postgres, user_id: str) -> bool:
    query = "select count(*) > 0 from fluint_entitlement.user_matches where owner_id = %s"
    return bool(_one(postgres, query, user_id))


def _object(postgres: Postgres, table: str, switched_on: set[str]) -> ObjectHeld:
    return ObjectHeld(table, table in switched_on, ledger.data_as_of(postgres, table))


def _uploads(postgres: Postgres) -> Mapping[str, int]:
    """Reason → versions of which a person has something to do, by the outbox's own rule, or two parts of Fluint contradict each other.

    A file that somebody threw away is no fault of a set-up.
    """
    versions: Counter[str] = Counter()
    for group in open_groups(postgres):
        if group.reason and group.needs_a_person:
            versions[group.reason] += group.versions
    return dict(sorted(versions.items()))


def _sample(postgres: Postgres, owners: list[str]) -> str | None:
    query = "select id from raw_salesforce.opportunity where _deleted_at is null and owner_id = any (%s) order by id limit 1"
    row = postgres.execute(query, [owners]).fetchone()
    return str(row[0]) if row else None
