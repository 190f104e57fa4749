"""Why a document is not in Salesforce, as people see it: each reason against an org that refuses for it, and how it is cured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.documents import library, outbox
from orchestration.documents.library import add_version
from orchestration.documents.look import confirm
from orchestration.documents.standing import read_standing
from orchestration.documents.sweep import sweep
from orchestration.documents.upload import UploadReport, drain
from orchestration.errors import RejectedRequestError, SetupError
from tests.sync.bench import Bench


def _deals(bench: Bench) -> list[str]:
    return sorted(bench.live("opportunity") & bench.entitled())


def _add(
    bench: Bench, folder: Path, title: str, text: str = "one", *, deal: int = 0, name: str = "case.md"
) -> None:
    file = folder / name
    file.write_text(text)
    add_version(bench.database, file, opportunity_id=_deals(bench)[deal], title=title)


def _drain(bench: Bench) -> UploadReport:
    return drain(bench.database, bench.client, run_id="upload")


def _shown(bench: Bench) -> list[tuple[str, str | None, str | None]]:
    """State, reason and outlook of every version, as the outbox has them."""
    return bench.ask(
        "select state, reason, outlook from fluint_sync.upload order by document_id, version_number"
    )


def _retry(bench: Bench) -> None:
    library.retry(bench.database, None)


@pytest.mark.parametrize(
    ("switches", "reason", "cure"),
    [
        ({"blocked_file_types": "exe, md"}, "type_blocked", {"blocked_file_types": ""}),
        ({"users_may_create_files": False}, "no_create_right", {"users_may_create_files": True}),
        ({"file_storage_mb": 0}, "storage_full", {"file_storage_mb": 20_000}),
        ({"validation_rule_on": "ContentVersion"}, "refused_by_rule", {"validation_rule_on": ""}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_admin_can_mend_says_so_holds_up_nobody_and_goes_once_it_is_mended(
    bench: Bench, tmp_path: Path, switches: dict[str, object], reason: str, cure: dict[str, object]
) -> None:
    """A code of Salesforce's in a log that nobody reads, and a document that is never tried again."""
    _add(bench, tmp_path, f"Mended {reason}")
    bench.org.admin("PATCH", "/switches", switches)
    assert _drain(bench).not_uploaded == {reason: 1}
    assert _shown(bench) == [("failed", reason, "needs_admin")]
    assert bench.ask("select reason_text like '%admin%' and retry_at > now() from fluint_sync.upload") == [
        (True,)
    ]
    if reason == "type_blocked":
        _add(bench, tmp_path, "Of another type", name="case.txt")
        assert _drain(bench).uploaded == 1
    bench.org.admin("PATCH", "/switches", cure)
    _retry(bench)
    _drain(bench)
    assert {row[:2] for row in _shown(bench)} == {("uploaded", None)}


def test_the_limit_of_file_versions_lets_everything_wait_with_the_reason(
    bench: Bench, tmp_path: Path
) -> None:
    """Ten thousand refusals, one for each document, on the day on which the org has published enough."""
    used = len(bench.ids("SELECT Id FROM ContentVersion"))
    for number in range(3):
        _add(bench, tmp_path, f"Over the limit {number}", deal=number)
    bench.org.admin("PATCH", "/switches", {"daily_content_versions": 0})
    before = bench.log_position()
    report = drain(bench.database, bench.client, run_id="upload", workers=1)
    assert isinstance(report.error, RejectedRequestError)
    assert report.until is not None
    assert {row[1:] for row in _shown(bench)} == {("publication_limit", "waits_until")}
    assert len([e for e in bench.org.admin("GET", f"/log?after={before}") if e["method"] == "POST"]) <= 3
    assert len(bench.ids("SELECT Id FROM ContentVersion")) == used
    assert _drain(bench).error is None  # nothing is due before the hour is over
    bench.org.admin("PATCH", "/switches", {"daily_content_versions": 100_000})
    _retry(bench)
    assert _drain(bench).uploaded == 3


def test_a_document_whose_deal_is_deleted_goes_by_itself_once_the_deal_is_back(
    bench: Bench, tmp_path: Path
) -> None:
    """Given up for good, for a deal that somebody deleted by mistake for a minute."""
    deal = _deals(bench)[0]
    _add(bench, tmp_path, "Of a deleted deal")
    _set_deleted(bench, deal, is_deleted=True)
    assert _drain(bench).not_uploaded == {"deal_deleted": 1}
    assert _shown(bench) == [("given_up", "deal_deleted", "given_up")]
    _set_deleted(bench, deal, is_deleted=False)
    assert _drain(bench).uploaded == 1


