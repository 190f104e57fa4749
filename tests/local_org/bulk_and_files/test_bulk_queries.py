"""What Bulk takes of SOQL and what it refuses. Each test names the section of the API sheet that it holds the org to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from tests.local_org.bulk_and_files.served import Served

_NUMBERS = count()
RESTRICTION = "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId"
LINKS = "SELECT Id FROM ContentDocumentLink"


def refusal(api: Served, soql: str, **more: str) -> tuple[int, str, str]:
    """How a create call is refused."""
    return api.refused("POST", "/jobs/query", {"operation": "query", "query": soql}, **more)


@pytest.mark.parametrize(
    ("soql", "part"),
    [
        ("SELECT StageName, COUNT(Id) FROM Opportunity GROUP BY StageName", "not supported in Bulk Query"),
        ("SELECT StageName FROM Opportunity GROUP BY StageName", "not supported in Bulk Query"),
        ("SELECT COUNT() FROM Opportunity", "not supported in Bulk Query"),
        ("SELECT MAX(Amount) FROM Opportunity", "not supported in Bulk Query"),
        (
            "SELECT CALENDAR_YEAR(CloseDate) FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate)",
            "not supported in Bulk Query",
        ),
        ("SELECT Id FROM Opportunity LIMIT 5 OFFSET 5", "not supported in Bulk Query"),
        (
            "SELECT Id, (SELECT Id FROM OpportunityContactRoles) FROM Opportunity",
            "not supported in Bulk Query",
        ),
        ("SELECT FIELDS(ALL) FROM Opportunity LIMIT 10", "not supported in Bulk Query"),
        ("SELECT Id, MailingAddress FROM Contact", "Selecting compound data not supported in Bulk Query"),
        (
            "SELECT Id, Account.BillingAddress FROM Contact",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Id, VersionData FROM ContentVersion",
            "Cannot serialize value for 'VersionData' in CSV format",
        ),
    ],
)
def test_features_that_bulk_lacks_are_refused_at_create(api: Served, soql: str, part: str) -> None:
    """API sheet 3.2: GROUP BY, OFFSET, aggregates, compound and base64 fields, FIELDS(), sub-selects; 3.6: these texts."""
    status, code, message = refusal(api, soql)
    assert (status, code) == (400, "FEATURENOTENABLED")
    assert part in message
    api.org.switches.set({"bulk_feature_code": "FeatureNotEnabled"})
    assert refusal(api, soql)[:2] == (400, "FeatureNotEnabled")


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT TYPEOF What WHEN Account THEN Name ELSE Subject END FROM Task",
        "SELECT Id, ToIds FROM EmailMessage",
        "SELECT Id, CcIds, BccIds FROM EmailMessage",
    ],
)
def test_typeof_and_lists_of_ids_cannot_be_had_by_bulk(api: Served, soql: str) -> None:
    """API sheet 3.2: TYPEOF and JunctionIdList fields are refused, whichever code says so."""
    assert refusal(api, soql)[0] == 400


@pytest.mark.parametrize(
    "name",
    [
        "TaskRelation", "CaseStatus", "ContractStatus", "OrderStatus", "SolutionStatus", "TaskStatus", "TaskPriority", "PartnerRole",
        "RecentlyViewed", "AttachedContentNote", "QuoteTemplateRichTextData", "EventWhoRelation", "TaskWhoRelation", "EventRelation",
        "UndecidedEventRelation",
    ],
)  # fmt: skip
def test_objects_that_bulk_lacks_are_refused_by_name(api: Served, name: str) -> None:
    """API sheet 3.2 and 3.6: 400 INVALIDENTITY in these words; an object that does not exist at all is INVALID_TYPE."""
    status, code, message = refusal(api, f"SELECT Id FROM {name}")
    if name == "TaskRelation":
        assert (status, code) == (400, "INVALID_TYPE")
    else:
        assert (status, code, message) == (
            400,
            "INVALIDENTITY",
            f"Entity '{name}' is not supported by the Bulk API.",
        )


@pytest.mark.parametrize(
    "name", ["OpportunityStage", "RecordType", "PermissionSet", "ObjectPermissions", "OauthToken", "User"]
)
def test_other_objects_are_taken(api: Served, name: str) -> None:
    """API sheet 3.2: OpportunityStage, RecordType, OauthToken and permission objects are not on the list of refused ones."""
    assert api.run(f"SELECT Id FROM {name}")["state"] == "JobComplete"


@pytest.mark.parametrize(
    ("soql", "is_chunked"),
    [
        *(
            (f"SELECT Id FROM {name}", True)
            for name in ("Account", "Contact", "Opportunity", "OpportunityContactRole", "EmailMessage")
        ),
        *((f"SELECT Id FROM {name}", True) for name in ("ContentDocument", "ContentVersion", "Task", "User")),
        *(
            (f"SELECT Id FROM {name}", False)
            for name in ("EmailMessageRelation", "OpportunityStage", "RecordType", "PermissionSet")
        ),
        ("SELECT Id FROM Opportunity LIMIT 5", False),
        ("SELECT Id FROM Opportunity ORDER BY Id", False),
        ("SELECT Id FROM Opportunity WHERE Account.Name != 'x'", True),
    ],
)
def test_a_job_says_whether_its_keys_are_chunked(api: Served, soql: str, is_chunked: bool) -> None:
    """API sheet 3.2: the chunkable objects, and LIMIT or ORDER BY turn it off."""
    assert api.run(soql)["isPkChunkingSupported"] is is_chunked


@pytest.mark.parametrize(
    ("soql", "code", "part"),
    [
        ("SELECT Id FRM Opportunity", "MALFORMED_QUERY", ""),
        (
            "SELECT Id, Nope__c FROM Opportunity",
            "INVALID_FIELD",
            "No such column 'Nope__c' on entity 'Opportunity'",
        ),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        (
            "SELECT Id FROM Opportunity WHERE Description = 'x'",
            "INVALID_FIELD",
            "can not be filtered in a query call",
        ),
    ],
)
def test_bad_soql_fails_at_create_or_as_a_job(api: Served, soql: str, code: str, part: str) -> None:
    """API sheet 3.6, unconfirmed: refused at create time, or later as Failed with errorMessage `ExceptionCode : text`. A switch."""
    status, found, message = refusal(api, soql)
    assert (status, found) == (400, code)
    assert part in message
    api.org.switches.set({"bulk_bad_soql_fails_at_create": False})
    job = api.run(soql)
    assert (job["state"], job["numberRecordsProcessed"]) == ("Failed", 0)
    assert job["errorMessage"].startswith(f"InvalidBatch : Failed to process query: {code}: ")
    assert part in job["errorMessage"]
    assert api.refused("GET", f"/jobs/query/{job['id']}/results")[0] == 400
    api.org.switches.set({"bulk_error_message_has_code": False})
    assert api.run(soql)["errorMessage"].startswith(f"Failed to process query: {code}: ")


@contextmanager
def without_all_files(api: Served) -> Iterator[None]:
    """Takes Query All Files from the administrators while the block runs."""
    sets, store = api.world.permission_set("System Administrator"), api.org.store
    store.update("PermissionSet", sets, {"PermissionsQueryAllFiles": False}, by=api.world.admin)
    try:
        yield
    finally:
        store.update("PermissionSet", sets, {"PermissionsQueryAllFiles": True}, by=api.world.admin)


def test_links_without_their_filter_fail_late_or_at_create(api: Served) -> None:
    """API sheet 3.2: the Id filter is needed here too and the job ends Failed; 3.6: 400 API_ERROR, Implementation restriction.

    API sheet 5: Query All Files (with View All Data) lifts it. Which of the two a real org does is a switch.
    """
    with without_all_files(api):
        job = api.run(LINKS)
        assert job["state"] == "Failed"
        expected = f"InvalidBatch : Failed to process query: MALFORMED_QUERY: {RESTRICTION}"
        assert job["errorMessage"].startswith(expected)
        api.org.switches.set({"bulk_missing_id_filter_fails_at_create": True})
        status, code, message = refusal(api, LINKS)
        assert (status, code) == (400, "API_ERROR")
        assert message.startswith(RESTRICTION)
        assert api.run(f"{LINKS} WHERE LinkedEntityId = '{api.world.admin}'")["state"] == "JobComplete"
    assert api.run(LINKS)["state"] == "JobComplete"


def test_a_job_shows_what_its_creator_sees(api: Served) -> None:
    """API sheet 4, Visibility: sharing and field-level security hold for Bulk. Fault: the worker reads as nobody and sees all."""
    name = f"Seen {next(_NUMBERS)}"
    api.world.add("Opportunity", Name=name)
    mine = api.world.add("Opportunity", by=api.world.rep, Name=name)
    soql = f"SELECT Id FROM Opportunity WHERE Name = '{name}'"
    job_id = api.create(soql, by=api.world.rep)["id"]
    api.ended(job_id)
    assert api.page(job_id).content.decode() == f'"Id"\n"{mine}"\n'
    assert len(api.rows(soql)) == 3
