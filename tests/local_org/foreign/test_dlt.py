"""dlt with a source of its own (programs/dlt_pipeline.py): the first load and one that has nothing new to load."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local_org.foreign.installs import install_python_client
from tests.local_org.foreign.realm import Realm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]
PROGRAM = Path(__file__).parent / "programs" / "dlt_pipeline.py"


def test_it_loads_all_rows_once(org: Realm, tmp_path: Path) -> None:
    """It gets its own tokens as the app, though no answer says how long they last, and follows nextRecordsUrl to the last page."""
    python = install_python_client("dlt", tmp_path / "venv") / "python"
    org.switch(client_credentials_username=org.card["username"])

    def run() -> Any:
        told = org.told() | {"RUNTIME__DLTHUB_TELEMETRY": "false"}
        return json.loads(org.run([python, PROGRAM, tmp_path], **told).stdout.splitlines()[-1])

    token = org.connect()["access_token"]
    held = {"opportunity": org.count("Opportunity", token), "email_message": org.count("EmailMessage", token)}
    assert run() == {"loaded": held, "held": held}
    assert run() == {"loaded": dict.fromkeys(held, 0), "held": held}
