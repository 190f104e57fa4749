"""A Bulk result on disk: pages as ranges of bytes."""

import csv
import io
from pathlib import Path

from local_org.bulk_results import find_page, read_page, size_of, write_results


def test_a_page_of_a_written_result_never_cuts_a_row(tmp_path: Path) -> None:
    """API sheet 3.3: pages may be cut by size. Fault: an index that is off by one row splits a value that holds line breaks."""
    values = ["line\nbreak" * (number % 7) for number in range(100)]
    rows = [f'"{number}","{value}"\n'.encode() for number, value in enumerate(values)]
    path = tmp_path / "1.csv"
    assert write_results(path, b'"a","b"\n', [rows[:60], rows[60:60], rows[60:]]) == 100
    assert size_of(path) == len(b'"a","b"\n') + sum(map(len, rows))
    seen: list[list[str]] = []
    row: int | None = 0
    while row is not None:
        page = find_page(path, row, 9, 300)
        text = b"".join(read_page(path, page)).decode()
        lines = list(csv.reader(io.StringIO(text, newline="")))
        assert (lines[0], len(lines) - 1) == (["a", "b"], page.records)
        seen += lines[1:]
        row = page.next_row
    assert seen == [[str(number), value] for number, value in enumerate(values)]
