"""The rules of the sync that the model can do without, one at a time. A rule that can be left out unpunished is no rule.

Numbers are those of docs/architecture.md. Belongs here: the list. What a rule means is in the code that asks for it.
"""

from __future__ import annotations

from enum import Enum, auto


class Rule(Enum):
    """One rule; the model is built with the set of those that are left out."""

    KEYS_OF_HELD_ROWS = auto()  # R1: what is held is followed, whoever owns it now
    TOMBSTONE_FROM_THE_KEY = auto()  # R1: held and deleted
    MAIL_MOVES_OUT = auto()  # R1: a held mail whose parent is not in scope
    PENDING_KEEPS_NEWER = auto()  # R1: a pending id goes only if its stamp is not newer than the one read
    OVERTAKEN_IS_ASKED_AGAIN = (
        auto()
    )  # R1: a fetched row that was read before the cursor is asked for again, pending or not
    PENDING_FOLLOWS_THE_PARENT = auto()  # R1: within one second a record can get another parent
    SINCE = auto()  # R1: data_as_of is held back by what waits
    SINCE_THE_STAMP = (
        auto()
    )  # R1: and by keys of a listing, which may be older than the cursor, as far as they are old
    OVERLAP = auto()  # R2: a row is stamped before it is visible
    HORIZON_BEFORE_THE_QUERY = auto()  # R2
    COMPARE_AND_SET = auto()  # R2: a cursor moves from where its reader found it, and only forward
    ORDER = auto()  # R3: the newer (stamp, read_at) wins
    TIES = auto()  # R3: a row read within a minute of its stamp is read again
    LATE_TIES = auto()  # R3: and once more when its key is shown for the last time
    LATE_TIES_OF_LISTINGS = auto()  # R3, R5: also when that was the keys pass of a listing
    DROP_UNENTITLED_COVERAGE = auto()  # R4
    DIGEST = auto()  # R4: coverage is under a filter
    CUT_RANGES = auto()  # R4: and no further back than created_since
    COVER_ONLY_THE_ENTITLED = auto()  # R4: a listing covers only who is in scope at its end
    KEYS_PASS = auto()  # R5
    LISTINGS_OWE_KEYS = auto()  # R5: the pass of a killed listing is made up for
    KEYS_PASS_WITH_COVERAGE = auto()  # R5, R6: in one transaction
    ROLES_WANT_CONTACTS = auto()  # R5
    CONTACTS_LEAVE = auto()  # R8: with their last role
    ENTITLEMENT_IN_THE_TRANSACTION = (
        auto()
    )  # R6: keys are judged by the scope of the transaction that keeps or drops coverage
    ENTITLED_WHEN_STORED = (
        auto()
    )  # R6: rows on their way are judged again by the scope of the transaction that stores them
    LEFT_OUT_IS_NOT_COVERED = auto()  # R6: and a listing that left some out covers nothing
    COVERAGE_AFTER_THE_LAST_PAGE = auto()  # R7
    FLIPS_UNCOVER_CHILDREN = (
        auto()
    )  # R8: a delete, an undelete or a merge moves children without stamping them
    FLIPS_OF_CONTACTS_NEVER_HELD = auto()  # R8: also where the role is held and the contact never was
    UNCOVERED_MEANWHILE = auto()  # R8: nor does a listing that is under way cover them again
    REFUSED_GOES_WITH_COVERAGE = auto()  # R10
    CONTACTS_NAMED_MEANWHILE = (
        auto()
    )  # R6: a contact that nobody named when it was asked for is judged by the roles of now
    JUDGED_ONLY_IF_UNCHANGED = auto()  # R10: what was announced anew meanwhile is asked for again
    FAILED_IS_NOT_EMPTY = auto()  # R13
    ONE_TRANSACTION = auto()  # R14: rows and keys with the cursor
    ADMISSION = auto()  # what was admitted stays in scope
