"""`fluint ui` from nothing, as a newcomer starts it: with a Postgres and a Salesforce org of its own, in a directory that is gone after.

Belongs here: what the browser tests and the README's pictures both need of it. What a person clicks is theirs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from tests.contract.running_org import ROOT
from tests.dagster.served import ENDED, Dagster, until
from tests.ports import free_port

_AUTOMATION = """
query { sensorsOrError(repositorySelector: {repositoryLocationName: "fluint", repositoryName: "__repository__"}) {
    ... on Sensors { results { id sensorState { status } } } }
  schedulesOrError(repositorySelector: {repositoryLocationName: "fluint", repositoryName: "__repository__"}) {
    ... on Schedules { results { id scheduleState { status } } } } }"""
_ROUND = 6  # seconds: the daemon looks at its sensors every five
_STOP = {
    "sensor": "mutation Stop($id: String!) { stopSensor(id: $id) { __typename } }",
    "schedule": "mutation Stop($id: String!) { stopRunningSchedule(id: $id) { __typename } }",
}
_WIPE = """
mutation Wipe($ranges: [PartitionsByAssetSelector!]!) { wipeAssets(assetPartitionRanges: $ranges) { __typename } }"""


@dataclass
class Ui(Dagster):
    """A running `fluint ui` and where it keeps its data."""

    process: subprocess.Popen[str]
    directory: Path

    def org(self, method: str, path: str, body: object = None) -> Any:
        """Asks an admin endpoint of the org under it, and returns its JSON."""
        card = json.loads((self.directory / "ui" / "org" / "org.json").read_text())
        url = f"{card['base_url']}/__local_org__{path}"
        answer = requests.request(method, url, json=body, verify=card["ca_file"], timeout=60)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def stop_automation(self) -> None:
        """Leaves it to the test what runs, and when, at night too: returns once all has stopped for good, and what was started has ended.

        The daemon writes a sensor's state at the start of a tick as it read it before the first of the round, so a stop in between is
        undone: on a busy machine a sensor went on, and rebuilt marts while the tests looked at them.
        """
        quiet = 0
        while quiet < 2:
            running = self._running()
            for kind, id in running:
                self.ask(_STOP[kind], id=id)
            quiet = 0 if running else quiet + 1
            time.sleep(_ROUND)
        until(lambda: True if all(run["status"] in ENDED for run in self.runs()) else None)

    def _running(self) -> list[tuple[str, str]]:
        """The sensors and schedules that are on: kind and id."""
        answer = self.ask(_AUTOMATION)
        found = [(kind, each) for kind in _STOP for each in answer[f"{kind}sOrError"]["results"]]
        assert {kind for kind, _ in found} == set(_STOP)
        return [(kind, each["id"]) for kind, each in found if each[f"{kind}State"]["status"] == "RUNNING"]

    def succeed(self, *jobs: str) -> None:
        """Runs these jobs beside each other, and waits until they, and whatever else was under way, succeeded."""
        started = {job: self.launch(job) for job in jobs}
        ended = {job: self.ends(run) for job, run in started.items()}
        assert set(ended.values()) == {"SUCCESS"}, f"{ended}; logs are below {self.directory}"
        until(lambda: True if all(run["status"] in ENDED for run in self.runs()) else None)

    def forget_months(self, *key: str) -> None:
        """Takes all marks off an asset's partition bar, as if nobody had materialized it; the data stays."""
        wiped = self.ask(_WIPE, ranges=[{"assetKey": {"path": list(key)}}])
        assert wiped["wipeAssets"]["__typename"] == "AssetWipeSuccess", wiped


@contextmanager
def running_ui() -> Iterator[Ui]:
    """Starts it on a free port and waits until it says that it is ready; ends it with the block, if nobody did before."""
    # Not below pytest's directory, which every other pytest session closes again: as root the server runs as another user.
    with TemporaryDirectory(prefix="fluint-ui-") as made:
        directory, port = Path(made), free_port()
        directory.chmod(0o711)
        command = [str(Path(sys.executable).with_name("fluint")), "ui", "--port", str(port)]
        variables = os.environ | {"FLUINT_DATA_DIRECTORY": made, "NO_PROXY": "127.0.0.1,localhost"}
        with subprocess.Popen(command, env=variables, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if "The Dagster UI is at" in line:
                    break
            assert said[-1:] == [f"✓ The Dagster UI is at http://127.0.0.1:{port}\n"], said
            try:
                yield Ui(f"http://127.0.0.1:{port}", process, directory)
            finally:
                process.terminate()
