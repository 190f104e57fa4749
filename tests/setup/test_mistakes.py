"""Every mistake that an admin of the org can make: the check names it, what people notice, who mends it and where, and nothing else.

Each line of the table is one click in Setup, undone after it. The few that differ most run always, the rest with the slow tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from local_org.misconfiguration import MISTAKES
from orchestration.setup.items import ITEMS
from orchestration.setup.outcome import Outcome
from orchestration.setup.seen import Numbers
from tests.setup.clinic import Clinic, answer_of, unwell

ADVICE, UNTESTED, FEATURE, DATA, STOPS = (
    Outcome.ADVICE, Outcome.UNTESTED, Outcome.FEATURE, Outcome.DATA, Outcome.STOPS,
)  # fmt: skip
PROFILE = "Setup › Profiles › Fluint Integration"
OBJECT = f"{PROFILE} › Object Settings"
SYSTEM = f"{PROFILE} › System Permissions › Edit › tick"
POLICIES = "› Fluint › Manage or Edit Policies › OAuth Policies"


@dataclass(frozen=True)
class Case:
    """A mistake and what is to be said of it: the item with its outcome, the code of the text, words of the text, and what follows.

    `also`: other items that the same mistake makes unwell. `everything`: the mistake keeps all else from being tested.
    """

    mistake: str
    item: str
    outcome: Outcome
    code: str
    words: tuple[str, ...]
    also: dict[str, Outcome] = field(default_factory=dict)
    everything: bool = False


def case(
    mistake: str, item: str, outcome: Outcome, code: str, *words: str, always: bool = False, **more: Any
) -> Any:
    """A line of the table; those that do not run always are slow."""
    return pytest.param(
        Case(mistake, item, outcome, code, words, **more),
        id=mistake,
        marks=() if always else pytest.mark.slow,
    )


SETUP_HIDES = {
    "app_permitted": UNTESTED, "refresh_token_policy": UNTESTED, "session_policies": UNTESTED, "user_licence": UNTESTED, "user": UNTESTED,
    "opportunity": UNTESTED, "contact": UNTESTED, "account": UNTESTED, "files_list_on_layouts": UNTESTED, "file_limits": UNTESTED,
}  # fmt: skip
WAY_IN = [
    case("api_disabled_for_org", "api_access", STOPS, "api_disabled_for_org", "edition", "Setup › Company Information",
         everything=True),
    case("api_disabled_for_user", "api_access", STOPS, "api_disabled_for_user", "lacks 'API Enabled'",
         "Setup › Users › the integration user › its profile › System Permissions › Edit › tick 'API Enabled'",
         everything=True, always=True),
    case("user_inactive", "connection", STOPS, "user_inactive", "was deactivated", "Setup › Users › the integration user", everything=True),
    case("app_blocked", "app_permitted", STOPS, "app_blocked", "blocked the app", "Setup › Connected Apps OAuth Usage › Fluint › Unblock",
         everything=True),
    case("app_not_approved", "app_permitted", STOPS, "app_not_approved", "admits approved users only", "› Manage App Policies",
         everything=True),
    case("app_not_installed", "app_permitted", ADVICE, "app_not_installed", "does not list the app as installed",
         "The next sign-in is refused", f"{SYSTEM} 'Approve Uninstalled Connected Apps'", also={"refresh_token_policy": UNTESTED}),
    case("app_deleted", "app_permitted", STOPS, "app_missing", "not installed there any more", "External Client App Manager › New",
         everything=True),
    case("token_expires_by_age", "refresh_token_policy", STOPS, "token_expires_by_age", "30 hours, days or months",
         f"{POLICIES} › Refresh Token Policy › choose 'Refresh token is valid until revoked'"),
    case("token_expires_when_idle", "refresh_token_policy", ADVICE, "token_expires_when_idle", "it was last used on", POLICIES),
    case("token_expires_at_once", "refresh_token_policy", STOPS, "token_expires_at_once", "ends at once", POLICIES),
    case("address_not_allowed", "session_policies", STOPS, "address_not_allowed", "from the IP address",
         "choose 'Relax IP restrictions'", everything=True),
    case("high_assurance_sessions", "session_policies", ADVICE, "high_assurance", "sessions of high assurance", POLICIES),
    case("transaction_security", "session_policies", STOPS, "transaction_security", "transaction security policy",
         "'Exempt from Transaction Security'", everything=True),
]  # fmt: skip
USER = [
    case("integration_user_has_a_deal", "integration_user", ADVICE, "is_a_person", "it owns 1 deal", "Setup › Users › New User"),
    case("assignment_expires", "integration_user", ADVICE, "assignment_expires", "The permission set Fluint Trial is assigned",
         "Setup › Permission Sets › Fluint Trial › Manage Assignments"),
    case("platform_licence", "user_licence", STOPS, "platform_licence", "the user licence Salesforce Platform", "choose 'Salesforce'"),
    case("administrator_rights", "user_permissions", ADVICE, "too_many_rights", "'Modify All Data' and 'Manage Users'",
         f"{PROFILE} › System Permissions › Edit › clear"),
    case("view_setup_missing", "user_permissions", FEATURE, "view_setup_missing", "lacks 'View Setup and Configuration'",
         f"{SYSTEM} 'View Setup and Configuration'", also=SETUP_HIDES),
    case("users_are_private", "user", DATA, "users_hidden", "sees 1 of 15 active users", f"{SYSTEM} 'View All Users'"),
]  # fmt: skip
READING = [
    case("opportunity_not_readable", "opportunity", STOPS, "deals_not_readable", "cannot read Opportunity", "No deal comes in",
         f"{OBJECT} › Opportunities › Edit › tick 'Read' and 'View All'",
         also={"opportunity_contact_role": DATA, "integration_user": UNTESTED, "deals_take_files": FEATURE, "deals_arrive": UNTESTED}),
    case("opportunity_view_all_missing", "opportunity", DATA, "view_all_missing", "lacks View All",
         "0 deals of licensed owners can be seen", f"{OBJECT} › Opportunities › Edit › tick 'View All'",
         also={"deals_take_files": FEATURE}, always=True),
    case("opportunity_type_hidden", "opportunity", STOPS, "deal_field_hidden", "Opportunity.Type cannot be read",
         "tick 'Read Access' of Type"),
    case("opportunity_amount_hidden", "opportunity", DATA, "field_hidden", "Opportunity.Amount cannot be read", "Deals have no amount",
         f"{OBJECT} › Opportunities › Edit › Field Permissions › tick 'Read Access' of Amount", always=True),
    case("contact_not_readable", "contact", DATA, "object_not_readable", "cannot read Contact", f"{OBJECT} › Contacts › Edit"),
    case("contact_view_all_missing", "contact", DATA, "view_all_missing", "may read Contact, but lacks View All",
         "Contacts of other owners are missing"),
    case("contact_email_hidden", "contact", DATA, "field_hidden", "Contact.Email", "Contacts have no e-mail address"),
    case("account_not_readable", "account", DATA, "object_not_readable", "cannot read Account", "no account name"),
    case("account_view_all_missing", "account", DATA, "view_all_missing", "may read Account", f"{OBJECT} › Accounts › Edit"),
    case("enhanced_email_off", "email_message", FEATURE, "enhanced_email_off", "neither Enhanced Email nor Email-to-Case",
         "E-mail activity stays empty until Enhanced Email is on", "Setup › Enhanced Email › Enable"),
    case("access_activities_missing", "email_message", FEATURE, "activities_missing", "'Access Activities', which governs EmailMessage",
         f"{SYSTEM} 'Access Activities'", also={"task": FEATURE, "event": FEATURE}),
    case("mail_bodies_hidden", "email_message", DATA, "required_field_hidden", "EmailMessage.HtmlBody and EmailMessage.TextBody",
         "tick 'Read Access' of HtmlBody and TextBody"),
]  # fmt: skip
FILES_AND_ORG = [
    case("files_off", "files_can_be_created", FEATURE, "files_missing", "cannot create ContentVersion", "Setup › Salesforce Files"),
    case("opportunity_not_editable", "deals_take_files", FEATURE, "deals_not_editable", "may not edit Opportunity",
         "(INSUFFICIENT_ACCESS)", f"{OBJECT} › Opportunities › Edit › tick 'Edit' and 'Modify All'"),
    case("files_list_missing", "files_list_on_layouts", FEATURE, "files_list_missing",
         "'Opportunity Layout - Renewal - Standard User' does not show Files", "by the profile Standard User (Renewal)",
         "Setup › Object Manager › Opportunity › Page Layouts", always=True),
    case("layouts_are_closed", "files_list_on_layouts", UNTESTED, "not_visible", "with 'Customize Application' only",
         "Setup › Object Manager › Opportunity › Page Layouts: see that 'Files'", f"{SYSTEM} 'Customize Application'"),
    case("file_publications_used_up", "file_limits", FEATURE, "publications_used", "No new file version is left"),
    case("file_storage_full", "file_limits", FEATURE, "storage_full", "0 MB of the org's 0 MB", "Setup › Storage Usage"),
    case("became_a_sandbox", "organization", DATA, "other_environment",
         "it is a sandbox; when it was connected, it was a Developer Edition"),
    case("clock_differs", "clock", ADVICE, "clock_differs", "differ by 15 minutes", "(NTP)"),
    case("calls_used_by_others", "api_headroom", STOPS, "allowance_used", "Fluint stops at 80%", "Setup › System Overview",
         everything=True, always=True),
    case("few_calls_a_day", "api_headroom", ADVICE, "allowance_tight", "the org has 1,000", "Set FLUINT_INTERVAL_SECONDS to"),
    case("bulk_jobs_used_up", "api_headroom", ADVICE, "bulk_jobs_used", "No Bulk API query job", "Setup › Bulk Data Load Jobs"),
]  # fmt: skip
CASES = WAY_IN + USER + READING + FILES_AND_ORG
# Told by other tests: a field that comes with a feature that the org does not use is well; a stage shows after the next sync.
ELSEWHERE = {"email_tracking_off", "deal_in_an_unknown_stage"}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_in_the_set_up_is_named_with_its_cure(clinic: Clinic, case: Case) -> None:
    """What goes wrong before the first row looks, without this, like a product that does not work."""
    report = clinic.with_mistake(case.mistake)
    answer = answer_of(report, case.item)
    assert (answer.outcome, answer.tested != "") == (case.outcome, True), unwell(report)
    finding = next(each for each in answer.findings if each.key.partition(": ")[0] == case.code)
    told = " ".join((finding.seen, finding.symptom, finding.works, finding.who, finding.step))
    assert [words for words in case.words if words not in told] == [], told
    others = {item: outcome for item, outcome in unwell(report).items() if item != case.item}
    if case.everything:
        assert set(others.values()) == {UNTESTED}
        assert finding.salesforce_code or case.code == "allowance_used"
    else:
        assert others == case.also


def test_every_mistake_that_the_org_knows_has_its_line() -> None:
    """A mistake without a line is a scenario that nobody checks."""
    named = [each.values[0].mistake for each in CASES]
    assert sorted([*named, *ELSEWHERE]) == sorted(MISTAKES)


def test_an_office_in_which_all_is_well_gets_no_finding(clinic: Clinic) -> None:
    """A check that always finds something is one that nobody reads."""
    report = clinic.check()
    assert unwell(report) == {}
    assert report.outcome is Outcome.OK
    assert [answer.item for answer in report.answers] == [item.key for item in ITEMS]
    assert all(answer.seen.endswith((".", ")")) for answer in report.answers)


@pytest.mark.slow
def test_what_is_missing_is_granted_where_it_will_last(clinic: Clinic) -> None:
    """Two faults at once: the cure of one was a box in the permission set that the other says is taken away in two days."""
    with clinic.mistakes("assignment_expires", "contact_email_hidden"):
        findings = {answer.item: answer.findings for answer in clinic.check().answers}
    assert "Fluint Trial" in findings["integration_user"][0].seen
    assert findings["contact"][0].step.startswith(f"{PROFILE} ›")


def test_fields_of_a_feature_that_the_org_does_not_use_are_no_fault(clinic: Clinic) -> None:
    """No admin can grant a field that does not exist: e-mail tracking is off, and so are its five fields."""
    report = clinic.with_mistake("email_tracking_off")
    assert unwell(report) == {}
    assert "features that this org does not use" in answer_of(report, "email_message").seen


def test_a_check_takes_thirty_calls_at_most_and_reads_no_content(clinic: Clinic) -> None:
    """The org's own access log counts them; the fields asked for are ids, counts and settings."""
    org = clinic.bench.org
    before, position = org.admin("GET", "/usage")["api_calls"], clinic.bench.log_position()
    clinic.check(Numbers())
    calls = org.admin("GET", "/usage")["api_calls"] - before
    assert 10 < calls <= 30
    reads = org.admin("GET", f"/log/reads?after={position}")
    content = {"Opportunity", "Contact", "EmailMessage", "Account", "OpportunityContactRole"}
    fields = {(r["object"], f) for r in reads["returned"] if r["object"] in content for f in r["fields"]}
    assert fields <= {("Opportunity", "Id"), ("Opportunity", "expr0")}
