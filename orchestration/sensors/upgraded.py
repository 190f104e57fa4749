"""A tick on a database that `fluint upgrade` has not brought to this version: it says so, and not that a relation does not exist."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import dagster as dg

from orchestration.postgres.migrations import not_upgraded

Answer = TypeVar("Answer")


def skipped_before_upgrade(evaluate: Callable[..., Answer]) -> Callable[..., Answer | dg.SkipReason]:
    """The evaluation of a sensor with the resource `database`, leaving the tick out while the database lacks what this version needs.

    Left out and not failed, because a daemon that is started before `fluint upgrade` would write some forty lines of traceback every five
    seconds; `fluint status` and `fluint alerts`, which look from outside, say the same. Any other fault stays one.
    """

    @wraps(evaluate)
    def evaluated(context: dg.SensorEvaluationContext, **resources: Any) -> Answer | dg.SkipReason:
        try:
            return evaluate(context, **resources)
        except Exception as error:
            if told := not_upgraded(resources["database"], error):
                return dg.SkipReason(str(told))
            raise

    return evaluated
