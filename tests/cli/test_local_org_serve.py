"""`fluint local-org serve` as a newcomer starts it: what it says, and that it ends with all that it started."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.running_org import ROOT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_says_where_the_pages_are_and_ends_when_asked(tmp_path: Path, number: signal.Signals) -> None:
    """A line of JSON tells a newcomer nothing, and an org that outlives its command holds the port."""
    command = [
        str(Path(sys.executable).with_name("fluint")),
        "local-org",
        "serve",
        "--directory",
        str(tmp_path),
    ]
    with subprocess.Popen(
        [*command, "--opportunities", "0", "--live", "--pace", "0.5"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            said = [process.stdout.readline() for _ in range(3)]
            found = re.search(r"https://127\.0\.0\.1:(\d+)", said[0])
            assert found, said
            assert str(tmp_path / "ca.pem") in said[1]
            process.send_signal(number)
            assert process.wait(60) == 0
            with socket.socket() as client:
                assert client.connect_ex(("127.0.0.1", int(found.group(1)))) != 0
        finally:
            process.kill()


def test_a_pace_that_is_none_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """Life at a pace of nothing would be a busy loop."""
    command = [
        sys.executable,
        "-m",
        "local_org",
        "serve",
        "--directory",
        str(tmp_path / "org"),
        "--pace",
        "0",
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "0 is no number of seconds above 0" in run.stderr
    assert not (tmp_path / "org").exists()
