"""From a dead connection in a real Dagster to a message at a real receiver, and to its end; what is kept after the daily pruning."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from orchestration.settings import AlertSettings
from tests.alerts.conftest import authority, authority_file
from tests.alerts.receivers import PATH, webhook_receiver
from tests.contract.running_org import RunningOrg
from tests.dagster.conftest import open_house
from tests.dagster.house import failure
from tests.postgres_fixtures import PostgresServer

__all__ = ["authority", "authority_file"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_dead_connection_is_told_once_and_so_is_its_end(
    dagster_org: RunningOrg,
    postgres_server: PostgresServer,
    deployed_template: str,
    dagster_template: str,
    tmp_path: Path,
    authority: trustme.CA,
    authority_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three things fail at once, and three messages; or none, because a setting was lost between the file and the sensor's process."""
    monkeypatch.setattr("orchestration.alerts.channels.TIMEOUT", 60.0)  # on a busy machine
    with webhook_receiver(authority) as got, open_house(
        dagster_org, postgres_server, deployed_template, dagster_template, tmp_path,
        environment="staging", alert_webhook_url=SecretStr(got.url), alerts=AlertSettings(ca_file=authority_file),
    ) as house:  # fmt: skip
        assert "Nothing is wrong" in house.tick("incidents_sensor").skip_message
        with house.bench.database.transaction() as connection:
            connection.execute(
                "update fluint_sync.connection set state = 'needs_reconnect', reason = 'It was revoked.'"
            )
        for _ in range(2):
            assert not house.run("sync_salesforce_job").success
        for _ in range(2):
            tick = house.tick("incidents_sensor")
        assert not tick.run_requests
        assert PATH not in tick.skip_message
        (told,) = got.bodies
        assert told["text"].startswith("[Fluint staging] The connection to Salesforce no longer works")
        assert "It was revoked." in told["text"]
        with house.bench.database.transaction() as connection:
            connection.execute(
                "update fluint_sync.connection set state = 'connected', reason = null, connected_at = now()"
            )
            connection.execute("update fluint_sync.incident set seen_at = seen_at - interval '6 minutes'")
        ended = house.run("build_models_job")
        assert ended.success, failure(ended)
        house.tick("incidents_sensor")
        assert [text["text"].partition(":")[0] for text in got.bodies[1:]] == ["[Fluint staging] Resolved"]
        assert "Resolved after" in got.bodies[-1]["text"]
        pruned = house.run("prune_ledgers_job")
        assert pruned.success, failure(pruned)
