"""Pools of people and companies from several countries, drawn once from faker and then picked from.

Belongs here: names, places, mail domains. Does not: Salesforce records. A pool is drawn once per seed because faker needs tens of
microseconds a name, far too long for a hundred thousand deals. Every domain is a reserved one (RFC 2606).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from random import Random

from faker import Faker

_COUNTRIES = (
    # locale, country, share, pool of companies
    ("en_US", "United States", 8, 120),
    ("en_GB", "United Kingdom", 4, 60),
    ("de_DE", "Germany", 4, 60),
    ("fr_FR", "France", 3, 40),
    ("es_ES", "Spain", 2, 30),
    ("pl_PL", "Poland", 2, 30),
    ("cs_CZ", "Czechia", 1, 20),
    ("ja_JP", "Japan", 2, 30),
    ("hi_IN", "India", 1, 15),
    ("ar_AA", "Saudi Arabia", 1, 15),
)
LOCALES = {country: locale for locale, country, _, _ in _COUNTRIES}
_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "đ": "d", "ı": "i"})
_NOT_MAILBOX = re.compile(r"[^a-z0-9]+")
_TITLES = (
    "Chief Financial Officer", "Head of Procurement", "VP Sales", "Director of Revenue Operations", "IT Manager",
    "Sales Operations Manager",
    "Chief Information Security Officer", "Head of Enablement", "Business Analyst", "General Counsel",
    "Einkaufsleiterin", "Directrice commerciale",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A name with the mailbox that goes with it (the part before the @)."""

    first: str | None
    last: str
    mailbox: str
    title: str | None


@dataclass(frozen=True)
class Company:
    """A customer: name, mail domain and address, and the people of its country."""

    name: str
    domain: str
    country: str
    locale: str
    city: str
    street: str
    postcode: str
    phone: str


@dataclass(frozen=True)
class Pools:
    """What the rest picks from: companies, people per locale, colleagues (our own reps, in Latin script)."""

    companies: tuple[Company, ...]
    people: dict[str, tuple[Person, ...]]
    colleagues: tuple[Person, ...]


def mailbox(*parts: str | None) -> str:
    """Returns the parts in plain ASCII, joined by dots; empty when no letter of them has an ASCII form."""
    plain = (
        unicodedata.normalize("NFKD", (part or "").translate(_LETTERS)).encode("ascii", "ignore").decode()
        for part in parts
    )
    return ".".join(word for part in plain if (word := _NOT_MAILBOX.sub("", part.lower())))


def draw(seed: int) -> Pools:
    """Returns the pools of this seed: the same seed gives the same pools."""
    companies: list[Company] = []
    people: dict[str, tuple[Person, ...]] = {}
    order = Random(seed)
    for position, (locale, country, share, count) in enumerate(_COUNTRIES):
        faker = Faker(locale)
        faker.seed_instance(seed + position)
        people[locale] = tuple(_person(faker, locale, order, number) for number in range(share * 40))
        companies += (_company(faker, locale, country, len(companies) + number) for number in range(count))
    order.shuffle(companies)
    return Pools(tuple(companies), people, _colleagues(seed))


def _person(faker: Faker, locale: str, order: Random, number: int) -> Person:
    if locale == "ja_JP":
        # kanji, kana, romanized
        (first, _, first_romanized), (last, _, last_romanized) = (
            faker.first_name_pair(),
            faker.last_name_pair(),
        )
        box = mailbox(first_romanized, last_romanized)
    else:
        first, last = faker.first_name(), faker.last_name()
        box = mailbox(first, last)
    title = order.choice(_TITLES) if order.random() < 0.8 else None
    return Person(first, last, box or f"contact{number}", title)


def _company(faker: Faker, locale: str, country: str, number: int) -> Company:
    name = faker.company()[:200]
    slug = _NOT_MAILBOX.sub("-", mailbox(*name.split()[:2])).strip("-")
    domain = f"{slug if len(slug) > 3 else f'company-{number}'}.example"
    return Company(
        name,
        domain,
        country,
        locale,
        faker.city(),
        faker.street_address().replace("\n", ", "),
        faker.postcode(),
        faker.phone_number()[:40],
    )


def _colleagues(seed: int) -> tuple[Person, ...]:
    """Thirty colleagues with different last names, most of them from English- and a few from German-speaking places."""
    found: dict[str, Person] = {}
    for position, locale in enumerate(("en_US", "en_US", "en_GB", "de_DE", "fr_FR", "es_ES")):
        faker = Faker(locale)
        faker.seed_instance(seed + 100 + position)
        for _ in range(12):
            first, last = faker.first_name(), faker.last_name().split()[0]
            found.setdefault(mailbox(last), Person(first, last, mailbox(first, last), None))
    everyone = list(found.values())
    Random(seed).shuffle(everyone)
    return tuple(everyone[:40])
