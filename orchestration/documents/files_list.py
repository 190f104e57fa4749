"""Whether people see files on an opportunity: the related list Files on the page layout of its record type.

The layout is the one that the integration user's profile has; another profile may have another, which an API user cannot ask for.
Facts: REST API Developer Guide, sObject Layouts; with several record types each one has to be asked for. The list's name is not
confirmed in every org (`AttachedContentDocuments`), so that an org that names it nowhere says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from orchestration.errors import ObjectUnavailableError, RejectedRequestError
from orchestration.postgres.connection import Connection
from orchestration.salesforce.client import Salesforce

_FILES = "AttachedContentDocuments"
_MASTER = "012000000000000AAA"
_LASTS = timedelta(days=1)


def deals_without_files_list(
    connection: Connection, salesforce: Salesforce, deals: Sequence[str], *, fresh: bool = False
) -> set[str]:
    """The deals among these on whose page people see no files; one call for a record type and day, each time if `fresh`.

    Raises what a call to Salesforce raises.
    """
    rows = connection.execute(
        """
        select deal.id, coalesce(deal.record_type_id, %s), asked.is_shown from raw_salesforce.opportunity as deal
        left join fluint_sync.files_list as asked
          on asked.record_type_id = coalesce(deal.record_type_id, %s) and asked.checked_at > now() - %s and not %s
        where deal.id = any(%s)
        """,
        [_MASTER, _MASTER, _LASTS, fresh, list(deals)],
    ).fetchall()
    shown = {record_type: is_shown for _, record_type, is_shown in rows}
    for record_type in sorted(key for key, is_shown in shown.items() if is_shown is None):
        shown[record_type] = _ask(connection, salesforce, record_type)
    return {deal for deal, record_type, _ in rows if shown[record_type] is False}


def _ask(connection: Connection, salesforce: Salesforce, record_type: str) -> bool:
    try:
        is_shown = _FILES in salesforce.related_lists("Opportunity", record_type)
    except (
        ObjectUnavailableError,
        RejectedRequestError,
    ):  # a record type that the user may not use has no layout for it
        is_shown = True
    connection.execute(
        "insert into fluint_sync.files_list (record_type_id, is_shown) values (%s, %s) on conflict (record_type_id) do update"
        " set is_shown = excluded.is_shown, checked_at = now()",
        [record_type, is_shown],
    )
    return is_shown
