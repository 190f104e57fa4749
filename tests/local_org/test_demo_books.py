"""A large demo org is many books: each copy is whole, differs from the others, and leaves the org as usable as a small one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local_org.clock import Clock
from local_org.demo import books
from local_org.demo_data import cast, populate
from local_org.ids import to_18
from local_org.objects import SOBJECTS
from local_org.org import Org

NOW = datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)
BOOK, BOOKS = 200, 3


def _org(directory: Path) -> Org:
    org = Org.open(directory, Clock(lambda: NOW))
    populate(org, opportunities=BOOK * BOOKS - 50, emails=300)
    return org


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """Three books of 200 deals; tests that use it only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(books, "BOOK", BOOK)
        patch.setattr(books, "MOST_IN_ONE", BOOK)
        made = _org(tmp_path_factory.mktemp("books"))
    yield made
    made.close()


def _one(org: Org, sql: str, *parameters: object) -> object:
    return org.store.select(sql, parameters)[0][0]


def test_numbers_are_rounded_up_to_whole_books(org: Org) -> None:
    """Fault: the last book is cut, and mails hang on deals that are not there."""
    assert [books.books_for(each) for each in (1, 100_000, 100_001, 1_000_000)] == [1, 1, 5, 40]
    assert _one(org, "select count(*) from Opportunity") == BOOK * BOOKS
    assert _one(org, "select count(*) from EmailMessage") == 300


@pytest.mark.parametrize("sobject", books.COPIED)
def test_every_copy_has_as_many_rows_with_ids_that_are_ids(org: Org, sobject: str) -> None:
    """Fault: an id whose check characters are wrong, so that its 15-character form finds another record."""
    ids = [str(row[0]) for row in org.store.select(f'select Id from "{sobject}"')]
    assert len(ids) % BOOKS == 0
    assert len(ids) == len(set(ids)) > 0
    assert all(to_18(each[:15]) == each for each in ids)


def test_every_reference_stays_inside_its_book(org: Org) -> None:
    """Fault: the roles of a copy name the contacts of the first book."""
    checked = 0
    for name in books.COPIED:
        for field in SOBJECTS[name].fields:
            for target in (each for each in field.reference_to if each in SOBJECTS):
                prefix, column = SOBJECTS[target].key_prefix, f'a."{field.name}"'
                joined = f'from "{name}" a left join "{target}" b on b.Id = {column} where substr({column}, 1, 3) = \'{prefix}\''
                assert _one(org, f"select count(*) {joined} and b.Id is null") == 0, (name, field.name)
                if target in books.COPIED:
                    strays = f"{joined} and substr(a.Id, 11, 2) <> substr(b.Id, 11, 2)"
                    assert _one(org, f"select count(*) {strays}") == 0, (name, field.name)
                    checked += int(str(_one(org, f"select count(*) {joined}")))
    assert checked > BOOK * BOOKS


def test_copies_differ_in_what_people_look_at(org: Org) -> None:
    """Fault: forty times the same deal, which counts by name, amount or address would show."""
    for sql in (
        "select Name, AccountId is null, Amount from Opportunity where Amount > 0",
        "select Name from Account",
        "select Email from Contact where Email is not null and length(Email) < 70",
        "select CaseNumber from 'Case'",
        "select MessageIdentifier from EmailMessage where MessageIdentifier is not null",
    ):
        with_book = sql.replace("select ", "select substr(Id, 11, 2) as book_, ", 1)
        per_book = [
            org.store.select(f"select * from ({with_book}) where book_ = ?", (digits,))
            for digits in ("00", "01", "02")
        ]
        without_book = [{row[1:] for row in each} for each in per_book]
        assert all(without_book)
        assert without_book[0].isdisjoint(without_book[1] | without_book[2]), sql
        assert without_book[1].isdisjoint(without_book[2]), sql


def test_a_copy_keeps_what_belongs_together(org: Org) -> None:
    """Fault: stamps out of order, an expected revenue of another amount, text longer than its field."""
    out_of_order = (
        "CreatedDate > LastModifiedDate or LastModifiedDate > SystemModstamp or LastStageChangeDate < CreatedDate"
        " or SystemModstamp >= '2026-03-04T00:00:00.000Z' or abs(ExpectedRevenue - Amount * Probability / 100) > 0.006"
    )
    assert (
        _one(org, f"select count(*) from Opportunity where substr(Id, 11, 2) <> '00' and ({out_of_order})")
        == 0
    )
    for name in books.COPIED:
        for field in SOBJECTS[name].fields:
            if field.length and field.type not in ("id", "reference", "address", "base64"):
                assert (
                    _one(org, f'select count(*) from "{name}" where length("{field.name}") > ?', field.length)
                    == 0
                ), field.name


def test_what_a_book_deleted_lies_in_the_recycle_bin_of_each(org: Org) -> None:
    """Fault: rows marked as deleted that no getDeleted lists."""
    for name in ("Opportunity", "Contact", "EmailMessage", "OpportunityContactRole"):
        deleted = {row[0] for row in org.store.select(f"select Id from {name} where IsDeleted = 1")}
        listed = {row[0] for row in org.store.select("select id from _deletion where sobject = ?", (name,))}
        assert listed == deleted
    assert {str(each)[10:12] for each in org.store.find_ids("Opportunity", IsDeleted=1)} == {"00", "01", "02"}


def test_an_org_of_books_is_as_usable_as_another(org: Org) -> None:
    """Fault: an index that was dropped for the copying is not made again, or the next id is one of a copy."""
    last = str(_one(org, "select max(Id) from Opportunity"))
    assert org.store.reserve_ids("Opportunity", 1)[0] > last
    plan = org.store.select("explain query plan select Id from Opportunity where SystemModstamp > '2026'")
    assert "Opportunity_SystemModstamp" in str(plan)
    rep = next(each["user_id"] for each in cast(org) if each["role"] == "rep")
    books_of_rep = org.store.select(
        "select distinct substr(Id, 11, 2) from Opportunity where OwnerId = ?", (rep,)
    )
    assert len(books_of_rep) == BOOKS


def test_the_same_seed_on_the_same_day_gives_the_same_books(
    org: Org, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault: figures of a large demo differ from run to run."""
    monkeypatch.setattr(books, "BOOK", BOOK)
    monkeypatch.setattr(books, "MOST_IN_ONE", BOOK)
    again = _org(tmp_path)
    made = [
        [each.store.select(f'select * from "{name}" order by Id') for name in books.COPIED]
        for each in (org, again)
    ]
    again.close()
    assert made[0] == made[1]


def test_more_books_than_there_are_ids_for_are_refused() -> None:
    """Fault: ids of one book run into those of the next."""
    with pytest.raises(ValueError, match="at most"):
        books.books_for(books.MOST_BOOKS * books.BOOK + 1)


def test_an_id_of_any_copy_is_an_id() -> None:
    """Fault: two digits that hold a capital change the check characters, which a copy takes over from its book."""
    digits = [books._digits_of(number) for number in range(books.MOST_BOOKS)]
    ids = [f"006Qy00000{each}0Az" for each in digits]
    assert digits == sorted(set(digits))
    assert {str(to_18(each))[15:] for each in ids} == {str(to_18(ids[0]))[15:]}
