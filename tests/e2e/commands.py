"""Commands as processes of their own, which may be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.contract.running_org import ROOT


def fluint(*arguments: str, variables: Mapping[str, str | None] | None = None) -> subprocess.Popen[str]:
    """Starts `fluint …` with its output in a pipe."""
    given = {name: value for name, value in (variables or {}).items() if value is not None}
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("fluint")), *arguments],
        env=os.environ | {"NO_PROXY": "127.0.0.1,localhost"} | given,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_that_name(text: str) -> list[str]:
    """The command lines of this machine with `text` in them."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if text in line]
