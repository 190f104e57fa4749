"""What people type or copy for their org, and the origin that it means."""

from __future__ import annotations

import pytest

from orchestration.errors import SetupError
from orchestration.salesforce.ids import to_18
from orchestration.salesforce.my_domain import my_domain_url


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("acme", "https://acme.my.salesforce.com"),
        (" ACME ", "https://acme.my.salesforce.com"),
        ("acme--uat", "https://acme--uat.sandbox.my.salesforce.com"),
        ("acme-dev-ed", "https://acme-dev-ed.develop.my.salesforce.com"),
        ("acme--uat.sandbox", "https://acme--uat.sandbox.my.salesforce.com"),
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
        ("https://acme.lightning.force.com/lightning/o/Opportunity/list", "https://acme.my.salesforce.com"),
        ("acme--uat.sandbox.lightning.force.com", "https://acme--uat.sandbox.my.salesforce.com"),
        (
            "https://acme-dev-ed.develop.my.salesforce-setup.com/lightning/setup",
            "https://acme-dev-ed.develop.my.salesforce.com",
        ),
        ("http://acme.my.salesforce.com:443/home", "https://acme.my.salesforce.com"),
        ("acme--uat.cs123.my.salesforce.com", "https://acme--uat.sandbox.my.salesforce.com"),
        (
            "https://acme--uat--c.sandbox.vf.force.com/apex/Page",
            "https://acme--uat.sandbox.my.salesforce.com",
        ),
        ("https://acme--c.vf.force.com", "https://acme.my.salesforce.com"),
        ("acme.my.site.com/help", "https://acme.my.salesforce.com"),
        ("acme.trailblaze.my.salesforce.com", "https://acme.trailblaze.my.salesforce.com"),
    ],
)
def test_what_a_person_has_at_hand_becomes_the_orgs_origin(typed: str, origin: str) -> None:
    """People copy the address bar, which is never the address that signs in."""
    assert my_domain_url(typed) == origin


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "login.salesforce.com",
        "https://test.salesforce.com",
        "na1.salesforce.com",
        "acme.example.com",
        "acme.my.salesforce.com.example.com",
        "someone@acme.com",
        "https://acme.my.salesforce.com@example.com",
        "ftp://acme",
        "my.salesforce.com",
        "acme_inc",
        "-acme",
        "https://[acme",
        "acme.sandbox.my.salesforce.com",
        "acme.eu5.my.salesforce.com",
        "00D5f000005VabC",
    ],
)
def test_what_names_no_org_is_refused_with_the_right_form(typed: str) -> None:
    """Credentials typed into a look-alike host are lost."""
    with pytest.raises(SetupError, match=r"https://acme\.my\.salesforce\.com"):
        my_domain_url(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("acme.salesforce.com", "acme (https://acme.my.salesforce.com)"),
        ("acme.eu5.my.salesforce.com", "acme (https://acme.my.salesforce.com)"),
        ("na1.salesforce.com", None),
        ("www.salesforce.com", None),
        ("acme.sandbox", "acme--uat"),
    ],
)
def test_a_refusal_shows_the_right_form_of_what_was_typed(typed: str, meant: str | None) -> None:
    """A rule is read twice; one's own name in the right form is copied once. Salesforce's own hosts are nobody's name."""
    with pytest.raises(SetupError) as caught:
        my_domain_url(typed)
    assert (meant or "Setup › My Domain") in str(caught.value)
    assert ("Did you mean" in str(caught.value)) == bool(meant and "https" in meant)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001D000000IRFma", "001D000000IRFmaIAH"),
        ("006000000000001", "006000000000001AAA"),
        ("0015000000VALDx", "0015000000VALDxAAP"),
    ],
)
def test_the_checksum_says_which_letters_are_capitals(short: str, long: str) -> None:
    """Ids that differ only in case are different records."""
    assert to_18(short) == long
    assert to_18(long) == long
