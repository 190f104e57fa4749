"""What is wrong on Fluint's own side, and what shows only by how something looks: judged without asking the org again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import sql

from orchestration.documents import reasons
from orchestration.entitlement.filters import BackfillFilter
from orchestration.errors import (
    BugError,
    MissingFieldError,
    ObjectUnavailableError,
    RejectedRequestError,
    Remedy,
    SetupError,
    TransientSalesforceError,
)
from orchestration.setup.asking import ask
from orchestration.setup.held import read_held
from orchestration.setup.outcome import Outcome
from orchestration.setup.report import judge
from orchestration.setup.seen import FluintSeen, Seen
from orchestration.setup.texts import TEXTS, uploads
from tests.setup.clinic import Clinic, Healthy, answer_of, unwell
from tests.setup.test_mistakes import CASES
from tests.sync.bench import TABLES

REFUSED = SetupError("refused", code="some_error")
OTHER = RejectedRequestError(
    "The query was refused. (INSUFFICIENT_ACCESS)", status=403, code="INSUFFICIENT_ACCESS"
)
NOT_THERE = ObjectUnavailableError("It is not there.", code="INVALID_TYPE")
MOVED_AWAY = SetupError("The request was sent to another address.", remedy=Remedy.RECONNECT)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)

# (item, code, words of the text, what is seen otherwise of the org)
OF_THE_ORG: list[tuple[str, str, str, dict[str, Any]]] = [
    ("connection", "not_reached", "Salesforce could not be asked: no route",
     {"refused": TransientSalesforceError("no route"), "org": TransientSalesforceError("no route")}),
    ("connection", "settings_refuse", "FLUINT_ENCRYPTION_KEY is no Fernet key",
     {"user_id": "", "refused": SetupError("FLUINT_ENCRYPTION_KEY is no Fernet key.")}),
    ("connection", "settings_refuse", "FLUINT_SALESFORCE_CA_FILE",
     {"refused": SetupError("The certificate is not trusted: set FLUINT_SALESFORCE_CA_FILE.")}),
    ("connection", "my_domain_renamed", "Setup › My Domain", {"refused": MOVED_AWAY, "org": MOVED_AWAY}),
    ("connection", "sign_in_refused", "Do what Salesforce's text above says", {"refused": REFUSED, "org": REFUSED}),
    ("api_access", "version_not_served", "FLUINT_API_VERSION", {"refused": SetupError("gone", code="UNSUPPORTED_API_VERSION")}),
    ("api_access", "password_expired", "Reset Password",
     {"refused": SetupError("x", code="INVALID_OPERATION_WITH_EXPIRED_PASSWORD")}),
    ("api_access", "not_asked", "could not be asked for", {"refused": REFUSED, "org": REFUSED}),
    ("refresh_token_policy", "token_policy_hidden", "no token has been renewed since the sign-in", {"apps": ()}),
    ("opportunity_stage", "object_of_everybody_missing", "which every user with a Salesforce licence can",
     {"describes": {"OpportunityStage": NOT_THERE}}),
    ("email_message", "email_object_missing", "no Enhanced Email, or the user lacks 'Access Activities'",
     {"describes": {"EmailMessage": NOT_THERE}, "may_access_activities": MissingFieldError("no such field")}),
    ("deals_take_files", "deal_not_editable", "cannot be seen without 'View Setup and Configuration'",
     {"may_edit_a_deal": False, "objects": NOT_THERE}),
    ("deals_take_files", "deal_not_shared_to_edit", "it is shared with it to read only", {"may_edit_a_deal": False}),
    ("files_list_on_layouts", "not_visible", "The query was refused", {"layouts": OTHER}),
    ("user_permissions", "not_visible", "no such field", {"sets": MissingFieldError("no such field")}),
]  # fmt: skip


@pytest.mark.parametrize(("item", "code", "words", "seen"), OF_THE_ORG, ids=[each[1] for each in OF_THE_ORG])
def test_what_no_click_brings_about_has_its_text_too(
    healthy: Healthy, item: str, code: str, words: str, seen: dict[str, Any]
) -> None:
    """A text that nobody saw before an admin does is one with a hole in it."""
    if "describes" in seen:
        seen = seen | {"describes": {**healthy.salesforce.describes, **seen["describes"]}}
    finding = healthy.finding(item, code, **seen)
    assert words in f"{finding.seen} {finding.step}"
    assert finding.outcome is TEXTS[code].outcome


def test_a_deal_that_everybody_may_read_needs_no_view_all(healthy: Healthy) -> None:
    """A fault that is none sends an admin to widen rights for nothing."""
    assert not isinstance(healthy.salesforce.objects, Exception)
    assert not isinstance(healthy.salesforce.org, Exception)
    rights = replace(healthy.salesforce.objects["Opportunity"], view_all=False)
    objects = {**healthy.salesforce.objects, "Opportunity": rights}
    healthy.finding("opportunity", "view_all_missing", objects=objects)
    public = replace(healthy.salesforce.org, opportunity_default="Read")
    seen = Seen(replace(healthy.salesforce, objects=objects, org=public), healthy.fluint)
    assert unwell(judge(seen, NOW, {})) == {}


# What Salesforce answered to an upload, and where the person who can do something about it looks.
REFUSED_WITH = [
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "upload_refused", "Validation Rules"),
    ("CANNOT_EXECUTE_FLOW_TRIGGER", "upload_refused", "Setup › Flows"),
    ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "upload_refused", "Setup › Sharing Settings"),
    ("INSUFFICIENT_ACCESS_OR_READONLY", "upload_refused", "Setup › Salesforce Files"),
    ("STORAGE_LIMIT_EXCEEDED", "upload_refused", "Setup › Storage Usage"),
    ("DUPLICATES_DETECTED", "upload_refused", "fluint documents list"),
]  # fmt: skip
UPLOADS = [
    *((reasons.of_refusal(RejectedRequestError("no", status=400, code=said), continues_file=False).code, code, words)
      for said, code, words in REFUSED_WITH),
    (reasons.CONTENT_UNREADABLE.code, "upload_not_sent", "content_uri"),
    (reasons.EMPTY_FILE.code, "upload_given_up", "Generate these documents again"),
]  # fmt: skip
# (item, code, words, what our tables say otherwise)
OF_OURS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("user_list", "nobody_licensed", "fluint users import", {"licensed": 0}),
    ("user_list", "users_unmatched", "21 licensed Fluint users", {"unmatched": tuple(str(uuid4()) for _ in range(21))}),
    ("user_list", "users_ambiguous", "who match more than one person: 1 (", {"ambiguous": (str(uuid4()),)}),
    ("integration_user", "is_a_person", "the e-mail address of a Fluint user", {"is_a_person": True}),
    ("deals_arrive", "deals_missing", "2 of them are", {"deals_held": 2, "deals_erased": 3}),
    ("backfill_filter", "no_filter", "fluint filters set", {"filters": BackfillFilter()}),
    ("backfill_filter", "filter_lies_ahead", "2999-01-01", {"filters": BackfillFilter(datetime(2999, 1, 1, tzinfo=UTC))}),
    ("backfill_filter", "filter_names_unknown", "Closed Forever", {"filters": BackfillFilter(None, ("Closed Forever",))}),
    ("deals_arrive", "owners_not_listed", "2 owners and 0 deals wait", {"owners_not_listed": 2}),
    ("deals_arrive", "deals_missing", "0 of them are", {"deals_held": 0}),
    ("stages", "stages_unknown", "3 deals are in stages that the org does not list: 'Handshake'", {"unknown_stages": {"Handshake": 3}}),
    *(("uploads", code, words, {"uploads": {reason: 4}}) for reason, code, words in UPLOADS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("item", "code", "words", "held"), OF_OURS, ids=[f"{e[1]}-{i}" for i, e in enumerate(OF_OURS)]
)
def test_what_is_wrong_on_our_side_names_its_command(
    healthy: Healthy, item: str, code: str, words: str, held: dict[str, Any]
) -> None:
    """Half of `Salesforce does not sync` is a list of users that nobody imported."""
    finding = healthy.finding(item, code, fluint=held)
    assert words in f"{finding.seen} {finding.step}"
    assert finding.outcome is TEXTS[code].outcome


def test_people_whom_sharing_hides_are_no_fault_of_the_user_list(healthy: Healthy) -> None:
    """Twenty addresses that are right are compared by hand, because one permission is missing."""
    missing = {"unmatched": (str(uuid4()),)}
    hidden = healthy.finding("user_list", "users_not_seen", visible_users=1, used_licences=15, fluint=missing)
    assert "tick 'View All Users'" in hidden.step
    late = healthy.finding("user_list", "users_not_read", fluint=missing | {"active_users": 1})
    assert "`fluint sync`" in late.step
    seen = healthy.finding("user_list", "users_unmatched", fluint=missing)
    assert "`fluint why <e-mail address>`" in seen.step


def test_objects_are_told_by_what_they_lack(healthy: Healthy) -> None:
    """Switched off, without what it needs, never read, or of yesterday: four different people act."""
    by_table = {each.table: each for each in healthy.fluint.objects}

    def objects(**changed: dict[str, Any]) -> dict[str, Any]:
        held = [replace(each, **changed.get(table, {})) for table, each in by_table.items()]
        return {"fluint": {"objects": tuple(held)}}

    off, never = {"is_enabled": False}, {"data_as_of": None}
    old = {"data_as_of": healthy.fluint.now - timedelta(hours=7)}
    for code, words, changed in (
        ("object_switched_off", "email_message", objects(email_message=off)),
        (
            "object_needs_other",
            "contact is switched on, and opportunity_contact_role",
            objects(opportunity_contact_role=off),
        ),
        ("never_read", "`fluint sync`", objects(user=never)),
        ("stale", "The data of opportunity is right up to", objects(opportunity=old)),
    ):
        finding = healthy.finding("objects_are_read", code, **changed)
        assert words in f"{finding.seen} {finding.step}"


@contextmanager
def altered(clinic: Clinic, statement: str, undo: str) -> Iterator[FluintSeen]:
    """What our tables say after a statement, which is undone."""
    with clinic.bench.database.transaction() as connection:
        connection.execute(statement.encode())
    try:
        yield read_held(clinic.bench.database, TABLES)
    finally:
        with clinic.bench.database.transaction() as connection:
            connection.execute(undo.encode())


def test_our_tables_are_read_as_they_are(clinic: Clinic, healthy: Healthy) -> None:
    """A judge that is right about facts that were read wrong is wrong."""
    held, bench = healthy.fluint, clinic.bench
    assert held.connection is not None
    assert (held.connection.state, held.connection.environment) == ("connected", "Developer Edition")
    assert held.deals_held == len(bench.entitled(held.owners)) == sum(held.pairs.values())
    assert held.licensed == bench.ask("select count(*) from fluint_app.app_user where is_licensed")[0][0]
    assert (held.unmatched, held.ambiguous, held.is_a_person) == ((), (), False)
    assert all(each.data_as_of for each in held.objects)
    new = "insert into fluint_app.app_user (email, is_licensed) values ('nobody@acme.example', true)"
    with altered(clinic, new, "delete from fluint_app.app_user where email like 'nobody@%'") as seen:
        assert [len(seen.unmatched), seen.licensed] == [1, held.licensed + 1]
    erasure = f"insert into fluint_sync.erasure (erasure_id, kind) values ('{uuid4()}', 'opportunity'), ('{uuid4()}', 'email')"
    with altered(clinic, erasure, "delete from fluint_sync.erasure") as seen:
        assert seen.deals_erased == 1
    late = "update raw_salesforce.opportunity set stage_name = 'Handshake' where id = (select min(id) from raw_salesforce.opportunity)"
    stage = bench.ask("select stage_name from raw_salesforce.opportunity order by id limit 1")[0][0]
    back = sql.SQL(late.replace("'Handshake'", "{}")).format(sql.Literal(stage)).as_string()
    with altered(clinic, late, back) as seen:
        assert seen.unknown_stages == {"Handshake": 1}


_DOCUMENT = """
insert into fluint_app.document (document_id, opportunity_id, title) values ('{0}', '006', 'x');
insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256, content, generated_at)
values ('{0}', 1, 'x', 'x', 1, 'x', 'x', now());
insert into fluint_sync.upload (document_id, version_number, state, outlook, reason) values ('{0}', 1, '{1}', '{2}', '{3}');
"""
_NO_DOCUMENT = (
    "delete from fluint_sync.upload; delete from fluint_app.document_version; delete from fluint_app.document"
)
# (state, outlook, reason, whether a person has something to do)
_SENT = [
    ("failed", "needs_admin", "storage_full", True),
    ("failed", "waits_until", "not_taken", False),
    ("uploaded", "needs_admin", "double", True),
    ("uploaded", "given_up", "file_deleted", False),
    ("given_up", "given_up", "file_deleted", True),
    ("given_up", "given_up", "checksum_differs", True),
    ("given_up", "given_up", "deal_deleted", False),
    ("given_up", "given_up", "deal_not_in_fluint", False),
    ("given_up", "given_up", "too_large", True),
]


@pytest.mark.parametrize(("state", "outlook", "reason", "is_a_fault"), _SENT)
def test_a_document_is_a_fault_of_the_set_up_where_a_person_has_something_to_do(
    clinic: Clinic, healthy: Healthy, state: str, outlook: str, reason: str, is_a_fault: bool
) -> None:
    """A rep who throws a file away on purpose makes the check red for ever, and nobody can mend it."""
    with altered(clinic, _DOCUMENT.format(uuid4(), state, outlook, reason), _NO_DOCUMENT) as held:
        assert held.uploads == ({reason: 1} if is_a_fault else {})
    report = judge(Seen(healthy.salesforce, held), NOW, {})
    assert ("uploads" in unwell(report)) is is_a_fault


@pytest.mark.slow
def test_a_deal_in_a_stage_that_the_org_does_not_list_shows_after_the_next_sync(clinic: Clinic) -> None:
    """A load of old data brings stages that nobody maintains, and a dashboard with a column nobody knows."""
    with clinic.mistakes("deal_in_an_unknown_stage"):
        clinic.bench.follow()
        report = clinic.check()
    clinic.bench.follow()
    assert unwell(report) == {"stages": Outcome.DATA}
    assert "'Handshake'" in answer_of(report, "stages").findings[0].seen
    assert unwell(clinic.check()) == {}


def test_every_reason_of_the_outbox_that_a_person_can_end_has_its_step() -> None:
    """The outbox learns a reason, and the check calls it well: the documents of a whole team do not arrive, and nothing is red."""
    known = [each for each in vars(reasons).values() if isinstance(each, reasons.Reason)]
    assert len(known) > 15
    acted_on = {each.code for each in known if each.outlook is not reasons.Outlook.WAITS}
    steps = (uploads.OF_AN_ADMIN, uploads.OF_THE_OPERATOR, uploads.OF_THE_WORKSPACE)
    tables = (*steps, uploads.TOLD_ELSEWHERE, uploads.OF_NOBODY)
    assert sorted(acted_on) == sorted(code for table in tables for code in table)


def test_deals_that_were_erased_here_are_not_missing(healthy: Healthy) -> None:
    """The check would be red for ever after the first erasure, and its step would read all deals again for nothing."""
    held = healthy.fluint.deals_held
    erased = replace(healthy.fluint, deals_held=held - 2, deals_erased=2)
    report = judge(Seen(healthy.salesforce, erased), NOW, {})
    assert unwell(report) == {}
    assert "(2 were erased here)" in answer_of(report, "deals_arrive").seen


def test_every_text_was_seen_by_a_test() -> None:
    """A text that no test fills can name what no judge gives."""
    seen = (
        {each.values[0].code for each in CASES}
        | {each[1] for each in OF_THE_ORG}
        | {each[1] for each in OF_OURS}
    )
    told = {
        "not_connected",
        "grant_ended",
        "other_org",
        "object_switched_off",
        "object_needs_other",
        "never_read",
        "stale",
        "token_was_idle",
        "users_not_seen",
        "users_not_read",
    }
    assert set(TEXTS) == seen | told


def test_an_error_of_ours_is_not_taken_for_one_of_the_set_up(healthy: Healthy) -> None:
    """A bug that is told as `could not be tested` is one that nobody reports."""

    class Broken:
        def purpose(self, name: str) -> Any:
            raise BugError(name)

    with pytest.raises(BugError):
        ask(Broken(), healthy.fluint)  # type: ignore[arg-type]
