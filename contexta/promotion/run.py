"""Promotes what a workspace has captured: one pass over the journal, then the ledger, then the vault.

Records are appended while the journal is read, so memory is bounded by the scopes and not by the records.
One promotion at a time: a lock in the workspace keeps a second one waiting, because which records are stored
is looked up once, at the start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from contexta.captured import CapturedLine, Shape, UnreadableLine, captured_lines
from contexta.contract.refs import StableRef, validate_stable_ref_kind
from contexta.errors import NotFoundError, StoreAccessError
from contexta.journal.paths import artifacts_dir, records_dir, workspace_root
from contexta.promotion.artifacts import put_artifacts
from contexta.promotion.context import Facts
from contexta.promotion.ledger import put_facts
from contexta.promotion.records import RecordPromoter
from contexta.promotion.result import UNREADABLE_LINE, PromotionResult, Tally
from contexta.promotion.scopes import Scopes
from contexta.store.artifacts import ArtifactStore
from contexta.store.disk import Folder, locked
from contexta.store.ledger import open_ledger
from contexta.store.segments import RecordStore
from contexta.watch.workspace import path_text

LOCK: Final = ".promotion.lock"
_LOCKED: Final = "promotion_locked"

Progress = Callable[[int, int], None]
"""Is told how much of how much is done."""


def promote_captured(
    workspace: str | os.PathLike[str],
    run_ref: str | StableRef | None = None,
    *,
    dry_run: bool = False,
    assume_completed: bool = False,
    settings: Mapping[str, object] | None = None,
    on_progress: Progress | None = None,
    lock_timeout_seconds: float = 60.0,
    batch_records: int = 1000,
) -> PromotionResult:
    """Carry captured runs into the ledger, the segments and the vault of their workspace.

    May be repeated at any time, also after a kill and while the job still runs: what is stored already is
    left as it is. Lines that cannot be read, scopes whose status nobody stated, rows without a parent and
    artifacts without a body are left out and told.

    Args:
        workspace: The workspace.
        run_ref: The only run to promote, with its deployments; all when None.
        dry_run: Write nothing, and tell what would be done. Hashes of files are not compared then.
        assume_completed: Count scopes of which only records are known as completed, from the first to the
            last thing that was observed in them.
        settings: The sections ``metadata``, ``records`` and ``artifacts`` of a configuration.
        on_progress: Is told from time to time how many bytes of how many of the capture were read.
        lock_timeout_seconds: How long to wait for another promotion of the workspace.
        batch_records: How many records are appended at once; each time waits for the disk.

    Raises:
        NotFoundError: ``promotion_nothing_captured``: the run, or any workspace, is not there.
        ValidationError: ``stable_ref_…``: ``run_ref`` is no reference of a run.
        StoreAccessError: ``promotion_locked``, ``metadata_store_open_failed``, ``record_store_locked`` or
            ``record_store_unreadable``; trying again may help.
        AppendError: ``record_append_failed`` or ``record_append_not_durable``; trying again goes on there.
        MetadataError: ``metadata_transaction_failed``.
        ReadOnlyStoreError: A store is read-only.
        SchemaVersionError: A store was made by another version.
    """
    root = workspace_root(workspace)
    wanted = None if run_ref is None else _run(run_ref)
    if not root.is_dir():
        raise _nothing(f"there is no workspace {path_text(root)}")
    given = settings or {}
    with _one_at_a_time(root, lock_timeout_seconds, dry_run=dry_run):
        tally = Tally()
        scopes = Scopes(wanted)
        store = RecordStore.from_settings(records_dir(root), given.get("records"))
        records = RecordPromoter(store, root, tally, wanted, dry_run=dry_run, batch_records=batch_records)
        manifests = _read(root, scopes, records, tally, on_progress)
        if wanted is not None and wanted not in scopes.observed:
            raise _nothing(f"nothing is captured of {wanted} in {path_text(root)}")
        facts = Facts(scopes, tally, assume_completed=assume_completed)
        with open_ledger(root, given.get("metadata")) as ledger:
            put_facts(ledger, facts, tally, dry_run=dry_run)
        vault = ArtifactStore.from_settings(artifacts_dir(root), given.get("artifacts"))
        put_artifacts(vault, root, manifests, tally, dry_run=dry_run)
        records.finish()
    return tally.result(str(root), scopes.runs(), dry_run=dry_run)


def _read(
    root: Path, scopes: Scopes, records: RecordPromoter, tally: Tally, on_progress: Progress | None
) -> dict[str, Mapping[str, object]]:
    """Read the journal, append its records, and return the manifests of its artifacts."""
    manifests: dict[str, Mapping[str, object]] = {}
    for line in captured_lines(root, on_progress):
        if isinstance(line, UnreadableLine):
            if not line.is_unfinished:
                at = "" if line.position is None else f" byte {line.position}"
                tally.leave_out(f"{path_text(line.path)}{at}", UNREADABLE_LINE, line.reason)
        elif line.shape is Shape.RECORD:
            records.add(line, scopes)
        elif line.shape is Shape.CONTEXT:
            scopes.state(line)
        elif scopes.wants(line.payload.get("run_ref")):
            _note_artifact(line, scopes, manifests)
    records.flush()
    return manifests


def _note_artifact(line: CapturedLine, scopes: Scopes, manifests: dict[str, Mapping[str, object]]) -> None:
    manifests[line.ref] = line.payload
    scopes.observe(line.payload)


def _run(run_ref: str | StableRef) -> str:
    parsed = run_ref if isinstance(run_ref, StableRef) else StableRef.parse(run_ref)
    return validate_stable_ref_kind(parsed, "run", "run_ref").text


@contextmanager
def _one_at_a_time(root: Path, timeout_seconds: float, *, dry_run: bool) -> Iterator[None]:
    if dry_run:
        yield
        return
    with ExitStack() as held:
        try:
            folder = held.enter_context(Folder.open(root))
            held.enter_context(locked(folder, LOCK, timeout_seconds=timeout_seconds, code=_LOCKED))
        except OSError as error:
            raise _unusable(root, error) from error
        yield


def _unusable(root: Path, error: OSError) -> StoreAccessError:
    return StoreAccessError(
        f"Nothing can be promoted in {path_text(root)}: {error}.", code=_LOCKED, cause=error
    )


def _nothing(why: str) -> NotFoundError:
    return NotFoundError(f"Nothing was promoted: {why}.", code="promotion_nothing_captured")
