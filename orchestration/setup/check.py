"""The set-up check as a whole: look at our tables, ask the org, judge, compare with the last time, keep."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce
from orchestration.setup import ledger
from orchestration.setup.asking import ask
from orchestration.setup.held import read_held
from orchestration.setup.report import Report, judge
from orchestration.setup.seen import Numbers, Seen


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
    return report
