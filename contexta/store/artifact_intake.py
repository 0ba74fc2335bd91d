"""Takes a staged body into the vault: checks what was claimed of it, gives it its place, binds it.

The order makes a crash harmless at any moment: body, then binding, then history. A body without a binding is
replaced by the next put; a binding without a body does not come about.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from contexta.contract.artifacts import ArtifactManifest
from contexta.errors import ArtifactError, ConflictError, IntegrityError, NotFoundError
from contexta.store import disk
from contexta.store.artifact_bindings import (
    home,
    open_body,
    read_handle,
    write_binding,
    write_history,
)
from contexta.store.artifact_results import ArtifactBinding, ArtifactHandle, ArtifactPutReceipt
from contexta.store.artifact_staging import Staged
from contexta.store.disk import Folder
from contexta.store.vault_paths import Place


def check_claims(manifest: ArtifactManifest, size_bytes: int, hash_value: str) -> None:
    """Compare what a manifest claims of a body with the body.

    Raises:
        IntegrityError: ``artifact_store_size_mismatch`` or ``artifact_store_hash_mismatch``.
    """
    claims = (
        ("size", "size_bytes", manifest.size_bytes, size_bytes),
        (
            "hash",
            "hash_value",
            None if manifest.hash_value is None else manifest.hash_value.lower(),
            hash_value,
        ),
    )
    for what, field_name, claimed, actual in claims:
        if claimed is not None and claimed != actual:
            raise IntegrityError(
                f"The manifest of {manifest.artifact_ref} says {field_name} {claimed!r}, the file has"
                f" {actual!r}. Nothing was stored.",
                code=f"artifact_store_{what}_mismatch",
                details={
                    "artifact_ref": manifest.artifact_ref.text,
                    f"expected_{field_name}": claimed,
                    f"actual_{field_name}": actual,
                },
            )


def take_in(
    vault: Path, staging: Folder, body: Staged, binding: ArtifactBinding, place: Place
) -> ArtifactPutReceipt:
    """Give a staged body its place and bind it; the caller holds the lock.

    Raises:
        ConflictError: ``artifact_binding_conflict``.
        OSError: It could not be written; nothing is bound then.
    """
    earlier = bound_already(vault, binding)
    if earlier is not None:
        return _again(vault, staging, body, earlier)
    path = vault.joinpath(*place.folders, place.name)
    with Folder.open(vault, *place.folders, create=True) as folder:
        _rename(staging, body.name, folder, place.name)
        try:
            disk.sync(folder.fd)
            write_binding(vault, binding)
        except BaseException:
            _give_up(vault, folder, place, binding)
            raise
    return ArtifactPutReceipt(binding, path, body.size_bytes, note(vault, binding, path))


def bound_already(vault: Path, binding: ArtifactBinding) -> ArtifactHandle | None:
    """Return the artifact when the same body is bound already, None when none is.

    Raises:
        ConflictError: ``artifact_binding_conflict``: another body or kind is.
        IntegrityError: ``artifact_store_binding_invalid``.
        ArtifactError: ``artifact_store_binding_unreadable``.
        SchemaVersionError: ``artifact_store_layout_unsupported``.
    """
    try:
        earlier = read_handle(vault, binding.artifact_ref)
    except NotFoundError:
        return None
    if _facts(earlier.binding) != _facts(binding):
        raise ConflictError(
            f"{binding.artifact_ref} is bound already, to {_shown(earlier.binding)}; this is"
            f" {_shown(binding)}. Give it another reference.",
            code="artifact_binding_conflict",
            details={"artifact_ref": binding.artifact_ref},
        )
    return earlier


def note(vault: Path, binding: ArtifactBinding, path: Path) -> tuple[str, ...]:
    """Note a binding in the history, and return what went wrong with that."""
    try:
        write_history(vault, binding, path)
    except OSError as error:
        return (f"the history of bindings was not continued: {error}",)
    return ()


def _facts(binding: ArtifactBinding) -> tuple[str, int, str, str]:
    return (
        binding.hash_algorithm,
        binding.size_bytes,
        binding.hash_value.lower(),
        binding.artifact_kind,
    )


def _shown(binding: ArtifactBinding) -> str:
    return f"a {binding.artifact_kind} of {binding.size_bytes} bytes, SHA-256 {binding.hash_value[:12]}…"


def _again(vault: Path, staging: Folder, body: Staged, earlier: ArtifactHandle) -> ArtifactPutReceipt:
    if _body_size(vault, earlier.binding) == body.size_bytes:
        return ArtifactPutReceipt(earlier.binding, earlier.path, 0)
    place = home(earlier.binding)
    with Folder.open(vault, *place.folders, create=True) as folder:
        _rename(staging, body.name, folder, place.name)
        disk.sync(folder.fd)
        path = folder.path / place.name
    return ArtifactPutReceipt(earlier.binding, path, body.size_bytes)


def _body_size(vault: Path, binding: ArtifactBinding) -> int | None:
    try:
        fd = open_body(vault, binding)
    except (ArtifactError, NotFoundError):
        return None
    try:
        return os.fstat(fd).st_size
    finally:
        os.close(fd)


def _rename(staging: Folder, name: str, folder: Folder, new_name: str) -> None:
    os.rename(name, new_name, src_dir_fd=staging.fd, dst_dir_fd=folder.fd)


def _give_up(vault: Path, folder: Folder, place: Place, binding: ArtifactBinding) -> None:
    """Take the body away again, unless its binding is there in spite of the failure."""
    with suppress(OSError):
        try:
            read_handle(vault, binding.artifact_ref)
        except NotFoundError:
            folder.remove(place.name)
