"""The one way out to the org: session, time limits, retries of reads, renewal of the access token, counting. Not thread-safe.

`Transport` is the `requests.Session` that simple-salesforce is given, so its methods and ours share these rules. What an answer
means is `responses`' business; which address to ask is the callers'.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity

from orchestration.errors import BugError, SetupError, TransientError, TransientSalesforceError
from orchestration.salesforce import oauth, quota
from orchestration.salesforce.oauth_errors import unreachable
from orchestration.salesforce.renewal import Renewal, RenewalError, is_due
from orchestration.salesforce.responses import Ask, DeadSessionError, error_for, parse_json, read_refusal

CHUNK = 1 << 16
"""Bytes taken from the socket at a time."""

ATTEMPTS = 4
"""Tries of one read, with about half a second, one and two seconds in between."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two bytes of an answer (a query may compute for 120 s), and for one answer as a whole."""

    connect: float = 10.0
    read: float = 130.0
    whole: float = 600.0


def utc_now() -> datetime:
    """Returns the local clock's time, aware and in UTC."""
    return datetime.now(UTC)


class Transport(requests.Session):
    """Sends requests as the integration user; every refusal leaves it as an error of `orchestration.errors`."""

    def __init__(
        self,
        app: oauth.OAuthApp,
        store: oauth.TokenStore,
        *,
        quota_share: float,
        session: requests.Session | None,
        sleep: Callable[[float], None],
        timeouts: Timeouts,
    ) -> None:
        super().__init__()
        self._app, self._store, self._quota_share, self._sleep, self._timeouts = (
            app,
            store,
            quota_share,
            sleep,
            timeouts,
        )
        self._wire = session or requests.Session()
        self._tokens: oauth.Tokens | None = None
        self._renewal = Renewal(app, store, sleep)
        self._origins: set[str] = set()
        self._ask = Ask("org", "the org")
        self._newest_date: datetime | None = None
        self._asked_after: datetime | None = None
        self.usage: quota.ApiUsage | None = None
        self.purpose = "other"
        self.calls: Counter[str] = Counter()

    @property
    def tokens(self) -> oauth.Tokens:
        """The grant in use, read from the store at the first call. Raises `NeedsReconnectError` when there is none.

        One that was not renewed for a day is renewed then: a token that nobody presents dies of the app's policy.
        """
        if self._tokens is None:
            self._use(self._store.load())
            self._keep_alive()
        assert self._tokens is not None
        return self._tokens

    def hang_up(self) -> None:
        """Closes the kept connections."""
        self._wire.close()

    @contextmanager
    def asking(self, ask: Ask) -> Iterator[None]:
        """Names what is asked for while the block runs, for texts."""
        before, self._ask = self._ask, ask
        try:
            yield
        finally:
            self._ask = before

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends a read and returns the answer with its whole body, which is JSON: what simple-salesforce calls."""
        ask = self._ask

        def parse(response: requests.Response) -> requests.Response:
            parse_json(response.content, ask)  # its caller would meet a cut body as a JSON error of its own
            return response

        return self.read(str(method), str(url), parse, **kwargs)

    def read(self, method: str, url: str, parse: Callable[[requests.Response], _T], **kwargs: Any) -> _T:
        """Sends a read, repeats it while the failure is of the moment, and returns what `parse` makes of the whole answer."""

        def attempt() -> _T:
            with self._exchange(method, url, **kwargs) as response:
                self._load_body(response)
            return parse(response)

        return self._retrying(lambda: self._with_live_session(attempt))

    @contextmanager
    def opened(self, method: str, url: str, **kwargs: Any) -> Iterator[requests.Response]:
        """Yields an answer whose body is still on the wire; only the way to its headers is repeated, never the body."""
        with self._retrying(
            lambda: self._with_live_session(lambda: self._exchange(method, url, **kwargs))
        ) as response:
            yield response

    def chunks(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        """Yields the body, gunzipped, as it arrives. Raises `TransientSalesforceError` when it breaks off or is late (monotonic)."""
        try:
            for chunk in response.iter_content(CHUNK):
                if time.monotonic() > deadline:
                    raise TransientSalesforceError(
                        f"{self._what()} took too long to arrive. It is read again at the next sync."
                    )
                yield chunk
        except requests.RequestException as error:
            raise TransientSalesforceError(
                f"{self._what()} was cut off on the way ({type(error).__name__}). Nothing of it counts; it is read again."
            ) from None

    def write(self, url: str, body: Callable[[], tuple[Any, dict[str, str]]]) -> requests.Response:
        """POSTs once what `body` gives (data, headers); it is called again only when a dead session kept the first from being taken.

        Raises `TransientSalesforceError` when no answer came: then only the org knows whether the record exists.
        """

        def attempt() -> requests.Response:
            data, headers = body()
            with self._exchange("POST", url, data=data, headers=headers) as response:
                self._load_body(response)
            return response

        return self._with_live_session(attempt)

    def server_time(self) -> datetime:
        """Returns the org's clock (aware, UTC, floored to the second) from a request that needs no session and counts as no call."""

        def attempt() -> datetime:
            with self._send("GET", f"{self.tokens.instance_url}/services/data", auth=_no_auth) as response:
                return server_date(response)

        return self._retrying(attempt)

    def read_at(self, response: requests.Response) -> datetime:
        """Returns a moment (aware, UTC) not later than the one at which the org read what it answered last.

        That is its Date less the time that the request took, and not before the Date of an answer that was here when it was asked:
        Dates are whole seconds, and of two reads within one the later would pass for the older if it took longer. An answer dated
        before that comes from a cache on the way, and may be as old as it says.
        """
        date = server_date(response)
        earliest = date - response.elapsed
        if self._asked_after is None or date < self._asked_after:
            return earliest
        return max(earliest, self._asked_after)

    def _exchange(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        quota.check(self.usage, self._quota_share, utc_now())
        self.calls[self.purpose] += 1
        headers = {**kwargs.pop("headers", {})}
        headers.pop(
            "X-PrettyPrint", None
        )  # simple-salesforce asks for indented JSON, which is larger and no clearer to a parser
        headers.pop("Authorization", None)
        response = self._send(
            method, self._address(url), headers=headers, auth=_Bearer(self.tokens.access_token), **kwargs
        )
        self._note_usage(response)
        if response.status_code < 300:
            return response
        with response:
            self._load_body(response)
            refusal = read_refusal(response.status_code, response.content, response.headers)
        raise error_for(refusal, replace(self._ask, user_id=self.tokens.user_id), utc_now())

    def _send(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        self._asked_after = self._newest_date
        try:
            # `verify` goes with every request: on a session, REQUESTS_CA_BUNDLE in the environment would override it (psf/requests#3829).
            response = self._wire.request(
                method, url, stream=True, allow_redirects=False, verify=self._app.ca_file or True,
                timeout=(self._timeouts.connect, self._timeouts.read), **kwargs,
            )  # fmt: skip
        except requests.RequestException as error:
            raise unreachable(urlsplit(url).netloc, error) from None
        with suppress(TransientSalesforceError):  # whoever needs the Date says that it is missing
            date = server_date(response)
            self._newest_date = max(date, self._newest_date or date)
        return response

    def _load_body(self, response: requests.Response) -> None:
        deadline = time.monotonic() + self._timeouts.whole
        # What requests' own `content` does, with an end to it: the read time-out starts anew with every byte.
        response._content = b"".join(self.chunks(response, deadline))

    def _note_usage(self, response: requests.Response) -> None:
        said = quota.read_usage(response.headers.get("Sforce-Limit-Info"), utc_now())
        if said is not None:
            self.usage = said
        elif self.usage is not None:
            self.usage = replace(self.usage, used=self.usage.used + 1)

    def _address(self, url: str) -> str:
        """Returns the URL on the present instance; a path (`nextRecordsUrl`) is one of it. The token goes nowhere else."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        instance = self.tokens.instance_url
        if not parts.netloc and url.startswith("/services/"):
            return instance + url
        if origin not in self._origins:
            raise BugError(
                f"A request to {origin} was stopped: the Salesforce session belongs to {instance}."
            )
        return instance + url.removeprefix(origin)

    def _use(self, tokens: oauth.Tokens) -> None:
        self._tokens = tokens
        parts = urlsplit(tokens.instance_url)
        # simple-salesforce leaves out the port where it is 443; both spellings are the same origin.
        self._origins |= {
            f"{parts.scheme}://{parts.netloc}",
            f"{parts.scheme}://{parts.netloc.removesuffix(':443')}",
        }

    def _with_live_session(self, call: Callable[[], _T]) -> _T:
        """Runs the call; when the session has died, takes another process's newer token or renews it once, and repeats only this call."""
        renewed = False
        while True:
            try:
                return call()
            except DeadSessionError as error:
                if renewed and not self._take_newer():
                    raise SetupError(
                        "Salesforce refuses a session that it gave a moment ago. A Salesforce admin checks for the integration user's"
                        " profile: login IP ranges, 'API Enabled', and session settings that lock sessions to an address.",
                        code=error.code,
                        request_id=error.request_id,
                    ) from None
                renewed = renewed or self._renew()

    def _take_newer(self) -> bool:
        stored = self._store.load()
        if stored.generation == self.tokens.generation:
            return False
        self._use(stored)
        return True

    def _renew(self) -> bool:
        """Puts a live token to use; True if it was fetched by us, False if another process had already done it."""
        tokens, is_ours = self._renewal.renew(self.tokens)
        self._use(tokens)
        return is_ours

    def _keep_alive(self) -> None:
        assert self._tokens is not None
        if is_due(self._tokens, utc_now()):
            with suppress(TransientError):  # the session may live; the next process tries again
                self._renew()

    def _retrying(self, call: Callable[[], _T]) -> _T:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_worth_repeating),
            stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_after_delay(self._timeouts.whole),
            wait=tenacity.wait_exponential_jitter(multiplier=0.5, max=20, jitter=0.5),
            sleep=self._sleep,
            reraise=True,
        )(call)

    def _what(self) -> str:
        return self._ask.what[:1].upper() + self._ask.what[1:]


def _is_worth_repeating(error: BaseException) -> bool:
    return isinstance(error, TransientSalesforceError) and not isinstance(error, RenewalError)


def server_date(response: requests.Response) -> datetime:
    """Returns the response's Date (aware, UTC). Raises `TransientSalesforceError` when it is missing or unreadable."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        raise TransientSalesforceError(
            "Salesforce's answer carries no readable Date, without which the order of reads is unknown. It is asked again; if this stays,"
            " a proxy on the way removes it."
        ) from None


class _Bearer(requests.auth.AuthBase):
    """Puts the token in; as an `auth` it also keeps requests from using a .netrc file instead."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
