"""Commands about documents that go to Salesforce."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.console import console, done, speaking, table
from orchestration.cli.workspace import Workspace

group = typer.Typer(help="Documents on their way to the Files list of the Opportunity.", no_args_is_help=True)


@group.command("add")
@speaking
def add(
    file: Path,
    deal: Annotated[str, typer.Option(help="The deal's id, 18 characters.")],
    title: Annotated[
        str | None, typer.Option(help="The title in Salesforce; the file's name without it.")
    ] = None,
) -> None:
    """Add a file as a document of a deal, or as the next version of the document with that title; it is uploaded by itself."""
    from orchestration.documents.library import add_version

    added = add_version(Workspace.here().database, file, opportunity_id=deal, title=title or file.stem)
    done(f"Version {added.version_number} of document {added.document_id} waits to be uploaded.")


@group.command("list")
@speaking
def list_() -> None:
    """List the document versions with what became of them in Salesforce."""
    from orchestration.documents.library import list_versions

    columns = ["document", "version", "deal", "state", "reason", "file in Salesforce"]
    console.print(table("documents", columns, list_versions(Workspace.here().database)))
