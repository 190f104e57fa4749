"""What it means when no usable answer came from an OAuth endpoint. What a refusal means is the interpreter's (`responses`)."""

from __future__ import annotations

import requests

from orchestration.errors import SetupError, TransientSalesforceError


class NoTokenAnswerError(TransientSalesforceError):
    """A token request was sent, and whether Salesforce carried it out is not known: no answer came, or something else than tokens."""


def unreachable(host: str, error: requests.RequestException) -> TransientSalesforceError | SetupError:
    """Returns the error for a host that gave no answer: `SetupError` where its certificate is not trusted, otherwise one to try later."""
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return SetupError(
            f"The certificate of {host} is not trusted here. Whoever runs Fluint sets FLUINT_SALESFORCE_CA_FILE to the certificate"
            " authority's file if a proxy or a local org stands there; nothing was sent."
        )
    return TransientSalesforceError(
        f"{host} did not answer ({type(error).__name__}). Nothing was changed; the next sync tries again. If this stays, check the network"
        " and the proxy settings of this computer."
    )


def was_never_sent(error: BaseException) -> bool:
    """Tells whether a request failed before a byte of it left: no such name, no connection."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    causes = [error, *error.args, getattr(error.args[0] if error.args else None, "reason", None)]
    return any(type(cause).__name__ in _BEFORE_SENDING for cause in causes)


# urllib3's; requests wraps a MaxRetryError whose `reason` is one of them.
_BEFORE_SENDING = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")
