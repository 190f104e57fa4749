"""How each reason of the catalogue comes about: what an org, its admin, a person, a store or a daemon does for it, against the local org.

Each way is a function of a `Stage`; it returns the document whose newest version then has the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from orchestration.documents import outbox, upload
from orchestration.documents.library import add_version
from orchestration.documents.sweep import sweep
from orchestration.documents.upload import UploadReport, drain
from orchestration.salesforce.client import Salesforce
from tests.salesforce.scripted_org import MemoryStore
from tests.sync.bench import Bench
from tests.sync.sharing import Sharing

CREATE = {"method": "POST", "path": ".*/sobjects/ContentVersion/?"}
QUERY = ".*/query(All)?"
FILES_LIST = "AttachedContentDocuments"


@dataclass
class Stage:
    """A workspace in which one reason comes about; `title` is that of the document that gets it."""

    bench: Bench
    folder: Path
    title: str
    deals: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.deals = sorted(self.bench.live("opportunity") & self.bench.entitled())

    def add(self, text: str = "one", *, deal: int = 0, title: str = "", name: str = "case.md") -> UUID:
        """A generated document, or its next version."""
        file = self.folder / name
        file.write_text(text)
        given = {"opportunity_id": self.deals[deal], "title": title or self.title}
        return add_version(self.bench.database, file, **given).document_id

    def drain(self, client: Salesforce | None = None) -> UploadReport:
        """One drain of the outbox."""
        return drain(self.bench.database, client or self.bench.client, run_id="upload", workers=2)

    def due_now(self) -> None:
        """Lets the pauses be over."""
        self.write("update fluint_sync.upload set retry_at = null")

    def fault(self, kind: str, **values: object) -> None:
        """Puts a fault to work on uploads of this stage's document."""
        self.bench.org.admin("POST", "/faults", {"kind": kind, "about": self.title, **CREATE, **values})

    def write(self, statement: str, *values: object) -> None:
        """Any statement."""
        with self.bench.database.transaction() as connection:
            connection.execute(statement.encode(), values)

    def version(self, document: UUID, **values: object) -> None:
        """Changes what the app says of a document's versions."""
        assigned = ", ".join(f"{column} = %s" for column in values)
        self.write(
            f"update fluint_app.document_version set {assigned} where document_id = %s",
            *values.values(),
            document,
        )

    def file(self) -> tuple[UUID, str]:
        """The document that was uploaded last, and its file in Salesforce."""
        ((document, file),) = self.bench.ask(
            "select document_id, content_document_id from fluint_sync.upload where state = 'uploaded'"
            f" and document_id in (select document_id from fluint_app.document where title = '{self.title}')"
        )
        return document, file

    @contextmanager
    def switched(self, **switches: object) -> Iterator[None]:
        """The org with these switches, while the block runs."""
        before = self.bench.org.admin("GET", "/switches")
        self.bench.org.admin("PATCH", "/switches", switches)
        try:
            yield
        finally:
            self.bench.org.admin("PATCH", "/switches", {name: before[name] for name in switches})

    @contextmanager
    def mistake(self, name: str) -> Iterator[None]:
        """The org with a mistake in its set-up, while the block runs."""
        self.bench.org.admin("POST", "/mistakes", [name])
        try:
            yield
        finally:
            self.bench.org.admin("DELETE", "/mistakes")

    @contextmanager
    def deleted_deal(self) -> Iterator[None]:
        """The first deal in the org's recycle bin, while the block runs."""
        self.bench.write("DELETE", f"/sobjects/Opportunity/{self.deals[0]}")
        try:
            yield
        finally:
            self.bench.org.admin("POST", f"/records/Opportunity/{self.deals[0]}/undelete")


def _one_drain(stage: Stage, **switches: object) -> UUID:
    document = stage.add()
    with stage.switched(**switches):
        stage.drain()
    return document


def _switched(**switches: object) -> Callable[[Stage], UUID]:
    return lambda stage: _one_drain(stage, **switches)


def _mistaken(name: str) -> Callable[[Stage], UUID]:
    def provoke(stage: Stage) -> UUID:
        document = stage.add()
        with stage.mistake(name):
            stage.drain()
        return document

    return provoke


def _faulty(kind: str, **values: object) -> Callable[[Stage], UUID]:
    def provoke(stage: Stage) -> UUID:
        document = stage.add()
        stage.fault(kind, **values)
        stage.drain()
        return document

    return provoke


