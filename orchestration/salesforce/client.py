"""`Salesforce`: everything that this program can ask of an org, behind one class. How each thing is done stands in its own module.

Read-only by construction: queries, describes and this client's own Bulk query jobs; the one thing it writes is ContentVersion.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, BinaryIO, TypeVar

import requests
from simple_salesforce.api import Salesforce as SimpleSalesforce

from orchestration.errors import FluintError
from orchestration.salesforce import bulk, files, query, soql
from orchestration.salesforce.bulk import BulkJob
from orchestration.salesforce.describe import (
    DeletedRecords,
    Describe,
    Identity,
    Organization,
    read_deleted,
    read_describe,
    read_organization,
    read_related_lists,
)
from orchestration.salesforce.oauth import OAuthApp, TokenStore
from orchestration.salesforce.pages import Page, Record
from orchestration.salesforce.quota import ApiUsage
from orchestration.salesforce.responses import Ask, no_answer
from orchestration.salesforce.transport import Timeouts, Transport

_T = TypeVar("_T")


class Salesforce:
    """One connection to one org, for one thread. Errors are those of `orchestration.errors`; times are aware and in UTC.

    Any call can raise `NeedsReconnectError`, `QuotaReachedError` (before it is sent, at `quota_share` of the org's daily calls),
    `TransientSalesforceError` (after its own tries) and `SetupError`.
    """

    def __init__(
        self,
        app: OAuthApp,
        store: TokenStore,
        *,
        api_version: str = "66.0",
        quota_share: float = 0.8,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: Timeouts = Timeouts(),  # noqa: B008 - frozen
    ) -> None:
        self._transport = Transport(
            app, store, quota_share=quota_share, session=session, sleep=sleep, timeouts=timeout
        )
        self._app, self._store, self._quota_share, self._timeout = app, store, quota_share, timeout
        self._api_version = api_version
        self._base = f"/services/data/v{api_version}"
        self._sleep = sleep

    def another(self) -> Salesforce:
        """Returns a client of the same connection for another thread; it keeps connections and counts of its own."""
        made = Salesforce(
            self._app, self._store, api_version=self._api_version, quota_share=self._quota_share,
            sleep=self._sleep, timeout=self._timeout,
        )  # fmt: skip
        made._transport.usage, made._transport.purpose = self._transport.usage, self._transport.purpose
        return made

    def close(self) -> None:
        """Closes the connections to the org that are kept for the next call."""
        self._transport.hang_up()

    @property
    def usage(self) -> ApiUsage | None:
        """The org's calls used and allowed, as of the last response; None before the first."""
        return self._transport.usage

    def learn(self, used: int, allowed: int, seen_at: datetime) -> None:
        """Takes what an earlier process last saw of the org's calls, unless this client has seen something newer itself."""
        if self._transport.usage is None or self._transport.usage.seen_at < seen_at:
            self._transport.usage = ApiUsage(used, allowed, seen_at)

    @contextmanager
    def purpose(self, name: str) -> Iterator[None]:
        """Attributes the calls made while the block runs: `keys`, `fetch`, `listing`, `counts`, `describe`, `upload` …"""
        before, self._transport.purpose = self._transport.purpose, name
        try:
            yield
        finally:
            self._transport.purpose = before

    def take_calls(self) -> dict[str, int]:
        """Returns the calls sent per purpose since the last time, and begins anew."""
        calls = dict(self._transport.calls)
        self._transport.calls.clear()
        return calls

    def server_time(self) -> datetime:
        """Returns the org's clock, floored to the second; needs no session and counts as no call."""
        return self._transport.server_time()

    def describe(self, sobject: str) -> Describe:
        """Returns the object's fields as the integration user sees them. Raises `ObjectUnavailableError` when it is not there."""
        return self._shaped(
            Ask("describe", sobject), lambda: read_describe(getattr(self._rest(), sobject).describe())
        )

    def related_lists(self, sobject: str, record_type_id: str) -> list[str]:
        """Returns the child relationships that the user's page layout for a record type shows as related lists."""
        return self._shaped(
            Ask("describe", sobject),
            lambda: read_related_lists(getattr(self._rest(), sobject).describe_layout(record_type_id)),
        )

    def query(self, soql: str, *, include_deleted: bool = True) -> Iterator[Page]:
        """Yields all pages of a query; with `include_deleted`, rows of the recycle bin and archived activities too.

        Raises `MissingFieldError`, `ObjectUnavailableError`, `RejectedRequestError`, `IncompleteReadError`.
        """
        return query.query(self._transport, self._base, soql, include_deleted=include_deleted)

    def query_many(self, soqls: Sequence[str], *, include_deleted: bool = True) -> list[Page | FluintError]:
        """Returns the first page of each query in order, five queries a call; a refused query becomes its error, the others go on."""
        return query.query_many(self._transport, self._base, soqls, include_deleted=include_deleted)

    def next_pages(self, page: Page) -> Iterator[Page]:
        """Yields the pages after this one. Raises `IncompleteReadError` when the org no longer holds them."""
        return query.next_pages(self._transport, page)

    def deleted(self, sobject: str, start: datetime, end: datetime) -> DeletedRecords:
        """Returns the ids deleted in [start, end], whole minutes, within the last 15 days."""
        return self._shaped(
            Ask("deleted", sobject), lambda: read_deleted(getattr(self._rest(), sobject).deleted(start, end))
        )

    def bulk_query(
        self, soql: str, *, include_deleted: bool = True, deadline: timedelta = bulk.DEADLINE
    ) -> AbstractContextManager[BulkJob]:
        """Gives a finished Bulk query job whose pages stream; the job is aborted and deleted on leaving. Raises `BulkUnavailableError`."""
        return bulk.bulk_query(
            self._transport,
            self._base,
            soql,
            include_deleted=include_deleted,
            deadline=deadline,
            sleep=self._sleep,
        )

    def create_content_version(
        self, fields: Mapping[str, str], content: BinaryIO, *, file_name: str, content_type: str, size: int
    ) -> str:
        """Sends one file once, streamed, and returns the ContentVersion's id. `TransientSalesforceError`: look before sending again,
        unless it is a `NotTakenError`."""
        return files.create_content_version(
            self._transport,
            self._base,
            fields,
            content,
            file_name=file_name,
            content_type=content_type,
            size=size,
        )

    def identity(self) -> Identity:
        """Returns whose session this is, as the grant names it; sends nothing."""
        tokens = self._transport.tokens
        return Identity(tokens.org_id, tokens.user_id)

    def organization(self) -> Organization:
        """Returns the org's own record."""
        query = "SELECT Id, IsSandbox, OrganizationType FROM Organization"
        return self._shaped(
            Ask("org", "the org"), lambda: read_organization(self._rest().query(query)["records"][0])
        )

    def name_of(self, user_id: str) -> str:
        """Returns a user's name, for people who use the command line; ids are what enters Dagster."""
        statement = soql.select(["Name"], "User", [soql.equal("Id", user_id)])
        return self._shaped(
            Ask("query", "User"), lambda: str(self._rest().query(statement)["records"][0]["Name"])
        )

    def limits(self) -> Mapping[str, Any]:
        """Returns the org's limits by name, each with `Max` and `Remaining`. Raises `SetupError` without View Setup and Configuration."""
        return self._shaped(Ask("org", "the org's limits"), lambda: dict(self._rest().limits()))

    def tooling_query(self, soql: str) -> list[Record]:
        """Returns the records of a query of the Tooling API, one page of them: what is set up in the org, never its data."""
        return query.first_page(
            self._transport, f"{self._base}/tooling", soql, include_deleted=False
        ).records()

    def _shaped(self, ask: Ask, read: Callable[[], _T]) -> _T:
        """Asks, and takes an answer of another shape than the API promises for none."""
        with self._transport.asking(ask):
            try:
                return read()
            except (KeyError, IndexError, TypeError, ValueError):
                raise no_answer(ask) from None

    def _rest(self) -> SimpleSalesforce:
        # It never learns the token: the transport puts it on each request.
        return SimpleSalesforce(
            instance_url=self._transport.tokens.instance_url,
            session_id="",
            version=self._api_version,
            session=self._transport,
        )
