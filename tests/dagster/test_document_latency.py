"""How long a generated document takes from its row to Salesforce while the daemon runs, end to end. Run by hand."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from orchestration.documents.library import add_version
from tests.dagster.house import House
from tests.dagster.served import serving, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

DOCUMENTS = 12
SECONDS = 15


def test_a_generated_document_is_in_salesforce_within_fifteen_seconds(house: House, tmp_path: Path) -> None:
    """A rep who has generated a document in Fluint, opens the opportunity, and finds no file."""
    assert house.run("sync_now_job").success
    (deal,) = house.ask(
        "select deal_id from fluint.deals where not is_deleted_in_salesforce order by 1 limit 1"
    )[0]
    waits = []
    with serving(house) as served:
        assert served.ends(served.launch("sync_now_job")) == "SUCCESS"  # the daemon is at work
        for number in range(DOCUMENTS):
            title = f"Latency {number}"
            file = tmp_path / f"{number}.md"
            file.write_text(title)
            add_version(house.bench.database, file, opportunity_id=deal, title=title)
            began = time.monotonic()
            until(
                lambda title=title: (
                    house.bench.ids(f"SELECT Id FROM ContentVersion WHERE Title = '{title}'") or None
                )
            )
            waits.append(time.monotonic() - began)
            time.sleep(number % 4 * 2.3)  # at every moment of a run and of the sensor's interval
        modelled = "select count(*)::int from fluint.deal_documents where upload_state = 'uploaded'"
        began = time.monotonic()
        until(lambda: house.ask(modelled) == [(DOCUMENTS,)] or None)
    print(
        f"\nseconds from row to Salesforce: {[round(w, 1) for w in waits]}, the last in the mart {time.monotonic() - began:.0f} s later"
    )
    assert statistics.quantiles(waits, n=20)[-1] <= SECONDS
