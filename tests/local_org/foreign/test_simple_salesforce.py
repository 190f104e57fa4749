"""simple-salesforce, unmodified, at Salesforce's own host names; what it does once it is in is in wire/test_simple_salesforce.py."""

import json
import sys
from pathlib import Path

from tests.local_org.foreign.realm import MY_DOMAIN, Realm

PROGRAM = Path(__file__).parent / "programs" / "simple_salesforce_client.py"


def test_it_logs_in_by_password_by_assertion_and_as_the_app(org: Realm, tmp_path: Path) -> None:
    """Each way builds its address itself: login.salesforce.com for SOAP and JWT, the My Domain for the app's own credentials."""
    token = org.connect()["access_token"]
    org.trust(tmp_path / "key.pem")
    org.switch(soap_login=True, client_credentials_username=org.card["username"])
    found = json.loads(
        org.run([sys.executable, PROGRAM], KEY_FILE=str(tmp_path / "key.pem"), **org.told()).stdout
    )
    deals = org.count("Opportunity", token)
    for way in ("soap", "jwt", "client_credentials"):
        assert found[way]["instance"] == MY_DOMAIN
        assert (found[way]["queried"], found[way]["bulk"]) == (deals, deals)
        assert found[way]["fields"] > 30
    assert "(code: INVALID_LOGIN): Invalid username, password" in found["wrong_password"]
    assert "SOAP API login() is disabled" in found["new_version"]
