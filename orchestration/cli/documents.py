"""Commands about documents that go to Salesforce."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from orchestration.cli.console import console, done, speaking, table
from orchestration.cli.workspace import Workspace

group = typer.Typer(help="Documents on their way to the Files list of the Opportunity.", no_args_is_help=True)


@group.command("add")
@speaking
def add(
    file: Annotated[
        Path, typer.Argument(help="What people will find on the deal; its name is the file's name there.")
    ],
    deal: Annotated[str, typer.Option(help="The deal's id of 15 or 18 characters, or its page's address.")],
    title: Annotated[
        str | None, typer.Option(help="The title in Salesforce; the file's name without it.")
    ] = None,
) -> None:
    """Add a file as a document of a deal, or as the next version of the document with that title; it is uploaded by itself."""
    from orchestration.documents.library import add_version
    from orchestration.salesforce.record_links import read_link

    deal_id = read_link(deal).record_id
    added = add_version(Workspace.here().database, file, opportunity_id=deal_id, title=title or file.stem)
    if added.is_new:
        done(f"Version {added.version_number} of document {added.document_id} waits to be uploaded.")
    else:
        done(
            f"Version {added.version_number} of document {added.document_id} has these bytes already; nothing was added."
        )


@group.command("list")
@speaking
def list_(
    only_open: Annotated[
        bool, typer.Option("--open", help="Only what is not uploaded, or is there and not as it should be.")
    ] = False,
) -> None:
    """List the document versions with what became of them in Salesforce, and what the others wait for."""
    from orchestration.documents.library import list_versions

    columns = [
        "document",
        "version",
        "deal",
        "state",
        "reason",
        "waits for",
        "tried again (UTC)",
        "file in Salesforce",
    ]
    rows = [
        (
            version.document_id,
            version.version_number,
            version.opportunity_id,
            version.state,
            version.reason,
            version.outlook and version.outlook.replace("_", " "),
            f"{version.retry_at:%Y-%m-%d %H:%M}" if version.retry_at else None,
            version.content_document_id,
        )
        for version in list_versions(Workspace.here().database, only_open=only_open)
    ]
    if not rows:
        done("Every document version is in Salesforce." if only_open else "No document was generated yet.")
        return
    console.print(table("documents", columns, rows))
    say_reasons(Workspace.here())


@group.command("retry")
@speaking
def retry(
    document: Annotated[UUID | None, typer.Argument(help="One document; all without it.")] = None,
    as_new: Annotated[
        bool,
        typer.Option("--as-new", help="Begin a new file: the old one was deleted, or is somebody else's."),
    ] = False,
) -> None:
    """Try at once what is not in Salesforce; with --as-new, as a new file."""
    from orchestration.documents import library
    from orchestration.documents.look import confirm
    from orchestration.errors import SetupError

    workspace = Workspace.here()
    if not as_new:
        done(f"Versions that are tried again now: {library.retry(workspace.database, document)}.")
        return
    if document is None:
        raise SetupError(
            "--as-new takes the id of one document: a new file is begun on purpose. Nothing was changed."
        )

    def is_gone(content_version_id: str) -> bool:
        with workspace.asking("documents") as salesforce:
            shown = confirm(salesforce, [content_version_id]).get(content_version_id)
        return shown is None or shown.is_deleted

    versions = library.retry_as_new(workspace.database, document, is_gone)
    done(f"Version {', '.join(map(str, versions))} of document {document} begins a new file in Salesforce.")


def say_reasons(workspace: Workspace) -> None:
    """Says each reason for which versions are not uploaded, or not as they should be, once, with how many it concerns."""
    from orchestration.documents.standing import open_reasons

    for reason in open_reasons(workspace.database):
        waits_for = reason.outlook.replace("_", " ")
        console.print(f"{reason.versions} × {reason.code}, {waits_for}: {reason.text}", markup=False)
