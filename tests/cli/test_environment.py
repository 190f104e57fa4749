"""dev, staging and production are kept apart: which orgs each takes, and that a process of one gets nothing of another's database."""

from __future__ import annotations

import pytest

from orchestration.cli.workspace import Workspace
from orchestration.errors import WrongEnvironmentError
from orchestration.salesforce.environments import OrgKind, insist_on_kind
from tests.cli.shell import Shell, lent
from tests.cli.test_connecting import desk, desk_org, stored

__all__ = ["desk", "desk_org"]

PRODUCTION = OrgKind("https://acme.my.salesforce.com", False, "Enterprise Edition")
SANDBOX = OrgKind("https://acme--uat.sandbox.my.salesforce.com", True, "Enterprise Edition")
UNREAD_SANDBOX = OrgKind("https://acme--uat.sandbox.my.salesforce.com")
DEVELOPER = OrgKind("https://acme-dev-ed.develop.my.salesforce.com", False, "Developer Edition")
LOCAL = OrgKind("https://127.0.0.1:4444", False, "Developer Edition")
LOOK_ALIKE = OrgKind("https://acme.my.salesforce.com.example", False, "Enterprise Edition")


@pytest.mark.parametrize(
    ("environment", "takes", "only_if_said"),
    [
        (None, [PRODUCTION, SANDBOX, UNREAD_SANDBOX, DEVELOPER, LOCAL, LOOK_ALIKE], []),
        ("production", [PRODUCTION], []),
        ("staging", [SANDBOX, UNREAD_SANDBOX, DEVELOPER], [PRODUCTION]),
        ("dev", [SANDBOX, UNREAD_SANDBOX, DEVELOPER, LOCAL, LOOK_ALIKE], [PRODUCTION]),
    ],
)
def test_each_environment_takes_the_orgs_that_are_meant_for_it(
    environment: str | None, takes: list[OrgKind], only_if_said: list[OrgKind]
) -> None:
    """Test deals on the dashboard of the board; or a trial's documents on a customer's deal."""
    all_ = [PRODUCTION, SANDBOX, UNREAD_SANDBOX, DEVELOPER, LOCAL, LOOK_ALIKE]
    assert [org for org in all_ if _is_taken(environment, org, said=False)] == [o for o in all_ if o in takes]
    assert [org for org in all_ if _is_taken(environment, org, said=True)] == [
        o for o in all_ if o in takes + only_if_said
    ]


def _is_taken(environment: str | None, org: OrgKind, *, said: bool) -> bool:
    try:
        insist_on_kind(environment, org, production_is_meant=said)
    except WrongEnvironmentError as refused:
        return org.instance_url not in str(refused)  # a text that does not name the org fails the test
    return True


def test_an_org_that_is_not_salesforces_is_refused_by_production_and_its_grant_given_back(
    desk: Shell,
) -> None:
    """A demo's org connected to the production workspace; and a grant that nobody holds, yet the org keeps."""
    before = desk.org.admin("GET", "/log/last")["entry"]
    said = desk("connect", FLUINT_ENVIRONMENT="production")
    assert (said.exit_code, "not at an address of Salesforce's" in said.line) == (1, True), said.text
    assert desk.ask("select count(*) from fluint_sync.connection") == [(0,)]
    new = desk.org.admin("GET", f"/log?after={before}")
    assert 200 in [entry["status"] for entry in new if entry["path"] == "/services/oauth2/revoke"]


def test_a_workspace_keeps_its_environment_until_somebody_says_another(desk: Shell) -> None:
    """A terminal without the setting, or staging's daemon, works with production's grant."""
    said = desk("connect", FLUINT_ENVIRONMENT="dev")
    assert said.exit_code == 0, said.text
    assert "The dev workspace is connected to org" in said.line
    assert desk.ask("select environment from fluint_sync.workspace") == [("dev",)]
    for other in (None, "production"):
        refused = desk("connect", FLUINT_ENVIRONMENT=other)
        assert (refused.exit_code, "belongs to the dev workspace" in refused.line) == (1, True), refused.text
        with lent(desk.environment | {"FLUINT_ENVIRONMENT": other}), pytest.raises(WrongEnvironmentError):
            Workspace.here().salesforce().organization()
    assert stored(desk).load().access_token
    assert desk("connect", "--change-environment").exit_code == 0
    assert desk.ask("select environment from fluint_sync.workspace") == [(None,)]
