"""The host names under which an org answers, and what each of them serves: its My Domain, and the two log-in hosts that all orgs share.

Belongs here: which part a request's Host plays. Does not: what an endpoint then refuses (grants.py, pages.py, gate.py).
Facts: API sheet 1, Hosts (Salesforce Help, "My Domain URL Formats"; EST auth.py).
"""

from __future__ import annotations

from enum import Enum

from local_org.org import Org

PRODUCTION, SANDBOX = "login.salesforce.com", "test.salesforce.com"
SETUP_ENDING = ".my.salesforce-setup.com"


class Host(Enum):
    """The part that a host name plays for one org."""

    MY_DOMAIN = "my_domain"
    """The org's own address: everything."""
    LOGIN = "login"
    """The shared log-in host of the org's environment: OAuth, identity and log-in, no data and no client credentials."""
    OTHER_ENVIRONMENT = "other_environment"
    """The shared log-in host of the other environment, where nobody knows this org, its users or its tokens."""
    SETUP = "setup"
    """The pages of Setup (`*.my.salesforce-setup.com`), which serve no tokens."""


def login_host(org: Org) -> str:
    """Returns the shared log-in host of the org's environment."""
    found = org.store.get("Organization", org.org_id)
    return SANDBOX if found is not None and found["IsSandbox"] else PRODUCTION


def host_of(org: Org, name: str) -> Host:
    """Returns the part of a host name as the Host header gives it, with or without a port; every name of the org's own is its My Domain."""
    bare = name.lower().partition(":")[0].rstrip(".")
    if bare in (PRODUCTION, SANDBOX):
        return Host.LOGIN if bare == login_host(org) else Host.OTHER_ENVIRONMENT
    return Host.SETUP if bare.endswith(SETUP_ENDING) else Host.MY_DOMAIN
