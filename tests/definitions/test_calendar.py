"""The calendar of completeness as Dagster's metadata: what it shows, and that it is short enough to be shown at once."""

from __future__ import annotations

from datetime import date
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from orchestration.assets.calendar import Months, calendar

_PATH = "{http://www.w3.org/2000/svg}path"


def _picture(months: Months) -> ElementTree.Element:
    address = calendar(months).partition("](<data:image/svg+xml,")[2].partition(">)")[0]
    return ElementTree.fromstring(unquote(address))


def test_a_calendar_shows_years_below_each_other_and_how_many_are_missing_or_too_many() -> None:
    """A picture in which a month that lacks deals looks like one without any."""
    months = {
        date(2024, 11, 1): (0, 0),
        date(2024, 12, 1): (5, 4),
        date(2026, 1, 1): (1200, 1200),
        date(2026, 2, 1): (3, 3),
        date(2026, 3, 1): (0, 4),
    }
    picture = _picture(months)
    assert "".join(picture.itertext()) == "JFMAMJJASOND" + "2024" + "2026" + "−1" + "+4"
    held, differing = (path.attrib["d"] for path in picture.iter(_PATH))
    assert held == "M30,34h40"  # January and February of the second line
    assert differing == "M250,19h20M70,34h20"
    assert calendar(months).endswith(
        "\n\nHeld less (−) or more (+) than Salesforce has: 2024-12 −1, 2026-03 +4."
    )


@pytest.mark.parametrize(("years", "every"), [(10, 1), (3, 4)], ids=["ten-years", "with-gaps"])
def test_a_usual_calendar_is_shown_at_once(years: int, every: int) -> None:
    """From 1,000 characters on Dagster shows a button in place of the picture."""
    months = {
        date(2017 + i // 12, i % 12 + 1, 1): (100, 100 if i % every == 0 else 100 - (i == 5))
        for i in range(12 * years)
    }
    assert len(calendar(months)) < 1_000
    assert "".join(_picture(months).itertext()).startswith("JFMAMJJASOND2017")
