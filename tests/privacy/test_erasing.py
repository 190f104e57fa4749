"""Somebody is forgotten: nothing of it stands anywhere, the rest stays, and all of it happens or nothing. R12."""

from __future__ import annotations

from dataclasses import replace

import pytest
from psycopg import sql

from orchestration.errors import BugError, SetupError
from orchestration.postgres.archive import archive_org
from orchestration.privacy import apply, planner
from orchestration.privacy.apply import look
from orchestration.privacy.subject import Kind
from tests.privacy.people import Office, Person

pytestmark = pytest.mark.slow

MARTS = (
    "fluint.deals",
    "fluint.contacts",
    "fluint.deal_contacts",
    "fluint.email_activity",
    "fluint.accounts",
)


def test_a_person_erased_by_address_stands_in_no_column_any_more(office: Office) -> None:
    """A row in a mart, a snapshot, a ledger or the planner's memory that nobody thought of."""
    person = office.person()
    _activities_with(office, person)
    name = office.bench.ask(
        f"select first_name, last_name from raw_salesforce.contact where id = '{person.contact}'"
    )
    before = office.traces(person.address, person.contact)
    erased = office.forget("email", f"Somebody <{person.address.upper()}>")
    assert {
        "raw_salesforce.contact.email",
        "fluint.contacts.email",
        "fluint.deal_contacts.contact_id",
        "raw_salesforce.task.who_id",
        "raw_salesforce.event.who_id",
        "fluint.activities.contact_id",
    } <= before.keys()
    assert office.traces(person.address, person.contact, person.role, "Call with nobody else") == {}
    assert erased.elsewhere == ()
    assert erased.columns > 200
    assert name


def _activities_with(office: Office, person: Person) -> None:
    """A task and an event with the person, held and in the marts."""
    with office.bench.database.transaction() as connection:
        for table, record in (("task", "00TQy000000000001A"), ("event", "00UQy000000000001A")):
            connection.execute(
                sql.SQL(
                    "insert into {} (id, what_id, who_id, subject, system_modstamp, created_date, _read_at, _run_id)"
                    " values (%s, %s, %s, 'Call with nobody else', now(), now(), now(), 'x')"
                ).format(sql.Identifier("raw_salesforce", table)),
                [record, person.deal, person.contact],
            )
    office.build()


def test_columns_of_fluint_yaml_are_erased_and_proved_like_any_other(office: Office) -> None:
    """A custom field in which somebody wrote the person's address, and the mart's column that shows it."""
    person = office.person()
    with office.bench.database.transaction() as connection:
        connection.execute("alter table raw_salesforce.opportunity add column champion_mail_c text")
        connection.execute("alter table raw_salesforce.contact add column other_email_c text")
        connection.execute("alter table fluint.deals add column champion text")
        for table, column, key in (
            ("raw_salesforce.opportunity", "champion_mail_c", "id"),
            ("fluint.deals", "champion", "deal_id"),
        ):
            connection.execute(
                f"update {table} set {column} = 'write to ' || %s where {key} = %s".encode(),
                [person.address, person.deal],
            )
    office.forget("email", person.address)
    assert office.traces(person.address, person.contact) == {}
    assert office.bench.ask(f"select champion from fluint.deals where deal_id = '{person.deal}'") == [
        ("write to [erased]",)
    ]


