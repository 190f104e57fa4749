"""What stands in for a resource whose set-up is wrong, so that the run that uses it ends with our text and not with Dagster's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from orchestration.errors import SetupError

_T = TypeVar("_T")


def or_told_at_use(make: Callable[[], _T]) -> _T:
    """What `make` gives; where it raises a SetupError, an object that raises it at its first use, inside the step."""
    try:
        return make()
    except SetupError as error:
        return cast("_T", _Unready(error))


class _Unready:
    def __init__(self, error: SetupError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):  # Python, pydantic and Dagster ask what kind of object this is
            raise AttributeError(name)
        raise self._error
