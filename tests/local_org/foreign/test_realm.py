"""The realm itself: Salesforce's host names lead to the org, and nothing leads out."""

import socket
import sys
from pathlib import Path

import pytest

from tests.local_org.foreign.realm import LOGIN, MY_DOMAIN, Realm, why_not

ASKING = """
import json, ssl, sys, urllib.request
authority = ssl.create_default_context(cafile=sys.argv[1])
for host in sys.argv[2:]:
    answer = urllib.request.urlopen(f"https://{host}/services/data", context=authority)
    print(json.load(answer)[-1]["version"])
"""


def test_salesforces_host_names_lead_to_the_org_on_its_own_certificate(org: Realm) -> None:
    """Clients build these names themselves and verify them; a stand-in at another address tests a client that someone changed."""
    found = org.run([sys.executable, "-c", ASKING, org.card["ca_file"], MY_DOMAIN, LOGIN])
    assert found.stdout.split() == ["66.0", "66.0"]
    assert org.card["base_url"] == f"https://{MY_DOMAIN}"


def test_nothing_leads_out_of_the_realm(org: Realm) -> None:
    """A client that calls home, or Salesforce itself, must not get there; the loopback interface is all that there is."""
    listed = "import socket; print(*sorted(name for _, name in socket.if_nameindex()))"
    assert org.run([sys.executable, "-c", listed]).stdout.split() == ["lo"]
    # Outside of the namespace, the names are those of the world: nothing here may have changed them.
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        reached = f"import socket; print(socket.socket().connect_ex(('127.0.0.1', {port})))"
        assert org.run([sys.executable, "-c", reached]).stdout.strip() != "0"


def test_a_machine_without_the_tools_is_told_the_packages_that_bring_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the tests below this folder would skip in silence on a machine that could run them."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install util-linux mount iproute2" in str(why_not(tmp_path))