def _recorded(**values: object) -> Callable[[Stage], UUID]:
    """A version of which the app recorded something else than it stored."""

    def provoke(stage: Stage) -> UUID:
        document = stage.add()
        stage.version(document, **values)
        stage.drain()
        return document

    return provoke


def _content_changed(stage: Stage) -> UUID:
    document = _recorded(content=b"two")(stage)
    for _ in range(2):
        stage.due_now()
        stage.drain()
    return document


def _earlier_version(stage: Stage) -> UUID:
    stage.add()
    document = stage.add("two")
    stage.fault("lose_answer")
    stage.drain()
    stage.drain()  # nothing of it is due; that is what it says
    return document


def _in_line(stage: Stage) -> UUID:
    document = stage.add()
    with stage.bench.database.connect(autocommit=True) as connection:
        outbox.enqueue(connection)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(upload, "LONGEST", -1.0)
        stage.drain()
    return document


def _not_confirmed(stage: Stage) -> UUID:
    document = stage.add()
    stage.fault("unavailable_json", method="GET", path=QUERY, about="FROM ContentVersion", times=9)
    stage.drain()
    return document


def _api_limit(stage: Stage) -> UUID:
    document = stage.add()
    stage.bench.client.learn(8_500, 10_000, datetime.now(UTC) + timedelta(seconds=1))
    stage.drain()
    return document


def _needs_reconnect(stage: Stage) -> UUID:
    """Somebody revokes the app's access under Setup › Connected Apps OAuth Usage."""
    document = stage.add()
    tokens = stage.bench.org.connect()
    client = Salesforce(stage.bench.org.app(), MemoryStore(tokens), sleep=lambda _: None)
    stage.bench.org.admin("DELETE", f"/tokens?token={tokens.refresh_token}")
    stage.drain(client)
    return document


def _deal_deleted(stage: Stage) -> UUID:
    document = stage.add()
    with stage.deleted_deal():
        stage.bench.follow()
        stage.drain()
    return document


def _deal_hidden(stage: Stage) -> UUID:
    """An admin takes View All, and shares every deal but this one; a person says that the comparison may mark what is gone."""
    document = stage.add()
    sharing = Sharing(stage.bench)
    sharing.share(stage.bench.live("opportunity") - {stage.deals[0]})
    sharing.view_all("Opportunity", granted=False)
    try:
        stage.bench.reconcile(accept=True)
    finally:
        sharing.restore()
    stage.drain()
    stage.bench.reconcile(accept=True)
    return document


def _deal_gone(stage: Stage) -> UUID:
    """The sync has not heard of the deletion yet."""
    document = stage.add()
    with stage.deleted_deal():
        stage.drain()
    return document


def _deal_not_in_fluint(stage: Stage) -> UUID:
    """A deal of somebody without a licence, for which the app has generated a document all the same."""
    document = stage.add()
    stranger = min(stage.bench.entitled(stage.bench.owners("unmatched")) - stage.bench.live("opportunity"))
    stage.write(
        "update fluint_app.document set opportunity_id = %s where document_id = %s", stranger, document
    )
    stage.drain()
    return document


def _handed_over(stage: Stage) -> UUID:
    """The file is transferred to a rep, and no longer shared with the integration user but through the record."""
    stage.add()
    stage.drain()
    document, file = stage.file()
    stage.bench.update("ContentDocument", file, OwnerId=stage.bench.owners("rep")[0])
    _unshare(stage, file, stage.bench.tokens.user_id)
    return document


def _unshare(stage: Stage, file: str, entity: str) -> None:
    links = stage.bench.records(
        f"SELECT Id, LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId = '{file}'"
    )
    for link in links:
        if link["LinkedEntityId"] == entity:
            stage.bench.write("DELETE", f"/sobjects/ContentDocumentLink/{link['Id']}")


def _file_of_another_user(stage: Stage) -> UUID:
    _handed_over(stage)
    document = stage.add("two")
    stage.drain()
    return document


def _file_not_shown(stage: Stage) -> UUID:
    document = _handed_over(stage)
    _unshare(stage, stage.file()[1], stage.deals[0])
    sweep(stage.bench.database, stage.bench.client, run_id="sweep")
    return document


def _file_deleted(stage: Stage) -> UUID:
    stage.add()
    stage.drain()
    document, file = stage.file()
    stage.bench.write("DELETE", f"/sobjects/ContentDocument/{file}")
    stage.add("two")
    stage.drain()
    return document


