"""CONTRIBUTING's recipe for an object, followed with an invented one in a copy of the project, from describe to mart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT

HERE = Path(__file__).parent
# With a mart of its own; a recipe of more is one that somebody forgets a part of.
MOST_FILES = 4
# The files that CONTRIBUTING names, what each gets, and after which words; a file without these is new.
OBJECT = """
DEAL_ROOM = SObject(
    "Deal_Room__c",
    "Rooms in which a deal's documents are shared with the customer.",
    ID
    + _fields("Name Deal__c")
    + _fields("Visits__c", "numeric", Need.OURS)
    + _fields("Opened_On__c", "date", Need.OURS)
    + IS_DELETED
    + AUDIT,
    parent="Deal__c",
)

"""
ORG_OBJECT = """
DEAL_ROOM = SObject(
    "Deal_Room__c",
    "Deal Room",
    "Deal Rooms",
    "a0D",
    (
        m.record_id(),
        m.name_field(80),
        m.is_deleted(),
        m.ref("Deal__c", "Opportunity", "NCU", child_relationship="Deal_Rooms__r", permissionable=True),
        m.number("Visits__c", 18, 0),
        m.day("Opened_On__c"),
        *m.audit(),
        m.owner(),
    ),
    createable=True,
    updateable=True,
    deletable=True,
    undeletable=True,
    replicateable=True,
    custom=True,
    access="object",
    sharing="owner",
)

"""
STAGING = """select
    id as deal_room_id,
    deal_c as deal_id,
    name as deal_room_name,
    visits_c as visit_count,
    {{ tombstone() }},
    _xact_id
from {{ source('raw_salesforce', 'deal_room_c') }}
"""
MART = """select rooms.deal_room_id, rooms.deal_id, rooms.deal_room_name, rooms.visit_count
from {{ ref('stg_salesforce__deal_rooms') }} as rooms
inner join {{ ref('stg_sync__admissions') }} using (deal_id)
where not rooms.is_deleted_in_salesforce
"""
CONTRACT = """version: 2

sources:
  - name: raw_salesforce
    schema: raw_salesforce
    tables:
      - {name: deal_room_c, description: Rooms of an admitted deal.}

models:
  - {name: stg_salesforce__deal_rooms, description: Rooms.}
  - name: deal_rooms
    description: One row per room of a deal.
    config: {unique_key: deal_room_id, tags: [interval]}
    columns:
      - {name: deal_room_id, data_type: text, constraints: [{type: not_null}, {type: primary_key}], description: "The room."}
      - {name: deal_id, data_type: text, constraints: [{type: not_null}], description: "Its deal (deals)."}
      - {name: deal_room_name, data_type: text, description: "Its name."}
      - {name: visit_count, data_type: numeric, description: "How often the customer was there."}
"""
DBT = "dbt_project/models"


def _insert(file: Path, before: str, text: str) -> None:
    whole = file.read_text()
    assert whole.count(before) == 1, (file, before)
    file.write_text(whole.replace(before, text + before))


def follow(copy: Path) -> None:
    """Adds the object by the recipe, and to the local org, which stands in for an org that has it."""
    catalogue = copy / "orchestration/sync/objects.py"
    _insert(catalogue, "# In the order in which they depend", OBJECT.lstrip())
    _insert(catalogue, ")\nBY_TABLE =", "    DEAL_ROOM,\n")
    (copy / DBT / "staging/stg_salesforce__deal_rooms.sql").write_text(STAGING)
    (copy / DBT / "marts/deal_rooms.sql").write_text(MART)
    (copy / DBT / "marts/_deal_rooms.yml").write_text(CONTRACT)
    org = copy / "local_org/objects/sales.py"
    _insert(org, "OBJECTS = (", ORG_OBJECT.lstrip())
    org.write_text(org.read_text().replace("OBJECTS = (", "OBJECTS = (\n    DEAL_ROOM,", 1))
    shutil.copy(HERE / "deal_rooms.txt", copy / "tests/sync/test_deal_rooms.py")


def _touched(copy: Path) -> set[str]:
    """The files of the product that are not as ours; what stands in for the org, and the tests, belong to no recipe."""
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    return {
        name
        for name in names
        if not name.startswith(("local_org/", "tests/"))
        and not ((ROOT / name).is_file() and (ROOT / name).read_bytes() == (copy / name).read_bytes())
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_invented_object_comes_from_describe_to_a_mart_by_the_recipe_alone(tmp_path: Path) -> None:
    """A recipe that leaves out a place: the object is described, and its rows are in no table, no asset or no mart."""
    copy = tmp_path / "project"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    follow(copy)
    touched = _touched(copy)
    assert len(touched) <= MOST_FILES, touched
    recipe = (ROOT / "CONTRIBUTING.md").read_text()
    assert {name.rpartition("/")[0] for name in touched} <= {
        line.split("`")[1].rpartition("/")[0] for line in recipe.splitlines() if line.startswith("| `")
    }
    chosen = [
        "tests/sync/test_deal_rooms.py",
        "tests/sync/test_plan.py",
        "tests/definitions/test_definitions.py",
    ]
    prepared = _in(copy, "-c", "from orchestration import modelling; modelling.prepare()")
    assert prepared.returncode == 0, prepared.stderr[-2000:]
    run = _in(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "--timeout", "300", *chosen)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def _in(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in the copy, with its code in place of ours."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("FLUINT_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=ours | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
