"""Deals on the workbench: what a person sees is what the API gives that person, and what is done is done by the API's rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_org import standard
from local_org.server import OrgServer
from local_org.workbench import formats
from tests.local_org.wire.workbench.conftest import (
    PREFIX,
    Visitor,
    api_as,
    deals_of,
    member,
    own_set,
    read,
    shown,
    text_of,
)


@pytest.fixture
def hidden_amount(served: OrgServer) -> Iterator[None]:
    """The amount of deals is hidden from reps while the test runs."""
    store, by = served.org.store, served.org.system_user_id
    for read_it in (False, True):
        standard.grant_fields(
            store, own_set(served, "Standard User"), "Opportunity", ["Amount"], read=read_it, by=by
        )
        if not read_it:
            yield


@pytest.fixture
def onlooker(served: OrgServer) -> Iterator[Visitor]:
    """Somebody who plays the second rep, and sees the deals of all by a permission set while the test runs."""
    store, by, user_id = served.org.store, served.org.system_user_id, member(served, "rep", 1)
    set_id = store.find_ids("PermissionSet", Name="Sales_Operations")[0]
    values = {"PermissionSetId": set_id, "AssigneeId": user_id}
    assignment = store.insert("PermissionSetAssignment", values, by=by)
    yield Visitor(served).play(user_id)
    store.delete("PermissionSetAssignment", assignment, by=by)


def test_a_rep_sees_own_deals_and_the_manager_those_of_all(
    served: OrgServer, rep: Visitor, manager: Visitor
) -> None:
    """A page that read the store behind sharing's back would show a newcomer an org that no client ever sees."""
    own = served.org.store.select(
        "select count(*) from Opportunity where IsDeleted = 0 and OwnerId = ?", (member(served, "rep"),)
    )
    every = served.org.store.select("select count(*) from Opportunity where IsDeleted = 0")
    assert f"{own[0][0]} deals that" in text_of(rep.look("/deals"))
    assert f"{every[0][0]} deals that" in text_of(manager.look("/deals"))
    assert 0 < int(str(own[0][0])) < int(str(every[0][0]))
    assert "All owners" not in rep.look("/deals").text


def test_the_pages_of_a_list_show_every_deal_once(served: OrgServer, manager: Visitor) -> None:
    """Equal values in the sort column must not move deals between pages."""
    every = {str(row[0]) for row in served.org.store.select("select Id from Opportunity where IsDeleted = 0")}
    seen: list[str] = []
    for page in (1, 2, 3):
        seen += shown(manager.look(f"/deals?sort=StageName&page={page}"))
    assert sorted(seen) == sorted(every)


def test_filters_narrow_the_list_to_what_a_query_gives(served: OrgServer, manager: Visitor) -> None:
    """Stage and owner go into SOQL as literals."""
    owner = member(served, "rep", 1)
    stage = str(
        served.org.store.select("select StageName from Opportunity where Id = ?", (deals_of(served, owner)[0],))[0][0]
    )  # fmt: skip
    api = api_as(served, member(served, "manager"))
    wanted = read(
        api,
        f"SELECT Id FROM Opportunity WHERE OwnerId = '{owner}' AND StageName = '{stage}' AND IsDeleted = false",
    )
    found = shown(manager.look(f"/deals?owner={owner}&stage={stage}"))
    assert sorted(found) == sorted(str(each["Id"]) for each in wanted)
    assert found


@pytest.mark.parametrize(
    "question",
    [
        "stage=x' OR Name LIKE '%25",
        "text=%25x' OR Name LIKE '",
        "text=_____",
        "text=%25%25",
    ],
)
def test_what_a_filter_says_is_text_and_never_a_query(manager: Visitor, question: str) -> None:
    """A quote that ends the literal, or a wildcard that is one, shows deals that the filter does not mean."""
    page = manager.look(f"/deals?{question}")
    assert shown(page) == []
    assert "No deal fits the filter." in text_of(page)


@pytest.mark.parametrize("name", ["O'Neill \\ 100% _sure_", "<script>alert(1)</script>", '"quoted" & more'])
def test_a_name_with_signs_is_found_and_shown_as_it_is(
    served: OrgServer, rep: Visitor, deal: str, name: str
) -> None:
    """A quote that ended the literal, a wildcard that was one, a tag that ran: each shows here."""
    before = str((served.org.store.get("Opportunity", deal) or {})["Name"])
    rep.look(f"/deals/{deal}")
    page = rep.send(f"/deals/{deal}/edit", Name=name)
    assert name in text_of(page)
    assert "<script>alert" not in page.text
    found = Visitor(served).play(member(served, "rep")).web.get(f"{PREFIX}/deals", params={"text": name})
    assert shown(found) == [deal]
    rep.send(f"/deals/{deal}/edit", Name=before)


