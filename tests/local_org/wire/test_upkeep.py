"""What no REST resource does to a record, asked for over HTTP: how a test of a client brings it about."""

import pytest

from local_org.server import OrgServer
from tests.local_org.wire.conftest import Web

QUERY = "/services/data/v66.0/queryAll"


def made(served: OrgServer, sobject: str, **values: str) -> str:
    """Creates a record, as somebody in the org would, and gives its id."""
    return served.org.store.insert(sobject, values, by=served.org.system_user_id)


def row(api: Web, sobject: str, record_id: str, *fields: str) -> list[object]:
    """Gives fields of a record as queryAll shows them; nothing where it is gone."""
    soql = f"SELECT {', '.join(fields)} FROM {sobject} WHERE Id = '{record_id}'"
    found = api.get(QUERY, params={"q": soql}).json()["records"]
    return [each[name] for each in found for name in fields]


def act(api: Web, sobject: str, record_id: str, name: str, body: object = None) -> int:
    """Does an act and gives the status."""
    return api.post(f"/__local_org__/records/{sobject}/{record_id}/{name}", json=body).status_code


def test_a_deleted_record_can_be_restored_and_purged(api: Web, served: OrgServer) -> None:
    """Without it no test of a client meets an undelete, or a row that vanished even from queryAll."""
    contact = made(served, "Contact", LastName="Doe")
    served.org.store.delete("Contact", contact, by=served.org.system_user_id)
    assert act(api, "Contact", contact, "undelete") == 204
    assert row(api, "Contact", contact, "IsDeleted") == [False]
    served.org.store.delete("Contact", contact, by=served.org.system_user_id)
    assert act(api, "Contact", contact, "purge") == 204
    assert row(api, "Contact", contact, "IsDeleted") == []


def test_contacts_can_be_merged_and_tasks_archived(api: Web, served: OrgServer) -> None:
    """Losers are found by MasterRecordId, archived rows by queryAll alone."""
    winner, loser = made(served, "Contact", LastName="Winner"), made(served, "Contact", LastName="Loser")
    assert act(api, "Contact", winner, "merge", {"losers": [loser]}) == 204
    assert row(api, "Contact", loser, "IsDeleted", "MasterRecordId") == [True, winner]
    task = made(served, "Task", Subject="Call", Status="Completed", WhoId=winner)
    assert act(api, "Task", task, "archive") == 204
    assert row(api, "Task", task, "IsArchived", "IsDeleted") == [True, False]
    bounced = {"EmailBouncedReason": "unknown mailbox"}
    assert act(api, "Contact", winner, "change-by-system", bounced) == 204
    assert row(api, "Contact", winner, "EmailBouncedReason") == ["unknown mailbox"]


@pytest.mark.parametrize(
    ("sobject", "name", "says"),
    [
        (
            "Contact",
            "undo",
            "there is no act 'undo'; there are undelete, purge, merge, archive, change-by-system",
        ),
        ("Contact", "undelete", "undelete of Contact"),
        ("Contact", "merge", "'losers' is not there for it"),
        ("OpportunityContactRole", "undelete", "there is no OpportunityContactRole"),
    ],
)
def test_an_act_that_cannot_be_done_says_why(
    api: Web, served: OrgServer, sobject: str, name: str, says: str
) -> None:
    """A typing error in a test's set-up must not pass for a fact about Salesforce."""
    contact = made(served, "Contact", LastName="Doe")
    answer = api.post(f"/__local_org__/records/{sobject}/{contact}/{name}")
    assert answer.status_code == 400
    assert says in answer.json()["error"]
