"""What people copy when they ask about a record, and the id that it means."""

from __future__ import annotations

import pytest

from orchestration.errors import SetupError
from orchestration.salesforce.ids import to_18
from orchestration.salesforce.record_links import read_link

SHORT = "006Qy00000Ab1cD"
FULL = to_18(SHORT)
ACME = "https://acme.my.salesforce.com"


@pytest.mark.parametrize(
    ("copied", "origin"),
    [
        (SHORT, None),
        (f"  {FULL}\n", None),
        (FULL.lower(), None),  # a spreadsheet that folds case
        (FULL.upper(), None),
        (f"https://acme.lightning.force.com/lightning/r/Opportunity/{FULL}/view", ACME),
        (
            f"https://acme.lightning.force.com/lightning/r/{FULL}/view?ws=%2Flightning%2Fr%2FAccount%2F001Qy00000Ab1cD%2Fview",
            ACME,
        ),
        (
            f"https://acme.lightning.force.com/lightning/r/Opportunity/{FULL}/related/OpportunityContactRoles/view",
            ACME,
        ),
        (f"https://acme.lightning.force.com/one/one.app#/sObject/{FULL}/view", ACME),
        (
            f"https://acme.lightning.force.com/one/one.app?source=alohaHeader#%2FsObject%2F{SHORT}%2Fview",
            ACME,
        ),
        (f"https://acme.my.salesforce.com/{SHORT}", ACME),
        (f"https://na139.salesforce.com/{SHORT}?srPos=0&srKp=006", None),
        (f"https://127.0.0.1:8443/{FULL}", None),
        (f"acme.my.salesforce.com/{SHORT}", None),
    ],
)
def test_an_id_and_every_address_of_its_page_mean_the_record(copied: str, origin: str | None) -> None:
    """A question about a deal that first needs a lesson on ids."""
    link = read_link(copied)
    assert (link.record_id, link.origin) == (FULL, origin)


@pytest.mark.parametrize(
    ("copied", "said"),
    [
        ("", "holds no Salesforce id"),
        ("Acme renewal", "holds no Salesforce id"),
        (FULL[:14], "holds no Salesforce id"),
        (FULL + "A", "holds no Salesforce id"),
        (FULL.replace("Qy", "qy"), "do not fit the others"),
        (FULL.replace("Ab", "4b"), "do not fit the others"),
        (FULL.lower().replace("ab", "4b"), "do not fit the others"),
        (SHORT + "!!!", ""),  # an id with punctuation after it
    ],
)
def test_a_slip_of_the_pen_is_told_and_not_looked_up(copied: str, said: str) -> None:
    """`Not visible` for a deal that is there, because one letter was lost."""
    if not said:
        assert read_link(copied).record_id == FULL
        return
    with pytest.raises(SetupError) as refused:
        read_link(copied)
    assert said in str(refused.value)


def test_an_address_of_another_org_does_not_belong_to_ours() -> None:
    """A deal of the sandbox looked up in production: `not visible`, and an admin who searches for the reason."""
    link = read_link(f"https://acme--uat.sandbox.lightning.force.com/lightning/r/Opportunity/{FULL}/view")
    assert not link.belongs_to(ACME)
    assert link.belongs_to("https://acme--uat.sandbox.my.salesforce.com")
    assert link.belongs_to("https://127.0.0.1:8443")
    assert read_link(FULL).belongs_to(ACME)
