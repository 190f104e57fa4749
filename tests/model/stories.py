"""Stories: for each rule that rarely matters, the few steps after which a workspace without it is wrong, and with it right.

Belongs here: the stories, and the table of them. "First" and "second" are two processes at once; `tick` is a keys phase from its
beginning to its end. The words are story.py's.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.model.ledger import ALL
from tests.model.org import CONTACT, DEAL, LONGEST, ROLE
from tests.model.rules import Rule
from tests.model.story import FIRST, SECOND, Story


def _a_change_between_reading_and_storing(s: Story) -> None:
    """Announced while an older state of the row was on its way: data_as_of must not pass it by."""
    deal = s.deal()
    s.org.wait(5)
    s.begin(FIRST, "follow", "deal read")
    s.edit(deal)
    s.org.wait(1)
    s.tick()
    s.go_on(FIRST, "deal stored")
    s.observe()


def _two_owners_in_one_second(s: Story) -> None:
    """The id waits under the first owner; the second one's transaction is seen a moment later, with the same stamp."""
    s.license(1)
    s.list()
    s.org.wait(5)
    deal = s.deal(0)
    s.late_edit(deal, 1)
    s.org.wait(1)
    s.tick()
    s.the_late_one_ends()
    s.tick()


def _a_listing_finds_what_the_cursor_has_passed(s: Story) -> None:
    """Nobody was entitled to the deal's key when the cursor passed it; now the listing covers, and the deal still waits."""
    s.license(1)
    s.begin(FIRST, "list", "deal pages done")
    s.deal(1)
    s.license(1)
    s.org.wait(1)
    s.tick()
    s.license(1)
    s.go_on(FIRST, "deal covered")
    s.observe()


def _a_late_change_and_a_page_that_lay_about(s: Story) -> None:
    """Read well after its stamp, changed under the same stamp by a transaction that ended later, stored when the cursor was past both."""
    s.license(1)
    deal = s.deal(1)
    s.late_edit(deal, 2)
    s.org.wait(10)
    s.begin(FIRST, "list", "deal page read")
    s.license(1)
    s.the_late_one_ends()
    s.time_passes_in_ticks()
    s.license(1)
    s.go_on(FIRST)


def _a_filter_is_widened(s: Story) -> None:
    """What the former filter kept out has no reason to show in a window."""
    s.deal(1, amount=0)
    s.time_passes_in_ticks()
    s.filter(minimum=1)
    s.license(1)
    s.list()
    s.filter(minimum=0)


def _a_range_is_narrowed_and_widened(s: Story) -> None:
    """While it was narrow, a new deal of the months that were cut off was nobody's."""
    s.filter(months=ALL & ~1)
    s.deal()
    s.time_passes_in_ticks()
    s.filter()


def _a_licence_is_away_during_a_listing(s: Story) -> None:
    """The deal came after the listing had asked, and its key while nobody was entitled to it."""
    s.license(1)
    s.deal(1)
    s.begin(FIRST, "list", "deal page read")
    s.deal(1)
    s.license(1)
    s.time_passes_in_ticks()
    s.license(1)
    s.go_on(FIRST)


def _a_licence_is_away_at_the_end_of_a_listing(s: Story) -> None:
    """What the listing covers is being skipped at that moment."""
    s.license(1)
    s.deal(1)
    s.begin(FIRST, "list", "deal page stored")
    s.deal(1)
    s.license(1)
    s.time_passes_in_ticks()
    s.go_on(FIRST)
    s.license(1)


def _a_listing_is_killed_that_stored_an_old_page(s: Story) -> None:
    """The deal changed after the page was read, when it was not held and its owner had no licence; that came back, and went for good."""
    s.license(1)
    deal = s.deal(1)
    s.begin(FIRST, "list", "deal page read")
    s.edit(deal)
    s.license(1)
    s.time_passes_in_ticks()
    s.license(1)
    s.go_on(FIRST, "deal page stored")
    s.kill(FIRST)
    s.license(1)


