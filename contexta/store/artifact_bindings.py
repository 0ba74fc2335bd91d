"""Reads and writes binding files: what ties an artifact to its body.

One JSON document an artifact, indented by two and with sorted keys (format specification, section 1). A
binding is there when its body is, so it is written last; what is wrong with one concerns that artifact only.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from contexta.contract.artifacts import ArtifactManifest
from contexta.contract.decoding import read_lenient
from contexta.contract.times import timestamp_text
from contexta.errors import (
    ArtifactError,
    ContextaError,
    IntegrityError,
    NotFoundError,
    SchemaVersionError,
    ValidationError,
)
from contexta.store.artifact_results import (
    HASH_ALGORITHM,
    LAYOUT_VERSION,
    ArtifactBinding,
    ArtifactHandle,
    ArtifactListing,
    ArtifactProblem,
    IngestMode,
)
from contexta.store.disk import Folder
from contexta.store.vault_paths import (
    BINDING_SUFFIX,
    BINDINGS,
    Place,
    binding_place,
    body_places,
    history_place,
)

_MAX_BINDING_BYTES: Final = 16 * 1024 * 1024


class _Stored(msgspec.Struct):
    """A binding file."""

    artifact_ref: str
    artifact_kind: str
    size_bytes: int
    hash_value: str
    manifest_snapshot: dict[str, object]
    binding_id: str = ""
    source_name: str = ""
    ingest_mode: str = ""
    hash_algorithm: str = HASH_ALGORITHM
    layout_version: str = LAYOUT_VERSION
    created_at: str = ""


def new_binding(
    manifest: ArtifactManifest, mode: IngestMode, source_name: str, size_bytes: int, hash_value: str
) -> ArtifactBinding:
    """Return the binding of a body that just came in."""
    return ArtifactBinding(
        artifact_ref=manifest.artifact_ref.text,
        artifact_kind=manifest.artifact_kind,
        binding_id=f"binding-{secrets.token_hex(16)}",
        source_name=source_name,
        ingest_mode=mode.value,
        size_bytes=size_bytes,
        hash_algorithm=HASH_ALGORITHM,
        hash_value=hash_value,
        layout_version=LAYOUT_VERSION,
        created_at=_now(),
        manifest_snapshot=manifest,
    )


def encoded(plain: object) -> bytes:
    """Return a file's content.

    Raises:
        UnicodeEncodeError: It holds half a surrogate pair.
    """
    return msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=2) + b"\n"


def read_handle(vault: Path, artifact_ref: str) -> ArtifactHandle:
    """Return a bound artifact.

    Raises:
        NotFoundError: ``artifact_store_binding_not_found``.
        IntegrityError: ``artifact_store_binding_invalid``: its file is damaged or contradicts itself.
        ArtifactError: ``artifact_store_binding_unreadable``: its file may not be read, or is a link.
        SchemaVersionError: ``artifact_store_layout_unsupported``.
    """
    place = binding_place(artifact_ref)
    try:
        with Folder.open(vault, *place.folders) as folder:
            handle = _read(vault, folder, place.name)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"No artifact {artifact_ref} is bound in {vault}.",
            code="artifact_store_binding_not_found",
            details={"artifact_ref": artifact_ref},
        ) from error
    except OSError as error:
        raise _unreadable(vault.joinpath(*place.folders, place.name), error) from error
    if handle.artifact_ref != artifact_ref:
        raise _invalid(vault.joinpath(BINDINGS, place.name), f"it binds {handle.artifact_ref}")
    return handle


def list_handles(vault: Path) -> ArtifactListing:
    """Return all bound artifacts, and the binding files that cannot be used.

    Raises:
        OSError: The folder cannot be read; that it is missing means that nothing is bound.
    """
    handles: list[ArtifactHandle] = []
    problems: list[ArtifactProblem] = []
    try:
        folder = Folder.open(vault, BINDINGS)
    except FileNotFoundError:
        return ArtifactListing()
    with folder:
        for name in folder.names():
            if not name.endswith(BINDING_SUFFIX):
                continue
            try:
                handles.append(_read(vault, folder, name))
            except FileNotFoundError:
                continue  # removed in between
            except OSError as error:
                problems.append(_problem(folder.path / name, _unreadable(folder.path / name, error)))
            except ContextaError as error:
                problems.append(_problem(folder.path / name, error))
    return ArtifactListing(tuple(handles), tuple(problems))


def write_binding(vault: Path, binding: ArtifactBinding) -> None:
    """Write the file of a binding; the caller holds the lock.

    Raises:
        OSError: It could not be written; what was there before is there still.
    """
    place = binding_place(binding.artifact_ref)
    with Folder.open(vault, *place.folders, create=True) as folder:
        folder.replace(place.name, encoded(binding.to_dict()), durable=True)


def write_history(vault: Path, binding: ArtifactBinding, path: Path) -> None:
    """Note a binding in the history.

    Raises:
        OSError: It could not be written.
    """
    moment = datetime.now(UTC)
    stamp = f"{moment:%Y-%m-%dT%H-%M-%S_%fZ}-{secrets.token_hex(16)}"
    place = history_place(binding.artifact_ref, stamp)
    entry = {
        "action": "bind",
        "artifact_ref": binding.artifact_ref,
        "binding": binding.to_dict(),
        "path": str(path),
        "recorded_at": _now(),
    }
    with Folder.open(vault, *place.folders, create=True) as folder:
        folder.replace(place.name, encoded(entry), durable=False)


def open_body(vault: Path, binding: ArtifactBinding) -> int:
    """Open the body of an artifact and return the descriptor.

    Raises:
        NotFoundError: ``artifact_store_body_not_found``.
        ArtifactError: ``artifact_store_body_unreadable``: it may not be read, or is no regular file.
    """
    path = vault
    for place in _places(binding):
        path = vault.joinpath(*place.folders, place.name)
        try:
            with Folder.open(vault, *place.folders) as folder:
                return folder.open_file(place.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ArtifactError(
                f"The body of {binding.artifact_ref} cannot be read: {error}.",
                code="artifact_store_body_unreadable",
                details={"artifact_ref": binding.artifact_ref, "path": str(path)},
                cause=error,
            ) from error
    raise NotFoundError(
        f"The body of {binding.artifact_ref} is not where it belongs, {path}.",
        code="artifact_store_body_not_found",
        details={"artifact_ref": binding.artifact_ref, "path": str(path)},
    )


def _read(vault: Path, folder: Folder, name: str) -> ArtifactHandle:
    path = folder.path / name
    data = folder.read(name, _MAX_BINDING_BYTES)
    try:
        stored = msgspec.json.decode(data, type=_Stored)
    except (ValueError, RecursionError) as error:
        raise _invalid(path, f"it is no binding: {error}") from error
    if stored.layout_version != LAYOUT_VERSION:
        raise SchemaVersionError(
            f"{path} has the layout {stored.layout_version!r}; this version of the library knows"
            f" {LAYOUT_VERSION!r}.",
            code="artifact_store_layout_unsupported",
            details={"path": str(path), "layout_version": stored.layout_version},
        )
    manifest, issues = read_lenient(ArtifactManifest, stored.manifest_snapshot)
    if manifest is None:
        raise _invalid(path, f"its manifest cannot be read: {'; '.join(issue.message for issue in issues)}")
    same = (manifest.artifact_ref.text, manifest.artifact_kind)
    if (stored.artifact_ref, stored.artifact_kind) != same:
        raise _invalid(path, f"its manifest is that of {same[0]}, a {same[1]}")
    if binding_place(stored.artifact_ref).name != name:
        raise _invalid(path, f"the binding of {stored.artifact_ref} has another name")
    members = {member: getattr(stored, member) for member in stored.__struct_fields__}
    binding = ArtifactBinding(**{**members, "manifest_snapshot": manifest})
    try:
        return ArtifactHandle(binding, _found(vault, binding))
    except ValidationError as error:
        raise _invalid(path, error.message) from error


def home(binding: ArtifactBinding) -> Place:
    """Return where the body of an artifact belongs."""
    return _places(binding)[0]


def _places(binding: ArtifactBinding) -> list[Place]:
    location = binding.manifest_snapshot.location_ref
    return body_places(binding.artifact_ref, binding.artifact_kind, location, binding.source_name)


def _found(vault: Path, binding: ArtifactBinding) -> Path:
    """Return where the body is, or belongs."""
    paths = [vault.joinpath(*place.folders, place.name) for place in _places(binding)]
    return next((path for path in paths if len(paths) == 1 or os.path.lexists(path)), paths[0])


def _problem(path: Path, error: ContextaError) -> ArtifactProblem:
    return ArtifactProblem(path, error.code, error.message)


def _invalid(path: Path, reason: str) -> IntegrityError:
    return IntegrityError(
        f"{path} cannot be used: {reason}.",
        code="artifact_store_binding_invalid",
        details={"path": str(path)},
    )


def _unreadable(path: Path, error: OSError) -> ArtifactError:
    return ArtifactError(
        f"{path} cannot be read: {error}.",
        code="artifact_store_binding_unreadable",
        details={"path": str(path)},
        cause=error,
    )


def _now() -> str:
    return timestamp_text(datetime.now(UTC), "created_at")
