"""Every uncertain fact about Salesforce, in each of its readings, with the operations of the client that can meet it.

local_org/switches.py marks such a fact with `unconfirmed`; one that is new and stands in neither table below fails a test here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from local_org.switches import Switches
from orchestration.errors import (
    BulkUnavailableError,
    IncompleteReadError,
    MissingFieldError,
    NeedsReconnectError,
    RejectedRequestError,
)
from orchestration.salesforce import oauth, soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Page
from tests.contract.keys import key_and_certificate
from tests.contract.running_org import RunningOrg
from tests.salesforce.scripted_org import MemoryStore

Check = Callable[[RunningOrg, Salesforce, MemoryStore], None]


def upload(client: Salesforce, **fields: str) -> str:
    """Uploads a small file."""
    return client.create_content_version(
        {"Title": "T", "PathOnClient": "t.pdf", **fields}, io.BytesIO(b"pdf"),
        file_name="t.pdf", content_type="application/pdf", size=3,
    )  # fmt: skip


def no_rows_by_bulk(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Header line or nothing: both are no rows, and neither is a failed read."""
    statement = soql.select(["Id"], "Opportunity", [soql.equal("Name", "there is no such deal")])
    with client.bulk_query(statement) as job:
        pages = [(page.announced, b"".join(page.chunks)) for page in job.pages()]
    assert [announced for announced, _ in pages] == [0] == [job.record_count]
    assert pages[0][1].strip() in (b'"Id"', b"")