def _a_licence_is_away_between_the_keys_and_the_coverage(s: Story) -> None:
    """A deal is made after the keys of a listing were read and before it covers."""
    s.license(1)
    s.begin(FIRST, "list", "deal pass read")
    s.deal(1)
    s.license(1)
    s.time_passes_in_ticks()
    s.license(1)
    s.go_on(FIRST)


def _a_licence_comes_back_while_keys_are_read(s: Story) -> None:
    """Twice: the windows overlap. Keys are judged without it, coverage with it."""
    s.deal()
    for seconds in (1, LONGEST + 5):
        s.org.wait(seconds)
        s.license(0)
        s.begin(FIRST, "follow", "keys begun")
        s.license(0)
        s.go_on(FIRST, "deal keys taken")
        s.kill(FIRST)


def _a_listing_is_killed_after_its_first_page(s: Story) -> None:
    """The second page holds the rest."""
    for _ in range(3):
        s.deal(1)
    s.time_passes_in_ticks()
    s.license(1)
    s.begin(FIRST, "list", "deal page stored")
    s.kill(FIRST)


def _a_deal_comes_back_from_the_bin(s: Story) -> None:
    """And its role with it, with the stamp with which it went."""
    deal, contact = s.deal(), s.contact()
    s.child(ROLE, deal, contact)
    s.org.wait(1)
    s.follow()
    s.org.delete(DEAL, deal)
    s.time_passes_in_ticks()
    s.org.undelete(DEAL, deal)


def _a_contact_that_was_never_held_comes_back(s: Story) -> None:
    """And its role with it, which was held and is not shown again."""
    deal, contact = s.deal(), s.contact()
    s.org.wait(1)
    s.follow()
    s.child(ROLE, deal, contact)
    s.org.wait(1)
    s.begin(FIRST, "follow", "role stored")
    s.kill(FIRST)
    s.org.delete(CONTACT, contact)
    s.time_passes_in_ticks()
    s.org.undelete(CONTACT, contact)


def _a_deal_comes_back_while_its_roles_are_listed(s: Story) -> None:
    """The listing asked while the role was in the bin, and ends when it is there again."""
    deal, contact = s.deal(), s.contact()
    s.child(ROLE, deal, contact)
    s.org.wait(1)
    s.begin(SECOND, "follow", "deal stored")
    s.kill(SECOND)
    s.org.delete(DEAL, deal)
    s.org.wait(LONGEST + 5)
    s.begin(FIRST, "list", "role pass read")
    s.org.wait(1)
    s.tick()
    s.org.undelete(DEAL, deal)
    s.org.wait(1)
    s.begin(SECOND, "follow", "deal stored")
    s.kill(SECOND)
    s.go_on(FIRST)


def _a_licence_is_away_whenever_a_deal_is_asked_for(s: Story) -> None:
    """No keys phase saw it away, so that coverage stands; twice refused, the deal is forgotten."""
    s.deal()
    s.org.wait(1)
    s.tick()
    s.license(0)
    s.list()
    s.license(0)
    s.org.wait(LONGEST + 5)
    s.tick()
    s.org.wait(LONGEST)
    s.license(0)
    s.list()
    s.license(0)


def _a_deal_comes_back_while_it_is_judged(s: Story) -> None:
    """It had gone to an owner without a licence when it was asked for, and is announced anew before the answer is judged."""
    deal = s.deal()
    s.org.wait(1)
    s.tick()
    s.edit(deal, parent=2)
    s.begin(FIRST, "follow", "deal missed")
    s.edit(deal, parent=0)
    s.org.wait(1)
    s.tick()
    s.go_on(FIRST, "deal judged")
    s.kill(FIRST)
    s.observe()


def _a_contact_is_named_again_while_it_is_judged(s: Story) -> None:
    """Nobody named it when it was asked for; the role that names it now finds it waiting."""
    deal, contact, other = s.deal(), s.contact(), s.contact()
    s.time_passes_in_ticks()
    s.follow()
    role = s.child(ROLE, deal, contact)
    s.org.wait(1)
    s.begin(SECOND, "follow", "role stored")
    s.kill(SECOND)
    s.edit(contact)
    s.time_passes_in_ticks()
    role.contact = other.id
    s.edit(role)
    s.org.wait(1)
    s.begin(FIRST, "follow", "contact missed")
    s.child(ROLE, deal, contact)
    s.time_passes_in_ticks()
    s.begin(SECOND, "follow", "role stored")
    s.kill(SECOND)
    s.go_on(FIRST)
    s.time_passes_in_ticks()


