"""Subjects and bodies of sales mail, in several languages, as text and as the HTML that mail programs make of it.

Belongs here: wording and layout. Does not: who writes to whom and when (mails.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import groupby
from random import Random

# 131,072 characters is what a real describe is said to show for both bodies of a mail.
BODY_LIMIT, ADDRESS_LIMIT = 131_072, 4_000


@dataclass(frozen=True)
class _Language:
    subjects: tuple[str, ...]
    greetings: tuple[str, ...]
    sentences: tuple[str, ...]
    closings: tuple[str, ...]
    wrote: str
    days: tuple[str, ...]


_ENGLISH = _Language(
    (
        "{deal}", "Pricing for {deal}", "Security questionnaire", "Notes from our call", "Next steps: {deal}",
        "Contract redlines v{n}",
        "Intro: your new account executive", "Quick question about SSO", "Rescheduling {day}",
        'The "final" order form', "Invoice details & PO",
    ),
    ("Hi {first},", "Hello {first},", "Dear {first},", "{first} –", "Hi all,"),
    (
        "Thanks for making the time on {day}; the team found the demo useful.",
        "I've attached the revised quote: {n} seats, three years, billed annually.",
        "Could you confirm who signs on your side?",
        "Legal has two comments on clause {n}.2 – nothing dramatic, I think.",
        "Our CISO asks where data is stored and for how long.",
        "We would need this live before the end of the quarter.",
        "Budget is approved up to 80 %, the rest goes to the board on {day}.",
        "Can we move our call to {day}, 3 pm CET?",
        "I'm out of office until {day}; please write to my colleague meanwhile.",
        "A competitor has come back with a lower price, so I need help with the business case.",
        "Please find the answers inline, marked >>>.",
        "Is SCIM provisioning part of the plan, or does it cost extra?",
        "Let me know what you think!",
    ),
    ("Best regards,", "Thanks,", "Cheers,", "Best,", "Sent from my phone"),
    "On {when}, {who} wrote:",
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
)  # fmt: skip
_GERMAN = _Language(
    ("Angebot: {deal}", "Rückfrage zum Vertrag (Stand {n})", "Terminverschiebung auf {day}", "Auftragsverarbeitungsvertrag"),
    ("Guten Tag {first},", "Hallo {first},", "Sehr geehrte Damen und Herren,"),
    (
        "vielen Dank für das Gespräch am {day}.", "Anbei das überarbeitete Angebot über {n} Plätze.",
        "Die Geschäftsführung möchte die Laufzeit kürzen – ließe sich das machen?", "Wo werden die Daten gespeichert (Stichwort DSGVO)?",
        "Können wir den Preis von 12.500 € halten?", "Die Einkaufsabteilung prüft noch; Rückmeldung bis {day}.",
    ),
    ("Mit freundlichen Grüßen", "Viele Grüße", "Beste Grüße"),
    "Am {when} schrieb {who}:",
    ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag"),
)  # fmt: skip
_FRENCH = _Language(
    ("Devis : {deal}", "Compte rendu de l’appel", "Clause n° {n} du contrat"),
    ("Bonjour {first},", "Madame, Monsieur,"),
    (
        "Merci pour l’échange de {day}.", "Veuillez trouver ci-joint le devis révisé pour {n} utilisateurs.",
        "Notre direction financière souhaite étaler le paiement.", "Où sont hébergées les données ?", "À bientôt, j’espère, pour la suite.",
    ),
    ("Cordialement,", "Bien à vous,"),
    "Le {when}, {who} a écrit :",
    ("lundi", "mardi", "mercredi", "jeudi", "vendredi"),
)  # fmt: skip
_SPANISH = _Language(
    ("Presupuesto: {deal}", "Próximos pasos", "Reunión del {day}"),
    ("Hola {first}:", "Estimados señores:"),
    (
        "Gracias por la reunión del {day}.",
        "¿Podríamos ampliar a {n} licencias?",
        "Mañana envío la documentación firmada.",
        "¡Quedo a la espera!",
    ),
    ("Un saludo,", "Atentamente,"),
    "El {when}, {who} escribió:",
    ("lunes", "martes", "miércoles", "jueves", "viernes"),
)
_POLISH = _Language(
    ("Oferta: {deal}", "Umowa – wersja {n}"),
    ("Dzień dobry,", "Cześć {first},"),
    (
        "Dziękuję za rozmowę w {day}.",
        "Prosimy o wycenę dla {n} użytkowników.",
        "Czekamy jeszcze na zgodę zarządu.",
        "Zażółć gęślą jaźń.",
    ),
    ("Z poważaniem,", "Pozdrawiam,"),
    "{when} {who} napisał(a):",
    ("poniedziałek", "wtorek", "środę", "czwartek", "piątek"),
)
_JAPANESE = _Language(
    ("お見積りの件（{deal}）", "契約書のご確認", "打ち合わせ日程のご相談"),
    ("{first} 様", "お世話になっております。"),
    (
        "先日はお時間をいただき、ありがとうございました。",
        "ライセンスを{n}席に増やした場合のお見積りをお願いいたします。",
        "社内で検討のうえ、改めてご連絡いたします。",
        "ご確認のほど、よろしくお願い申し上げます。",
    ),
    ("よろしくお願いいたします。",),
    "{when} {who} のメール：",
    ("月曜日", "火曜日", "水曜日", "木曜日", "金曜日"),
)
_OF_LOCALE = {"de_DE": _GERMAN, "fr_FR": _FRENCH, "es_ES": _SPANISH, "pl_PL": _POLISH, "ja_JP": _JAPANESE}


@dataclass(frozen=True)
class Writer:
    """Whoever writes a mail, and the person addressed, as they appear in it."""

    name: str
    organization: str
    addressee: str | None


@dataclass
class Thread:
    """A conversation: its language and subject, and the last text, which replies quote."""

    locale: str
    deal: str
    rng: Random
    subject: str = ""
    last: str = ""
    last_writer: str = ""
    last_when: str = ""

    def __post_init__(self) -> None:
        """Draws language and subject."""
        native = _OF_LOCALE.get(self.locale)
        self._language = native if native and self.rng.random() < 0.6 else _ENGLISH
        self.subject = self._fill(self.rng.choice(self._language.subjects), None)

    def _fill(self, text: str, first: str | None) -> str:
        rng = self.rng
        return text.format(
            deal=self.deal, n=rng.randint(2, 250), day=rng.choice(self._language.days), first=first or ""
        )

    def write(self, writer: Writer, when: str) -> str:
        """Returns the plain text of the next mail, written at `when`; lines end in LF, the mail before it is quoted below."""
        rng, language = self.rng, self._language
        chosen = rng.sample(language.sentences, min(len(language.sentences), rng.randint(1, 5)))
        parts = [rng.choice(language.greetings), *(" ".join(pair) for pair in _pairs(chosen))]
        body = self._fill("\n\n".join(parts), writer.addressee)
        own = f"{body}\n\n{rng.choice(language.closings)}\n{writer.name}\n{writer.organization}"
        quoted = ""
        if self.last:
            head = language.wrote.format(when=self.last_when, who=self.last_writer)
            quoted = f"\n\n{head}\n" + "\n".join(f"> {line}" for line in self.last.split("\n")[:40])
        self.last, self.last_writer, self.last_when = own + quoted, writer.name, when
        return self.last


def _pairs(sentences: list[str]) -> list[list[str]]:
    return [sentences[start : start + 2] for start in range(0, len(sentences), 2)]


def as_html(text: str) -> str:
    """Returns plain text as a mail program's HTML: a style sheet, paragraphs, quoted lines in a blockquote, hard spaces."""
    parts = []
    for is_quoted, lines in groupby(text.split("\n"), key=lambda line: line.startswith(">")):
        inner = escape("\n".join(lines)).strip("\n").replace("\n", "<br>\r\n").replace("  ", "&nbsp; ")
        parts.append(
            f'<blockquote type="cite">{inner}</blockquote>'
            if is_quoted
            else f'<p class="MsoNormal">{inner}</p>'
        )
    style = '<style>p.MsoNormal{margin:0cm;font-family:"Calibri",sans-serif}</style>'
    return f'<html>\r\n<head><meta charset="utf-8">{style}</head>\r\n<body>{"".join(parts)}</body>\r\n</html>'


def padded(text: str, characters: int) -> str:
    """Returns `text` repeated up to a length, as mails grow that carry years of quoted mails."""
    unit = text + "\n\n> "
    return (unit * (characters // len(unit) + 1))[:characters]


def address_list(domain: str, characters: int = ADDRESS_LIMIT) -> str:
    """Returns as many addresses as fit, separated by `; `."""
    addresses: list[str] = []
    length = 0
    while True:
        address = f"participant.{len(addresses):03d}@{domain}"
        length += len(address) + 2
        if length > characters:
            return "; ".join(addresses)
        addresses.append(address)
