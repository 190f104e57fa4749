"""A workspace whose org gets sick on purpose: one shared org and database, a mistake at a time, the check alone for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from orchestration.postgres.token_store import PostgresTokenStore
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.oauth import Tokens
from orchestration.setup.asking import ask
from orchestration.setup.held import read_held
from orchestration.setup.outcome import Outcome
from orchestration.setup.report import Answer, Before, Finding, Report, judge
from orchestration.setup.seen import FluintSeen, Numbers, SalesforceSeen, Seen
from tests.sync.bench import TABLES, Bench


@dataclass
class Clinic:
    """The workspace; `store` keeps the grant that a real one would."""

    bench: Bench
    store: PostgresTokenStore[Tokens]
    session: Any

    def client(self) -> Salesforce:
        """A client as a new process has it: nothing of an earlier one's limits or sessions is known."""
        return Salesforce(self.bench.org.app(), self.store, session=self.session, sleep=lambda _: None)

    def connect(self) -> None:
        """Signs in anew, as an admin does where a text says so."""
        app = self.bench.org.app()
        self.store.connect(self.bench.org.connect(), client_id=app.client_id, login_url=app.login_url)

    def check(self, numbers: Numbers | None = None, before: dict[str, Before] | None = None) -> Report:
        """What the check says now, without keeping it."""
        held = read_held(self.bench.database, TABLES)
        return judge(Seen(ask(self.client(), held), held, numbers or Numbers()), held.now, before or {})

    @contextmanager
    def mistakes(self, *names: str) -> Iterator[None]:
        """The org with these mistakes in its set-up, while the block runs."""
        self.bench.org.admin("POST", "/mistakes", list(names))
        try:
            yield
        finally:
            self.bench.org.admin("DELETE", "/mistakes")

    def with_mistake(self, name: str) -> Report:
        """What the check says of one mistake; a grant that ended by it is renewed."""
        with self.mistakes(name):
            report = self.check()
        if self.bench.ask("select state from fluint_sync.connection") != [("connected",)]:
            self.connect()
        return report


@dataclass(frozen=True)
class Healthy:
    """What a look at the healthy office saw."""

    salesforce: SalesforceSeen
    fluint: FluintSeen

    def finding(self, item: str, code: str, **seen: Any) -> Finding:
        """The finding of that code, where some facts are otherwise: those of the org, or of our side as `fluint`."""
        fluint = replace(self.fluint, **seen.pop("fluint", {}))
        report = judge(Seen(replace(self.salesforce, **seen), fluint), fluint.now, {})
        found = [each for each in answer_of(report, item).findings if each.key.partition(": ")[0] == code]
        assert found, unwell(report)
        return found[0]


def unwell(report: Report) -> dict[str, Outcome]:
    """Item → outcome of every item that is not well."""
    return {answer.item: answer.outcome for answer in report.answers if answer.outcome is not Outcome.OK}


def answer_of(report: Report, item: str) -> Answer:
    """One item's answer."""
    return next(answer for answer in report.answers if answer.item == item)
