"""jsforce, unmodified, under a Node of its own: log-ins, queries, Bulk 2.0, describes and a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local_org.foreign.installs import NodeClient, install_node_client
from tests.local_org.foreign.realm import Realm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]
PROGRAM = Path(__file__).parent / "programs" / "jsforce.cjs"


@pytest.fixture(scope="module")
def jsforce(tmp_path_factory: pytest.TempPathFactory) -> NodeClient:
    """jsforce as npm installs it."""
    return install_node_client("jsforce", tmp_path_factory.mktemp("jsforce"))


@pytest.fixture(scope="module")
def seen(org: Realm, jsforce: NodeClient) -> dict[str, Any]:
    """What it saw in one go, with what the org holds beside it."""
    token = org.connect()
    org.switch(soap_login=True)
    found = org.run(
        [jsforce.node, PROGRAM],
        NODE_PATH=str(jsforce.modules),
        ACCESS_TOKEN=token["access_token"],
        REFRESH_TOKEN=token["refresh_token"],
        **org.told(),
    )
    token = org.connect()
    held = {name: org.count(name, token["access_token"]) for name in ("EmailMessage", "Opportunity")}
    return dict(json.loads(found.stdout)) | {"held": held}


def test_it_renews_a_session_that_nobody_knows_and_asks_again(seen: dict[str, Any], org: Realm) -> None:
    """It refreshes on 401 alone, at the log-in host; another status or body would leave it with a dead session."""
    assert seen["refreshed"] is True
    assert seen["identity"] == org.card["username"]


def test_it_reads_every_page_and_each_row_once(seen: dict[str, Any]) -> None:
    """query and queryMore follow nextRecordsUrl; live rows alone come without queryAll."""
    assert seen["pages"] == -(-seen["total"] // 200) > 1
    assert seen["mails"] == seen["different"] == seen["total"] <= seen["held"]["EmailMessage"]
    assert seen["retrieved"] == seen["found"]
    assert seen["usage"]["limit"] == 15_000
    assert {"Opportunity", "EmailMessage"} <= set(seen["objects"])
    assert {"Id", "StageName", "SystemModstamp"} <= set(seen["fields"])


def test_its_bulk_2_query_yields_live_rows_or_all(seen: dict[str, Any]) -> None:
    """It polls, follows Sforce-Locator and joins the pages of a result."""
    assert seen["bulkLive"] < seen["bulkAll"] == seen["held"]["Opportunity"]


def test_its_content_version_comes_back_as_it_was_sent(seen: dict[str, Any]) -> None:
    """Base64 in JSON on the way in, a redirect-free blob on the way out."""
    assert seen["file"] == "from jsforce"


def test_its_password_login_and_its_errors_carry_salesforces_words(seen: dict[str, Any], org: Realm) -> None:
    """It reads faults by expression: another spelling of the envelope would leave the whole XML in the error."""
    assert seen["wrongPassword"].startswith("INVALID_LOGIN: Invalid username, password, security token")
    assert (seen["soapInstance"], seen["soapIdentity"]) == (org.card["base_url"], org.card["username"])
    assert seen["unknownField"] == "INVALID_FIELD"
    assert seen["afterLogout"] == "INVALID_SESSION_ID"
