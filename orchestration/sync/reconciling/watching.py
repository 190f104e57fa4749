"""Whether the integration user may see more or less than when everything was last compared: access that changes stamps no row (R9)."""

from __future__ import annotations

from orchestration.postgres.api_ledger import recall_usage, record_calls
from orchestration.sync.options import Collaborators
from orchestration.sync.reconciling import ledger
from orchestration.sync.reconciling.permissions import Change, ask_permissions, changes


def changed_since_compared(with_: Collaborators) -> list[Change]:
    """What changed of the permissions since the last comparison of everything, at two calls; empty before the first one."""
    with with_.database.transaction() as connection:
        compared = ledger.permissions_compared(connection)
    if compared is None:
        return []
    recall_usage(with_.database, with_.salesforce.learn)
    try:
        with with_.salesforce.purpose("permissions"):
            return changes(compared, ask_permissions(with_.salesforce))
    finally:
        record_calls(with_.database, with_.run_id, with_.salesforce.take_calls(), with_.salesforce.usage)
