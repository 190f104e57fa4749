"""What a version is called: names of people are longer and odder than a field of Salesforce."""

from __future__ import annotations

from uuid import UUID

import pytest

from orchestration.documents import naming

DOCUMENT = UUID("00000000-0000-0000-0000-0000000000d0")


@pytest.mark.parametrize(
    ("given", "file_name", "shown"),
    [
        ("Business case", "case.pdf", "Business case"),
        ("Angebot „Müller & Söhne“ – 見積", "case.pdf", "Angebot „Müller & Söhne“ – 見積"),
        ('it\'s "quoted" \\ / <b>', "case.pdf", 'it\'s "quoted" \\ / <b>'),
        ("two\r\nlines\tand a tab", "case.pdf", "two lines and a tab"),
        ("", "Plan 2026.docx", "Plan 2026"),
        ("  ", "C:\\temp\\Plan.docx", "Plan"),
        ("x" * 255, "case.pdf", "x" * 255),
        ("x" * 300, "case.pdf", "x" * 255),
        ("x" * 300 + ".pdf", "case.pdf", "x" * 251 + ".pdf"),
        ("🙂" * 200, "case.pdf", "🙂" * 127),
    ],
)
def test_a_title_of_any_kind_is_one_that_salesforce_takes(given: str, file_name: str, shown: str) -> None:
    """STRING_TOO_LONG for a document that nobody can shorten any more; a name cut off before its extension."""
    assert naming.title(given, file_name) == shown


@pytest.mark.parametrize(
    ("file_name", "copy", "ending"),
    [
        ("case.pdf", 0, ".v2.pdf"),
        ("case.pdf", 1, ".v2.again1.pdf"),
        ("no extension", 0, ".v2"),
        ("a.b c", 0, ".v2"),
        ('évil.p"df\r\nX: y', 0, ".v2"),
        ("archive.tar.gz", 0, ".v2.gz"),
        ("C:\\x.y\\plan.XLSX", 0, ".v2.XLSX"),
    ],
)
def test_a_marker_is_ascii_whatever_the_file_is_called(file_name: str, copy: int, ending: str) -> None:
    """It goes into a header and into a query; with a character lost on the way, the version would never be found again."""
    assert naming.marker(DOCUMENT, 2, copy, file_name) == f"{DOCUMENT}{ending}"


@pytest.mark.parametrize(
    ("given", "file_name", "sent"),
    [
        ("application/pdf", "x.docx", "application/pdf"),
        ("", "plan.pdf", "application/pdf"),
        ("text/plain\r\nX-Evil: 1", "plan.pdf", "application/pdf"),
        ("nonsense", "plan", "application/octet-stream"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "x", None),
    ],
)
def test_a_media_type_is_one_or_is_guessed_from_the_name(
    given: str, file_name: str, sent: str | None
) -> None:
    """A header that the app's text could end."""
    assert naming.media_type(given, file_name) == (sent or given)
