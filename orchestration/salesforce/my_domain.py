"""My Domain addresses: from what a person types or copies to the https origin where their org signs people in. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from orchestration.errors import SetupError

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_ENDINGS = (".my.salesforce.com", ".my.salesforce-setup.com", ".lightning.force.com", ".file.force.com")
_INSTANCES = ("sandbox", "develop", "scratch", "demo", "patch", "trailblaze")


def my_domain_url(subdomain: str) -> str:
    """Returns the org's origin: `acme` → `https://acme.my.salesforce.com`, `acme--uat` → a sandbox's, `acme-dev-ed` → a Developer org's.

    Takes hosts and whole URLs of the org (Lightning and Setup pages too). Raises `SetupError` that shows the right form.
    """
    host = _host(subdomain)
    if host in ("login.salesforce.com", "test.salesforce.com"):
        raise _wrong(subdomain, f"{host} is shared by all orgs")
    for ending in _ENDINGS:
        if host.endswith(ending):
            return _origin(subdomain, host.removesuffix(ending))
    if "." in host and host.rpartition(".")[2] not in _INSTANCES:
        raise _wrong(subdomain, "this is not the address of a Salesforce org")
    return _origin(subdomain, host)


def _host(text: str) -> str:
    cleaned = text.strip()
    if "://" not in cleaned:
        cleaned = f"https://{cleaned}"
    try:
        parts = urlsplit(cleaned)
    except ValueError:
        raise _wrong(text, "this is not an address") from None
    if parts.scheme not in ("https", "http") or "@" in parts.netloc:
        raise _wrong(text, "this is not a web address")
    return (parts.hostname or "").rstrip(".")


def _origin(typed: str, name: str) -> str:
    label, _, instance = name.partition(".")
    if not _LABEL.fullmatch(label):
        raise _wrong(
            typed, "the name before .my.salesforce.com is missing or has characters that no My Domain has"
        )
    if instance and instance not in _INSTANCES:
        raise _wrong(typed, f"'{instance}' is no part of a My Domain address")
    if not instance:
        # Enhanced domains (enforced since Winter '24) put the kind of org into the host: Salesforce Help, "My Domain URL Formats".
        instance = "sandbox" if "--" in label else "develop" if label.endswith("-dev-ed") else ""
    return f"https://{'.'.join(filter(None, (label, instance)))}.my.salesforce.com"


def _wrong(typed: str, why: str) -> SetupError:
    return SetupError(
        f"{typed.strip()!r} does not name a Salesforce org: {why}. Write the My Domain name, such as acme for"
        " https://acme.my.salesforce.com, or acme--uat for a sandbox. In Salesforce it stands under Setup › My Domain."
    )
