"""Asking for rows and keys by REST: whole, or in halves where Salesforce refuses the whole as too much for one answer.

Every half is read, however empty the one before it was, and a caller has proved nothing before it has them all. What is then stored
and proved is the caller's business; so are ids that are wanted one by one (fetch.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, Self, TypeVar

from orchestration.errors import FluintError, RejectedRequestError, TooMuchAskedError
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page
from orchestration.sync.fields import Readable
from orchestration.sync.options import Collaborators
from orchestration.sync.plan import QUERIES_IN_A_COMPOSITE, chunks
from orchestration.sync.windows import Window


class Part(Protocol):
    """A part of an object that a query can ask for, as a window of time or a list of parents."""

    def conditions(self) -> list[str]:
        """The part as SOQL conditions."""

    def halves(self, now: datetime) -> tuple[Self, Self] | None:
        """Two parts that together are this one; None where nothing smaller can be asked for. `now` is the org's time."""


P = TypeVar("P", bound=Part)
T = TypeVar("T")


def in_halves(sobject: str, part: P, read: Callable[[P], T], now: datetime) -> list[T]:
    """What `read` returns for this part, or for the smaller ones that it had to be cut into, in order.

    Raises RejectedRequestError when the smallest part, too, is too much; then nothing may be taken for read.
    """
    try:
        return [read(part)]
    except TooMuchAskedError as error:
        halves = part.halves(now)
        if halves is None:
            raise _at_the_end(sobject, part, error) from None
    return [result for half in halves for result in in_halves(sobject, half, read, now)]


def _at_the_end(sobject: str, part: Part, error: TooMuchAskedError) -> RejectedRequestError:
    next_step = (
        f"a Salesforce admin opens a case with Salesforce Support about slow queries of {sobject}."
        if error.code != "OPERATION_TOO_LARGE"
        # Without it Salesforce refuses activities that are about more than 100,000 people and records.
        else "a Salesforce admin grants View All Data to the integration user, or switches the object off with whoever runs this pipeline."
    )
    text = (
        f"{sobject} {part} is too much for one answer of Salesforce, and no smaller part can be asked for. What is held stays, nothing"
        f" more is taken for read, and the next sync tries again. If this text stays, {next_step} ({error})"
    )
    return RejectedRequestError(text, status=error.status, code=error.code, request_id=error.request_id)


def keys_within(with_: Collaborators, what: Readable, window: Window) -> list[Page]:
    """The keys of everything of an object that changed in the window: one answer, or one for each part that had to be asked alone."""

    def read(part: Window) -> list[Page]:
        return list(ask(with_, soql.select(what.key_paths, what.sobject.name, part.conditions())))

    return [page for pages in in_halves(what.sobject.name, window, read, window.end) for page in pages]


def pages_of(
    with_: Collaborators, sobject: str, parts: Sequence[P], query: Callable[[P], str], now: datetime
) -> Iterator[tuple[P, list[Page]]]:
    """Each part with all its pages, five parts a call; what is too much for one answer comes from its halves.

    Raises the first error: a caller that has not seen every part has proved nothing of the others.
    """
    for some in chunks(parts, QUERIES_IN_A_COMPOSITE):
        firsts = with_.salesforce.query_many([query(part) for part in some])
        for whole, first in zip(some, firsts, strict=True):

            def read(part: P, whole: P = whole, first: Page | FluintError = first) -> list[Page]:
                return list(pages_from(with_, first) if part is whole else ask(with_, query(part)))

            yield whole, [page for pages in in_halves(sobject, whole, read, now) for page in pages]


def ask(with_: Collaborators, query: str) -> Iterator[Page]:
    """The pages of one query, sent in a request body because a list of ids can be longer than a URI may be."""
    (first,) = with_.salesforce.query_many([query])
    return pages_from(with_, first)


def pages_from(with_: Collaborators, first: Page | FluintError) -> Iterator[Page]:
    """The pages of an answer whose first one is there. Raises it if it is an error."""
    if isinstance(first, FluintError):
        raise first
    yield first
    yield from with_.salesforce.next_pages(first)
