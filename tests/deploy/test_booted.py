"""docs/operating.md on a machine where systemd is the first process: what the reader types leads to a workspace that runs by itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator

import pytest

from orchestration.postgres.token_store import new_key
from orchestration.settings import PROJECT
from tests.deploy.booted import Machine, machine

SERVICES = "fluint-code-server fluint-daemon fluint-webserver"
_NEEDED = ("debootstrap", "systemd-nspawn", "nsenter")
_LACKS = [name for name in _NEEDED if shutil.which(name) is None]

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(
        bool(_LACKS) or os.name != "posix" or os.geteuid() != 0,
        reason="boots a machine: as root, after apt-get install debootstrap systemd-container",
    ),
]


def commands(heading: str) -> str:
    """The lines that stand under a heading to be typed."""
    text = (PROJECT / "docs" / "operating.md").read_text()
    section = re.split(r"^##+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    block = re.search(r"(?:^    .+\n)+", section, re.MULTILINE)
    assert block, heading
    return re.sub("^    ", "", block.group(), flags=re.MULTILINE).replace("<this repository>", "/src")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which somebody typed what stands under "systemd", and then connected an org and licensed everybody."""
    with machine(tmp_path_factory.mktemp("booted")) as there:
        before, after = commands("systemd").split("fluint upgrade\n")
        there.said(before, timeout=600)
        _fill_in(there)
        there.said(f"cd /opt/fluint\nfluint upgrade\n{after}")
        there.said("fluint connect && fluint sync")
        there.said(
            "echo email,full_name,is_licensed > /srv/users.csv; runuser -u postgres -- psql -qAt -F, -d fluint -c"
            " \"select email, last_name, 'true' from raw_salesforce.user where is_active\" >> /srv/users.csv"
        )
        there.said("fluint users import /srv/users.csv")
        yield there


def _fill_in(there: Machine) -> None:
    """What a person writes into the two files of settings, and the two databases."""
    there.said(
        "cp /opt/fluint/deploy/postgres/databases.sh /tmp/ && runuser -u postgres --"
        " env POSTGRES_USER=postgres FLUINT_PASSWORD=one DAGSTER_PASSWORD=two sh /tmp/databases.sh"
    )
    there.said(
        "systemd-run --unit=org --working-directory=/opt/fluint /opt/fluint/.venv/bin/python -m local_org serve"
        " --directory /srv/org --opportunities 240"
    )
    there.until("test -f /srv/org/org.json")
    there.said("chmod -R a+rX /srv/org")
    card = json.loads((there.root / "srv/org/org.json").read_text())
    settings = {
        "FLUINT_DATABASE_URL": "postgresql://fluint:one@127.0.0.1:5432/fluint",
        "FLUINT_DAGSTER_DATABASE_URL": "postgresql://dagster:two@127.0.0.1:5432/dagster",
        "FLUINT_DATA_DIRECTORY": "/var/lib/fluint",
        "FLUINT_CONFIG_FILE": "/etc/fluint/fluint.yaml",
        "FLUINT_ENCRYPTION_KEY": new_key(),
        "FLUINT_ERASURE_KEY": new_key(),
        "FLUINT_SALESFORCE_CLIENT_ID": card["client_id"],
        "FLUINT_SALESFORCE_CLIENT_SECRET": card["client_secret"],
        "FLUINT_SALESFORCE_URL": card["base_url"],
        "FLUINT_SALESFORCE_CA_FILE": card["ca_file"],
        # A person at a browser.
        "BROWSER": "/opt/fluint/.venv/bin/python -m local_org.visitor sign-in --directory /srv/org %s",
    }
    with (there.root / "etc/fluint/fluint.env").open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())
    (there.root / "etc/fluint/fluint.yaml").write_text("environment: dev\n")


def _deals(there: Machine) -> int:
    count = "runuser -u postgres -- psql -qAt -d fluint -c 'select count(*) from fluint.deals'"
    return int(there.said(count))


def test_what_the_document_says_to_type_leads_to_a_workspace_that_runs_by_itself(workspace: Machine) -> None:
    """Units that nobody has ever started, after a set-up that nobody has ever followed."""
    workspace.until(f"systemctl is-active {SERVICES} fluint-alerts.timer", seconds=10)
    end = time.monotonic() + 300
    while not _deals(workspace):
        assert time.monotonic() < end, "the daemon brings no deals"
        time.sleep(2)
    workspace.until("fluint status > /dev/null && curl -sf http://127.0.0.1:3000/server_info")
    workspace.said("systemctl start fluint-alerts.service")
    assert "Traceback" not in workspace.said("journalctl --unit 'fluint-*' --no-pager")


@pytest.mark.parametrize("service", SERVICES.split())
def test_a_process_that_is_killed_is_there_again(workspace: Machine, service: str) -> None:
    """A daemon that ended at night, and a morning without yesterday's deals."""
    pid = f"systemctl show --property MainPID --value {service}"
    old = workspace.said(pid).strip()
    workspace.said(f"systemctl kill --signal KILL --kill-whom main {service}")
    workspace.until(f"systemctl is-active {SERVICES} && test $({pid}) != {old} && test $({pid}) != 0")
    workspace.until("curl -sf http://127.0.0.1:3000/server_info && fluint status > /dev/null")
    assert workspace.said(f"systemctl show --property NRestarts --value {service}").strip() != "0"


def test_a_database_that_is_away_for_a_while_is_told_and_needs_nobody_when_it_is_back(
    workspace: Machine,
) -> None:
    """Processes that end with their database, or hold on to connections that are dead."""
    workspace.said("systemctl stop postgresql && sleep 20")
    assert workspace.run("systemctl start fluint-alerts.service").returncode, "it could not look"
    workspace.said("systemctl start postgresql")
    workspace.until(f"systemctl is-active {SERVICES} && fluint status > /dev/null", seconds=180)
    workspace.said("systemctl start fluint-alerts.service")


def test_an_upgrade_as_the_document_has_it_beside_a_backfill_fails_neither(workspace: Machine) -> None:
    """A sync that has half of each version; files that belong to root afterwards, in which dbt cannot write."""
    before = _deals(workspace)
    workspace.said("systemd-run --unit=reading /usr/local/bin/fluint backfill --from 2025-01 --to 2026-01")
    workspace.said(f"cd /opt/fluint\n{commands('Upgrade')}", timeout=600)
    workspace.until("! systemctl is-active reading")
    workspace.said("! systemctl is-failed reading && fluint sync")
    workspace.until(f"systemctl is-active {SERVICES} && fluint status > /dev/null")
    assert _deals(workspace) >= before


def test_when_the_target_has_stopped_nothing_of_it_runs(workspace: Machine) -> None:
    """A stop that returns at once: whatever is started next cancels it, and the old code goes on."""
    workspace.said("systemctl stop fluint.target")
    assert workspace.run("pgrep -u fluint -a").stdout == ""
    workspace.said("systemctl start fluint.target")
    workspace.until(f"systemctl is-active {SERVICES} && curl -sf http://127.0.0.1:3000/server_info")