def test_a_field_hidden_from_a_rep_is_nowhere_on_the_pages(
    served: OrgServer, hidden_amount: None, rep: Visitor, deal: str
) -> None:
    """Field-level security hides a field from list, page, form and sort order alike, and nothing hints at it."""
    amount = formats.money((served.org.store.get("Opportunity", deal) or {})["Amount"])
    page = rep.look(f"/deals/{deal}")
    assert "<dt>Amount</dt>" not in page.text
    assert 'name="Amount"' not in page.text
    assert amount not in page.text
    assert "Amount" not in text_of(rep.look("/deals?sort=Amount"))


def test_a_rep_who_moves_a_deal_is_seen_by_the_api(served: OrgServer, rep: Visitor, deal: str) -> None:
    """What a newcomer does must reach a sync as if a rep had done it in Salesforce: stage, probability, who and when."""
    api = api_as(served, member(served, "rep"))
    rep.look(f"/deals/{deal}")
    page = rep.send(f"/deals/{deal}/stage", stage="Negotiation/Review")
    assert "The deal is in stage Negotiation/Review." in text_of(page)
    soql = f"SELECT StageName, Probability, LastModifiedById, SystemModstamp, LastStageChangeDate FROM Opportunity WHERE Id = '{deal}'"
    row = read(api, soql)[0]
    assert (row["StageName"], row["Probability"]) == ("Negotiation/Review", 90.0)
    assert row["LastModifiedById"] == member(served, "rep")
    assert row["LastStageChangeDate"] == row["SystemModstamp"]


def test_an_edit_sends_only_what_changed(served: OrgServer, rep: Visitor, deal: str) -> None:
    """A form that wrote every field back would undo what somebody else changed meanwhile."""
    row = served.org.store.get("Opportunity", deal) or {}
    rep.look(f"/deals/{deal}")
    same = {name: str(row[name] or "") for name in ("Name", "CloseDate", "NextStep", "OwnerId")}
    assert "Saved." in text_of(rep.send(f"/deals/{deal}/edit", Amount="12,500.50", **same))
    assert (served.org.store.get("Opportunity", deal) or {})["Amount"] == 12500.5
    stamp = (served.org.store.get("Opportunity", deal) or {})["SystemModstamp"]
    assert "nothing to change" in text_of(rep.send(f"/deals/{deal}/edit", Amount="12500.5", **same))
    assert (served.org.store.get("Opportunity", deal) or {})["SystemModstamp"] == stamp


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({"Amount": "many"}, "JSON_PARSER_ERROR"),
        ({"Name": ""}, "REQUIRED_FIELD_MISSING"),
        ({"OwnerId": "005000000000000AAA"}, "INVALID_CROSS_REFERENCE_KEY"),
    ],
)
def test_a_value_that_the_api_refuses_is_refused_in_its_words(
    served: OrgServer, rep: Visitor, deal: str, form: dict[str, str], refusal: str
) -> None:
    """The pages have no rules of their own that could be laxer than the API's."""
    before = served.org.store.get("Opportunity", deal)
    rep.look(f"/deals/{deal}")
    assert f"Nothing was changed. {refusal}" in text_of(rep.send(f"/deals/{deal}/edit", **form))
    assert served.org.store.get("Opportunity", deal) == before


def test_whoever_only_sees_a_deal_is_offered_no_change_and_refused_one(
    served: OrgServer, onlooker: Visitor, deal: str
) -> None:
    """View All lets one look; a forged form must not get further than the API would."""
    before = served.org.store.get("Opportunity", deal)
    page = onlooker.look(f"/deals/{deal}")
    assert "may look at this deal, not change it" in text_of(page)
    assert f"{deal}/delete" not in page.text
    for act, form in {"stage": {"stage": "Closed Won"}, "edit": {"Amount": "1"}, "delete": {}}.items():
        assert "INSUFFICIENT_ACCESS" in text_of(onlooker.send(f"/deals/{deal}/{act}", **form)), act
    assert served.org.store.get("Opportunity", deal) == before


def test_a_deal_that_a_person_does_not_see_does_not_exist(served: OrgServer, rep: Visitor) -> None:
    """A page for another's deal would leak past sharing."""
    others = deals_of(served, member(served, "rep", 1))[0]
    assert "NOT_FOUND" in text_of(rep.look(f"/deals/{others}", 404))
    rep.look("/deals")
    rep.send(f"/deals/{others}/stage", 404, stage="Closed Won")
    assert (served.org.store.get("Opportunity", others) or {})["StageName"] != "Closed Won"


