"""Who may put a file where, and who gets its bytes. Each test names the section of the API sheet that it holds."""

from __future__ import annotations

import pytest

from tests.local_org.bulk_and_files.served import Served
from tests.local_org.bulk_and_files.uploads import CONTENT, document, download, records, refusal, upload


@pytest.fixture
def others_deal(api: Served) -> str:
    """A deal that the rep does not own."""
    return api.world.add("Opportunity")


@pytest.mark.parametrize("status", [400, 403])
def test_files_go_only_where_their_maker_may_edit(api: Served, others_deal: str, status: int) -> None:
    """API sheet 5: INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY for a target, …_OR_READONLY for a document; the status is a switch."""
    api.org.switches.set({"insufficient_access_status": status})
    rep, theirs = api.world.rep, document(api, upload(api))
    code = "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    assert refusal(api, by=rep, FirstPublishLocationId=others_deal)[:2] == (status, code)
    assert refusal(api, by=rep, ContentDocumentId=theirs)[0] == status
    mine = api.world.add("Opportunity", by=rep)
    assert upload(api, by=rep, FirstPublishLocationId=mine)


def test_a_viewer_of_a_document_may_not_add_a_version(api: Served) -> None:
    """API sheet 5: ShareType V viewer, C collaborator. Fault: whoever sees a file may replace it."""
    mine = api.world.add("Opportunity", by=api.world.rep)
    shown = document(api, upload(api, FirstPublishLocationId=mine))
    assert refusal(api, by=api.world.rep, ContentDocumentId=shown)[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    (link,) = api.org.store.find_ids("ContentDocumentLink", ContentDocumentId=shown, LinkedEntityId=mine)
    api.org.store.update("ContentDocumentLink", link, {"ShareType": "C"}, by=api.world.admin)
    assert upload(api, by=api.world.rep, ContentDocumentId=shown)


def test_a_reader_of_all_deals_may_not_put_files_on_them(api: Served, others_deal: str) -> None:
    """API sheet 5: target not editable. Fault: View All is taken for the right to write."""
    store, sets = api.org.store, api.world.permission_set("Standard User")
    (found,) = store.find_ids("ObjectPermissions", ParentId=sets, SobjectType="Opportunity")
    store.update("ObjectPermissions", found, {"PermissionsViewAllRecords": True}, by=api.world.admin)
    try:
        expected = "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
        assert refusal(api, by=api.world.rep, FirstPublishLocationId=others_deal)[1] == expected
    finally:
        store.update("ObjectPermissions", found, {"PermissionsViewAllRecords": False}, by=api.world.admin)


def test_bytes_are_given_to_whoever_sees_the_version(api: Served, others_deal: str) -> None:
    """API sheet 5: files shared only through a record need an explicit id, which the download names; what is unseen is 404."""
    hidden = upload(api, FirstPublishLocationId=others_deal)
    mine = api.world.add("Opportunity", by=api.world.rep)
    shared = upload(api, FirstPublishLocationId=mine)
    assert download(api, hidden, by=api.world.rep).status_code == 404
    assert download(api, shared, by=api.world.rep).content == CONTENT
    assert records(api, f"SELECT Id FROM ContentVersion WHERE Id = '{shared}'", by=api.world.rep)
    unnamed = {row["Id"] for row in records(api, "SELECT Id FROM ContentVersion", by=api.world.rep)}
    own = {
        row["Id"] for row in records(api, f"SELECT Id FROM ContentVersion WHERE OwnerId = '{api.world.rep}'")
    }
    assert unnamed == own
    for wrong in ("068000000000000AAA", "nonsense"):
        assert download(api, wrong).status_code == 404
