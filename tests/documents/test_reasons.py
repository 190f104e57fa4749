"""Refusals become reasons: what a person reads, and whether anybody has to do something."""

from __future__ import annotations

import pytest

from orchestration.documents import reasons
from orchestration.documents.reasons import Outlook, Reason, of_refusal
from orchestration.errors import RejectedRequestError

ALL = [value for value in vars(reasons).values() if isinstance(value, Reason)]


@pytest.mark.parametrize(
    ("code", "fields", "continues", "reason"),
    [
        ("LIMIT_EXCEEDED", (), False, reasons.PUBLICATION_LIMIT),
        ("STORAGE_LIMIT_EXCEEDED", (), False, reasons.STORAGE_FULL),
        ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", (), False, reasons.NO_EDIT_ON_DEAL),
        ("INSUFFICIENT_ACCESS_OR_READONLY", (), False, reasons.NO_CREATE_RIGHT),
        ("INSUFFICIENT_ACCESS_OR_READONLY", (), True, reasons.FILE_OF_ANOTHER_USER),
        ("NOT_FOUND", (), False, reasons.NO_CREATE_RIGHT),
        ("ENTITY_IS_DELETED", (), False, reasons.DEAL_GONE),
        ("ENTITY_IS_DELETED", (), True, reasons.FILE_DELETED),
        ("INVALID_CROSS_REFERENCE_KEY", (), True, reasons.FILE_DELETED),
        ("FIELD_INTEGRITY_EXCEPTION", ("FileType",), False, reasons.TYPE_BLOCKED),
        ("FIELD_INTEGRITY_EXCEPTION", ("Title",), False, reasons.REFUSED),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", (), False, reasons.REFUSED_BY_RULE),
        ("SOMETHING_NEW", (), False, reasons.REFUSED),
        (None, (), False, reasons.REFUSED),
    ],
)
def test_a_refusal_by_its_code_is_one_reason(
    code: str | None, fields: tuple[str, ...], continues: bool, reason: Reason
) -> None:
    """`INSUFFICIENT_ACCESS_OR_READONLY` in a table of documents, which nobody who generates one can act on."""
    error = RejectedRequestError("It was refused.", status=400, code=code, fields=fields)
    assert of_refusal(error, continues_file=continues).code == reason.code


def test_every_reason_has_a_code_of_its_own_and_tells_who_acts() -> None:
    """Two reasons with one code cannot be told apart in a filter; one that needs an admin and names nobody helps nobody."""
    assert len({reason.code for reason in ALL}) == len(ALL) > 15
    actors = ("admin", "Whoever", "person")
    assert not [
        r.code for r in ALL if r.outlook is Outlook.ADMIN and not any(one in r.text for one in actors)
    ]
    assert {r.outlook for r in ALL} == set(Outlook)
