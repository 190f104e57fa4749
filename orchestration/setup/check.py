"""The set-up check as a whole: look at our tables, ask the org, judge, compare with the last time, keep."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.errors import FluintError
from orchestration.postgres.connection import Connection, Database
from orchestration.salesforce.client import Salesforce
from orchestration.setup import ledger
from orchestration.setup.asking import ask
from orchestration.setup.held import read_held
from orchestration.setup.judges.reading import were_users_hidden
from orchestration.setup.report import Report, judge
from orchestration.setup.seen import Numbers, Seen
from orchestration.sync import described
from orchestration.sync.ledger import read_whole_again
from orchestration.sync.objects import CATALOGUE, USER


def check_setup(
    database: Database, salesforce: Salesforce, *, enabled: Iterable[str], numbers: Numbers
) -> Report:
    """Checks every item, at 30 API calls at most; what Salesforce refuses is part of the report, never an error.

    `enabled` are the raw tables of the objects that are switched on. People are named by id.
    """
    fluint = read_held(database, enabled)
    seen = Seen(ask(salesforce, fluint), fluint, numbers)
    with database.transaction() as connection:
        report = judge(seen, fluint.now, ledger.read_last(connection))
        ledger.keep(connection, report)
        _let_the_sync_look_again(connection, seen)
    return report


def _let_the_sync_look_again(connection: Connection, seen: Seen) -> None:
    """What an admin has mended is read by the next sync, which would otherwise trust for an hour what it saw before."""
    if were_users_hidden(seen):
        read_whole_again(connection, USER.table_name)
    for sobject in CATALOGUE:
        now = seen.salesforce.describes[sobject.name]
        if isinstance(now, FluintError):
            continue
        described.note_available(connection, sobject.table_name)
        before = described.fields_before(connection, sobject.table_name)
        gone = {path for path, field in before.items() if field.is_gone}
        if any(field.path in now.fields and field.path.lower() in gone for field in sobject.fields):
            described.forget(connection, sobject.table_name)
