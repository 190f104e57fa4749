"""A large demo org as many books: one book is made record by record, the others are coherent copies of it, made by SQLite itself.

Belongs here: how a copy differs from its book, and the copying. Does not: the first book (the other modules of `local_org.demo`).
A copy is whole: its deals have its own accounts, contacts, roles and mails, and its own share of the recycle bin. People, stages and
record types are shared. What differs: ids, names, addresses, amounts, and the second within the minute of every moment, which keeps
the order in which things happened. No row passes through Python: a million deals with all that hangs on them take about a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from random import Random

from local_org import schema
from local_org.demo.world import ALPHABET
from local_org.ids import number_of
from local_org.objects import SOBJECTS, Field, SObject
from local_org.store import Store

BOOK = 25_000
"""Opportunities of one book. A book's ids differ in their last three digits alone, so each object has fewer than 62³ rows in it."""
MOST_IN_ONE = 100_000
"""Up to here an org is one book, however long that takes."""
_DIGITS = [digit for digit in ALPHABET if not digit.isupper()]
"""Digits of ids that leave the check characters alone: with them, an id of a copy is the book's id with two digits changed."""
MOST_BOOKS = len(_DIGITS) ** 2
_ROOM = 62**3
COPIED = (
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityContactRole",
    "Case",
    "EmailMessage",
    "Task",
    "Event",
    "EmailMessageRelation",
)
_PREFIXES = {SOBJECTS[name].key_prefix for name in COPIED}
_ALL_PREFIXES = ", ".join(f"'{prefix}'" for prefix in sorted(_PREFIXES))

_OUTSIDE = "replace({0}, '@', '@' || c.tag || '.')"
_AMOUNT = "round(b.Amount * c.factor, 2)"
_VARIED: Mapping[str, Mapping[str, str]] = {
    "Account": {
        "Name": "substr(b.Name, 1, 240) || ' ' || upper(c.tag)",
        "Website": "replace(b.Website, '://www.', '://' || c.tag || '.')",
    },
    "Contact": {"Email": f"iif(length(b.Email) > 72, b.Email, {_OUTSIDE.format('b.Email')})"},
    "Opportunity": {
        "Name": "substr(b.Name, 1, 114) || ' ' || upper(c.tag)",
        "Amount": _AMOUNT,
        "ExpectedRevenue": f"round({_AMOUNT} * b.Probability / 100, 2)",
    },
    "Case": {"CaseNumber": "printf('%08d', b.CaseNumber + c.number * (select count(*) from temp.book_Case))"},
    "EmailMessage": {
        "MessageIdentifier": "replace(b.MessageIdentifier, '@', '.' || c.tag || '@')",
        "ThreadIdentifier": "replace(b.ThreadIdentifier, '@', '.' || c.tag || '@')",
        "FromAddress": f"iif(b.Incoming, {_OUTSIDE.format('b.FromAddress')}, b.FromAddress)",
        "ToAddress": f"iif(b.Incoming or length(b.ToAddress) > 900, b.ToAddress, {_OUTSIDE.format('b.ToAddress')})",
    },
    "EmailMessageRelation": {
        "RelationAddress": f"iif(b.RelationObjectType = 'User', b.RelationAddress, {_OUTSIDE.format('b.RelationAddress')})"
    },
}


def books_for(opportunities: int) -> int:
    """Returns in how many books so many opportunities are made. Raises ValueError for more than ids can be had for."""
    books = 1 if opportunities <= MOST_IN_ONE else -(-opportunities // BOOK)
    if books > MOST_BOOKS:
        raise ValueError(f"A demo org holds at most {MOST_BOOKS * BOOK:,} opportunities.")
    return books


def multiply(store: Store, books: int, seed: int) -> None:
    """Adds `books - 1` copies of everything that hangs on the deals in the store. Call inside the transaction that made these."""
    if books == 1:
        return
    for prefix, last in store.select("select prefix, last from _sequence"):
        if prefix in _PREFIXES and int(str(last)) >= _ROOM:
            raise ValueError(
                f"A book holds more records with ids {prefix}… than there are ids between two copies."
            )
    store.execute(
        "create temp table book_copy (number integer primary key, digits text, tail text, tag text, factor real)"
    )
    store.execute_many("insert into temp.book_copy values (?, ?, ?, ?, ?)", _copies(books, seed))
    # Sorted once, an index costs a tenth of one that a million rows go into one by one.
    copied = [SOBJECTS[name] for name in COPIED]
    for statement in chain.from_iterable(map(schema.index_drops, copied)):
        store.execute(statement)
    for name in COPIED:
        _copy(store, SOBJECTS[name])
    _copy_recycle_bin(store)
    for name in COPIED:
        store.execute(f"drop table temp.book_{name}")
    store.execute("drop table temp.book_copy")
    for statement in chain.from_iterable(map(schema.indexes, copied)):
        store.execute(statement)


def _copies(books: int, seed: int) -> Iterator[tuple[object, ...]]:
    rng = Random(seed)
    for number in range(1, books):
        tail = f"{rng.randrange(60):02}.000Z"
        yield number, _digits_of(number), tail, f"b{number}", rng.randint(60, 160) / 100


def _digits_of(number: int) -> str:
    return _DIGITS[number // len(_DIGITS)] + _DIGITS[number % len(_DIGITS)]


def _copy(store: Store, sobject: SObject) -> None:
    """Copies the rows of one object, book by book, so that ids ascend and the primary key grows at its end."""
    table, book = schema.quoted(sobject.name), f"temp.book_{sobject.name}"
    # Read from a table of its own: SQLite would first put all new rows aside, were they to go into the table that it reads.
    store.execute(f"create temp table book_{sobject.name} as select * from {table} order by Id")
    names = [str(row[1]) for row in store.select(f"pragma table_info({table})")]
    values = ", ".join(_value(sobject, name) for name in names)
    store.touch(sobject.name)
    store.execute(f"insert into {table} select {values} from temp.book_copy c cross join {book} b")
    highest = store.select(f"select max(Id) from {table}")[0][0]
    if highest is not None:
        sequence = (number_of(str(highest)), sobject.key_prefix)
        store.execute("update _sequence set last = ? where prefix = ?", sequence)


def _copy_recycle_bin(store: Store) -> None:
    store.execute("create temp table book_bin as select * from _deletion")
    store.execute(
        f"insert into _deletion select {_moved('b.id')}, b.sobject, {_second('b.deleted_at')}, {_moved('b.cause')}, b.purged"
        " from temp.book_copy c cross join temp.book_bin b"
    )
    store.execute("drop table temp.book_bin")


def _value(sobject: SObject, name: str) -> str:
    varied = _VARIED.get(sobject.name, {}).get(name)
    field, column = sobject.field(name), f"b.{schema.quoted(name)}"
    if varied is not None or field is None:
        return varied or column
    if field.type == "datetime":
        return _second(column)
    return _reference(field, column) if field.type in ("id", "reference") else column


def _reference(field: Field, column: str) -> str:
    targets = {SOBJECTS[name].key_prefix for name in field.reference_to if name in SOBJECTS}
    if field.type == "id" or (targets and targets <= _PREFIXES):
        return _moved(column)
    if targets.isdisjoint(_PREFIXES):
        return column
    return f"iif(substr({column}, 1, 3) in ({_ALL_PREFIXES}), {_moved(column)}, {column})"


def _moved(column: str) -> str:
    """Returns the SQL of the id that stands in a copy for an id of the book."""
    return f"substr({column}, 1, 10) || c.digits || substr({column}, 13)"


def _second(column: str) -> str:
    return f"substr({column}, 1, 17) || c.tail"
