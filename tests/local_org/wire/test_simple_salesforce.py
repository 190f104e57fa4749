"""simple-salesforce, unmodified, against the org: what it needs and the org lacks is a defect of the org."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from local_org.demo_data import cast
from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, Web


@pytest.fixture
def salesforce(person: Person) -> Salesforce:
    """The client with an access token of the integration user."""
    return client(person)


@pytest.fixture
def administrator(served: OrgServer) -> Salesforce:
    """The client with an access token of someone who may change everything."""
    username = next(str(each["username"]) for each in cast(served.org) if each["role"] == "administrator")
    return client(Person(served, username))


def client(person: Person) -> Salesforce:
    """Gives the client, with a token as any OAuth library would hand it over."""
    token, web = person.connect(), Web(person.server)
    return Salesforce(
        instance_url=token["instance_url"], session_id=token["access_token"], version="66.0", session=web
    )


def live(served: OrgServer, sobject: str) -> int:
    """Counts straight from the store."""
    return int(str(served.org.store.select(f"select count(*) from {sobject} where IsDeleted = 0")[0][0]))


def test_its_query_reads_every_page(salesforce: Salesforce, served: OrgServer) -> None:
    """query_all follows nextRecordsUrl until done; a locator that repeats or skips shows in the ids."""
    salesforce.headers["Sforce-Query-Options"] = "batchSize=200"
    found = salesforce.query_all("SELECT Id, Name, Account.Name, Owner.Name FROM Contact")
    ids = {record["Id"] for record in found["records"]}
    assert (found["totalSize"], len(ids), found["done"]) == (
        live(served, "Contact"),
        live(served, "Contact"),
        True,
    )
    assert salesforce.query("SELECT COUNT() FROM Opportunity")["totalSize"] == live(served, "Opportunity")
    assert salesforce.query_all("SELECT Id FROM Opportunity", include_deleted=True)["totalSize"] > live(
        served, "Opportunity"
    )


def test_its_api_usage_is_read_from_the_header(salesforce: Salesforce) -> None:
    """It parses Sforce-Limit-Info with an expression of its own."""
    salesforce.query("SELECT Id FROM Opportunity LIMIT 1")
    usage = salesforce.api_usage["api-usage"]
    assert (usage.used > 0, usage.total) == (True, 15_000)


def test_its_describes_and_limits_are_answered(salesforce: Salesforce) -> None:
    """Describe drives its typed attribute access."""
    described = salesforce.describe()
    assert described is not None
    assert described["maxBatchSize"] == 200
    names = {field["name"] for field in salesforce.Opportunity.describe()["fields"]}
    assert {"Id", "StageName", "SystemModstamp"} <= names
    assert salesforce.limits()["DailyApiRequests"]["Max"] == 15_000
    assert salesforce.is_sandbox() is False


def test_its_bulk_2_query_yields_all_rows(salesforce: Salesforce, served: OrgServer) -> None:
    """It waits, follows Sforce-Locator and reads Sforce-NumberOfRecords."""
    pages = list(
        salesforce.bulk2.Opportunity.query("SELECT Id, Name FROM Opportunity", max_records=20, wait=0)
    )
    lines = [line for page in pages for line in page.splitlines()]
    assert len(pages) == -(-live(served, "Opportunity") // 20)
    assert len(lines) >= live(served, "Opportunity") + len(pages)
    everything = "".join(salesforce.bulk2.Opportunity.query_all("SELECT Id FROM Opportunity", wait=0))
    assert len(everything.splitlines()) > live(served, "Opportunity") + 1


def test_its_bulk_2_download_writes_files(salesforce: Salesforce, tmp_path: Path) -> None:
    """Its download streams each page to a file and strips NUL bytes on the way."""
    visible = salesforce.query("SELECT COUNT() FROM EmailMessage")["totalSize"]
    results = salesforce.bulk2.EmailMessage.download(
        "SELECT Id, Subject, TextBody FROM EmailMessage", path=str(tmp_path), max_records=50, wait=0
    )
    assert sum(result["number_of_records"] for result in results) == visible
    assert all(Path(result["file"]).stat().st_size > 0 for result in results)


def test_its_records_are_created_read_changed_and_deleted(administrator: Salesforce) -> None:
    """The whole life of a record over its own calls."""
    contact_id = administrator.Contact.create({"LastName": "Probe", "Email": "probe@acme.example"})["id"]
    assert administrator.Contact.get(contact_id)["LastName"] == "Probe"
    assert administrator.Contact.update(contact_id, {"Title": "Tester"}) == 204
    assert administrator.Contact.get(contact_id)["Title"] == "Tester"
    assert administrator.Contact.delete(contact_id) == 204
    with pytest.raises(SalesforceResourceNotFound):
        administrator.Contact.get(contact_id)


def test_its_created_content_version_is_found_on_the_deal(salesforce: Salesforce, served: OrgServer) -> None:
    """A file goes in as base64 and comes out as bytes, by its own helpers."""
    deal = salesforce.query("SELECT Id FROM Opportunity LIMIT 1")["records"][0]["Id"]
    body = {
        "PathOnClient": "note.txt",
        "FirstPublishLocationId": deal,
        "VersionData": base64.b64encode(b"hello").decode(),
    }
    version_id = salesforce.ContentVersion.create(body)["id"]
    assert salesforce.ContentVersion.get_base64(version_id, "VersionData") == b"hello"
    links = salesforce.query(
        f"SELECT ContentDocument.Title FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'"
    )
    assert "note" in [link["ContentDocument"]["Title"] for link in links["records"]]


def test_its_updated_and_deleted_lists_are_answered(administrator: Salesforce, served: OrgServer) -> None:
    """It formats start and end itself; seconds do not count, so the minute of the deletion must be over."""
    contact_id = administrator.Contact.create({"LastName": "Probe"})["id"]
    administrator.Contact.delete(contact_id)
    served.org.clock.turn(timedelta(minutes=2))
    end = datetime.now(UTC) + timedelta(minutes=2)
    start = end - timedelta(days=1)
    assert contact_id in [each["id"] for each in administrator.Contact.deleted(start, end)["deletedRecords"]]
    assert "latestDateCovered" in administrator.Contact.updated(start, end)


def test_its_errors_carry_salesforces_codes(salesforce: Salesforce, person: Person) -> None:
    """It picks the class by status and keeps the body."""
    with pytest.raises(SalesforceMalformedRequest) as malformed:
        salesforce.query("SELECT Nonsense FROM Opportunity")
    assert malformed.value.content[0]["errorCode"] == "INVALID_FIELD"
    person.web.delete("/__local_org__/tokens")
    with pytest.raises(SalesforceExpiredSession) as expired:
        salesforce.query("SELECT Id FROM Opportunity")
    assert expired.value.content[0]["errorCode"] == "INVALID_SESSION_ID"
