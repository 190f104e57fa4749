"""How a run says what it is to close: the run tags, and the decision that the assets take from them. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

MODE_TAG = "fluint/mode"
KEYS_TAG = "fluint/keys"
KEYS_READ = "read"
STARTED_BY_TAG = "fluint/started_by_run"
ACCEPT_TAG = "fluint/accept"
ACCEPTED = "what_is_gone"


class Mode(StrEnum):
    """The difference that a run closes; one run of each value at a time (dagster.yaml)."""

    CHANGES = "changes"  # what changed in Salesforce since the cursor
    HISTORY = "history"  # entitled parents without coverage, a range of months that is read again, a comparison with the org
    COLUMNS = "columns"  # fields whose values change without a stamp
    UPLOAD = "upload"  # document versions that are not in Salesforce yet


def mode_of(tags: Mapping[str, str]) -> Mode:
    """The mode of a run with these tags; a run without one (somebody clicked Materialize) follows changes.

    Raises ValueError for a mode that there is not.
    """
    return Mode(tags.get(MODE_TAG, Mode.CHANGES))


def keys_were_read(tags: Mapping[str, str]) -> bool:
    """Whether the tick that started this run has done the keys phase already."""
    return tags.get(KEYS_TAG) == KEYS_READ


def was_accepted(tags: Mapping[str, str]) -> bool:
    """Whether a person has looked at what is gone: a comparison with these tags marks it whatever changed."""
    return tags.get(ACCEPT_TAG) == ACCEPTED
