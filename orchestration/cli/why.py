"""The command `fluint why`: is this deal, or this person's deals, in Fluint, and if not, why, and who can change it?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.console import console
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError

if TYPE_CHECKING:
    from orchestration.entitlement.why import Answer
    from orchestration.salesforce.record_links import RecordLink

_MARKS = {"in": ("✓ ", "green"), "out": ("✗ ", "red"), "waiting": ("… ", "yellow")}
_DEAL, _USER = "006", "005"
_OTHERS = {
    "001": "an account",
    "003": "a contact",
    "00Q": "a lead",
    "02s": "an e-mail message",
    "500": "a case",
}


def why(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID-OR-URL-OR-EMAIL",
            help="An opportunity: its id of 15 or 18 characters, or the address of its page in Lightning or Classic. Or an owner:"
            " e-mail address, username, or user id.",
        ),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as JSON, with a code for programs.")
    ] = False,
) -> None:
    """Say whether a deal is in Fluint; if not, exactly why, and who can change it. Likewise for an owner's e-mail address."""
    workspace = Workspace.here()
    subject, answer = _of_a_person(workspace, what) if _is_address(what) else _of_a_record(workspace, what)
    if as_json:
        console.out(json.dumps({"subject": subject} | asdict(answer), ensure_ascii=False, indent=2))
        return
    mark, style = _MARKS[answer.state]
    console.print(Text.assemble((mark, style), (f"{subject}: ", "bold"), answer.text))
    for note in answer.notes:
        console.print(f"  {note}", markup=False)
    console.print(f"  Who can change it: {answer.who}.", markup=False)


def _is_address(what: str) -> bool:
    return "@" in what and "://" not in what


def _of_a_person(workspace: Workspace, who: str) -> tuple[str, Answer]:
    from orchestration.entitlement.why import ERASED, why_person
    from orchestration.sync.evidence import person_facts

    with workspace.asking("why") as salesforce:
        answer = why_person(person_facts(workspace.database, salesforce, who))
    return "erased" if answer.code == ERASED else who, answer


def _of_a_record(workspace: Workspace, what: str) -> tuple[str, Answer]:
    from orchestration.entitlement.why import why_deal
    from orchestration.salesforce.record_links import read_link
    from orchestration.sync.evidence import deal_facts

    link = read_link(what)
    _insist_on_our_org(workspace, link)
    kind = link.record_id[:3]
    if kind == _USER:
        return _of_a_person(workspace, link.record_id)
    if kind != _DEAL:
        raise SetupError(
            f"{link.record_id} is the id of {_OTHERS.get(kind, 'another kind of record')}. `fluint why` takes an opportunity (its id"
            " begins with 006) or an owner."
        )
    with workspace.asking("why") as salesforce:
        return link.record_id, why_deal(deal_facts(workspace.database, salesforce, link.record_id))


def _insist_on_our_org(workspace: Workspace, link: RecordLink) -> None:
    instance = workspace.token_store.load().instance_url
    if not link.belongs_to(instance):
        raise SetupError(
            f"That is the address of a record of {link.origin}, and this workspace is connected to {instance}."
        )
