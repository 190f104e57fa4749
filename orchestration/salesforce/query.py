"""Reading by REST: one query page by page, several queries in one call, records by id. Bulk and files belong elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

from orchestration.errors import FluintError, IncompleteReadError
from orchestration.salesforce.pages import Page, Record
from orchestration.salesforce.responses import Ask, error_for, no_answer, parse_json, read_refusal
from orchestration.salesforce.soql import chunked, sobject_of
from orchestration.salesforce.transport import Transport, server_date, utc_now

QUERIES_PER_COMPOSITE = 5
"""Query subrequests in one composite request (REST API Developer Guide, "Composite Resources": limits)."""

MAX_URI = 14_000
"""Characters of a GET; a request line with its headers ends at 16,384 bytes. Longer queries travel in a composite's body."""

# Two bodies of a mail may have 131 kB each: 2,000 of them would be half a gigabyte in one answer.
_WIDE = re.compile(r"\b(HtmlBody|TextBody)\b")
_COUNT = re.compile(r"\bCOUNT\(\s*\)", re.IGNORECASE)
_SMALL_PAGES: Mapping[str, str] = {"Sforce-Query-Options": "batchSize=200"}


def query(transport: Transport, base: str, soql: str, *, include_deleted: bool) -> Iterator[Page]:
    """Yields all pages of a query, the first at once and the rest as they are asked for; `base` is `/services/data/vNN.N`."""
    page = first_page(transport, base, soql, include_deleted=include_deleted)
    yield page
    yield from next_pages(transport, page)


def first_page(transport: Transport, base: str, soql: str, *, include_deleted: bool) -> Page:
    """Returns the first page of a query; a query too long for a URI goes as a composite of one."""
    url = _url(base, soql, include_deleted)
    if len(url) > MAX_URI:
        (answer,) = query_many(transport, base, [soql], include_deleted=include_deleted)
        if isinstance(answer, FluintError):
            raise answer
        return answer
    return _whole(_get(transport, url, Ask("query", sobject_of(soql)), _page_size(soql)), soql)


def next_pages(transport: Transport, page: Page) -> Iterator[Page]:
    """Yields the pages after this one. Raises `IncompleteReadError` when the org no longer holds them, or holds another number."""
    if page.next_url is None:
        return
    announced = page.total_size
    while page.next_url is not None:
        page = _get(transport, page.next_url, Ask("page", page.sobject), page.options, before=page.seen)
        yield page
    if page.seen != announced:
        raise _other_number(page, announced)


def _whole(page: Page, soql: str) -> Page:
    """Returns an answer of one page if it has as many records as it says; `COUNT()` says a number and has none."""
    if page.next_url is None and page.count != page.total_size and not _COUNT.search(soql):
        raise _other_number(page, page.total_size)
    return page


def _other_number(page: Page, announced: int) -> IncompleteReadError:
    return IncompleteReadError(
        f"Salesforce announced {announced:,} records of {page.sobject} and gave {page.seen:,}. This read does not count; the"
        " window is read again."
    )


def query_many(
    transport: Transport, base: str, soqls: Sequence[str], *, include_deleted: bool
) -> list[Page | FluintError]:
    """Returns the first page of each query, in order, at one call for five; a refused one becomes its error and the others go on."""
    answers: list[Page | FluintError] = []
    for group in chunked(soqls, QUERIES_PER_COMPOSITE):
        answers += _composite(transport, base, group, include_deleted)
    return answers


def _url(base: str, soql: str, include_deleted: bool) -> str:
    # SOQL's own punctuation may stand in a query string (RFC 3986, section 3.4); encoding it would triple an id list's commas and quotes.
    resource = "queryAll" if include_deleted else "query"
    return f"{base}/{resource}?q=" + quote(soql, safe="'(),:=*")


def _page_size(soql: str) -> Mapping[str, str]:
    return _SMALL_PAGES if _WIDE.search(soql) else {}