@pytest.mark.parametrize(("kind", "clears"), [("email", planner.CLEARS), ("opportunity", 10**9)])
def test_the_archive_of_another_org_is_erased_like_what_is_held(
    office: Office, monkeypatch: pytest.MonkeyPatch, kind: Kind, clears: int
) -> None:
    """Everything forgotten, and a copy of all of it in the next schema, from the day on which the sandbox was refreshed; or in what the
    planner of Postgres 15 to 17 remembers of the tables that were emptied then."""
    monkeypatch.setattr(planner, "CLEARS", clears)
    person, deal = office.person(), office.deal()
    given = {"email": person.address, "opportunity": deal}[kind]
    traces = {"email": (person.address, person.contact), "opportunity": (deal,)}[kind]
    with office.bench.database.transaction() as connection:
        connection.execute(
            "insert into fluint_sync.run (run_id, mode, error) values ('r', 'x', 'record ' || %s || ' is odd')",
            [traces[-1]],
        )
        archive = archive_org(connection, "00DQy0000000001MAA")
    role = f"select * from {archive}.raw_salesforce__opportunity_contact_role"
    alone = {
        row[0]
        for row in office.bench.ask(
            f"select contact_id from ({role}) as r group by 1 having bool_and(opportunity_id = '{deal}')"
        )
    }
    assert alone
    before = office.traces(*traces)
    assert f"{archive}.fluint_sync__run.error" in before
    assert len([place for place in before if place.startswith(f"{archive}.raw_salesforce__")]) > 1
    erased = office.forget(kind, given)
    assert office.traces(*traces) == {}
    assert erased.elsewhere == ()
    assert office.bench.ask(f"select count(*) > 0 from {archive}.raw_salesforce__email_message") == [(True,)]
    if kind == "opportunity":
        rest = office.bench.ask(f"select id from {archive}.raw_salesforce__contact")
        assert rest
        assert not alone & {row[0] for row in rest}, "whom no other deal names goes with it, here too"


def test_a_mail_that_names_the_person_among_others_keeps_only_the_others(office: Office) -> None:
    """A whole mail lost to everybody, or a body in which the person goes on speaking."""
    person = office.person()
    with office.bench.database.transaction() as connection:
        connection.execute(
            """
            update raw_salesforce.email_message
            set to_address = 'Bob <bob@x.example>; ' || %(a)s, cc_address = 'eve@x.example', bcc_address = %(a)s,
                headers = 'To: ' || %(a)s, subject = 'About ' || %(a)s, text_body = 'Dear all', html_body = '<p>Dear all</p>',
                from_name = 'Rep', from_address = 'rep@x.example', _xact_id = pg_current_xact_id()
            where id = %(mail)s
            """,
            {"a": person.address, "mail": person.mail},
        )
    office.build()
    untouched = "select * from raw_salesforce.email_message as m where not m::text ilike '%{}%' order by id"
    others = office.bench.ask(untouched.format(person.address))
    office.forget("email", person.address)
    columns = "to_address, cc_address, bcc_address, subject, from_name, from_address"
    assert office.bench.ask(
        f"select {columns} from fluint.email_activity where email_message_id = '{person.mail}'"
    ) == [("Bob <bob@x.example>", "eve@x.example", None, None, "Rep", "rep@x.example")]
    assert office.bench.ask(
        f"select text_body, html_body, headers from fluint.email_bodies where email_message_id = '{person.mail}'"
    ) == [(None, None, None)]
    assert set(others) - set(office.bench.ask(untouched.format(person.address))) == set() != set(others)


