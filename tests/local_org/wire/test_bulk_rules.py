"""What Bulk API 2.0 refuses at create, with the code and text of each refusal."""

import pytest

from tests.local_org.wire.conftest import Web

JOBS = "/services/data/v66.0/jobs/query"


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("SELECT OwnerId, COUNT(Id) FROM Opportunity GROUP BY OwnerId", "FEATURENOTENABLED", "GROUP BY"),
        ("SELECT COUNT() FROM Opportunity", "FEATURENOTENABLED", "Aggregate"),
        ("SELECT Id FROM Opportunity LIMIT 5 OFFSET 5", "FEATURENOTENABLED", "OFFSET"),
        (
            "SELECT Id, (SELECT Id FROM OpportunityContactRoles) FROM Opportunity",
            "FEATURENOTENABLED",
            "Relationships",
        ),
        (
            "SELECT Id, MailingAddress FROM Contact",
            "FEATURENOTENABLED",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Id, VersionData FROM ContentVersion",
            "FEATURENOTENABLED",
            "Cannot serialize value for 'VersionData'",
        ),
        (
            "SELECT Id FROM TaskStatus",
            "INVALIDENTITY",
            "Entity 'TaskStatus' is not supported by the Bulk API.",
        ),
        ("SELECT Id FROM Nonsense__c", "INVALID_TYPE", "sObject type 'Nonsense__c' is not supported"),
        (
            "SELECT Nonsense FROM Opportunity",
            "INVALID_FIELD",
            "No such column 'Nonsense' on entity 'Opportunity'",
        ),
        ("SELECT FROM Opportunity", "MALFORMED_QUERY", "unexpected token"),
    ],
)
def test_a_query_that_bulk_cannot_run_is_refused_at_create(
    api: Web, query: str, code: str, text: str
) -> None:
    """REST takes most of these, so a client that falls back between the two must know the refusals (section 3.2)."""
    answer = api.post(JOBS, json={"operation": "query", "query": query})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert text in answer.json()[0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"operation": "insert", "query": "SELECT Id FROM Opportunity"},
        {"operation": "query"},
        {"query": "SELECT Id FROM Opportunity"},
        {"operation": "query", "query": "SELECT Id FROM Opportunity", "contentType": "JSON"},
        {"operation": "query", "query": "SELECT Id FROM Opportunity", "lineEnding": "CR"},
        {"operation": "query", "query": "SELECT Id FROM Opportunity", "object": "Opportunity"},
        ["query"],
    ],
)
def test_a_create_call_that_says_something_impossible_is_refused(api: Web, body: object) -> None:
    """A misspelt option that is ignored gives a result that nobody asked for."""
    assert api.post(JOBS, json=body).status_code == 400