def test_a_document_whose_deal_is_hidden_waits_for_an_admin_and_goes_by_itself_once_it_is_shown(
    bench: Bench, tmp_path: Path
) -> None:
    """Somebody unshares a deal, and the rep is told that it was deleted; or a run a minute that can do nothing about it."""
    deal = _deals(bench)[0]
    _add(bench, tmp_path, "Of a hidden deal")
    _set_deleted(bench, deal, is_deleted=True, reason="not_visible")
    assert _drain(bench).not_uploaded == {"deal_hidden": 1}
    assert _shown(bench) == [("failed", "deal_hidden", "needs_admin")]
    touched = "select updated_at, _xact_id::text from fluint_sync.upload"
    before = bench.ask(touched)
    assert _due(bench) == 0
    assert _drain(bench).not_uploaded == {}
    assert bench.ask(touched) == before
    _retry(bench)
    sent = bench.log_position()
    assert _drain(bench).not_uploaded == {"deal_hidden": 1}
    assert not [call for call in bench.org.admin("GET", f"/log?after={sent}") if call["method"] == "POST"]
    _set_deleted(bench, deal, is_deleted=False)
    assert _due(bench) == 1
    assert _drain(bench).uploaded == 1


def test_a_hidden_deal_that_turns_out_to_be_deleted_is_said_to_be(bench: Bench, tmp_path: Path) -> None:
    """An admin who is asked to share what is no longer there."""
    deal = _deals(bench)[0]
    _add(bench, tmp_path, "Of a deal that was purged")
    _set_deleted(bench, deal, is_deleted=True, reason="not_visible")
    _drain(bench)
    _set_deleted(bench, deal, is_deleted=True, reason="hard_deleted")
    _drain(bench)
    shown = _shown(bench)
    _set_deleted(bench, deal, is_deleted=False)
    assert shown == [("given_up", "deal_deleted", "given_up")]


def _set_deleted(bench: Bench, deal: str, *, is_deleted: bool, reason: str = "soft_deleted") -> None:
    with bench.database.transaction() as connection:
        connection.execute(
            "update raw_salesforce.opportunity set _deleted_at = case when %(gone)s then now() end,"
            " _deleted_reason = case when %(gone)s then %(reason)s end where id = %(deal)s",
            {"gone": is_deleted, "reason": reason, "deal": deal},
        )


def _due(bench: Bench) -> int:
    with bench.database.connect() as connection:
        return outbox.count_due(connection)


def test_a_file_that_a_person_deleted_is_begun_anew_only_on_request(bench: Bench, tmp_path: Path) -> None:
    """Somebody throws a file away, and the sync brings it back; or no later version arrives, and nobody is told."""
    _add(bench, tmp_path, "Deleted by a person")
    _drain(bench)
    (document, file) = bench.ask("select document_id, content_document_id from fluint_sync.upload")[0]
    with pytest.raises(SetupError, match="double"):
        library.retry_as_new(bench.database, document, _is_gone(bench))
    bench.write("DELETE", f"/sobjects/ContentDocument/{file}")
    _add(bench, tmp_path, "Deleted by a person", "two")
    assert _drain(bench).not_uploaded == {"file_deleted": 1}
    assert _shown(bench)[1] == ("given_up", "file_deleted", "given_up")
    _retry(bench)
    assert _drain(bench).uploaded == 0
    assert library.retry_as_new(bench.database, document, _is_gone(bench)) == [2]
    _add(bench, tmp_path, "Deleted by a person", "three")
    assert _drain(bench).uploaded == 2
    ids = bench.ask("select content_document_id from fluint_sync.upload order by version_number")
    assert ids[1] == ids[2] != ids[0]


def _is_gone(bench: Bench) -> Callable[[str], bool]:
    def is_gone(content_version_id: str) -> bool:
        shown = confirm(bench.client, [content_version_id]).get(content_version_id)
        return shown is None or shown.is_deleted

    return is_gone


def test_the_same_bytes_again_are_no_new_version(bench: Bench, tmp_path: Path) -> None:
    """A playbook that generates the same document every night, and a file with three hundred versions."""
    for text in ("one", "one", "two", "one"):
        _add(bench, tmp_path, "Same bytes", text)
    assert bench.ask("select count(*)::int from fluint_app.document_version") == [(3,)]
    with bench.database.transaction() as connection:  # an app that does not look
        connection.execute(
            "insert into fluint_app.document_version select document_id, 4, file_name, content_type, byte_size, sha256,"
            " content_uri, content, now() from fluint_app.document_version where version_number = 3"
        )
    for _ in range(2):
        _drain(bench)
    assert len(bench.ids("SELECT Id FROM ContentVersion WHERE Title = 'Same bytes'")) == 3
    assert _shown(bench)[3] == ("uploaded", "same_bytes", None)