def test_a_deal_erased_takes_its_mails_days_and_documents_along(office: Office) -> None:
    """A snapshot of yesterday, or a document that is uploaded next week, of a deal that nobody may know any more."""
    deal = office.deal()
    with office.bench.database.transaction() as connection:
        connection.execute(
            """
            with made as (insert into fluint_app.document (opportunity_id, title) values (%s, 'Plan') returning document_id)
            insert into fluint_app.document_version
                (document_id, version_number, file_name, content_type, byte_size, sha256, content, content_uri)
            select document_id, number, 'plan.pdf', 'application/pdf', 1, repeat('0', 64),
                   case number when 1 then 'x'::bytea end, case number when 2 then 'file:///elsewhere/plan.pdf' end
            from made, generate_series(1, 2) as number
            """,
            [deal],
        )
        connection.execute(
            "insert into fluint_sync.upload (document_id, version_number, state, opportunity_id)"
            " select document_id, 1, 'waiting', opportunity_id from fluint_app.document"
        )
        connection.execute(
            "insert into fluint_sync.pending (object, id, parent_id, reason, since) values ('email_message', '02sX', %s, 'x', now())",
            [deal],
        )
        connection.execute(
            "insert into fluint_sync.run (run_id, mode, error) values ('r', 'x', 'deal ' || %s || ' is odd')",
            [deal],
        )
        connection.execute(  # where a reading of columns that was stopped has come to
            "update fluint_sync.raw_column set through_id = %s where object = 'opportunity' and column_name = 'amount'",
            [deal],
        )
    office.build()
    before = office.traces(deal)
    work, changes = look(office.bench.database, "opportunity", deal[:15])
    erased = office.forget(
        "opportunity", f"https://acme.lightning.force.com/lightning/r/Opportunity/{deal}/view"
    )
    assert {
        "fluint.deal_daily_snapshot.deal_id",
        "fluint.deal_documents.deal_id",
        "fluint_sync.admission.opportunity_id",
        "fluint_sync.upload.opportunity_id",
        "fluint_sync.run.error",
        "fluint_sync.raw_column.through_id",
        "fluint_intermediate.int_emails_linked.deal_id",
    } <= before.keys()
    assert office.traces(deal) == {}
    assert work.held.content_uris == ("file:///elsewhere/plan.pdf",)
    assert erased.files == 1
    assert {change.table: change.rows for change in changes if change.action == "remove"} == {
        change.table: change.rows for change in erased.changes if change.action == "remove"
    }, "what was announced is what was done"


def test_a_colleague_erased_leaves_deals_with_a_bare_owner(office: Office) -> None:
    """Deals that vanish with the rep who asked to be forgotten, or the rep's name beside them for ever."""
    rep = next(m for m in office.bench.people if m["role"] == "rep")
    deals = office.bench.ask(f"select count(*) from fluint.deals where owner_id = '{rep['user_id']}'")
    office.forget("user", rep["user_id"])
    addresses = [rep["fluint_email"]]
    assert office.traces(*addresses) == {}
    assert office.bench.ask(f"select count(*) from fluint.deals where owner_id = '{rep['user_id']}'") == deals
    assert office.bench.ask(
        f"select first_name, last_name, email, username from raw_salesforce.\"user\" where id = '{rep['user_id']}'"
    ) == [(None, None, None, None)]
    assert office.bench.ask(
        f"select distinct owner_name, owner_email, fluint_user_id from fluint.deals where owner_id = '{rep['user_id']}'"
    ) == [(None, None, None)]


@pytest.mark.parametrize("kind", ["email", "contact", "opportunity", "user"])
def test_marts_after_an_erasure_are_those_of_a_build_from_nothing(office: Office, kind: str) -> None:
    """Counts, account names and links that were derived from a row which is gone without a mark."""
    person = office.person()
    rep = next(m for m in office.bench.people if m["role"] == "rep")
    given = {
        "email": person.address,
        "contact": person.contact,
        "opportunity": office.deal(),
        "user": rep["user_id"],
    }
    office.forget(kind, given[kind])  # type: ignore[arg-type]
    office.build()
    grown = {
        mart: office.bench.ask(f"select to_jsonb(m) - '_xact_id' from {mart} as m order by 1")
        for mart in MARTS
    }
    with office.bench.database.transaction() as connection:
        for mart in (
            *MARTS,
            "fluint_intermediate.int_emails_linked",
            "fluint_intermediate.int_accounts_linked",
        ):
            connection.execute(f"truncate {mart}".encode())
    office.build(full_refresh=True)
    assert {
        mart: office.bench.ask(f"select to_jsonb(m) - '_xact_id' from {mart} as m order by 1")
        for mart in MARTS
    } == grown
    assert all(grown.values())


class Killed(BaseException):
    """No code of ours may catch it, like a process that is gone."""


