"""What a later version of a document makes of an earlier one: it is not sent on top of it, and where it is in a file of before, that
no longer concerns anybody.

Versions go in their order, so the former concerns only those that were given up and are let go again. SQL only.
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


LEFT_BEHIND = """exists (
    select from fluint_sync.upload as later
    where later.document_id = up.document_id and later.version_number > up.version_number and later.copy > up.copy)"""
"""SQL that holds of a row `up` if a later version began a new file, because the one before it is gone or not ours."""

OLDER_FILE = "A later version began a new file in Salesforce. This one is in the file before it, as far as that is still there."

# A double stays one wherever it is; the same bytes are in the file of the version before.
_LEAVE = f"""
update fluint_sync.upload as up
set reason = 'older_file', reason_text = %s, outlook = null, updated_at = now(), _xact_id = pg_current_xact_id()
where up.state = 'uploaded' and coalesce(up.reason, '') not in ('double', 'same_bytes', 'older_file') and {LEFT_BEHIND}
"""  # noqa: S608


def leave_older_files(connection: Connection) -> None:
    """Takes from what is in a file of before what was said about that file: nobody can, or has to, do anything about it any more."""
    connection.execute(_LEAVE, [OLDER_FILE])
