"""The Files related list on the workbench: as a rep would see it, or, off the layout, not at all."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from local_org.rest.describe import MASTER
from local_org.rest.layouts import FILES
from local_org.server import OrgServer
from tests.local_org.wire.workbench.conftest import PREFIX, Visitor, api_as, member, read, text_of


@pytest.fixture
def document(served: OrgServer, deal: str) -> str:
    """A document with two versions on the deal, written as the application does: by the API, as the integration user."""
    api = api_as(served, member(served, "integration"))
    url = "/services/data/v66.0/sobjects/ContentVersion"
    values = {"PathOnClient": "Mutual plan.pdf", "VersionData": base64.b64encode(b"one").decode()}
    first = api.post(url, json=values | {"FirstPublishLocationId": deal}).json()["id"]
    found = read(api, f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{first}'")
    document_id = str(found[0]["ContentDocumentId"])
    second = values | {"VersionData": base64.b64encode(b"version two").decode()}
    assert api.post(url, json=second | {"ContentDocumentId": document_id}).status_code == 201
    return document_id


@pytest.fixture
def layouts_are_put_back(served: OrgServer) -> Iterator[None]:
    """Every layout is after the test as it was before."""
    store = served.org.store
    settings = "select name, value from _setting where name like 'layout:%'"
    kept = store.select(settings)
    yield
    store.execute("delete from _setting where name like 'layout:%'")
    store.execute_many("insert into _setting values (?, ?)", kept)


def test_a_rep_sees_both_versions_and_downloads_them(rep: Visitor, deal: str, document: str) -> None:
    """The write-back is only worth what the rep finds on the deal: title, versions, sizes, owner, bytes."""
    page = rep.look(f"/deals/{deal}")
    text = text_of(page)
    for part in ("Mutual plan .pdf", "2 latest", "11 B", "3 B", "Fluint Integration"):
        assert part in text
    links = [part.split('"')[0] for part in page.text.split(f'href="{PREFIX}/versions/')[1:]]
    contents = [rep.web.get(f"{PREFIX}/versions/{version}") for version in links[:2]]
    assert [each.content for each in contents] == [b"version two", b"one"]
    assert contents[0].headers["Content-Disposition"].startswith("attachment")
    assert contents[0].headers["X-Content-Type-Options"] == "nosniff"


def test_whoever_does_not_see_the_deal_gets_no_version_of_its_files(
    served: OrgServer, rep: Visitor, deal: str, document: str
) -> None:
    """A version's address is no secret; what it opens is decided by who asks."""
    page = rep.look(f"/deals/{deal}")
    version = page.text.split(f'href="{PREFIX}/versions/')[1].split('"')[0]
    stranger = Visitor(served).play(member(served, "rep", 1))
    assert "NOT_FOUND" in text_of(stranger.look(f"/versions/{version}", 404))


def test_files_off_the_layout_are_not_shown_and_nothing_hints_at_them(
    served: OrgServer, rep: Visitor, deal: str, document: str, layouts_are_put_back: None
) -> None:
    """A customer who asks "where is the document?" has this layout: the file is there, the page is silent."""
    record_type = (served.org.store.get("Opportunity", deal) or {})["RecordTypeId"] or MASTER
    page = rep.look("/layouts")
    ticked = [part.split('"')[0] for part in page.text.split('<input type="checkbox" name="')[1:]]
    assert f"{record_type}.{FILES}" in ticked
    rep.send("/layouts", **{name: "1" for name in ticked if name != f"{record_type}.{FILES}"})
    text = text_of(rep.look(f"/deals/{deal}"))
    assert "Files" not in text
    assert "Mutual plan" not in text
    assert "Emails" in text
    links = read(
        api_as(served, member(served, "rep")),
        f"SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'",
    )
    assert links


def test_a_profile_of_its_own_layout_sees_files_where_others_do_not(
    served: OrgServer, rep: Visitor, deal: str, document: str, layouts_are_put_back: None
) -> None:
    """Two people look at the same deal and see different pages: that is what a check of one profile misses."""
    profile = str(served.org.user(member(served, "rep"))["ProfileId"])
    page = rep.look(f"/layouts?profile={profile}")
    ticked = [part.split('"')[0] for part in page.text.split('<input type="checkbox" name="')[1:]]
    rep.send("/layouts", profile=profile, **{name: "1" for name in ticked if not name.endswith(FILES)})
    assert "Mutual plan" not in text_of(rep.look(f"/deals/{deal}"))
    administrator = Visitor(served).play(member(served, "administrator"))
    assert "Mutual plan" in text_of(administrator.look(f"/deals/{deal}"))
    rep.look("/layouts?profile=00e000000000000AAA", 404)


def test_the_page_shows_files_whether_or_not_a_describe_names_them(
    served: OrgServer, rep: Visitor, deal: str, document: str
) -> None:
    """What nobody could confirm is the describe; what the rep sees does not hang on it."""
    served.org.switches.set({"layouts_name_the_files_list": False})
    assert "Mutual plan" in text_of(rep.look(f"/deals/{deal}"))


def test_a_rep_uploads_a_file_and_a_version_of_it(served: OrgServer, rep: Visitor, deal: str) -> None:
    """Reps put files on deals too, and what they upload must obey the rules of ContentVersion."""
    for document, content in (("", b"draft"), ("own", b"final text")):
        page = rep.look(f"/deals/{deal}")
        known = page.text.split("a new version of notes")[0].rpartition('<option value="')[2].split('"')[0]
        answer = rep.web.post(
            f"{PREFIX}/deals/{deal}/files",
            data={"csrf": rep.csrf, "document": known if document else ""},
            files={"file": ("notes.txt", content)},
        )
        assert "notes.txt is on the deal" in text_of(answer)
    soql = "SELECT VersionNumber, ContentSize, CreatedById FROM ContentVersion WHERE Title = 'notes' ORDER BY VersionNumber"
    rows = read(api_as(served, member(served, "rep")), soql)
    assert [(row["VersionNumber"], row["ContentSize"], row["CreatedById"]) for row in rows] == [
        ("1", 5, member(served, "rep")),
        ("2", 10, member(served, "rep")),
    ]
