"""Every way in which an erased person or deal could come back, each tried: nothing of it stands anywhere, and nothing asks for it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestration.documents import outbox
from orchestration.documents.content import open_content
from orchestration.documents.sender import Sender
from orchestration.entitlement.users import FluintUser, import_users
from orchestration.errors import SetupError
from tests.privacy.people import Office, Person

pytestmark = pytest.mark.slow

Way = Callable[[Office], object]


def _uncovered(office: Office) -> None:
    with office.bench.database.transaction() as connection:
        connection.execute("truncate fluint_sync.owner_coverage, fluint_sync.deal_coverage")
    reports = office.bench.load()
    assert {report.state for report in reports.values()} == {"complete"}
    assert reports["opportunity"].counts.read > 0


def _by_bulk(office: Office) -> None:
    office.bench.options = replace(office.bench.options, bulk_threshold=1)
    before = office.bench.log_position()
    _uncovered(office)
    assert any(entry["job_id"] for entry in office.bench.org.admin("GET", f"/log?after={before}"))


def _reread(office: Office) -> None:
    assert {report.state for report in office.bench.reread().values()} == {"complete"}


def _rebuilt(office: Office) -> None:
    office.build()
    office.build(full_refresh=True)


WAYS: dict[str, Way] = {
    "a listing": _uncovered,
    "Bulk": _by_bulk,
    "a backfill": _reread,
    "models built anew": _rebuilt,
}


@pytest.mark.parametrize("way", WAYS)
def test_neither_a_person_nor_a_deal_comes_back_by_reading_everything_again(office: Office, way: str) -> None:
    """Reading from the beginning is what every repair does; whoever was erased is in Salesforce still."""
    person, deal = office.person(), office.deal()
    held = office.bench.live("opportunity")
    office.forget("email", person.address)
    office.forget("opportunity", deal)
    WAYS[way](office)
    assert office.traces(person.address, person.contact, person.role, deal) == {}
    assert office.bench.live("opportunity") == held - {deal}
    assert office.pending() == []


def test_the_nightly_comparison_neither_wants_nor_names_what_was_erased(office: Office) -> None:
    """Salesforce counts it still: it would be missing every night, asked for every night, and its id kept in the list of differences."""
    person, deal = office.person(), office.deal()
    office.forget("email", person.address)
    office.forget("opportunity", deal)
    for _ in range(2):
        doubt = office.bench.reconcile()
        assert {
            table: finding.differences for table, finding in doubt.findings.items() if finding.differences
        } == {}
        assert office.traces(person.address, person.contact, person.role, deal) == {}
        assert office.pending() == []


def _changed(office: Office, person: Person, deal: str) -> None:
    _by_system(office, "Contact", person.contact, Title="Changed")
    _by_system(office, "OpportunityContactRole", person.role, Role="Evaluator")
    _by_system(office, "Opportunity", deal, NextStep="Changed")


def _new_role(office: Office, person: Person, deal: str) -> None:
    _role(office, sorted(office.bench.live("opportunity") - {deal, person.deal})[0], person.contact)


def _new_activities(office: Office, person: Person, deal: str) -> None:
    held = sorted(office.bench.live("opportunity") - {deal, person.deal})[0]
    about = {"Subject": "Lastnameagain", "WhatId": held, "WhoId": person.contact}
    office.bench.administer("POST", "/sobjects/Task", about)
    when = {"StartDateTime": "2026-05-01T09:00:00Z", "DurationInMinutes": 45}
    office.bench.administer("POST", "/sobjects/Event", about | when)


def _new_record(office: Office, person: Person, deal: str) -> None:
    """Of a contact that was never held: the address, and a role in a deal that is."""
    others = office.bench.ids("SELECT Id FROM Contact WHERE IsDeleted = false") - {person.contact}
    twin = sorted(others - office.bench.live("contact"))[0]
    _by_system(office, "Contact", twin, Email=person.address.upper(), LastName="Lastnameagain")
    _role(office, sorted(office.bench.live("opportunity"))[0], twin)


def _held_record(office: Office, person: Person, deal: str) -> None:
    _by_system(
        office,
        "Contact",
        sorted(office.bench.live("contact"))[0],
        Email=person.address,
        LastName="Lastnameagain",
    )


def _mail_of_the_deal(office: Office, person: Person, deal: str) -> None:
    _by_system(office, "EmailMessage", office.mails(1)[0], RelatedToId=deal, ToAddress=person.address)


CHANGES: dict[str, Callable[[Office, Person, str], None]] = {
    "its record changes": _changed,
    "another role": _new_role,
    "a task and an event with the person": _new_activities,
    "a new contact with the address": _new_record,
    "a held contact gets the address": _held_record,
    "a mail is related to the deal": _mail_of_the_deal,
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_happens_in_salesforce_afterwards_brings_nothing_back_and_is_asked_for_once(
    office: Office, change: str
) -> None:
    """A key that is shown for twenty minutes and is pending, asked for and dropped at each tick of them."""
    person, deal = office.person(), office.deal()
    office.forget("contact", person.contact)
    office.forget("opportunity", deal)
    CHANGES[change](office, person, deal)
    reports = office.bench.follow()
    assert {report.state for report in reports.values()} == {"complete"}
    assert office.traces(person.address, person.contact, deal) == {}
    before = office.bench.log_position()
    office.bench.follow()
    assert office.pending() == []
    assert not [
        q for q in office.bench.queries(before) if person.contact in q or deal in q or person.role in q
    ]
    office.build()
    assert office.traces(person.address, person.contact, deal, "Lastnameagain") == {}


def test_a_new_mail_that_names_the_person_comes_in_without_address_and_body(office: Office) -> None:
    """Everything erased, and the next answer of the thread quotes it whole."""
    person = office.person()
    office.forget("email", person.address)
    nobody = {
        "BccAddress": None,
        "CcAddress": None,
        "TextBody": None,
        "HtmlBody": None,
        "Headers": None,
        "Subject": None,
    }
    made = {
        "plain": {"ToAddress": f"bob@x.example; {person.address}", "TextBody": "secret", "Subject": "secret"},
        "quoted": {"ToAddress": "bob@x.example", "HtmlBody": f"<a href='mailto:{person.address}'>secret</a>"},
        "clean": {"ToAddress": "bob@x.example", "TextBody": "kept", "Subject": "kept"},
    }
    ids = dict(zip(made, office.mails(3), strict=True))
    for name, record in ids.items():
        _by_system(office, "EmailMessage", record, **(nobody | made[name]))
    office.bench.follow()
    office.build()
    rows = {
        name: office.bench.ask(
            "select to_address, subject, text_body, html_body from fluint.email_activity join fluint.email_bodies"
            f" using (email_message_id) where email_message_id = '{record}'"
        )
        for name, record in ids.items()
    }
    assert rows["plain"] == rows["quoted"] == [("bob@x.example", None, None, None)]
    assert rows["clean"] == [("bob@x.example", "kept", "kept", None)]
    assert office.traces(person.address) == {}
    assert office.bench.reread()["email_message"].counts.changed == 0, (
        "the same mail is not written each night"
    )


def test_a_contact_into_which_the_erased_one_is_merged_leaves_too(office: Office) -> None:
    """The person under the id of the record that won, with everything that was merged into it."""
    person = office.person()
    winner = office.bench.ask(
        "select min(contact_id) from raw_salesforce.opportunity_contact_role as r join raw_salesforce.contact as c"
        f" on c.id = r.contact_id where c._deleted_at is null and r._deleted_at is null and c.id <> '{person.contact}'"
    )[0][0]
    office.forget("contact", person.contact)
    office.bench.org.admin("POST", f"/records/Contact/{winner}/merge", {"losers": [person.contact]})
    for _ in range(2):
        office.bench.follow()
    office.build()
    assert office.traces(person.contact, person.address, winner) == {}
    assert office.pending() == []


def test_a_contact_that_is_merged_into_the_erased_one_leaves_too(office: Office) -> None:
    """The person's other record, under another address, and the erased id written beside it as that of the winner."""
    deal = office.deal()
    made = {"LastName": "Twicenamed", "Email": "first@twice.example"}
    winner, loser = (
        office.bench.administer("POST", "/sobjects/Contact", values)["id"]
        for values in (made, made | {"Email": "second@twice.example"})
    )
    for contact in (winner, loser):
        _role(office, deal, contact)
    office.bench.follow()
    assert office.traces("first@twice.example", "second@twice.example")
    office.forget("contact", winner)
    assert office.traces("second@twice.example"), "by the id alone nobody can tell that it is the same person"
    office.bench.org.admin("POST", f"/records/Contact/{winner}/merge", {"losers": [loser]})
    for _ in range(2):
        office.bench.follow()
    office.build()
    assert office.traces(winner, loser, "Twicenamed", "twice.example") == {}
    assert office.pending() == []


