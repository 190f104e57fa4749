"""The Compose file: what it names is there, nothing but the proxy can be reached, and no secret is written down."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._cli.api import grpc_health_check_command

from orchestration.settings import PREFIX, PROJECT, Settings
from tests.deploy.test_units import takes

DEPLOY = PROJECT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
# Made by settings.variables or read before the settings are.
_OTHER_VARIABLES = {"FLUINT_CONFIG_FILE"}


def _services() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return loaded


def _ours() -> dict[str, dict[str, Any]]:
    return {
        name: service for name, service in _services().items() if service["image"] == "fluint-salesforce-sync"
    }


def test_every_service_of_ours_runs_a_command_with_settings_that_there_are() -> None:
    """A container that ends at its first start is found by whoever deploys, and not by us."""
    ours = _ours()
    assert set(ours) == {"upgrade", "code-server", "daemon", "webserver"}
    for service in ours.values():
        program, *arguments = service["command"]
        assert program == "fluint"
        takes(arguments)
        names = set(service["environment"]) - _OTHER_VARIABLES
        assert names <= {PREFIX + name.upper() for name in Settings.model_fields}
    health = ours["code-server"]["healthcheck"]["test"]
    assert health[:4] == ["CMD", "dagster", "api", "grpc-health-check"]
    assert "-p" in {option for each in grpc_health_check_command.params for option in each.opts}


def test_services_find_each_other_and_wait_for_each_other() -> None:
    """A daemon that begins before the database is upgraded fails once, and looks broken."""
    services = _services()
    for service in services.values():
        for other in service.get("depends_on", ()):
            assert other in services
        for word in service.get("command", ()):
            assert ":" not in word or word.split(":")[0] in services
    for url in ("FLUINT_DATABASE_URL", "FLUINT_DAGSTER_DATABASE_URL"):
        assert re.search(r"@(\w+):5432/", services["daemon"]["environment"][url])[1] in services  # type: ignore[index]
    assert services["code-server"]["depends_on"]["upgrade"]["condition"] == "service_completed_successfully"


def test_only_the_proxy_can_be_reached_and_only_from_this_machine() -> None:
    """The UI without a login on every address of the machine, because a port was published for a look."""
    services = _services()
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"proxy": ["127.0.0.1:8443:443"]}
    networks = yaml.safe_load(COMPOSE.read_text())["networks"]
    assert networks["inside"] == {"internal": True}
    guarded = {name for name, service in services.items() if "--guarded" in service.get("command", ())}
    assert guarded == {"code-server", "webserver"}
    assert (
        services["webserver"]["networks"]
        == services["daemon"]["networks"]
        == services["postgres"]["networks"]
        == ["inside"]
    )
    caddy = (DEPLOY / "Caddyfile").read_text()
    assert caddy.index("basic_auth") < caddy.index("reverse_proxy webserver:3000")


def test_files_that_are_named_are_there_and_no_secret_is() -> None:
    """A password in a file that is committed; a file that only one machine has."""
    text = COMPOSE.read_text()
    mounted = re.findall(r"^\s+- (\./[\w./]+):", text, re.MULTILINE)
    assert sorted(mounted) == ["./Caddyfile", "./postgres/databases.sh"]
    assert all((DEPLOY / path).is_file() for path in mounted)
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    lines = (DEPLOY / "compose.env.example").read_text().splitlines()
    offered = {
        line.split("=")[0]: line.split("=", 1)[1].strip("'") for line in lines if re.match(r"[A-Z_]+=", line)
    }
    assert set(offered) == asked
    assert set(offered.values()) <= {"", "localhost"}
    ignored = (PROJECT / ".gitignore").read_text().splitlines()
    assert {"/deploy/.env", "/deploy/fluint.env"} <= set(ignored)


@pytest.mark.parametrize(
    "line", re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
)
def test_what_the_image_copies_is_there_and_let_through(line: str) -> None:
    """A build that fails on another machine, or takes somebody's .env into an image."""
    let_through = {
        entry.removeprefix("!")
        for entry in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if entry.startswith("!")
    }
    for name in line.split():
        assert Path(PROJECT / name).exists()
        assert name in let_through
    assert (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()[1] == "*"


def test_the_image_installs_the_lock_as_every_other_machine_does() -> None:
    """An image that cannot be built: pip, left to resolve what is named with extras, asks for hashes that the lock does not have."""
    install = (PROJECT / "tools" / "install").read_text()
    wanted = re.findall(r"pip\" install \$quiet (.+) -r requirements.lock$", install, re.MULTILINE)
    built = re.findall(
        r"^RUN pip install --no-cache-dir (.+) -r requirements.lock$",
        (DEPLOY / "Dockerfile").read_text(),
        re.MULTILINE,
    )
    assert [set(line.split()) for line in wanted] == [set(line.split()) for line in built]
    assert len(built) == 1