def _double(stage: Stage) -> UUID:
    """Somebody downloaded the file and uploaded it again, under the name that the download had."""
    document = stage.add()
    stage.fault("lose_answer")
    stage.drain()
    values = {"Title": stage.title, "PathOnClient": f"{document}.v1.md", "VersionData": "eA=="}
    stage.bench.write(
        "POST", "/sobjects/ContentVersion", {**values, "FirstPublishLocationId": stage.deals[0]}
    )
    stage.due_now()
    stage.drain()
    return document


def _files_list_missing(stage: Stage) -> UUID:
    document = stage.add()
    record_types = stage.bench.records(
        "SELECT DeveloperName FROM RecordType WHERE SobjectType = 'Opportunity'"
    )
    names = [row["DeveloperName"] for row in record_types] + [None]
    for lists in (["Emails"], ["OpportunityContactRoles", "Emails", FILES_LIST]):
        for name in names:
            stage.bench.org.admin("PATCH", "/layouts", {"record_type": name, "related_lists": lists})
        stage.drain()
    return document


def _checksum_differs(stage: Stage) -> UUID:
    """Something on the way, or in the org, keeps other bytes than were sent."""
    values = {"sobject": "ContentVersion", "field": "Checksum", "value": "0" * 32}
    return _faulty("changed_type", method="GET", path=QUERY, about="FROM ContentVersion", **values)(stage)


_REFUSED = '[{"message":"What no document describes.","errorCode":"SOMETHING_NEW","fields":[]}]'
WAYS: Mapping[str, Callable[[Stage], UUID]] = {
    "answer_lost": _faulty("lose_answer"),
    "not_taken": _switched(concurrent_long_calls=0),
    "not_confirmed": _not_confirmed,
    "in_line": _in_line,
    "earlier_version": _earlier_version,
    "api_limit": _api_limit,
    "publication_limit": _switched(daily_content_versions=0),
    "needs_reconnect": _needs_reconnect,
    "setup": _mistaken("api_disabled_for_user"),
    "no_create_right": _switched(users_may_create_files=False),
    "no_edit_on_deal": _mistaken("opportunity_not_editable"),
    "file_of_another_user": _file_of_another_user,
    "storage_full": _switched(file_storage_mb=0),
    "type_blocked": _switched(blocked_file_types="exe, md"),
    "refused_by_rule": _switched(validation_rule_on="ContentVersion"),
    "refused": _faulty(
        "answer", status=400, body=_REFUSED, headers={"content-type": "application/json;charset=UTF-8"}
    ),
    "content_unreadable": _recorded(content=None, content_uri="nowhere://bucket/case.md"),
    "empty_file": _recorded(byte_size=0),
    "too_large": _recorded(byte_size=2 * 1024**3 + 1),
    "content_differs": _recorded(content=b"two"),
    "content_changed": _content_changed,
    "checksum_differs": _checksum_differs,
    "deal_deleted": _deal_deleted,
    "deal_hidden": _deal_hidden,
    "deal_not_in_fluint": _deal_not_in_fluint,
    "deal_gone": _deal_gone,
    "file_deleted": _file_deleted,
    "file_not_shown": _file_not_shown,
    "files_list_missing": _files_list_missing,
    "double": _double,
}
"""By code."""

HOLDS_ALL = {
    *("not_taken", "not_confirmed", "in_line", "api_limit", "publication_limit", "needs_reconnect", "setup"),
    *("no_create_right", "no_edit_on_deal", "storage_full", "refused_by_rule"),
    *("files_list_missing", "checksum_differs"),
}
"""What concerns the org or the connection, and so every document."""


@dataclass(frozen=True)
class Provoked:
    """A version with its reason, as the outbox has it, and what had become of a healthy document beside it by then."""

    document: UUID
    row: dict[str, Any]
    beside: str


def provoke(bench: Bench, folder: Path, code: str) -> Provoked:
    """Lets one reason come about in an empty outbox, beside a document of another deal that nothing is wrong with."""
    stage = Stage(bench, folder, f"Provoked {code} {uuid4().hex[:6]}")
    beside = stage.add("beside", deal=1, title=f"Beside {code}", name="beside.txt")
    document = WAYS[code](stage)
    rows = bench.ask(
        f"select to_jsonb(up) from fluint_sync.upload up where document_id = '{document}' order by version_number desc limit 1"
    )
    ((state,),) = bench.ask(f"select state from fluint_sync.upload where document_id = '{beside}'")
    return Provoked(document, rows[0][0], state)