def _get(transport: Transport, url: str, ask: Ask, options: Mapping[str, str], before: int = 0) -> Page:
    def parse(response: requests.Response) -> Page:
        answer = parse_json(response.content, ask)
        return _page(response.content, (), answer, _moments(transport, response), ask, options, before)

    with transport.asking(ask):
        return transport.read("GET", url, parse, headers=options)


def _composite(
    transport: Transport, base: str, soqls: Sequence[str], include_deleted: bool
) -> list[Page | FluintError]:
    # GET by construction: no other method can be put into a composite here.
    subrequests = [
        {"method": "GET", "url": _url(base, soql, include_deleted), "referenceId": f"q{place}"}
        | ({"httpHeaders": _page_size(soql)} if _page_size(soql) else {})
        for place, soql in enumerate(soqls)
    ]
    asks = [Ask("query", sobject_of(soql), transport.tokens.user_id) for soql in soqls]
    whole = Ask("query", ", ".join(ask.sobject for ask in asks))

    def parse(response: requests.Response) -> list[Page | FluintError]:
        parts = _composite_parts(parse_json(response.content, whole), whole)
        moments = _moments(transport, response)
        return [
            _part(response.content, parts, f"q{place}", moments, ask, soql)
            for place, (soql, ask) in enumerate(zip(soqls, asks, strict=True))
        ]

    with transport.asking(whole):
        body = {"allOrNone": False, "compositeRequest": subrequests}
        return transport.read("POST", f"{base}/composite", parse, json=body)


def _composite_parts(answer: Any, ask: Ask) -> Mapping[str, tuple[int, Mapping[str, Any]]]:
    parts = answer.get("compositeResponse") if isinstance(answer, dict) else None
    if not isinstance(parts, list):
        raise no_answer(ask)
    return {str(part.get("referenceId")): (place, part) for place, part in enumerate(parts)}


def _part(
    body: bytes,
    parts: Mapping[str, tuple[int, Mapping[str, Any]]],
    reference: str,
    moments: tuple[datetime, datetime],
    ask: Ask,
    soql: str,
) -> Page | FluintError:
    if reference not in parts:
        return IncompleteReadError(
            f"Salesforce left {ask.what} unanswered. It does not count; the query is made again."
        )
    place, part = parts[reference]
    status = int(part.get("httpStatusCode") or 0)
    if not 200 <= status < 300:
        return error_for(read_refusal(status, part.get("body"), {}), ask, utc_now())
    path = ("compositeResponse", place, "body")
    try:
        return _whole(_page(body, path, part.get("body"), moments, ask, _page_size(soql)), soql)
    except IncompleteReadError as error:
        return error


def _moments(transport: Transport, response: requests.Response) -> tuple[datetime, datetime]:
    return server_date(response), transport.read_at(response)


def _page(
    body: bytes,
    path: tuple[str | int, ...],
    answer: Any,
    moments: tuple[datetime, datetime],
    ask: Ask,
    options: Mapping[str, str],
    before: int = 0,
) -> Page:
    if not isinstance(answer, dict) or "done" not in answer:
        raise no_answer(ask)
    records = _records(answer.get("records"), ask)
    next_url = None if answer["done"] else answer.get("nextRecordsUrl")
    if not answer["done"] and not next_url:
        raise IncompleteReadError(
            f"Salesforce says that {ask.what} has more records and not where. It does not count and is made again."
        )
    total = int(answer.get("totalSize", len(records)))
    count = _count(records)
    seen = before + count
    return Page(
        body, (*path, "records"), count, total, next_url, *moments, ask.sobject, seen, records, options
    )


def _records(answer: Any, ask: Ask) -> Sequence[Record | None]:
    if not isinstance(answer, list):
        raise no_answer(ask)
    return answer


def _count(records: Sequence[Record | None]) -> int:
    return sum(record is not None for record in records)