def test_a_rep_who_hands_a_deal_on_no_longer_sees_it(served: OrgServer, rep: Visitor) -> None:
    """Sharing is asked again after the act: the page must lead to the list, not to an error."""
    given = deals_of(served, member(served, "rep"))[-1]
    rep.look(f"/deals/{given}")
    page = rep.send(f"/deals/{given}/edit", OwnerId=member(served, "rep", 1))
    assert "no longer sees this deal" in text_of(page)
    assert page.url.endswith("/deals")
    assert given not in shown(page)


def test_a_deleted_deal_lies_in_the_bin_and_comes_back(served: OrgServer, rep: Visitor, deal: str) -> None:
    """Delete and undelete are what a sync must tell apart from a deal that was never there."""
    api = api_as(served, member(served, "rep"))
    soql = f"SELECT IsDeleted FROM Opportunity WHERE Id = '{deal}'"
    rep.look(f"/deals/{deal}")
    assert "in the recycle bin" in text_of(rep.send(f"/deals/{deal}/delete"))
    assert read(api, soql)[0]["IsDeleted"] is True
    assert deal not in shown(rep.look("/deals"))
    assert deal in shown(rep.look("/deals?bin=1"))
    rep.look(f"/deals/{deal}")
    assert "The deal is back" in text_of(rep.send(f"/deals/{deal}/restore"))
    assert read(api, soql)[0]["IsDeleted"] is False
    assert "not in the recycle bin" in text_of(rep.send(f"/deals/{deal}/restore"))


def test_whoever_may_not_delete_a_deal_may_not_restore_it(served: OrgServer, onlooker: Visitor) -> None:
    """REST has no undelete to decide this, so the page must."""
    store, me = served.org.store, member(served, "rep")
    deal = store.insert(
        "Opportunity", {"Name": "Binned", "StageName": "Qualification", "CloseDate": "2030-01-31"}, by=me
    )
    store.delete("Opportunity", deal, by=me)
    page = onlooker.look(f"/deals/{deal}")
    assert "lies in the recycle bin" in text_of(page)
    assert "Restore" not in text_of(page)
    assert "INSUFFICIENT_ACCESS" in text_of(onlooker.send(f"/deals/{deal}/restore"))
    assert (store.get("Opportunity", deal) or {})["IsDeleted"] is True


@pytest.mark.parametrize("sees_contact", [True, False], ids=["contact-of-the-rep", "contact-of-another"])
def test_a_mail_sent_on_a_deal_is_an_email_message_of_it(
    served: OrgServer, rep: Visitor, deal: str, sees_contact: bool
) -> None:
    """It must look as a rep's mail to a contact does; one whom sharing hides from the rep is written to, not related to."""
    me, store = member(served, "rep"), served.org.store
    owner = me if sees_contact else member(served, "rep", 1)
    address = f"buyer.{sees_contact}@customer.example".lower()
    contact = store.insert("Contact", {"LastName": "Buyer", "Email": address}, by=owner)
    store.insert("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact}, by=owner)
    subject = f"Offer <{sees_contact}>"
    rep.look(f"/deals/{deal}")
    page = text_of(rep.send(f"/deals/{deal}/mail", to=address, subject=subject, text="Hello,\r\nhere it is."))
    assert f"The mail to {address} is on the deal." in page
    assert f"sent {subject}" in page
    api = api_as(served, me)
    found = read(
        api,
        "SELECT Id, Incoming, Status, FromAddress, ToAddress, ActivityId FROM EmailMessage"
        f" WHERE RelatedToId = '{deal}' AND Subject = '{subject}'",
    )
    mail = found[0]
    sender = served.org.user(me)["Email"]
    assert (mail["Incoming"], mail["Status"], mail["FromAddress"], mail["ToAddress"]) == (
        False,
        "3",
        sender,
        address,
    )
    assert str(mail["ActivityId"]).startswith("00T")
    relations = read(
        api,
        f"SELECT RelationId, RelationType FROM EmailMessageRelation WHERE EmailMessageId = '{mail['Id']}'",
    )
    expected = {(me, "FromAddress")} | ({(contact, "ToAddress")} if sees_contact else set())
    assert {(each["RelationId"], each["RelationType"]) for each in relations} == expected


def test_the_address_of_a_record_leads_to_its_page(rep: Visitor, deal: str) -> None:
    """The marts link to `<instance>/<id>`, as every Salesforce org answers it; 15 characters do as well."""
    for address in (f"/{deal}", f"/{deal[:15]}"):
        page = rep.web.get(address)
        assert (page.status_code, page.url.rpartition("/")[2]) == (200, deal)
    assert rep.web.get("/006nothing").status_code == 404
