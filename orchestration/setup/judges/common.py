"""What several judges say alike."""

from __future__ import annotations

from orchestration.errors import (
    FluintError,
    MissingFieldError,
    ObjectUnavailableError,
    QuotaReachedError,
    TransientError,
)
from orchestration.setup.outcome import Fault, Judgement, wrong
from orchestration.setup.seen import Seen


def unseen(seen: Seen, what: str, error: FluintError) -> Judgement:
    """That something could not be tested: because of the connection, of View Setup and Configuration, or of what the error says."""
    if seen.salesforce.refused is not None or isinstance(error, QuotaReachedError):
        return wrong(Fault("not_asked", values={"what": what, "why": _why_nothing_is_asked(seen)}))
    return wrong(unseen_fault(seen, what, error))


def _why_nothing_is_asked(seen: Seen) -> str:
    connection, refused = seen.fluint.connection, seen.salesforce.refused
    if connection is None or connection.state == "disconnected":
        return "there is no connection to a Salesforce org"
    if isinstance(refused, TransientError):
        return "Salesforce could not be reached"
    return f"Salesforce refuses {seen.user} as a whole"


def unseen_fault(seen: Seen, what: str, error: FluintError) -> Fault:
    """The same for a part of an item."""
    if isinstance(error, ObjectUnavailableError | MissingFieldError) and not seen.salesforce.lacks_view_setup:
        step = "Mend what is said of this object or field, then run `fluint check` again"
        return _not_visible(what, str(error).partition(". ")[0], step, error)
    if not seen.salesforce.lacks_view_setup:
        return _not_visible(
            what, str(error).rstrip("."), "Do what this text says, or look it up by hand", error
        )
    step = (
        f"{seen.salesforce.holder} › System Permissions › Edit › tick 'View Setup and Configuration' › Save"
    )
    return _not_visible(what, f"{seen.user} lacks 'View Setup and Configuration'", step, error)


def _not_visible(what: str, reason: str, step: str, error: FluintError) -> Fault:
    return Fault("not_visible", what, {"what": what, "reason": reason, "step": step}, error)


def listed(names: object) -> str:
    """Names for a sentence: `A`, `A and B`, `A, B and C`."""
    given = [str(each) for each in names]  # type: ignore[attr-defined]
    return given[0] if len(given) == 1 else f"{', '.join(given[:-1])} and {given[-1]}" if given else "nothing"
