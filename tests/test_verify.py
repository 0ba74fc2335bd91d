"""Verification finds what is damaged, says where, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from contexta.errors import NotFoundError
from contexta.journal.paths import artifacts_dir, ledger_path
from contexta.promotion import promote_captured
from contexta.store.artifacts import ArtifactStore
from contexta.store.ledger import open_ledger
from contexta.verify import Finding, verify
from contexta.vocabulary import Severity
from tests.promotion import capturing

BODY = "artifact:p.r1.model"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = capturing.capture(tmp_path / ".contexta", runs=1)
    promote_captured(root)
    return root


def only(findings: tuple[Finding, ...]) -> Finding:
    (finding,) = findings
    return finding


def test_a_sound_workspace_has_no_findings(workspace: Path) -> None:
    before = capturing.listing(workspace)
    found = verify(workspace)
    assert (found.ok, found.findings) == (True, ())
    assert found.journal_lines > found.records > 0
    assert (found.artifacts, found.ledger_rows > 0) == (1, True)
    assert found.summary.endswith("1 artifacts were looked at: all is well.")
    assert capturing.listing(workspace) == before


@pytest.mark.parametrize(
    "name", ["iris-capture-only", "batch-demo-ledger-and-segments", "ranking-deployments"]
)
def test_what_public_contexta_wrote_is_sound(name: str, public_workspace: Callable[[str], Path]) -> None:
    workspace = public_workspace(name)
    before = capturing.listing(workspace)
    found = verify(workspace)
    assert [one for one in found.findings if one.severity is Severity.ERROR] == []
    assert capturing.listing(workspace) == before


def test_a_damaged_line_of_the_journal_is_told_with_its_byte(workspace: Path) -> None:
    journal = workspace / "cache" / "capture" / "record.jsonl"
    size = journal.stat().st_size
    capturing.append_line(workspace, "record", b"{torn")
    finding = only(verify(workspace).findings)
    assert (finding.severity, finding.code) == (Severity.ERROR, "damaged_line")
    assert (finding.path, finding.position) == (str(journal), f"byte {size}")
    assert finding.sentence.startswith("5 bytes cannot be read: ")


def test_a_line_that_is_being_written_is_no_fault(workspace: Path) -> None:
    with (workspace / "cache" / "capture" / "record.jsonl").open("ab") as file:
        file.write(b'{"captured_at":"')
    found = verify(workspace)
    assert only(found.findings).code == "unfinished_line"
    assert found.ok


def test_a_journal_file_that_may_not_be_opened_is_told(workspace: Path, tmp_path: Path) -> None:
    (workspace / "cache" / "capture" / "record.node-1.jsonl").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("{}\n")
    assert only(verify(workspace).findings).code == "journal_unreadable"


def test_a_damaged_segment_is_told_with_its_line(workspace: Path) -> None:
    (segment,) = (workspace / "records" / "segments").iterdir()
    lines = segment.read_bytes().split(b"\n")
    segment.write_bytes(b"\n".join([lines[0], b"#" + lines[1], *lines[2:]]))
    errors = [one for one in verify(workspace).findings if one.severity is Severity.ERROR]
    assert [(one.code, one.path, one.position) for one in errors] == [
        ("invalid_json_line", str(segment), "line 2")
    ]


def test_a_ledger_row_that_cannot_be_read_is_told_with_its_reference(workspace: Path) -> None:
    with open_ledger(workspace) as ledger:
        ledger.duckdb.execute("update runs set payload_json = '{'")
    finding = only(verify(workspace).findings)
    assert (finding.severity, finding.code, finding.position) == (
        Severity.ERROR,
        "row_unreadable",
        "run:p.r1",
    )


@pytest.mark.parametrize("content", [b"", b"no database at all", b"\0" * 20_000])
def test_a_ledger_that_is_none_is_a_finding(workspace: Path, content: bytes) -> None:
    ledger_path(workspace).write_bytes(content)
    found = verify(workspace)
    assert [one.path for one in found.findings] == [str(ledger_path(workspace))] * len(found.findings)
    assert found.records > 0


def test_a_ledger_behind_a_link_that_leads_out_is_not_opened(workspace: Path, tmp_path: Path) -> None:
    outside = tmp_path / "ledger.db"
    ledger_path(workspace).rename(outside)
    ledger_path(workspace).symlink_to(outside)
    assert "leads out" in only(verify(workspace).findings).sentence


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda path: path.unlink(), "artifact_missing"),
        (lambda path: path.write_bytes(b"x"), "artifact_size_mismatch"),
        (lambda path: path.write_bytes(b"x" * path.stat().st_size), "artifact_hash_mismatch"),
    ],
)
def test_a_body_that_is_not_what_it_was_is_told(
    workspace: Path, damage: Callable[[Path], object], code: str
) -> None:
    path = ArtifactStore(artifacts_dir(workspace)).body_path(BODY)
    damage(path)
    finding = only(verify(workspace).findings)
    assert (finding.severity, finding.code, finding.path, finding.position) == (
        Severity.ERROR,
        code,
        str(path),
        BODY,
    )
    assert verify(workspace, bodies=False).ok


def test_a_binding_that_cannot_be_used_is_told(workspace: Path) -> None:
    (binding,) = (artifacts_dir(workspace) / "bindings").iterdir()
    binding.write_text("{")
    finding = only(verify(workspace).findings)
    assert (finding.code, finding.path) == ("artifact_store_binding_invalid", str(binding))


def test_nothing_recorded_is_an_error_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        verify(tmp_path / "nowhere")
    assert caught.value.code == "workspace_missing"
    assert list(tmp_path.iterdir()) == []
