"""The demo org: the same each time, plausible row by row, and as messy as mail is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local_org.clock import Clock, as_stamp
from local_org.demo.pools import draw
from local_org.demo_data import cast, populate
from local_org.objects import SOBJECTS
from local_org.org import Org
from local_org.store import Store

NOW = datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)
MIDNIGHT = "2026-03-04T00:00:00.000Z"
SYNCED = (
    "User",
    "OpportunityStage",
    "RecordType",
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityContactRole",
    "EmailMessage",
    "EmailMessageRelation",
    "Task",
    "Event",
    "Case",
)
EMAIL_FIELDS = (
    "ActivityId, BccAddress, CcAddress, EmailTemplateId, FirstOpenedDate, FromAddress, FromName, Headers, HtmlBody, Incoming, "
    "IsBounced, IsClientManaged, IsDeleted, IsExternallyVisible, IsOpened, IsTracked, LastOpenedDate, MessageDate, "
    "MessageIdentifier, Name, ParentId, ReplyToEmailMessageId, Status, Subject, TextBody, ThreadIdentifier, "
    "ToAddress, ValidatedFromAddress"
)
DEAL_FIELDS = "Name, Amount, Account.Name, RecordType.Name, Owner.Email, LastStageChangeDate, IsPrivate"


def _org(directory: Path, now: datetime = NOW, **sizes: int) -> Org:
    org = Org.open(directory, Clock(lambda: now))
    populate(org, **sizes)
    return org


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """A demo org of the default size; tests that use it only read."""
    made = _org(tmp_path_factory.mktemp("org"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """The same org, made eleven hours earlier on the same day."""
    made = _org(tmp_path_factory.mktemp("again"), NOW - timedelta(hours=11))
    yield made
    made.close()


def _rows(org: Org, sobject: str) -> list[tuple[object, ...]]:
    """All rows but the one user that every new org brings, whose name holds the org's random id."""
    where = "where Alias <> 'autoproc'" if sobject == "User" else ""
    return org.store.select(f'select * from "{sobject}" {where} order by Id')


def _one(org: Org, sql: str, *parameters: object) -> object:
    return org.store.select(sql, parameters)[0][0]


@pytest.mark.parametrize("sobject", SYNCED)
def test_same_seed_on_the_same_day_gives_the_same_rows(org: Org, again: Org, sobject: str) -> None:
    """Fault: an unseeded draw or a set's order makes figures of the demo differ from run to run."""
    assert _rows(again, sobject) == _rows(org, sobject)


def test_another_seed_gives_other_companies_and_people() -> None:
    """Fault: the seed is ignored, and a fault that one seed hides stays hidden."""
    one, other = draw(1), draw(2)
    assert one == draw(1)
    assert len({each.name for each in one.companies} & {each.name for each in other.companies}) < 200
    assert one.colleagues != other.colleagues


def test_filling_an_org_twice_is_refused(org: Org) -> None:
    """Fault: a restart of the server doubles the org, or fails in the middle of it."""
    with pytest.raises(ValueError, match="holds opportunities already"):
        populate(org)


@pytest.mark.parametrize("sobject", [name for name in SYNCED if name != "User"])
def test_every_stamp_lies_in_the_past_and_some_are_recent(org: Org, sobject: str) -> None:
    """Fault: a row from the future is fetched by no window, or all data is so old that any date filter hides it."""
    last, first = org.store.select(f'select max(SystemModstamp), min(SystemModstamp) from "{sobject}"')[0]
    assert str(last) < MIDNIGHT
    assert str(first) > "2018"
    if sobject not in ("OpportunityStage", "RecordType"):
        assert str(last) > as_stamp(NOW - timedelta(days=40))


def test_years_of_history_are_in_the_order_in_which_things_happen(org: Org) -> None:
    """Fault: a deal that was closed before it was made, or made before its account, which no model downstream expects."""
    wrong = _one(
        org,
        "select count(*) from Opportunity where IsDeleted = 0 and not"
        " (CreatedDate <= coalesce(LastStageChangeDate, CreatedDate)"
        " and coalesce(LastStageChangeDate, CreatedDate) <= LastModifiedDate and LastModifiedDate <= SystemModstamp)",
    )
    early = _one(
        org,
        "select count(*) from Opportunity o join Account a on a.Id = o.AccountId where o.CreatedDate < a.CreatedDate",
    )
    years = _one(org, "select count(distinct substr(CreatedDate, 1, 4)) from Opportunity")
    assert (wrong, early, years) == (0, 0, 5)


