"""docs/operating.md against the program: commands, settings, ages and texts that it names are those that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestration.postgres.retention import LEDGERS
from orchestration.settings import PREFIX, PROJECT, Settings
from tests.conventions.sources import python_files
from tests.deploy.test_units import takes

TEXT = (PROJECT / "docs" / "operating.md").read_text()


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`(fluint [^`.]+)`", " ".join(TEXT.split())))))
def test_a_command_of_the_document_is_one_of_the_program(line: str) -> None:
    """At three in the morning nobody looks up how the option is called now."""
    assert takes(line.split()[1:]) in line


def test_a_setting_of_the_document_is_one_of_the_program() -> None:
    """A variable that is ignored, in the file that only root reads."""
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", TEXT))
    assert named - {"FLUINT_CONFIG_FILE"} <= {PREFIX + name.upper() for name in Settings.model_fields}
    assert len(named) > 6


def test_a_text_that_the_document_explains_is_said_by_the_program() -> None:
    """Whoever searches the document for the sentence before them finds nothing."""
    rows = re.findall(r"^\| \*(.+?)\*", TEXT, re.MULTILINE)
    said = " ".join((PROJECT / path).read_text() for path in python_files("orchestration"))
    assert len(rows) >= 5
    for row in rows:
        for part in row.split(" … "):
            words = re.sub(r"production workspace", "", part).strip()
            assert any(piece in said for piece in (part, words)), part


def test_an_age_of_the_document_is_that_of_the_program() -> None:
    """Somebody promises a customer thirty days by it."""
    for kept in LEDGERS:
        lines = [line for line in TEXT.splitlines() if f"| {kept.days} days |" in line]
        assert any(kept.table.removesuffix("_call") in line for line in lines), kept
    assert Path(PROJECT / "tests/privacy/test_restored.py").exists()
