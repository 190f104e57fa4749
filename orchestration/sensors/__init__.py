"""Sensors: each compares two ledgers in Postgres and starts the run that closes the difference.

None keeps a position in a Dagster cursor or a run key: exactness rests on the ledgers, so a tick may be repeated or missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from orchestration.sensors.changed_permissions import changed_permissions_sensor
from orchestration.sensors.covered_months import covered_months_sensor
from orchestration.sensors.incidents import incidents_sensor
from orchestration.sensors.licensed_owners import newly_licensed_owners_sensor
from orchestration.sensors.pending_documents import pending_documents_sensor
from orchestration.sensors.salesforce_changes import salesforce_changes_sensor
from orchestration.status.facts import Expectations
from orchestration.sync.options import SyncOptions


def sensors(
    expected: Expectations, options: SyncOptions, all_jobs: Sequence[Any]
) -> list[dg.SensorDefinition]:
    """All of them, for the operator's numbers."""
    starting = [
        salesforce_changes_sensor(int(expected.interval.total_seconds()), options, all_jobs),
        newly_licensed_owners_sensor(options.tables),
        covered_months_sensor(options.tables),
        changed_permissions_sensor(options),
        pending_documents_sensor,
    ]
    return [*starting, incidents_sensor(expected, starting)]
