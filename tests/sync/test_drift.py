"""Two descriptions compared, and what is wanted held against one: tables of facts, no org and no database."""

from __future__ import annotations

import pytest

from orchestration.errors import SetupError
from orchestration.salesforce.describe import Describe, DescribedField
from orchestration.sync.drift import Change, Remembered, compare, why_absent
from orchestration.sync.objects import OPPORTUNITY, Need
from orchestration.sync.options import ExtraField
from orchestration.sync.wanted import columns, parent_of, refusals, refuse_columns, wanted

SCORE = DescribedField("Score__c", "double", 0)
BEFORE = {"score__c": Remembered("Score__c", "double", 0)}


@pytest.mark.parametrize(
    ("before", "now", "granted", "changes"),
    [
        ({}, {"Score__c": SCORE}, None, []),
        (BEFORE, {"Score__c": SCORE}, None, []),
        (
            BEFORE,
            {"Score__c": SCORE, "New__c": DescribedField("New__c", "date")},
            None,
            [Change("New__c", "added", None, "date")],
        ),
        (BEFORE, {}, {"score__c"}, [Change("Score__c", "hidden", "double")]),
        (BEFORE, {}, {"other__c"}, [Change("Score__c", "removed", "double")]),
        (BEFORE, {}, None, [Change("Score__c", "not_shown", "double")]),
        ({"score__c": Remembered("Score__c", "double", 0, is_gone=True)}, {}, None, []),
        (
            {"score__c": Remembered("Score__c", "double", 0, is_gone=True)},
            {"Score__c": SCORE},
            None,
            [Change("Score__c", "visible_again", None, "double")],
        ),
        (
            BEFORE,
            {"Score__c": DescribedField("Score__c", "string", 40)},
            None,
            [Change("Score__c", "type_changed", "double", "string")],
        ),
        (
            {"next__c": Remembered("Next__c", "string", 40)},
            {"Next__c": DescribedField("Next__c", "string", 255)},
            None,
            [Change("Next__c", "length_grown", "40", "255")],
        ),
        (
            {"next__c": Remembered("Next__c", "string", 255)},
            {"NEXT__c": DescribedField("NEXT__c", "string", 40)},
            None,
            [Change("NEXT__c", "length_shrunk", "255", "40"), Change("NEXT__c", "renamed", "Next__c", "NEXT__c")],
        ),
    ],
    ids=lambda value: ",".join(change.kind for change in value) or "nothing"
    if isinstance(value, list)
    else "",
)  # fmt: skip
def test_two_describes_differ_by_field_and_kind(
    before: dict[str, Remembered],
    now: dict[str, DescribedField],
    granted: set[str] | None,
    changes: list[Change],
) -> None:
    """A schema that drifts in silence: a column that stays empty, or is cut, and nobody knows since when."""
    assert compare(before, now, granted) == changes


@pytest.mark.parametrize(
    ("granted", "why"), [(None, "not_shown"), ({"score__c"}, "hidden"), (set(), "removed")]
)
def test_a_field_is_called_hidden_only_where_somebody_may_still_read_it(
    granted: set[str] | None, why: str
) -> None:
    """SFDX-Data-Move-Utility#793: an admin who is asked to grant a field that was deleted looks for it for an hour."""
    assert why_absent("Score__c", granted) == why


@pytest.mark.parametrize(
    ("described", "held", "column", "type_", "cause"),
    [
        ("double", None, "score_c", "numeric", None),
        ("picklist", None, "score_c", "text", None),
        ("datetime", None, "score_c", "timestamptz", None),
        ("double", "numeric", "score_c", "numeric", None),
        ("double", "text", "score_c", "text", None),
        ("string", "numeric", "score_c_text", "text", "retyped"),
        ("datetime", "date", "score_c_timestamptz", "timestamptz", "retyped"),
        (None, "numeric", "score_c", "numeric", "hidden"),
    ],
)
def test_a_field_whose_type_changed_gets_a_column_beside_the_one_that_views_hang_on(
    described: str | None, held: str | None, column: str, type_: str, cause: str | None
) -> None:
    """A text that no longer fits a number stops the object; a column that is altered in place breaks the views on it."""
    fields = wanted(OPPORTUNITY, [ExtraField("score__C")])
    shown = {"Score__c": DescribedField("Score__c", described)} if described else {}
    found = [
        each
        for each in columns(fields, shown, {"score_c": held} if held else {}, {"score__c": "hidden"})  # type: ignore[dict-item]
        if each.name.startswith("score_c")
    ]
    last = found[-1]
    assert (last.name, last.type) == (column, type_)
    assert [each.cause for each in found] == ([cause, None] if cause == "retyped" else [cause])
    assert last.path == ("Score__c" if described else "score__C")


def test_a_field_of_a_parent_and_a_formula_are_known_to_change_without_a_stamp() -> None:
    """heroku/roadmap#319: an account that was renamed years ago, and the deal's copy of its name that still says the old one."""
    account = DescribedField("AccountId", "reference", 18, relationship="Account", reference_to=("Account",))
    either = DescribedField("WhatId", "reference", 18, relationship="What", reference_to=("Account", "Case"))
    own = Describe("Opportunity", {"AccountId": account, "WhatId": either})
    assert parent_of("account.Industry", own) == ("Account", account)
    assert parent_of("What.Name", own) is parent_of("Acount.Name", own) is None
    shown = {
        "AccountId": account,
        "Account.Name": DescribedField("Name", "string"),
        "Name": DescribedField("Name", "string"),
        "Amount": DescribedField("Amount", "currency", calculated=True),
    }
    settled = columns(wanted(OPPORTUNITY, []), shown, {}, {})
    assert {each.path for each in settled if each.is_unstamped} == {"Account.Name", "Amount"}


def test_a_misspelt_field_is_refused_with_the_nearest_names_and_a_hidden_one_is_not() -> None:
    """dbt_salesforce_formula_utils#83: a typing error that yields nulls for ever; and a field that an admin hid for an hour is none."""
    extras = wanted(
        OPPORTUNITY,
        [ExtraField(path) for path in ("MEDPICC_Score__c", "Hidden__c", "Acount.Industry", "Place__c")],
    )
    asked = [each for each in extras if each.need is Need.EXTRA]
    shown = {"Place__c": DescribedField("Place__c", "location")}
    names = ["MEDDPICC_Score__c", "Place__c", "Account.Industry", "Name"]
    first, second, third = refusals(OPPORTUNITY, asked, shown, names, ["hidden__c"])
    assert first.startswith(
        "Opportunity has no field MEDPICC_Score__c that the integration user can see; did you mean MEDDPICC_Score__c"
    )
    assert "Account.Industry?" in second
    assert third.startswith("Place__c is an address")


@pytest.mark.parametrize(
    ("table", "extras", "says"),
    [
        ("opportunity", [ExtraField("A_B__c"), ExtraField("A__B__c")], "both be the column a_b_c"),
        ("opportunity", [ExtraField("A__c", "amount")], "fluint.deals has a column amount already"),
        ("opportunity", [ExtraField("A__c", "a"), ExtraField("B__c", "a")], "two fields have the mart_column a"),
        ("record_type", [ExtraField("A__c", "a")], "record_type has no mart of its own"),
    ],
)  # fmt: skip
def test_columns_that_there_cannot_be_are_refused_before_anything_is_asked(
    table: str, extras: list[ExtraField], says: str
) -> None:
    """Two fields that take turns in one column, or a contract's column that somebody's custom field has overwritten."""
    with pytest.raises(SetupError, match=says):
        refuse_columns({table: extras}, {"opportunity": ("deals", frozenset({"amount"}))})
