"""What holds for every test: nothing of this machine's own settings reaches one, and a run that proved nothing fails.

Belongs here: the environment of the whole run and what is said at its head and end. Fixtures belong to the rooms.
"""

from __future__ import annotations

import os
import shutil
import sys

import hypothesis
import pytest

# Before any room is imported: a developer's own database, org or Dagster home is never touched by a test.
for _name in list(os.environ):
    if _name.startswith(("FLUINT_", "PG", "DAGSTER_", "DBT_")) and not _name.startswith("FLUINT_TEST_"):
        del os.environ[_name]
os.environ |= {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "GX_ANALYTICS_ENABLED": "false",
}

# The rooms' fixtures, imported after the environment was emptied.
pytest_plugins = ["tests.postgres_fixtures", "tests.chromium_fixtures"]

# A deadline per example measures the machine, not the code; pytest-timeout catches what hangs.
hypothesis.settings.register_profile("fluint", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("fluint")


def pytest_report_header() -> str:
    """Says what a failure may depend on: Python, the Postgres and the browser that the tests use."""
    server = "FLUINT_TEST_DATABASE_URL" if "FLUINT_TEST_DATABASE_URL" in os.environ else "embedded"
    browser = shutil.which("chromium") or shutil.which("google-chrome") or "none"
    return f"fluint: Python {sys.version.split()[0]}, Postgres: {server}, browser: {browser}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a run in which every test was skipped: it proved nothing, and would look green."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or session.config.option.collectonly or session.exitstatus != pytest.ExitCode.OK:
        return
    if not any(reporter.stats.get(outcome) for outcome in ("passed", "xfailed")):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
