"""Collects the facts about one deal or one person: from our tables, and from Salesforce by keys and counts, at one or two calls.

What they mean is decided in entitlement/why.py. No name, amount or body is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestration.entitlement.filters import BackfillFilter, read_filter
from orchestration.entitlement.known import nearest
from orchestration.entitlement.why import DealFacts, Held, InSalesforce, OwnerFacts, PersonFacts, Waiting
from orchestration.errors import FluintError
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.erased import is_erased
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Page
from orchestration.sync import ledger
from orchestration.sync.deleted import recently_deleted
from orchestration.sync.objects import OPPORTUNITY, USER


def deal_facts(database: Database, salesforce: Salesforce, deal_id: str) -> DealFacts:
    """The facts about one opportunity, by its 18-character id."""
    with database.transaction() as connection:
        filters = read_filter(connection)
        if is_erased(connection, record=deal_id):
            return DealFacts(deal_id, filters, None, None, is_erased=True)
    key, refused_by = _ask_for_key(salesforce, deal_id, filters)
    purged_at = None if key else recently_deleted(salesforce, OPPORTUNITY.name).get(deal_id)
    with database.transaction() as connection:
        owner_id = key["OwnerId"] if key else None
        deal = key and InSalesforce(
            bool(key["IsDeleted"]), _moment(key["CreatedDate"]), _moment(key["SystemModstamp"]), refused_by
        )
        return DealFacts(
            deal_id,
            filters,
            deal or None,
            _owner(connection, owner_id, filters) if owner_id else None,
            _held(connection, deal_id),
            _waiting(connection, deal_id),
            _one(
                connection, "select admitted_at from fluint_sync.admission where opportunity_id = %s", deal_id
            ),
            purged_at,
            ledger.cursor_of(connection, OPPORTUNITY.table_name),
        )


def _ask_for_key(
    salesforce: Salesforce, deal_id: str, filters: BackfillFilter
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The deal's key, and the parts of the filter by which Salesforce itself finds it refused: one call, since a filter has three."""
    this = soql.equal("Id", deal_id)
    fields = ["Id", "IsDeleted", "OwnerId", "CreatedDate", "SystemModstamp"]
    questions = [soql.select(fields, OPPORTUNITY.name, [this])]
    rules = filters.rules()
    questions += [soql.select(["Id"], OPPORTUNITY.name, [this, rule.refuses]) for rule in rules]
    first, *others = _pages(salesforce, questions)
    refused = tuple(rule.reason for rule, page in zip(rules, others, strict=True) if page.count)
    return next(iter(first.records()), None), refused


def _pages(salesforce: Salesforce, questions: Sequence[str]) -> list[Page]:
    pages = []
    for answer in salesforce.query_many(questions):
        if isinstance(answer, FluintError):
            raise answer
        pages.append(answer)
    return pages


def _held(connection: Connection, deal_id: str) -> Held | None:
    row = connection.execute(
        """
        select system_modstamp, case when _deleted_at is not null then coalesce(_deleted_reason, 'soft_deleted') end,
               exists (select from fluint.deals where deals.deal_id = deal.id)
        from raw_salesforce.opportunity as deal where id = %s
        """,
        [deal_id],
    ).fetchone()
    return Held(*row) if row else None


def _waiting(connection: Connection, deal_id: str) -> Waiting | None:
    row = connection.execute(
        """
        select reason, case when retry_at > now() then retry_at end, last_error
        from fluint_sync.pending where object = 'opportunity' and id = %s
        """,
        [deal_id],
    ).fetchone()
    return Waiting(*row) if row else None


def _owner(connection: Connection, owner_id: str, filters: BackfillFilter) -> OwnerFacts | None:
    """One Salesforce user; None when we have not read that user."""
    row = connection.execute(
        """
        select coalesce(usr.email, usr.username, usr.id),
               case when scoped.owner_id is not null then null
                    when bool_or(matched.is_ambiguous) then 'owner_ambiguous'
                    when bool_or(matched.is_licensed) then 'owner_excluded'
                    when count(matched.user_id) > 0 then 'owner_not_licensed'
                    else 'owner_not_in_fluint' end,
               min(matched.reason), min(btrim(person.email)),
               coalesce((select coverage.digest = %(digest)s and coverage.created @> tstzrange(%(since)s, null)
                         from fluint_sync.owner_coverage as coverage where coverage.owner_id = usr.id), false)
        from raw_salesforce."user" as usr
        left join fluint_entitlement.user_matches as matched on matched.owner_id = usr.id
        left join fluint_app.app_user as person on person.user_id = matched.user_id
        left join fluint_entitlement.scope_owners as scoped on scoped.owner_id = usr.id
        where usr.id = %(id)s group by usr.id, usr.email, usr.username, scoped.owner_id
        """,
        {"id": owner_id, "digest": filters.digest, "since": filters.created_since},
    ).fetchone()
    if row is None:
        return None
    label, reason, detail, fluint_email, is_covered = row
    near = nearest(label, _fluint_addresses(connection)) if reason == "owner_not_in_fluint" else []
    return OwnerFacts(owner_id, label, reason, detail, fluint_email, tuple(near), is_covered)


