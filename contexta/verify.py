"""Looks whether all that a workspace holds can be read and is what it was, and tells what is not.

Journal, segments, ledger and vault each know how to check themselves; this brings their findings into one
form, for people and for scripts. It reads everything, changes nothing, creates nothing, and never fails for
what it finds: a store that cannot be opened is a finding.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contexta.captured import UnreadableLine, captured_lines
from contexta.catalog import ledger as ledger_copy
from contexta.errors import ContextaError, NotFoundError
from contexta.journal.paths import artifacts_dir, ledger_path, records_dir, workspace_root
from contexta.store.artifact_results import VerificationStatus
from contexta.store.artifacts import ArtifactStore
from contexta.store.ledger import open_ledger
from contexta.store.ledger_report import NOT_REGISTERED, OWNER_MISSING
from contexta.store.segment_files import SEGMENTS, segment_name
from contexta.store.segments import RecordStore
from contexta.vocabulary import Severity
from contexta.watch.workspace import is_workspace, path_text

_SEVERITIES: Final = {severity.value: severity for severity in Severity}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that cannot be read, or is not what it was.

    Attributes:
        severity: ``error``: something is lost or cannot be trusted. ``warning``: something is missing beside
            what matters, or may be. ``info``: worth knowing.
        code: Stable name of the situation: ``damaged_line`` and ``unfinished_line`` of the journal,
            ``journal_unreadable``, a code of `contexta.store.segment_results.IntegrityIssue`, of
            `contexta.store.ledger_report.IntegrityIssue`, of `ArtifactProblem`, or ``artifact_missing``,
            ``artifact_size_mismatch``, ``artifact_hash_mismatch``, ``artifact_unreadable``; or the code of
            the error that a store raised.
        path: The file.
        position: Where in it: ``byte 120``, ``line 7`` or a reference; empty for all of it.
        sentence: What is wrong.
    """

    severity: Severity
    code: str
    path: str
    position: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at, and what was found.

    Attributes:
        workspace: The folder.
        findings: In the order journal, segments, ledger, vault, and of the files.
        journal_lines: Lines of the capture that can be read.
        records: Stored records that can be read.
        ledger_rows: Rows of the ledger, those of its registry too.
        artifacts: Bound artifacts.
    """

    workspace: str
    findings: tuple[Finding, ...] = ()
    journal_lines: int = 0
    records: int = 0
    ledger_rows: int = 0
    artifacts: int = 0

    @property
    def ok(self) -> bool:
        """Whether there is nothing worse than ``info``."""
        return all(finding.severity is Severity.INFO for finding in self.findings)

    @property
    def summary(self) -> str:
        """One sentence."""
        counted = (
            f"{self.journal_lines:,} captured lines, {self.records:,} stored records,"
            f" {self.ledger_rows:,} ledger rows and {self.artifacts:,} artifacts were looked at"
        )
        numbers = {
            severity: sum(finding.severity is severity for finding in self.findings) for severity in Severity
        }
        bad = [
            f"{count:,} {severity.value}{'' if count == 1 else 's'}"
            for severity, count in numbers.items()
            if count and severity is not Severity.INFO
        ]
        return f"{counted}: {' and '.join(bad) or 'all is well'}."


def verify(
    workspace: str | os.PathLike[str], *, settings: Mapping[str, object] | None = None, bodies: bool = True
) -> Verification:
    """Check everything in a workspace.

    What is just being written may look torn or stale for a moment.

    Args:
        workspace: The workspace.
        settings: The sections ``metadata``, ``records`` and ``artifacts`` of a configuration.
        bodies: Read the bodies of artifacts and compare their hashes; else only their bindings are read.

    Raises:
        NotFoundError: ``workspace_missing``.
        ConfigurationError: A section of the settings cannot be used.
    """
    root = workspace_root(workspace)
    if not is_workspace(root):
        raise NotFoundError(
            f"{path_text(root)} is no workspace: nothing was recorded there.", code="workspace_missing"
        )
    given = settings or {}
    findings: list[Finding] = []
    return Verification(
        str(root),
        journal_lines=_check_journal(root, findings),
        records=_check_segments(RecordStore.from_settings(records_dir(root), given.get("records")), findings),
        ledger_rows=_check_ledger(root, given.get("metadata"), findings),
        artifacts=_check_vault(
            ArtifactStore.from_settings(artifacts_dir(root), given.get("artifacts")), findings, bodies=bodies
        ),
        findings=tuple(findings),
    )


def _check_journal(root: Path, findings: list[Finding]) -> int:
    lines = 0
    for line in captured_lines(root):
        if isinstance(line, UnreadableLine):
            findings.append(_journal_finding(line))
        else:
            lines += 1
    return lines


def _journal_finding(line: UnreadableLine) -> Finding:
    path = path_text(line.path)
    if line.position is None:
        return Finding(Severity.ERROR, "journal_unreadable", path, "", f"It cannot be read: {line.reason}.")
    at = f"byte {line.position}"
    if line.is_unfinished:
        sentence = (
            f"The last {line.length:,} bytes are no line yet: one is being written, or its writer was killed."
        )
        return Finding(Severity.INFO, "unfinished_line", path, at, sentence)
    sentence = f"{line.length:,} bytes cannot be read: {line.reason}."
    return Finding(Severity.ERROR, "damaged_line", path, at, sentence)


def _check_segments(store: RecordStore, findings: list[Finding]) -> int:
    try:
        report = store.check_integrity()
    except ContextaError as error:
        findings.append(_raised(error, store.root_path))
        return 0
    for issue in report.issues:
        path = store.root_path
        if issue.segment_id is not None:
            path = path / SEGMENTS / segment_name(issue.segment_id)
        at = "" if issue.line_number is None else f"line {issue.line_number}"
        findings.append(Finding(_SEVERITIES[issue.severity], issue.code, path_text(path), at, issue.message))
    return report.record_count


def _check_ledger(root: Path, settings: object, findings: list[Finding]) -> int:
    with open_ledger(root, settings) as store:
        path = Path(store.config.database_path)
        if not os.path.lexists(path):
            return 0
        try:
            if path == ledger_path(root):
                # One that a link leads to elsewhere is not the workspace's.
                ledger_copy.check(path, root)
            report = store.check_integrity()
        except ledger_copy.LedgerError as error:
            sentence = f"The ledger cannot be read: {error}."
            findings.append(
                Finding(Severity.ERROR, "metadata_store_open_failed", path_text(path), "", sentence)
            )
            return 0
        except ContextaError as error:
            findings.append(_raised(error, path))
            return 0
    for issue in report.issues:
        only_registry = issue.code in (NOT_REGISTERED, OWNER_MISSING)
        severity = Severity.WARNING if only_registry else Severity.ERROR
        sentence = f"In {issue.table}: {issue.message}."
        findings.append(Finding(severity, issue.code, path_text(path), issue.ref, sentence))
    return report.rows


def _check_vault(vault: ArtifactStore, findings: list[Finding], *, bodies: bool) -> int:
    try:
        listing = vault.list()
    except ContextaError as error:
        findings.append(_raised(error, vault.root_path))
        return 0
    findings.extend(
        Finding(Severity.ERROR, problem.code, path_text(problem.path), "", problem.message)
        for problem in listing.problems
    )
    if bodies:
        for handle in listing:
            findings.extend(_body_findings(vault, handle.artifact_ref, handle.path))
    return len(listing)


def _body_findings(vault: ArtifactStore, ref: str, path: Path) -> Iterator[Finding]:
    try:
        report = vault.verify(ref)
    except ContextaError as error:
        yield _raised(error, path)
        return
    if report.status is not VerificationStatus.OK:
        code = f"artifact_{report.status.value}"
        yield Finding(Severity.ERROR, code, path_text(path), ref, report.message)


def _raised(error: ContextaError, path: Path) -> Finding:
    return Finding(Severity.ERROR, error.code, path_text(path), "", error.message)