def _an_answer_lies_about_while_its_deal_is_forgotten(s: Story) -> None:
    """Read as it was, then handed to nobody, refused twice and forgotten; the process that had read it wakes up and stores it."""
    deal = s.deal()
    s.org.wait(1)
    s.tick()
    s.begin(FIRST, "follow", "deal read")
    s.edit(deal, parent=2)
    for _ in range(3):
        s.org.wait(2 * LONGEST + 5)
        s.follow()
    s.go_on(FIRST)


def _a_licence_ends_while_a_page_is_on_its_way(s: Story) -> None:
    """Asked for with the licence, stored without."""
    s.deal(1)
    s.org.wait(1)
    s.license(1)
    s.begin(FIRST, "list", "deal page read")
    s.license(1)
    s.go_on(FIRST)


def _a_licence_is_away_while_a_page_is_stored(s: Story) -> None:
    """The page was left out; the licence is back when the listing ends and would cover it."""
    s.deal(1)
    s.org.wait(LONGEST + 5)
    s.tick()
    s.license(1)
    s.begin(FIRST, "list", "deal page read")
    s.license(1)
    s.go_on(FIRST, "deal page stored")
    s.license(1)
    s.org.wait(LONGEST + 5)
    s.go_on(FIRST)


STORIES: dict[Rule, Callable[[Story], None]] = {
    Rule.PENDING_KEEPS_NEWER: _a_change_between_reading_and_storing,
    Rule.OVERTAKEN_IS_ASKED_AGAIN: _an_answer_lies_about_while_its_deal_is_forgotten,
    Rule.PENDING_FOLLOWS_THE_PARENT: _two_owners_in_one_second,
    Rule.DIGEST: _a_filter_is_widened,
    Rule.CUT_RANGES: _a_range_is_narrowed_and_widened,
    Rule.KEYS_PASS: _a_licence_is_away_during_a_listing,
    Rule.COVER_ONLY_THE_ENTITLED: _a_licence_is_away_at_the_end_of_a_listing,
    Rule.LISTINGS_OWE_KEYS: _a_listing_is_killed_that_stored_an_old_page,
    Rule.KEYS_PASS_WITH_COVERAGE: _a_licence_is_away_between_the_keys_and_the_coverage,
    Rule.ENTITLEMENT_IN_THE_TRANSACTION: _a_licence_comes_back_while_keys_are_read,
    Rule.ENTITLED_WHEN_STORED: _a_licence_ends_while_a_page_is_on_its_way,
    Rule.LEFT_OUT_IS_NOT_COVERED: _a_licence_is_away_while_a_page_is_stored,
    Rule.COVERAGE_AFTER_THE_LAST_PAGE: _a_listing_is_killed_after_its_first_page,
    Rule.FLIPS_UNCOVER_CHILDREN: _a_deal_comes_back_from_the_bin,
    Rule.FLIPS_OF_CONTACTS_NEVER_HELD: _a_contact_that_was_never_held_comes_back,
    Rule.UNCOVERED_MEANWHILE: _a_deal_comes_back_while_its_roles_are_listed,
    Rule.REFUSED_GOES_WITH_COVERAGE: _a_licence_is_away_whenever_a_deal_is_asked_for,
    Rule.JUDGED_ONLY_IF_UNCHANGED: _a_deal_comes_back_while_it_is_judged,
    Rule.CONTACTS_NAMED_MEANWHILE: _a_contact_is_named_again_while_it_is_judged,
    Rule.LATE_TIES_OF_LISTINGS: _a_late_change_and_a_page_that_lay_about,
    Rule.SINCE_THE_STAMP: _a_listing_finds_what_the_cursor_has_passed,
}
