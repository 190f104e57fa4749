"""The identity card of a local org, `org.json`: where it answers, and the connected app and password made on its first start.

Belongs here: the file and its fields. Does not: checking a secret or a password (oauth.py, pages.py).
"""

import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE_NAME = "org.json"
INTEGRATION_USERNAME = "integration@acme.example"
_ANY_LOCALHOST_CALLBACK = re.compile(r"http://localhost:\d{1,5}/callback")


@dataclass(frozen=True)
class Registration:
    """What a client must be told to connect. The secrets were made at random for this directory."""

    base_url: str
    ca_file: str
    directory: str
    client_id: str
    client_secret: str
    callback_urls: list[str]
    username: str
    password: str
    names: list[str] = field(default_factory=list)
    """The host names under which the org is served beside its address, e.g. `login.salesforce.com`."""

    def allows_callback(self, url: str) -> bool:
        """Tells whether the connected app registered `url`; on localhost any port will do."""
        return url in self.callback_urls or _ANY_LOCALHOST_CALLBACK.fullmatch(url) is not None


def register(directory: Path, base_url: str, names: Sequence[str] = ()) -> Registration:
    """Writes `org.json` for an org that answers at `base_url`; secrets that it holds already stay. Readable by its owner alone."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    kept = json.loads(path.read_text()) if path.exists() else {}
    card = Registration(
        base_url=base_url,
        ca_file=str(directory / "ca.pem"),
        directory=str(directory),
        # A real consumer key is 85 characters that begin so; clients must not expect a shorter one.
        client_id=kept.get("client_id") or "3MVG9" + secrets.token_hex(40),
        client_secret=kept.get("client_secret") or secrets.token_hex(32).upper(),
        callback_urls=kept.get("callback_urls") or ["http://localhost:1717/callback"],
        username=kept.get("username") or INTEGRATION_USERNAME,
        password=kept.get("password") or secrets.token_urlsafe(12),
        names=list(names),
    )
    text = json.dumps(asdict(card), indent=2) + "\n"
    # Written aside and renamed: whoever watches for the file never reads half of it.
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    aside.replace(path)
    return card


def registration_of(directory: Path) -> Registration:
    """Reads `org.json`. Raises FileNotFoundError if the org was never served from `directory`."""
    return Registration(**json.loads((directory / FILE_NAME).read_text()))
