"""simple-salesforce logs in by each of its ways and reads: `python simple_salesforce_client.py`, prints what it saw as JSON.

Told by the environment as whom; where, it knows by itself.
"""

import json
import os

from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

USERNAME, PASSWORD = os.environ["ORG_USERNAME"], os.environ["ORG_PASSWORD"]
CONSUMER_KEY, CONSUMER_SECRET = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]


def used(salesforce: Salesforce) -> dict[str, object]:
    """What a logged-in client reads."""
    pages = salesforce.bulk2.Opportunity.query_all("SELECT Id FROM Opportunity", max_records=25, wait=0)
    return {
        "instance": salesforce.sf_instance,
        "queried": salesforce.query_all("SELECT Id FROM Opportunity", include_deleted=True)["totalSize"],
        "bulk": sum(len(page.splitlines()) - 1 for page in pages),
        "fields": len(salesforce.Opportunity.describe()["fields"]),
    }


def refusal(**values: str) -> str:
    """How a log-in is refused."""
    try:
        Salesforce(**values)
    except SalesforceAuthenticationFailed as error:
        return str(error)
    return "accepted"


by_assertion = {"consumer_key": CONSUMER_KEY, "privatekey_file": os.environ["KEY_FILE"]}
by_client = {"consumer_key": CONSUMER_KEY, "consumer_secret": CONSUMER_SECRET}
print(
    json.dumps(
        {
            "soap": used(Salesforce(username=USERNAME, password=PASSWORD, security_token="")),
            "jwt": used(Salesforce(username=USERNAME, **by_assertion)),
            "client_credentials": used(Salesforce(domain="acme.my", **by_client)),
            "wrong_password": refusal(username=USERNAME, password="wrong", security_token=""),
            "new_version": refusal(username=USERNAME, password=PASSWORD, security_token="", version="65.0"),
        }
    )
)
