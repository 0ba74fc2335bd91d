"""Brings the bodies of captured artifacts into the vault.

A capture says where a file was, and its SHA-256 at that moment. Only a file that still has that hash comes
in: another one would be a body that the run never made. That also keeps a capture that was unpacked from
anywhere from having this user's files copied, unless it knows their content already. Without a body the
vault binds nothing, so such an artifact is left out, and told; one that fails never concerns another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from contexta.contract.artifacts import ArtifactManifest
from contexta.errors import ArtifactError, ContextaError, NotFoundError, ReadOnlyStoreError
from contexta.promotion.models import model_of
from contexta.promotion.result import (
    BODY_CHANGED,
    BODY_MISSING,
    BODY_UNKNOWN,
    INVALID_ARTIFACT,
    PARTLY,
    Tally,
)
from contexta.store.artifacts import ArtifactStore

_SCHEME: Final = "path:"
_KERNEL: Final = ("/proc", "/sys", "/dev")
_SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - nothing is made there
_MISMATCHES: Final = ("artifact_store_hash_mismatch", "artifact_store_size_mismatch")


def put_artifacts(
    vault: ArtifactStore,
    workspace: Path,
    manifests: Mapping[str, Mapping[str, object]],
    tally: Tally,
    *,
    dry_run: bool,
) -> None:
    """Store artifacts.

    Args:
        vault: Where to.
        workspace: The workspace they were captured in.
        manifests: Their manifests as plain data, by reference.
        tally: Gets the counts.
        dry_run: Look only; whether a hash agrees is then not looked at, as that would mean to read it all.

    Raises:
        ReadOnlyStoreError: ``artifact_store_read_only``.
    """
    for ref, plain in manifests.items():
        manifest, given_up = model_of(ArtifactManifest, plain)
        if manifest is None:
            tally.leave_out(ref, INVALID_ARTIFACT, "; ".join(given_up))
            continue
        if given_up:
            tally.leave_out(ref, PARTLY, "; ".join(given_up))
        try:
            _put(vault, workspace, manifest, tally, dry_run=dry_run)
        except ReadOnlyStoreError:
            raise
        except ContextaError as error:
            tally.leave_out(ref, error.code, error.message.rstrip("."))


def _put(
    vault: ArtifactStore, workspace: Path, manifest: ArtifactManifest, tally: Tally, *, dry_run: bool
) -> None:
    ref = manifest.artifact_ref.text
    if _is_there(vault, ref):
        tally.artifacts_skipped += 1
        return
    if manifest.hash_value is None:
        why = "no hash was recorded, so nothing tells whether a file is still the one it was"
        tally.leave_out(ref, BODY_UNKNOWN, why)
        return
    found = list(_places(manifest.location_ref, workspace))
    changed: ContextaError | None = None
    for path in found:
        if dry_run:
            if manifest.size_bytes in (None, path.stat().st_size):
                tally.artifacts_written += 1
                return
            continue
        try:
            vault.put_artifact(manifest, path, mode="copy")
        except ContextaError as error:
            if error.code not in _MISMATCHES:
                raise
            changed = error
        else:
            tally.artifacts_written += 1
            return
    if not found:
        tally.leave_out(ref, BODY_MISSING, f"there is no file {manifest.location_ref}")
    else:
        why = f"{found[0]} is another file by now" if changed is None else changed.message.rstrip(".")
        tally.leave_out(ref, BODY_CHANGED, why)


def _is_there(vault: ArtifactStore, ref: str) -> bool:
    """Tell whether an artifact is bound and has a body."""
    try:
        vault.body_path(ref)
    except NotFoundError:
        return False
    except ArtifactError as error:
        # A body that may not be read is there; putting another one would not help.
        if error.code != "artifact_store_body_unreadable":
            raise
    return True


def _places(location: str, workspace: Path) -> Iterator[Path]:
    """Yield where a captured file may be, if there is one: where it was, or where the workspace is now."""
    was = Path(location.removeprefix(_SCHEME))
    candidates = [was] if was.is_absolute() else [workspace / was]
    if was.is_absolute() and workspace.name in was.parts:
        at = len(was.parts) - 1 - was.parts[::-1].index(workspace.name)
        candidates.append(workspace.joinpath(*was.parts[at + 1 :]))
    seen: set[Path] = set()
    for path in candidates:
        try:
            if path not in seen and path.is_file() and _ends(path.resolve()):
                seen.add(path)
                yield path
        except (OSError, ValueError):
            continue


def _ends(path: Path) -> bool:
    """Tell whether a file is on a disk. What the kernel makes up may have no end, or wait for ever."""
    return path.is_relative_to(_SHARED_MEMORY) or not any(map(path.is_relative_to, _KERNEL))
