"""My Domain addresses: from what a person types or copies to the https origin where their org signs people in. Pure.

Facts: Salesforce Help, "My Domain URL Formats"; enhanced domains (enforced since Winter '24) put the kind of org into the host.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from orchestration.errors import SetupError

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_ORG_ID = re.compile(r"00d[a-z0-9]{12}(?:[a-z0-9]{3})?")
_ENDINGS = (
    ".my.salesforce.com", ".my.salesforce-setup.com", ".lightning.force.com", ".file.force.com", ".my.site.com", ".vf.force.com",
)  # fmt: skip
_INSTANCES = ("sandbox", "develop", "scratch", "demo", "patch", "trailblaze")
# Hosts of sandboxes before enhanced domains carried the server's name: acme--uat.cs123.my.salesforce.com.
_OLD_SANDBOX = re.compile(r"cs\d+")
# First labels that name a server or a page of Salesforce's own, never a customer.
_NOBODYS = re.compile(r"www|login|test|my|help|status|trailhead|(?:na|eu|ap|cs|um|gs)\d+")


def my_domain_url(subdomain: str) -> str:
    """Returns the org's origin: `acme` → `https://acme.my.salesforce.com`, `acme--uat` → a sandbox's, `acme-dev-ed` → a Developer org's.

    Takes hosts and whole URLs of the org (Lightning, Setup, Visualforce and site pages too). Raises `SetupError` that shows the right form.
    """
    host = _host(subdomain)
    if host in ("login.salesforce.com", "test.salesforce.com"):
        raise _wrong(subdomain, f"{host} is shared by all orgs")
    for ending in _ENDINGS:
        if host.endswith(ending):
            name = host.removesuffix(ending)
            return _origin(subdomain, _without_namespace(name) if ending == ".vf.force.com" else name)
    last = host.rpartition(".")[2]
    if "." in host and last not in _INSTANCES and not _OLD_SANDBOX.fullmatch(last):
        raise _wrong(subdomain, "this is not the address of a Salesforce org", nearest=host.partition(".")[0])
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


def _without_namespace(name: str) -> str:
    """Visualforce pages carry a package's namespace after the name: acme--c.vf.force.com, acme--uat--c.sandbox.vf.force.com."""
    label, dot, instance = name.partition(".")
    return f"{label.rpartition('--')[0] or label}{dot}{instance}"


def _origin(typed: str, name: str) -> str:
    label, _, instance = name.partition(".")
    if not _LABEL.fullmatch(label):
        raise _wrong(
            typed, "the name before .my.salesforce.com is missing or has characters that no My Domain has"
        )
    if _ORG_ID.fullmatch(label):
        raise _wrong(typed, "this is the org's id, not its name")
    if _OLD_SANDBOX.fullmatch(instance):
        instance = "sandbox"
    if instance and instance not in _INSTANCES:
        raise _wrong(typed, f"'{instance}' is no part of a My Domain address", nearest=label)
    if instance == "sandbox" and "--" not in label:
        raise _wrong(typed, f"a sandbox has its own name after two hyphens, such as {label}--uat")
    if not instance:
        instance = "sandbox" if "--" in label else "develop" if label.endswith("-dev-ed") else ""
    return f"https://{'.'.join(filter(None, (label, instance)))}.my.salesforce.com"


def _wrong(typed: str, why: str, *, nearest: str = "") -> SetupError:
    is_name = _LABEL.fullmatch(nearest) and not _NOBODYS.fullmatch(nearest)
    hint = f" Did you mean {nearest} (https://{nearest}.my.salesforce.com)?" if is_name else ""
    return SetupError(
        f"{typed.strip()!r} does not name a Salesforce org: {why}.{hint} Write the My Domain name, such as acme for"
        " https://acme.my.salesforce.com, or acme--uat for a sandbox. In Salesforce it stands under Setup › My Domain."
    )