def test_a_colleague_whose_record_changes_stays_a_bare_id(office: Office) -> None:
    """A user that is read whole at each change, or under another address next month."""
    rep = next(m for m in office.bench.people if m["role"] == "rep")
    office.forget("user", rep["user_id"])
    office.bench.update("User", rep["user_id"], FirstName="Changed", Email="another@x.example")
    office.bench.follow()
    office.bench.reread()
    office.build()
    assert office.traces(rep["fluint_email"], "another@x.example") == {}
    with pytest.raises(SetupError, match="number 2 was erased") as refused:
        import_users(
            office.bench.database,
            [
                FluintUser("new@x.example", "New", True),
                FluintUser(rep["fluint_email"].upper(), "Again", True),
            ],
        )
    assert rep["fluint_email"] not in str(refused.value).lower()
    assert office.bench.ask("select count(*) from fluint_app.app_user where email = 'new@x.example'") == [
        (0,)
    ]


def test_a_document_taken_from_the_outbox_before_its_deal_was_erased_is_not_sent(office: Office) -> None:
    """An upload that began a moment too early: an empty file on the deal, or the whole one."""
    deal = office.deal()
    with office.bench.database.transaction() as connection:
        connection.execute(
            """
            with made as (insert into fluint_app.document (opportunity_id, title) values (%s, 'Plan') returning document_id)
            insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256, content)
            select document_id, 1, 'plan.pdf', 'application/pdf', 1, repeat('0', 64), 'x' from made
            """,
            [deal],
        )
        outbox.enqueue(connection)
        (version,) = outbox.due(connection, (), 1)
    office.forget("opportunity", deal)
    before = office.bench.log_position()
    with office.bench.database.connect(autocommit=True) as connection:
        outcome = Sender(connection, office.bench.client, open_content, "run", lambda: None).send(version)
    assert outcome is not None
    assert outcome.reason is not None
    assert outcome.reason.code == "content_unreadable"
    assert office.bench.log_position() == before
    assert office.traces(deal) == {}


def _by_system(office: Office, sobject: str, record: str, **values: object) -> None:
    office.bench.org.admin("POST", f"/records/{sobject}/{record}/change-by-system", values)


def _role(office: Office, deal: str, contact: str) -> None:
    made = {"OpportunityId": deal, "ContactId": contact, "Role": "Evaluator"}
    office.bench.write("POST", "/sobjects/OpportunityContactRole", made)
