"""What a refusal of Salesforce means: the form of an entry of the catalogue, and how the one that fits is found. Pure.

The entries themselves are data: `sign_in_meanings` for the OAuth endpoints and the way back from the consent page, `api_meanings`
for REST and Bulk. The texts of errors and docs/troubleshooting.md are made from the same entries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestration.errors import FluintError, Remedy


@dataclass(frozen=True)
class Meaning:
    """One thing that Salesforce can say, and what a person reads for it.

    `codes` are Salesforce's, in any case, and `words` have to stand in its message; one of `phrases` in the message is enough, whatever
    the code. `kinds` are the kinds of requests (`responses.Kind`) that it is about; none: all. `text` has the places {what}, {user},
    {sobject}, {field}, {host}, {until} and {reading_step} (`governed`). `seen` says how the same looks to a person, where that differs
    from the code.
    """

    text: str
    error: type[FluintError]
    codes: tuple[str, ...] = ()
    words: str = ""
    phrases: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    own_remedy: Remedy | None = None
    seen: str = ""

    @property
    def remedy(self) -> Remedy:
        """What helps: that of the error's class, unless the entry says otherwise."""
        return self.own_remedy or self.error.remedy

    def fits(self, code: str, message: str, kind: str) -> bool:
        """Tells whether a refusal is this one."""
        if self.kinds and kind not in self.kinds:
            return False
        said = message.casefold()
        by_code = code.casefold() in map(str.casefold, self.codes) and self.words.casefold() in said
        return by_code or any(phrase.casefold() in said for phrase in self.phrases)


def find(meanings: Iterable[Meaning], code: str, message: str, kind: str = "") -> Meaning | None:
    """Returns the first entry that fits; the order of the catalogue decides."""
    return next((meaning for meaning in meanings if meaning.fits(code, message, kind)), None)