def a_refused_file(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Whatever its status, the refusal says who may not write to what."""
    deal = next(client.query("SELECT Id FROM Opportunity WHERE IsDeleted = false LIMIT 1")).records()[0]["Id"]
    rights = "SELECT Id FROM ObjectPermissions WHERE SobjectType = 'Opportunity' AND PermissionsEdit = true"
    found = org.call(store.tokens, "GET", f"/query?q={rights.replace(' ', '+')}").json()["records"]
    change = {"update": "ObjectPermissions", "id": [row["Id"] for row in found]}
    edits = ("PermissionsEdit", "PermissionsModifyAllRecords")
    _commit(org, {**change, "values": dict.fromkeys(edits, False)})
    try:
        with pytest.raises(RejectedRequestError, match="may not add files") as caught:
            upload(client, FirstPublishLocationId=deal)
    finally:
        _commit(org, {**change, "values": dict.fromkeys(edits, True)})
    assert str(caught.value.code).startswith("INSUFFICIENT_ACCESS")


def _commit(org: RunningOrg, change: dict[str, object]) -> None:
    org.admin("POST", "/transactions", {"changes": [change], "commit": True})


def a_full_storage(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Whatever its status, it is the storage and not the file."""
    org.admin("PATCH", "/switches", {"file_storage_mb": 0})
    with pytest.raises(RejectedRequestError, match="storage is full") as caught:
        upload(client)
    assert caught.value.code == "STORAGE_LIMIT_EXCEEDED"


def a_dead_locator(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """400 or 404, the read does not count."""
    org.admin("POST", "/faults", {"kind": "dead_locator"})
    with pytest.raises(IncompleteReadError, match="the window is read again"):
        list(client.query("SELECT Id FROM EmailMessage"))


def deletions_while_a_transaction_is_open(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """What the list covers is never later than what was asked, and with a lag no later than the open transaction."""
    change = {"insert": "Account", "values": {"Name": "Slow"}}
    opened = org.admin("POST", "/transactions", {"changes": [change]})
    number, begun = opened["transaction"], datetime.fromisoformat(opened["began_at"])
    org.admin("POST", "/clock", {"seconds": 600})
    try:
        end = client.server_time()
        listed = client.deleted("Opportunity", begun - timedelta(hours=1), end)
    finally:
        org.admin("POST", "/clock", {"seconds": -600})
        org.admin("DELETE", f"/transactions/{number}")
    lags = org.admin("GET", "/switches")["latest_date_covered_lags"]
    assert listed.latest_covered <= (begun if lags else end)


def a_plain_read(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """The version asked for stays served, and the calls of the org are told from those of our app."""
    assert next(client.query("SELECT Id FROM User")).count
    assert client.usage is not None
    assert client.usage.allowed == org.admin("GET", "/switches")["daily_api_limit"]


def six_queries(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Five a call whatever the org would take."""
    answers = client.query_many([soql.select(["Id"], "User")] * 6)
    assert [type(answer) for answer in answers] == [Page] * 6


def a_disconnect(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Ended, or ended before: either way the connection is gone and nobody is asked to do anything."""
    oauth.revoke(org.app(), store.tokens)
    oauth.revoke(org.app(), store.tokens)
    with pytest.raises(NeedsReconnectError):
        oauth.refresh(org.app(), store.tokens)


def a_bad_bulk_query(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Refused at once it names the field; as a failed job it is left to REST, which then does."""
    with (
        pytest.raises((MissingFieldError, BulkUnavailableError), match="Nope"),
        client.bulk_query("SELECT Id, Nope FROM Opportunity"),
    ):
        pass


def a_failed_job(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """With its code or without, what Salesforce said of the job is told."""
    org.admin("PATCH", "/switches", {"bulk_bad_soql_fails_at_create": False})
    a_bad_bulk_query(org, client, store)


def the_same_values_by_bulk(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """A date with Z or an offset, a number with an exponent or without: the same date, the same number."""
    statement = "SELECT Id, Amount, CreatedDate FROM Opportunity WHERE IsDeleted = false"
    by_rest = {
        record["Id"]: (record["Amount"], datetime.fromisoformat(record["CreatedDate"]))
        for page in client.query(statement)
        for record in page.records()
    }
    by_bulk = {}
    with client.bulk_query(statement) as job:
        for page in job.pages():
            text = b"".join(page.chunks).decode()
            for row in csv.DictReader(io.StringIO(text)):
                amount = float(row["Amount"]) if row["Amount"] else None
                by_bulk[row["Id"]] = (amount, datetime.fromisoformat(row["CreatedDate"]))
    assert by_bulk == by_rest
    assert max(amount or 0 for amount, _ in by_rest.values()) > 0


def a_file_on_a_deal(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Whatever kind of share its link is, the file is found on the record."""
    deal = next(client.query("SELECT Id FROM Opportunity WHERE IsDeleted = false LIMIT 1")).records()[0]["Id"]
    version = upload(client, FirstPublishLocationId=deal)
    links = f"SELECT ContentDocument.LatestPublishedVersionId FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'"
    found = [record["ContentDocument"] for page in client.query(links) for record in page.records()]
    assert version in {document["LatestPublishedVersionId"] for document in found}


def an_assertion(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Whether Salesforce takes an assertion for long or for minutes, ours is good for two and a half."""
    key, certificate = key_and_certificate()
    org.admin("PATCH", "/switches", {"jwt_certificate": certificate})
    app = replace(org.app(), sign_in="jwt", username=org.card["username"], private_key=key)
    assert oauth.sign_in(app).user_id == store.tokens.user_id


def a_permission_that_may_be_no_field(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """Asked for alone, a permission that cannot be selected refuses its own query and not its neighbour's."""
    asked = soql.select(["Id"], "PermissionSet", [soql.equal("PermissionsCanApproveUninstalledApps", True)])
    may, sets = client.query_many([asked, soql.select(["Id"], "PermissionSet")])
    is_a_field = org.admin("GET", "/switches")["approve_uninstalled_apps_is_a_field"]
    assert isinstance(may, Page if is_a_field else MissingFieldError)
    assert isinstance(sets, Page)


def own_tokens(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """One's own grants are seen without any permission, and name the app."""
    mine = soql.select(["AppName"], "OauthToken", [soql.equal("UserId", client.identity().user_id)])
    rows = [row for page in client.query(mine, include_deleted=False) for row in page.records()]
    assert {row["AppName"] for row in rows} == {"Fluint"}


def a_layout(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """With Customize Application, which the guide asks for, a layout tells its related lists either way."""
    (first, *_) = client.tooling_query(soql.select(["LayoutId"], "ProfileLayout"))
    (layout,) = client.tooling_query(
        soql.select(["Metadata"], "Layout", [soql.equal("Id", first["LayoutId"])])
    )
    assert "RelatedFileList" in {each["relatedList"] for each in layout["Metadata"]["relatedLists"]}


MET_BY: dict[str, Check] = {
    "bulk_bad_soql_fails_at_create": a_bad_bulk_query,
    "bulk_counters_while_working": the_same_values_by_bulk,
    "bulk_datetimes_with_offset": the_same_values_by_bulk,
    "bulk_error_message_has_code": a_failed_job,
    "bulk_scientific_numbers": the_same_values_by_bulk,
    "first_link_share_type": a_file_on_a_deal,
    "bulk_header_when_empty": no_rows_by_bulk,
    "insufficient_access_status": a_refused_file,
    "jwt_longest_life_seconds": an_assertion,
    "storage_limit_status": a_full_storage,
    "invalid_query_locator_status": a_dead_locator,
    "latest_date_covered_lags": deletions_while_a_transaction_is_open,
    "replication_lag_seconds": deletions_while_a_transaction_is_open,
    "newest_api_version": a_plain_read,
    "per_app_api_limit": a_plain_read,
    "composite_queries": six_queries,
    "revoke_ends_access_tokens": a_disconnect,
    "revoke_unknown_token_status": a_disconnect,
    "approve_uninstalled_apps_is_a_field": a_permission_that_may_be_no_field,
    "oauth_tokens_of_others_need_manage_users": own_tokens,
    "layout_metadata_needs_customize_application": a_layout,
}
_NO_RETRIEVE = "the client reads records by queries only, never by /composite/sobjects"
NEVER_MET: dict[str, str] = {
    "bulk_early_results_code": "results are asked for once the job says that it is complete",
    "bulk_feature_code": "Bulk jobs are plain selects of the catalogue's fields; counts and groups go by REST",
    "bulk_missing_id_filter_fails_at_create": "links of files are asked for by REST, with the record's id",
    "duplicate_link_refused": "a link comes with the first version of a file; none is made by itself",
    "bad_identity_token_status": "the client takes the identity from the token answer and asks no such endpoint",
    "layouts_name_the_files_list": "what is on layouts of other profiles is asked of the Tooling API, never by a describe",
    "email_body_length": "raw columns are text without a length, so that no length of a body is ever relied on",
    "polymorphic_parent_is_name": "the client selects no field of a polymorphic parent",
    "related_to_semi_join": "mails are asked for by explicit ids of deals, never by a semi-join",
    "undelete_moves_stamp": "whether the sync finds an undelete without a stamp takes a comparison of ids, which is still to come",
    "merge_moves_winner_stamp": "the winner's own fields do not change by a merge; its roles have stamps of their own",
    "merge_moves_loser_stamps": "a loser without a new stamp is found by a comparison of ids, which is still to come",
    "uri_too_long_status": "queries too long for a URI travel in a composite's body; test_reading.py holds the longest one",
    "retrieve_ids": _NO_RETRIEVE,
    "retrieve_answers_null": _NO_RETRIEVE,
}
"""Facts that no operation of the client can meet, each with the reason why."""
READINGS = [(name, reading) for name, readings in Switches.readings().items() for reading in readings]


@pytest.mark.parametrize(("name", "reading"), READINGS)
def test_the_client_holds_in_every_reading_of_an_uncertain_fact(
    org: RunningOrg, client: Salesforce, store: MemoryStore, name: str, reading: object
) -> None:
    """Nobody here can ask Salesforce: what is only believed must not decide whether the sync works."""
    assert name in MET_BY or name in NEVER_MET, f"{name} has no test of the client in MET_BY"
    org.admin("PATCH", "/switches", {name: reading})
    if name in MET_BY:
        MET_BY[name](org, client, store)


def test_no_fact_is_met_and_never_met_and_none_is_forgotten() -> None:
    """A switch that was renamed leaves a test that turns nothing; one without a reason was only left out."""
    assert not set(MET_BY) & set(NEVER_MET)
    assert set(MET_BY) | set(NEVER_MET) == set(Switches.readings())
    assert all(re.search(r"\w+ \w+ \w+", reason) for reason in NEVER_MET.values())
