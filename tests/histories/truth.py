"""What must be held at the end: everything of the org read from scratch, cut to the deals in scope now or admitted earlier.

The cut is made here a second time, in Python and from the org's own rows, so that it cannot share a mistake with the sync.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql

from orchestration.entitlement.filters import BackfillFilter
from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import staged
from orchestration.sync.fields import readable
from orchestration.sync.objects import (
    CONTACT,
    EMAIL_MESSAGE,
    OPPORTUNITY,
    OPPORTUNITY_CONTACT_ROLE,
    TASK,
    SObject,
)
from orchestration.sync.options import Collaborators
from tests.histories.people import People

FOLLOWED = (OPPORTUNITY, OPPORTUNITY_CONTACT_ROLE, CONTACT, EMAIL_MESSAGE, TASK)
_OURS = "{_read_at,_synced_at,_run_id,_xact_id,_deleted_at,_deleted_reason}"
Rows = dict[str, dict[str, Any]]


def entitled(people: People, licensed: set[str], filters: BackfillFilter) -> set[str]:
    """The live deals that a load from scratch would bring in now."""
    rows = people.store.select(
        "select Id, OwnerId, CreatedDate, StageName, RecordTypeId, Amount from Opportunity where IsDeleted = 0"
    )
    since = filters.created_since.isoformat()[:19] if filters.created_since else ""
    return {
        str(deal)
        for deal, owner, created, stage, kind, amount in rows
        if owner in licensed
        and str(created)[:19] >= since
        and stage not in filters.excluded_stages
        and kind not in filters.excluded_record_types
        and (
            filters.minimum_amount is None
            or (amount is not None and float(str(amount)) >= filters.minimum_amount)
        )
    }


def read_everything(with_: Collaborators, connection: Connection) -> None:
    """Loads every live record of the org into an emptied database."""
    for sobject in FOLLOWED:
        connection.execute(
            sql.SQL("truncate {}").format(sql.Identifier("raw_salesforce", sobject.table_name))
        )
        what = readable(with_, sobject)
        for page in with_.salesforce.query(
            f"SELECT {', '.join(what.paths)} FROM {sobject.name} WHERE IsDeleted = false"
        ):
            with staged(connection, sobject.raw_table(what.fields)) as rows:
                rows.add_json(page.body, page.records_path)
                rows.merge(read_at=page.read_at, run_id="truth")


def live_rows(connection: Connection, sobject: SObject) -> Rows:
    """The live rows of one raw table by id, without what the sync itself writes."""
    query = sql.SQL("select id, to_jsonb(t) - {}::text[] from {} t where _deleted_at is null").format(
        sql.Literal(_OURS), sql.Identifier("raw_salesforce", sobject.table_name)
    )
    return dict(connection.execute(query).fetchall())


def cut(truth: dict[SObject, Rows], deals: set[str]) -> dict[SObject, Rows]:
    """What of the whole org belongs to these deals, as far as they live."""
    held = {deal: row for deal, row in truth[OPPORTUNITY].items() if deal in deals}
    roles = {i: r for i, r in truth[OPPORTUNITY_CONTACT_ROLE].items() if r["opportunity_id"] in held}
    named = {role["contact_id"] for role in roles.values()}
    return {
        OPPORTUNITY: held,
        OPPORTUNITY_CONTACT_ROLE: roles,
        CONTACT: {i: r for i, r in truth[CONTACT].items() if i in named},
        EMAIL_MESSAGE: {i: r for i, r in truth[EMAIL_MESSAGE].items() if r["related_to_id"] in held},
        TASK: {i: r for i, r in truth[TASK].items() if r["what_id"] in held},
    }


def without_the_gone(held: dict[SObject, Rows], there: dict[SObject, set[str]]) -> dict[SObject, Rows]:
    """What is held, less what Salesforce has removed for good and what hangs on it: that shows in no key, only in an id comparison.

    Mails of a deal in the recycle bin stay in Salesforce, and a load from scratch would not list them: they do not count either.
    """
    kept = {s: {i: r for i, r in rows.items() if i in there[s]} for s, rows in held.items()}
    deals = kept[OPPORTUNITY]
    kept[OPPORTUNITY_CONTACT_ROLE] = {
        i: r for i, r in kept[OPPORTUNITY_CONTACT_ROLE].items() if r["opportunity_id"] in deals
    }
    kept[EMAIL_MESSAGE] = {i: r for i, r in kept[EMAIL_MESSAGE].items() if r["related_to_id"] in deals}
    kept[TASK] = {i: r for i, r in kept[TASK].items() if r["what_id"] in deals}
    gone_roles = {
        i: r for i, r in held[OPPORTUNITY_CONTACT_ROLE].items() if i not in kept[OPPORTUNITY_CONTACT_ROLE]
    }
    orphans = {r["contact_id"] for r in gone_roles.values()} - {
        r["contact_id"] for r in kept[OPPORTUNITY_CONTACT_ROLE].values()
    }
    kept[CONTACT] = {i: r for i, r in kept[CONTACT].items() if i not in orphans}
    return kept


def differences(held: dict[SObject, Rows], expected: dict[SObject, Rows]) -> list[str]:
    """What is missing, too much, or not as in the org: ids and names of columns."""
    found = []
    for sobject in FOLLOWED:
        have, want = held[sobject], expected[sobject]
        found += [f"{sobject.name} {i} is missing" for i in want.keys() - have.keys()]
        found += [f"{sobject.name} {i} should not be there" for i in have.keys() - want.keys()]
        for i in have.keys() & want.keys():
            columns = [name for name in want[i] if have[i].get(name) != want[i][name]]
            found += [f"{sobject.name} {i} has other values in {', '.join(columns)}"] if columns else []
    return sorted(found)