def test_a_deal_carries_what_its_stage_says(org: Org) -> None:
    """Fault: IsClosed, IsWon or the forecast disagree with the stage, and counts per stage come out twice."""
    wrong = _one(
        org,
        "select count(*) from Opportunity o left join OpportunityStage s on s.ApiName = o.StageName"
        " where s.Id is null or s.IsClosed <> o.IsClosed or s.IsWon <> o.IsWon"
        " or s.ForecastCategory <> o.ForecastCategory",
    )
    assert wrong == 0


def test_rows_fit_the_fields_they_go_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: the fast load drops an unknown field, or keeps a value that Salesforce would refuse (too long, null, no such value)."""
    faults: Counter[str] = Counter()
    load = Store.load

    def checked(store: Store, sobject: str, rows: Iterable[Mapping[str, object]]) -> int:
        def look() -> Iterator[Mapping[str, object]]:
            for row in rows:
                faults.update(_faults(sobject, row))
                yield row

        return load(store, sobject, look())

    monkeypatch.setattr(Store, "load", checked)
    _org(tmp_path, opportunities=400)
    assert faults == Counter()


def _faults(sobject: str, row: Mapping[str, object]) -> Iterator[str]:
    definition = SOBJECTS[sobject]
    for name, value in row.items():
        field = definition.field(name)
        if field is None or field.name != name:
            yield f"{sobject}.{name} does not exist"
        elif isinstance(value, str) and field.length and len(value) > field.length:
            yield f"{sobject}.{name} is too long"
        elif field.values and value is not None and value not in {each.value for each in field.values}:
            yield f"{sobject}.{name} has no value {value}"
    for field in definition.fields:
        is_system_user = row.get("UserType") == "CloudIntegrationUser"  # these have no profile
        if field.required and row.get(field.name) in (None, "") and not is_system_user:
            yield f"{sobject}.{field.name} is empty"


def _distinct(org: Org, sobject: str, field: str) -> list[str]:
    return [
        str(row[0])
        for row in org.store.select(f'select distinct "{field}" from "{sobject}" where "{field}" is not null')
    ]


def test_references_point_to_rows_that_exist(org: Org) -> None:
    """Fault: a dangling id, which a join drops without a word."""
    dangling = []
    for sobject in SYNCED:
        for field in SOBJECTS[sobject].fields:
            targets = [SOBJECTS[each] for each in field.reference_to if each in SOBJECTS]
            for record_id in _distinct(org, sobject, field.name) if field.reference_to else ():
                target = next((each for each in targets if record_id.startswith(each.key_prefix)), None)
                if target is None or org.store.get(target.name, record_id) is None:
                    dangling.append((sobject, field.name, record_id))
    assert dangling == []


def test_cast_has_every_part_with_its_trait(org: Org) -> None:
    """Fault: a part of the matching rules has nobody to show it, so the rule is never seen at work."""
    parts = cast(org)
    by_role = {str(each["role"]): each for each in parts}
    assert Counter(each["role"] for each in parts) >= Counter(
        {"rep": 4, "system": 4, "integration": 1, "administrator": 1, "manager": 1, "unmatched": 1, "no_licence": 1, "left": 1,
         "rep_case_differs": 1, "sandbox_invalid": 1, "username_only": 1, "ambiguous_a": 1, "ambiguous_b": 1, "active_twin": 1,
         "left_twin": 1}
    )  # fmt: skip
    differs, sandbox, by_username = (
        by_role[name] for name in ("rep_case_differs", "sandbox_invalid", "username_only")
    )
    assert differs["email"] != differs["fluint_email"]
    assert str(differs["email"]).lower() == str(differs["fluint_email"]).strip().lower()
    assert sandbox["email"] == f"{sandbox['fluint_email']}.invalid"
    assert by_username["username"] == by_username["fluint_email"] != by_username["email"]
    assert by_role["unmatched"]["fluint_email"] is None
    assert (by_role["no_licence"]["fluint_email"] is not None, by_role["no_licence"]["is_licensed"]) == (
        True,
        False,
    )
    for pair, active in (
        (("ambiguous_a", "ambiguous_b"), (True, True)),
        (("active_twin", "left_twin"), (True, False)),
    ):
        assert by_role[str(pair[0])]["email"] == by_role[str(pair[1])]["email"]
        assert (by_role[str(pair[0])]["is_active"], by_role[str(pair[1])]["is_active"]) == active


def test_cast_is_what_the_users_are(org: Org) -> None:
    """Fault: the cast says one thing and the User rows that a client reads say another."""
    members = cast(org)
    assert members
    for member in members:
        user = org.user(str(member["user_id"]))
        for field, key in (
            ("Username", "username"),
            ("Email", "email"),
            ("FirstName", "first_name"),
            ("IsActive", "is_active"),
        ):
            assert user[field] == member[key], (member["role"], field)
        assert (user["ProfileId"] is None) == (member["role"] == "system")
        assert str(user["Email"]).lower().endswith((".example", ".invalid"))


def test_whoever_plays_a_rep_owns_deals(org: Org) -> None:
    """Fault: a rule of matching that concerns no deal is not shown by any."""
    owners = {
        row[0] for row in org.store.select("select distinct OwnerId from Opportunity where IsDeleted = 0")
    }
    idle = {"system", "integration", "administrator", "manager"}
    assert owners == {each["user_id"] for each in cast(org) if each["role"] not in idle}


def test_nobody_gets_deals_after_leaving(org: Org) -> None:
    """Fault: new deals of somebody who left years ago, which no org would show."""
    late = _one(
        org,
        "select count(*) from Opportunity o join User u on u.Id = o.OwnerId where u.IsActive = 0 and o.CreatedDate > u.LastModifiedDate",
    )
    open_ = _one(
        org,
        "select count(*) from Opportunity o join User u on u.Id = o.OwnerId where u.IsActive = 0 and o.IsClosed = 0",
    )
    assert late == 0
    assert open_


@pytest.mark.parametrize(
    ("what", "condition"),
    [
        ("NUL", "instr(TextBody, char(0)) > 0"),
        ("line separator U+2028", "instr(TextBody, char(8232)) > 0"),
        ("CRLF", "instr(TextBody, char(13, 10)) > 0"),
        ("LF alone", "instr(TextBody, char(10)) > 0 and instr(TextBody, char(13)) = 0"),
        ("a backslash and u0000", "instr(TextBody, '\\u0000') > 0"),
        ("end of COPY in text format", "instr(TextBody, char(10) || '\\.' || char(10)) > 0"),
        ("double quotes", "instr(TextBody, '\"\"') > 0"),
        ("beyond the basic plane", "instr(TextBody, '👩') > 0"),
        ("Japanese", "instr(TextBody, '様') > 0"),
        ("HTML only", "TextBody is null and HtmlBody is not null"),
        ("text only", "TextBody is not null and HtmlBody is null"),
        ("no body", "TextBody is null and HtmlBody is null"),
        ("as long a body as there can be", "length(HtmlBody) = 131072"),
        ("a body of 100 kB", "length(HtmlBody) between 100000 and 131071"),
        ("as long an address list as there can be", "length(ToAddress) > 3900 and length(CcAddress) > 3900"),
        ("no subject", "Subject is null and Name is not null"),
        ("draft", "Status = '5' and MessageDate is null"),
        ("opened", "IsOpened = 1 and LastOpenedDate >= FirstOpenedDate and SystemModstamp >= LastOpenedDate"),
        ("bounced", "IsBounced = 1"),
        ("headers", "instr(Headers, char(13, 10, 9)) > 0"),
        ("reply", "ReplyToEmailMessageId is not null"),
        ("incoming", "Incoming = 1"),
        ("sent", "Incoming = 0"),
        ("of a deal", "substr(RelatedToId, 1, 3) = '006'"),
        ("of an account", "substr(RelatedToId, 1, 3) = '001'"),
        ("of a case", "substr(RelatedToId, 1, 3) = '500' and ParentId = RelatedToId and ActivityId is null"),
        ("of nothing", "RelatedToId is null and ActivityId is not null"),
    ],
)
def test_mail_is_as_messy_as_mail_is(org: Org, what: str, condition: str) -> None:
    """Fault: a kind of mail that breaks a loader is missing from the data on which the loader is tried."""
    assert _one(org, f"select count(*) from EmailMessage where IsDeleted = 0 and {condition}"), what


@pytest.mark.parametrize(
    ("what", "sobject", "condition"),
    [
        ("no amount", "Opportunity", "Amount is null"),
        ("amount zero", "Opportunity", "Amount = 0"),
        ("negative amount", "Opportunity", "Amount < 0"),
        ("huge amount", "Opportunity", "Amount > 1e12"),
        ("private", "Opportunity", "IsPrivate = 1"),
        ("no record type", "Opportunity", "RecordTypeId is null"),
        ("no account", "Opportunity", "AccountId is null"),
        ("never moved", "Opportunity", "LastStageChangeDate is null"),
        ("retired stage", "Opportunity", "StageName = 'Proof of Concept' and IsDeleted = 0"),
        ("name of full length", "Opportunity", "length(Name) = 120"),
        ("won and lost", "Opportunity", "IsWon = 1"),
        ("stamped later by the system", "Opportunity", "SystemModstamp > LastModifiedDate"),
        ("no first name", "Contact", "FirstName is null"),
        ("typographic apostrophe", "Contact", "LastName = 'O’Brien'"),
        ("plain apostrophe", "Contact", "LastName = 'O''Brien'"),
        ("no e-mail", "Contact", "Email is null"),
        ("bounced", "Contact", "IsEmailBounced = 1"),
        ("deleted", "Contact", "IsDeleted = 1 and MasterRecordId is null"),
        ("deleted", "EmailMessage", "IsDeleted = 1"),
        ("deleted", "OpportunityContactRole", "IsDeleted = 1"),
        ("no role", "OpportunityContactRole", "Role is null"),
    ],
)
def test_cases_at_the_edge_are_present(org: Org, what: str, sobject: str, condition: str) -> None:
    """Fault: a value at the edge of a field is missing from the data on which models are tried."""
    assert _one(org, f"select count(*) from {sobject} where {condition}"), what


def test_many_deals_share_one_stamp(org: Org) -> None:
    """Fault: paging by `stamp > last` looks right on data whose stamps all differ."""
    shared = org.store.select(
        "select count(*) from Opportunity group by SystemModstamp having count(*) >= 20"
    )
    assert shared


def test_contact_roles_are_as_tangled_as_in_life(org: Org) -> None:
    """Fault: a key of (deal, contact) is taken for unique, or a contact for one deal's."""
    in_two_roles = "select 1 from OpportunityContactRole where IsDeleted = 0 group by OpportunityId, ContactId having count(*) > 1"
    shared = "select 1 from OpportunityContactRole where IsDeleted = 0 group by ContactId having count(distinct OpportunityId) > 1"
    primaries = (
        "select 1 from OpportunityContactRole where IsPrimary = 1 group by OpportunityId having count(*) > 1"
    )
    assert org.store.select(in_two_roles)
    assert org.store.select(shared)
    assert not org.store.select(primaries)


