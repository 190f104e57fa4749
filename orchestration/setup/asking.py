"""What the org is asked for the set-up check: at most 30 API calls, whatever the size of the org, and no content of any record.

Belongs here: the order of the questions, and when to stop. Does not: the questions (questions.py), reading answers (answers.py).
The first refusal that concerns the whole connection ends the asking: what comes after it would be refused likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TypeVar

from orchestration.errors import (
    FluintError,
    MissingFieldError,
    NeedsReconnectError,
    ObjectUnavailableError,
    QuotaReachedError,
    SetupError,
    TransientError,
)
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Page
from orchestration.salesforce.transport import utc_now
from orchestration.setup import answers as read
from orchestration.setup.answers import Answers
from orchestration.setup.layouts import read_layouts
from orchestration.setup.questions import DESCRIBED, first_questions, follow_up
from orchestration.setup.seen import Asked, FluintSeen, Layout, SalesforceSeen

T = TypeVar("T")
_IS_GLOBAL = (NeedsReconnectError, QuotaReachedError)
# A refusal of these kinds is about one object or field; every other error of the first call is about the connection.
_IS_LOCAL = (MissingFieldError, ObjectUnavailableError)


def ask(salesforce: Salesforce, fluint: FluintSeen) -> SalesforceSeen:
    """Asks the org everything; raises nothing of `orchestration.errors`: what failed is kept in the place of its answer."""
    with salesforce.purpose("check"):
        return _Asking(salesforce, fluint).run()


class _Asking:
    """One round of questions."""

    def __init__(self, salesforce: Salesforce, fluint: FluintSeen) -> None:
        self.salesforce = salesforce
        self.fluint = fluint
        self.refused: FluintError | None = None
        self.user_id = ""

    def run(self) -> SalesforceSeen:
        """The facts, in the order in which one question leads to the next."""
        clocks_apart = self._try(self._hello)
        answers = self._queries(first_questions(self.user_id, self.fluint) if self.user_id else {})
        about = Answers(answers, self.refused)
        limits = self._try(lambda: read.limits(self.salesforce.limits()))
        describes = {name: self._try(partial(self.salesforce.describe, name)) for name in DESCRIBED}
        deal = self.fluint.sample_deal or about.first("sample_deal", lambda row: str(row["Id"]))
        ask_more = self.refused is None
        more = Answers(
            self._queries(follow_up(self.user_id, deal, describes) if ask_more else {}), self.refused
        )
        return SalesforceSeen(
            user_id=self.user_id,
            refused=self.refused,
            clocks_apart=clocks_apart,
            org=about.first("org", read.org),
            user=about.first("user", read.user),
            licence=about.first("licence", read.licence),
            sets=about.all("sets", read.permission_set),
            may_approve_apps=about.exists("may_approve_apps"),
            may_use_any_client=about.exists("may_use_any_client"),
            may_access_activities=about.exists("may_access_activities"),
            expiring=about.all("expiring", read.expiring),
            objects=about.whole("objects", read.object_rights),
            apps=about.all("apps", read.app),
            token_apps=about.whole("token_apps", read.app_names),
            visible_users=about.number("visible_users"),
            used_licences=about.whole("used_licences", read.used_licences),
            own_deals=about.number("own_deals"),
            deals_in_scope=about.total(name for name in answers if name.startswith("scope_")),
            may_edit_a_deal=read.may_edit(deal, more),
            describes=describes,
            fields_of_others=more.whole("fields", read.fields),
            limits=limits,
            usage=self.salesforce.usage,
            layouts=self._layouts(answers),
        )

    def _hello(self) -> timedelta:
        """How far this machine's clock is from Salesforce's; the first sign of life, which needs no session."""
        self.user_id = self.salesforce.identity().user_id
        before = utc_now()
        theirs = self.salesforce.server_time()
        # Salesforce answered somewhere between these two moments, in whole seconds.
        return max(before - theirs - timedelta(seconds=1), theirs - utc_now(), timedelta(0))

    def _try(self, question: Callable[[], T]) -> Asked[T]:
        """Asks, unless the connection was refused before; keeps a refusal of the whole connection."""
        if self.refused is not None:
            return self.refused
        try:
            return question()
        except _IS_GLOBAL as error:
            self.refused = error
            return error
        except FluintError as error:
            if not self.user_id:
                self.refused = error
            return error

    def _queries(self, questions: Mapping[str, str]) -> dict[str, Asked[Page]]:
        """One answer a question; what refuses a whole call refuses all that would come after it."""
        asked = list(questions.values())
        answers = self._try(lambda: self.salesforce.query_many(asked, include_deleted=False)) if asked else []
        if isinstance(answers, FluintError):
            self._note(answers)
            return dict.fromkeys(questions, answers)
        # A transaction security policy refuses each query of a call for itself.
        errors = [answer for answer in answers if isinstance(answer, FluintError)]
        if errors and len(errors) == len(answers):
            self._note(errors[0])
        return dict(zip(questions, answers, strict=True))

    def _note(self, error: FluintError) -> None:
        """Keeps a refusal that is not about one object or field: it would be that of every question to come."""
        if isinstance(error, SetupError | TransientError) and not isinstance(error, _IS_LOCAL):
            self.refused = self.refused or error

    def _layouts(self, answers: Mapping[str, Asked[Page]]) -> Asked[tuple[Layout, ...]]:
        profiles = read.profiles(answer for name, answer in answers.items() if name.startswith("profiles_"))
        if isinstance(profiles, FluintError):
            return profiles
        return self._try(lambda: read_layouts(self.salesforce, profiles, self.fluint.pairs))
