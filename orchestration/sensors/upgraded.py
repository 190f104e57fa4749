"""A tick on a database that `fluint upgrade` has not brought to this version: it says so, and not that a relation does not exist."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import dagster as dg
from psycopg import errors

from orchestration.errors import SetupError
from orchestration.postgres.migrations import insist_on_newest

Answer = TypeVar("Answer")
_LACKS = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InvalidSchemaName,
)


def skipped_before_upgrade(evaluate: Callable[..., Answer]) -> Callable[..., Answer | dg.SkipReason]:
    """The evaluation of a sensor with the resource `database`, leaving the tick out while the database lacks what this version needs.

    Asked only after a statement found something missing: a quiet tick costs nothing more. Left out and not failed, because a daemon
    that is started before `fluint upgrade` would write some forty lines of traceback every five seconds; `fluint status` and
    `fluint alerts`, which look from outside, say the same.
    """

    @wraps(evaluate)
    def evaluated(context: dg.SensorEvaluationContext, **resources: Any) -> Answer | dg.SkipReason:
        try:
            return evaluate(context, **resources)
        except _LACKS:
            try:
                insist_on_newest(resources["database"])
            except SetupError as error:
                return dg.SkipReason(str(error))
            raise

    return evaluated