def test_merged_contact_points_to_a_winner_that_lives_and_holds_the_roles(org: Org) -> None:
    """Fault: the loser of a merge keeps children, which a client would look for in vain."""
    merged = org.store.select("select Id, MasterRecordId from Contact where MasterRecordId is not null")
    assert merged
    for loser, winner in merged:
        assert org.store.get("Contact", str(winner))["IsDeleted"] is False  # type: ignore[index]
        assert not org.store.find_ids("OpportunityContactRole", ContactId=loser)


def test_deleted_deals_lie_in_the_recycle_bin_with_their_roles(tmp_path: Path) -> None:
    """Fault: a deal marked as deleted that the org itself does not know as deleted: no getDeleted, no undelete."""
    org = _org(tmp_path, opportunities=300)
    deleted = org.store.find_ids("Opportunity", IsDeleted=1)
    assert deleted
    for deal in deleted:
        assert not org.store.select(
            "select 1 from OpportunityContactRole where OpportunityId = ? and IsDeleted = 0", (deal,)
        )
        org.store.undelete("Opportunity", deal, by=org.system_user_id)
    assert org.store.find_ids("Opportunity", IsDeleted=1) == []


def test_integration_user_reads_every_field_of_each_deal_and_its_mails(org: Org) -> None:
    """Fault: the guide's permissions are not enough in the demo org, and the sync reports missing fields there."""
    user = org.user_by_username("integration@acme.example")
    assert user is not None
    for sobject, fields, deal in (
        ("EmailMessage", EMAIL_FIELDS, "RelatedToId"),
        ("Opportunity", DEAL_FIELDS, "Id"),
    ):
        found = org.query(
            f"SELECT {deal}, {fields} FROM {sobject}", user_id=str(user["Id"]), include_deleted=True
        )
        seen = [row for row in found.rows() if str(row[0]).startswith("006")]
        assert len(seen) == _one(org, f"select count(*) from {sobject} where substr({deal}, 1, 3) = '006'")


def test_rep_sees_own_deals_alone(org: Org) -> None:
    """Fault: every user of the demo org sees all, and a client that lacks View All looks complete."""
    rep = str(next(each["user_id"] for each in cast(org) if each["role"] == "rep"))
    found = org.query("SELECT Id FROM Opportunity", user_id=rep, include_deleted=False)
    assert 0 < found.total < 400
    assert found.total == _one(
        org, "select count(*) from Opportunity where IsDeleted = 0 and OwnerId = ?", rep
    )


def test_new_records_get_ids_of_their_own(tmp_path: Path) -> None:
    """Fault: the loaded ids are handed out a second time."""
    org = _org(tmp_path, opportunities=60)
    last = str(_one(org, "select max(Id) from Account"))
    new = org.store.insert("Account", {"Name": "One more"}, by=org.system_user_id)
    assert org.store.get("Account", new)["Name"] == "One more"  # type: ignore[index]
    assert new > last