def test_bytes_that_are_not_the_recorded_ones_are_not_sent(bench: Bench, tmp_path: Path) -> None:
    """A file that was overwritten in the store: the deal would show another document than Fluint does."""
    _add(bench, tmp_path, "Overwritten")
    with bench.database.transaction() as connection:
        connection.execute("update fluint_app.document_version set content = 'two'")
    for reason in ("content_differs", "content_differs", "content_changed"):
        assert _drain(bench).not_uploaded == {reason: 1}
        with bench.database.transaction() as connection:
            connection.execute("update fluint_sync.upload set retry_at = null")
    assert _shown(bench) == [("given_up", "content_changed", "given_up")]
    assert not _drain(bench).not_uploaded
    assert not bench.ids("SELECT Id FROM ContentVersion WHERE Title = 'Overwritten'")


def test_a_file_on_a_page_without_a_files_list_is_uploaded_and_says_so(bench: Bench, tmp_path: Path) -> None:
    """Everything is green, and no rep ever sees a document."""
    record_types = bench.records("SELECT DeveloperName FROM RecordType WHERE SobjectType = 'Opportunity'")
    names = [row["DeveloperName"] for row in record_types] + [None]
    for name in names:
        bench.org.admin("PATCH", "/layouts", {"record_type": name, "related_lists": ["Emails"]})
    _add(bench, tmp_path, "Not seen")
    _drain(bench)
    assert _shown(bench) == [("uploaded", "files_list_missing", "needs_admin")]
    for name in names:
        lists = ["OpportunityContactRoles", "Emails", "AttachedContentDocuments"]
        bench.org.admin("PATCH", "/layouts", {"record_type": name, "related_lists": lists})
    sweep(bench.database, bench.client, run_id="sweep")
    assert _shown(bench) == [("uploaded", None, None)]


def test_the_sweep_finds_a_double_and_a_deleted_file_and_changes_neither(
    bench: Bench, tmp_path: Path
) -> None:
    """A fault of ours that nobody notices until a customer counts."""
    for number, title in enumerate(("Twice", "Thrown away", "As it should be")):
        _add(bench, tmp_path, title, deal=number)
    _drain(bench)
    held = dict(bench.ask("select opportunity_id, content_document_id from fluint_sync.upload"))
    twice, thrown, _ = _deals(bench)[:3]
    (marker,) = bench.ask(
        f"select document_id || '.v1.md' from fluint_sync.upload where opportunity_id = '{twice}'"
    )[0]
    values = {
        "Title": "Twice",
        "PathOnClient": marker,
        "VersionData": "eA==",
        "FirstPublishLocationId": twice,
    }
    surplus = bench.write("POST", "/sobjects/ContentVersion", values)["id"]
    bench.write("DELETE", f"/sobjects/ContentDocument/{held[thrown]}")
    before = bench.log_position()
    report = sweep(bench.database, bench.client, run_id="sweep")
    assert (report.looked_at, report.doubles, report.deleted) == (3, 1, 1)
    assert bench.ask("select content_version_id from fluint_sync.upload_double") == [(surplus,)]
    assert sorted(row[1] or "" for row in _shown(bench)) == ["", "double", "file_deleted"]
    methods = {
        (e["method"], e["path"].rsplit("/", 1)[1]) for e in bench.org.admin("GET", f"/log?after={before}")
    }
    assert {method for method, path in methods if path != "composite"} == {"GET"}


def test_the_standing_names_what_is_open_by_ids_and_codes(bench: Bench, tmp_path: Path) -> None:
    """Titles are content: Dagster's log could not be rid of them. And a version that nobody explains is what the check is for."""
    _add(bench, tmp_path, "A secret title")
    bench.org.admin("PATCH", "/switches", {"blocked_file_types": "md"})
    _drain(bench)
    standing = read_standing(bench.database)
    (version,) = standing.open_versions
    assert (standing.waiting, standing.unexplained, version.reason) == (1, 0, "type_blocked")
    assert "secret" not in repr(standing)
    with bench.database.transaction() as connection:
        connection.execute(
            "update fluint_sync.upload set reason = null, updated_at = now() - interval '1 hour'"
        )
    assert read_standing(bench.database).unexplained == 1


def test_a_file_that_belongs_to_an_earlier_integration_user_says_so(bench: Bench, tmp_path: Path) -> None:
    """Somebody reconnects as another user, and from then on no document gets a new version, for a reason in code."""
    _add(bench, tmp_path, "Handed over")
    _drain(bench)
    (document, file) = bench.ask("select document_id, content_document_id from fluint_sync.upload")[0]
    links = bench.records(
        f"SELECT Id, LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId = '{file}'"
    )
    bench.update("ContentDocument", file, OwnerId=bench.owners("rep")[0])
    for link in links:
        if link["LinkedEntityId"] == bench.tokens.user_id:
            bench.write("DELETE", f"/sobjects/ContentDocumentLink/{link['Id']}")
    _add(bench, tmp_path, "Handed over", "two")
    assert _drain(bench).not_uploaded == {"file_of_another_user": 1}
    assert _shown(bench)[1] == ("failed", "file_of_another_user", "needs_admin")
    assert library.retry_as_new(bench.database, document, _is_gone(bench)) == [2]
    assert _drain(bench).uploaded == 1
