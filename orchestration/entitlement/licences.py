"""Which Salesforce users are owners whose deals may come in now, and why the others are not.

The views decide: `fluint_entitlement.user_matches` who is who, `scope_owners` who is licensed and not left out by the filter.
"""

from __future__ import annotations

from orchestration.postgres.connection import Connection


def scope_owners(connection: Connection) -> dict[str, str]:
    """Salesforce user id → the rule that matched it, for every owner whose deals may come in.

    Call it inside the transaction that uses the answer: licences change while a sync runs (R6).
    """
    rows = connection.execute("select owner_id, owner_match from fluint_entitlement.scope_owners").fetchall()
    return dict(rows)


def reasons_out_of_scope(connection: Connection) -> dict[str, str]:
    """Salesforce user id → why this owner's deals stay out, for every user that is not in scope."""
    return dict(
        connection.execute(
            """
            select usr.id,
                   case when bool_or(matched.is_ambiguous) then 'owner_ambiguous'
                        when bool_or(matched.is_licensed) then 'owner_excluded'
                        when count(matched.user_id) > 0 then 'owner_not_licensed'
                        else 'owner_not_in_fluint' end
            from raw_salesforce."user" as usr
            left join fluint_entitlement.user_matches as matched on matched.owner_id = usr.id
            where not exists (select from fluint_entitlement.scope_owners as scoped where scoped.owner_id = usr.id)
            group by usr.id
            """
        ).fetchall()
    )
