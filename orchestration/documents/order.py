"""The order of a document's versions: none is sent on top of a later one, which people would then no longer find as the newest.

Versions go in their order, so this concerns only those that were given up and are let go again. SQL only.
"""

from __future__ import annotations

from orchestration.postgres.connection import Connection

OVERTAKEN = """(up.state not in ('sending', 'sent') and exists (
    select from fluint_sync.upload as later
    where later.document_id = up.document_id and later.version_number > up.version_number and later.copy >= up.copy
      and later.state in ('sending', 'sent', 'uploaded')))"""
"""SQL that holds of a row `up` that a later version has overtaken, or may have: it is in Salesforce, or nobody knows whether it is.

A row of unknown outcome is looked for all the same: that sends nothing.
"""

LATER_VERSION = "A later version of the document is in Salesforce, so this one is not sent: it would lie there as the newest."

# What says how to get it sent, or that it will be, is no longer so; what else was wrong with a version still is.
_GIVE_UP = """
update fluint_sync.upload as up
set state = 'given_up', reason = 'later_version', reason_text = %s, outlook = null, retry_at = null, updated_at = now(),
    _xact_id = pg_current_xact_id()
where (up.state in ('waiting', 'failed') or up.state = 'given_up' and up.reason = 'file_deleted')
  and exists (select from fluint_sync.upload as later
              where later.document_id = up.document_id and later.version_number > up.version_number and later.copy >= up.copy
                and later.state = 'uploaded')
"""


def give_up_overtaken(connection: Connection) -> None:
    """Gives up what waits, or was given up for its file, and is older than a version that arrived; nobody has to do anything about it."""
    connection.execute(_GIVE_UP, [LATER_VERSION])
