"""A Bulk result on disk: pages as ranges of bytes."""

import csv
import io
from pathlib import Path

from local_org.bulk_results import find_page, read_page, write_results


def test_a_page_of_a_written_result_never_cuts_a_row(tmp_path: Path) -> None:
    """Pages are ranges of bytes: an index that is off by one row would split a value that holds line breaks."""
    rows = [(str(number), "line\nbreak" * (number % 7), None, number % 2 == 0) for number in range(100)]
    path = tmp_path / "1.csv"
    assert write_results(path, ("a", "b", "c", "d"), rows, "COMMA", "LF") == 100
    seen: list[list[str]] = []
    row: int | None = 0
    while row is not None:
        page = find_page(path, row, 9, 300)
        text = b"".join(read_page(path, page)).decode()
        lines = list(csv.reader(io.StringIO(text, newline="")))
        assert (lines[0], len(lines) - 1) == (["a", "b", "c", "d"], page.records)
        seen += lines[1:]
        row = page.next_row
    assert seen == [[a, b, "", "true" if d else "false"] for a, b, _, d in rows]