def person_facts(database: Database, salesforce: Salesforce, who: str) -> PersonFacts:
    """The facts about a person, by e-mail address on either side, username, or the 18-character id of the Salesforce user.

    Of a person who was erased Salesforce is not asked: the address would stand in its log of queries.
    """
    with database.transaction() as connection:
        if is_erased(connection, record=who, address=who):
            return PersonFacts("", None, False, (), is_erased=True)
    there = soql.any_of(
        [soql.is_in("Email", [who, f"{who}.invalid"]), soql.equal("Username", who)]
        if "@" in who
        else [soql.equal("Id", who)]
    )
    (users,) = _pages(salesforce, [soql.select(["Id"], USER.name, [there])])
    with database.transaction() as connection:
        filters = read_filter(connection)
        person = _fluint_user(connection, who)
        ids = _owner_ids(connection, who, person[0] if person else None)
        owners = [owner for owner_id in ids if (owner := _owner(connection, owner_id, filters))]
        if person is None:
            # A user of Salesforce whose Fluint account has another address: by username, or in a sandbox.
            others = [owner.fluint_email for owner in owners if owner.fluint_email]
            person = _fluint_user(connection, others[0]) if others else None
        known = [*_fluint_addresses(connection), *_salesforce_addresses(connection)]
        return PersonFacts(
            who,
            person[1] if person else None,
            bool(person and person[2]),
            tuple(owners),
            users.count > 0,
            ()
            if owners
            else tuple(nearest(who, [word for word in known if word.casefold() != who.strip().casefold()])),
            int(_one(connection, _DEALS_HELD, ids) or 0),
            dict(connection.execute(_EXCLUDED, [ids]).fetchall()),
        )


_DEALS_HELD = (
    "select count(*) from raw_salesforce.opportunity where _deleted_at is null and owner_id = any (%s)"
)
_EXCLUDED = (
    "select reason, sum(deals)::bigint from fluint_sync.excluded_count where owner_id = any (%s) group by 1"
)


def _fluint_user(connection: Connection, email: str) -> tuple[Any, str, bool] | None:
    row = connection.execute(
        """
        select user_id, btrim(email), coalesce(is_licensed, false)
        from fluint_app.app_user where lower(btrim(email)) = lower(btrim(%s)) order by is_licensed desc limit 1
        """,
        [email],
    ).fetchone()
    return (row[0], row[1], row[2]) if row else None


def _owner_ids(connection: Connection, who: str, user_id: object) -> list[str]:
    """Salesforce users who carry this address or id, or are matched with this Fluint user."""
    rows = connection.execute(
        """
        select id from raw_salesforce."user"
        where lower(btrim(%(who)s)) in (lower(btrim(email)), lower(btrim(username)), lower(btrim(email)) || '.invalid')
           or lower(btrim(email)) = lower(btrim(%(who)s)) || '.invalid' or id = %(who)s
        union select owner_id from fluint_entitlement.user_matches where user_id = %(user)s::uuid
        order by 1
        """,
        {"who": who, "user": user_id},
    ).fetchall()
    return [row[0] for row in rows]


def _fluint_addresses(connection: Connection) -> list[str]:
    return [
        row[0] for row in connection.execute("select btrim(email) from fluint_app.app_user where email <> ''")
    ]


def _salesforce_addresses(connection: Connection) -> list[str]:
    rows = connection.execute(
        """
        select regexp_replace(btrim(word), '\\.invalid$', '') from raw_salesforce."user", unnest(array[email, username]) as word
        where word is not null
        """
    )
    return [row[0] for row in rows]


def _one(connection: Connection, query: str, argument: object) -> Any:
    row = connection.execute(query.encode(), [argument]).fetchone()
    return row[0] if row else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
