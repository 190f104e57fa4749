"""A person at the local org's pages, and an operator at its admin endpoints, for when nobody sits at a browser.

`python -m local_org.visitor sign-in --directory DIR URL` logs in as the integration user, allows the access and follows the
redirect, as a browser would; given as BROWSER, it takes a browser's place. `… ask --directory DIR METHOD PATH` prints the answer
of an admin endpoint. Uses only what the org shows everybody: its pages, and its identity card.
"""

import argparse
import ssl
import sys
import urllib.request
from collections.abc import Sequence
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from local_org.registration import Registration, registration_of

# Login, consent, the way back: more pages than that are a loop.
_MOST_PAGES = 5


class _Form(HTMLParser):
    """The first form of a page: where it goes, its fields, and its first button."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects what a browser would send."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action, self._inside = given.get("action", ""), True
        elif self._inside and tag in ("input", "button") and "name" in given:
            self.fields.setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """Ends with the first form."""
        if tag == "form":
            self._inside = False


def sign_in(card: Registration, url: str) -> str:
    """Follows the pages from an authorize URL to the client's callback, which it opens. Returns the callback's address without its query,
    whether it brought a code or a refusal.

    Raises RuntimeError when the pages lead nowhere, for example because the access was refused before consent.
    """
    browser = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=card.ca_file)),
        urllib.request.HTTPCookieProcessor(CookieJar()),
    )
    answer = browser.open(url)
    for _ in range(_MOST_PAGES):
        address = str(answer.geturl())
        if urlsplit(address).hostname == "localhost" and ("code=" in address or "error=" in address):
            return address.split("?")[0]
        form = _Form()
        form.feed(answer.read().decode())
        if form.action is None:
            break
        if "password" in form.fields:
            form.fields |= {"username": card.username, "password": card.password}
        answer = browser.open(urljoin(address, form.action), urlencode(form.fields).encode())
    raise RuntimeError(
        f"The pages of the org did not lead back to the application; they ended at {answer.geturl().split('?')[0]}."
    )


def ask(card: Registration, method: str, path: str) -> bytes:
    """Gives the answer of an admin endpoint, for example GET /cast or POST /changes/all."""
    request = urllib.request.Request(f"{card.base_url}/__local_org__{path}", method=method)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=card.ca_file)) as answer:
        body: bytes = answer.read()
    return body


def main(arguments: Sequence[str] | None = None) -> None:
    """Signs in, or asks an admin endpoint."""
    parser = argparse.ArgumentParser(prog="python -m local_org.visitor")
    commands = parser.add_subparsers(dest="command", required=True)
    signing = commands.add_parser("sign-in", help="log in, allow, follow the redirect")
    signing.add_argument("url")
    asking = commands.add_parser("ask", help="print the answer of an admin endpoint")
    asking.add_argument("method")
    asking.add_argument("path")
    for command in (signing, asking):
        command.add_argument("--directory", type=Path, required=True)
    asked = parser.parse_args(arguments)
    card = registration_of(asked.directory)
    if asked.command == "sign-in":
        sign_in(card, asked.url)
    else:
        sys.stdout.buffer.write(ask(card, asked.method, asked.path))


if __name__ == "__main__":
    main()