@pytest.mark.parametrize("at", ["_keep_hashes", "_run", "search", "_refuse_remains"])
def test_a_kill_anywhere_leaves_everything_as_it_was(
    office: Office, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Half an erasure: hashes without it, or a person in one table and not in the next."""
    person = office.person()
    before = office.traces(person.address, person.contact)
    done = getattr(apply, at)
    calls = iter(range(5 if at == "_run" else 0))

    def once(*args: object) -> object:
        if next(calls, None) is None:
            raise Killed
        return done(*args)

    monkeypatch.setattr(apply, at, once)
    with pytest.raises(Killed):
        office.forget("email", person.address)
    assert office.traces(person.address, person.contact) == before
    assert office.bench.ask("select count(*) from fluint_sync.erased") == [(0,)]
    assert office.bench.ask("select count(*) from fluint_sync.modelled where model = 'deals'") == [(1,)]


def test_what_a_rule_forgot_undoes_the_erasure_and_is_named(office: Office) -> None:
    """A new column of a table of ours that no rule reaches: told as erased, and it still stands there."""
    person = office.person()
    with office.bench.database.transaction() as connection:
        connection.execute("alter table fluint_sync.run add column note jsonb")
        connection.execute(
            "insert into fluint_sync.run (run_id, mode, note) values ('r', 'x', jsonb_build_object('to', %s::text))",
            [person.address],
        )
    with pytest.raises(BugError, match=r"fluint_sync\.run\.note") as refused:
        office.forget("email", person.address)
    assert person.address not in str(refused.value)
    assert office.bench.live("contact") & {person.contact}


def test_what_stands_in_tables_of_others_is_told_and_left_to_them(office: Office) -> None:
    """An analyst's copy that goes on living under a report which says that nothing is left."""
    person = office.person()
    with office.bench.database.transaction() as connection:
        connection.execute("create schema analysts")
        connection.execute("create table analysts.copy as select array[email] as emails from fluint.contacts")
        connection.execute("create materialized view analysts.view as select * from fluint.contacts")
    erased = office.forget("email", person.address)
    assert {str(found) for found in erased.elsewhere} == {
        "analysts.copy.emails",
        "analysts.view.email",
        "analysts.view.contact_id",
    }
    assert person.address not in str(erased.report())


def test_a_person_of_several_records_is_erased_in_all_of_them(office: Office) -> None:
    """A duplicate, or the record that was merged away, under whose id the person lives on."""
    person = office.person()
    with office.bench.database.transaction() as connection:
        for record, email, master in (
            ("003TWIN0000000001A", f" {person.address.upper()} ", None),
            ("003LOSER000000001A", None, person.contact),
        ):
            connection.execute(
                "insert into raw_salesforce.contact (id, last_name, email, master_record_id, system_modstamp, _read_at, _run_id)"
                " values (%s, 'X', %s, %s, now(), now(), 'x')",
                [record, email, master],
            )
    office.forget("contact", person.contact)
    assert office.traces("003TWIN0000000001A", "003LOSER000000001A", person.contact) == {}


def test_nothing_is_erased_without_the_key_and_nothing_synced_with_another(office: Office) -> None:
    """A key that is lost or changed: people come back, and nobody sees it."""
    person = office.person()
    bench = office.bench
    keyed = bench.database
    bench.database = replace(keyed, erasure_key=None)
    with pytest.raises(SetupError, match="FLUINT_ERASURE_KEY is not set"):
        office.forget("email", person.address)
    assert {report.state for report in bench.reread().values()} == {"complete"}
    bench.database = keyed
    office.forget("email", person.address)
    for other in (None, "another key, as long as the first one was"):
        bench.database = replace(keyed, erasure_key=other)
        report = bench.reread()["opportunity"]
        assert report.state == "failed"
        assert "FLUINT_ERASURE_KEY" in str(report.error)
    bench.database = keyed
    assert {report.state for report in bench.reread().values()} == {"complete"}
    assert office.traces(person.address) == {}
