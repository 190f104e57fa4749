"""Which orgs a workspace takes by its environment, and how an org is looked at before its grant is kept. The rules are pure.

| | production org | sandbox, Developer Edition | address that is not Salesforce's |
|---|---|---|---|
| production | yes | no | no |
| staging | only if that is said | yes | no |
| dev | only if that is said | yes | yes |

A certificate authority of one's own is no sign: companies whose proxies open TLS need one in production too. The address is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from orchestration.errors import NeedsReconnectError, WrongEnvironmentError
from orchestration.salesforce.oauth import Tokens

# Salesforce Help, "My Domain URL Formats": commercial, Government Cloud, Salesforce on Alibaba Cloud.
_OF_SALESFORCE = (".salesforce.com", ".salesforce.mil", ".sfcrmproducts.cn")
_DEVELOPER = "Developer Edition"


@dataclass(frozen=True)
class OrgKind:
    """What an org is: `is_sandbox` and `edition` as its own record says, None where the user may not read that; where it answers."""

    instance_url: str
    is_sandbox: bool | None = None
    edition: str | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether its address is not one of Salesforce's: the local org, or something that stands in for an org."""
        host = urlsplit(self.instance_url).hostname or ""
        return not host.endswith(_OF_SALESFORCE)

    @property
    def is_for_trials(self) -> bool:
        """Whether nobody's business hangs on it: a sandbox, a Developer Edition. My Domain hosts say so too, where the record does not."""
        host = urlsplit(self.instance_url).hostname or ""
        by_host = any(f".{part}." in host for part in ("sandbox", "develop", "scratch", "demo", "trailblaze"))
        return bool(self.is_sandbox) or self.edition == _DEVELOPER or by_host

    def __str__(self) -> str:
        """In a sentence: `a sandbox at https://…`."""
        if self.is_elsewhere:
            return f"not at an address of Salesforce's ({self.instance_url})"
        if self.is_sandbox:
            return f"a sandbox ({self.instance_url})"
        return f"{self.edition or 'a production org as far as its address tells'} ({self.instance_url})"


def insist_on_kind(environment: str | None, org: OrgKind, *, production_is_meant: bool) -> None:
    """Returns if a workspace of this environment takes the org; a workspace that never said takes any. WrongEnvironmentError else."""
    if environment is None:
        return
    if org.is_elsewhere:
        if environment != "dev":
            raise _refused(environment, org, "only a dev workspace takes what stands in for Salesforce")
        return
    if environment == "production" and org.is_for_trials:
        raise _refused(environment, org, "what is tried out there would be taken for the company's deals")
    if environment != "production" and not org.is_for_trials and not production_is_meant:
        raise _refused(
            environment,
            org,
            "real customers' data would lie in it, and documents would be sent to real deals. `fluint connect --production-org` says that"
            " this is meant",
        )


def _refused(environment: str, org: OrgKind, why: str) -> WrongEnvironmentError:
    return WrongEnvironmentError(
        f"This workspace is {environment}, and the org that answered is {org}: {why}. Nothing was stored, and what was connected before"
        " stays. Whoever connects signs in to another org, or sets `environment` in fluint.yaml to what this workspace is for."
    )


class FreshGrant:
    """A token store for a grant that nobody keeps yet, to ask the org what it is. It is used within the minute, so never renewed."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def load(self) -> Tokens:
        """Returns the grant."""
        return self._tokens

    @contextmanager
    def exclusive(self) -> Iterator[Tokens]:
        """Raises NeedsReconnectError: a session that is refused in its first minute is not renewed, but begun anew."""
        raise NeedsReconnectError(
            "Salesforce refused the session that it had just given. Nothing was stored. Connect again."
        )
        yield self._tokens

    def begin_refresh(self, tokens: Tokens) -> int:
        """Never reached: `exclusive` comes before it."""
        raise NotImplementedError

    def end_refresh(self, tokens: Tokens, *, was_taken: bool | None) -> None:
        """Never reached, as `begin_refresh`."""
        raise NotImplementedError

    def save(self, tokens: Tokens) -> Tokens:
        """Never reached, as `begin_refresh`."""
        raise NotImplementedError

    def mark_needs_reconnect(self, reason: str, tokens: Tokens) -> None:
        """Nothing is kept that could be marked."""
