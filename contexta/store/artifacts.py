"""The artifact vault: the files that a run produced, kept beside what is known of them.

A body comes in whole or not at all, is never changed, and can be verified at any time. One artifact has one
body for ever: putting the same body again changes nothing, putting another one is a conflict. What is wrong
with one artifact never concerns another.

Nothing is created on disk before the first put. Nothing is read or written through a link out of the vault.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from contexta.contract.artifacts import ArtifactManifest
from contexta.contract.refs import StableRef, validate_stable_ref_field
from contexta.errors import (
    ArtifactError,
    ConfigurationError,
    NotFoundError,
    ReadOnlyStoreError,
    StoreAccessError,
    ValidationError,
)
from contexta.store import artifact_bindings, artifact_intake, artifact_staging
from contexta.store.artifact_bindings import new_binding
from contexta.store.artifact_results import (
    ArtifactBinding,
    ArtifactHandle,
    ArtifactListing,
    ArtifactProblem,
    ArtifactPutReceipt,
    IngestMode,
    SweepReport,
    VaultConfig,
    VerificationReport,
    VerificationStatus,
)
from contexta.store.artifact_verify import verify_body
from contexta.store.disk import Folder, locked
from contexta.store.vault_paths import LOCK, STAGING, Place, body_place

__all__ = [
    "ArtifactBinding",
    "ArtifactHandle",
    "ArtifactListing",
    "ArtifactProblem",
    "ArtifactPutReceipt",
    "ArtifactStore",
    "IngestMode",
    "SweepReport",
    "VaultConfig",
    "VerificationReport",
    "VerificationStatus",
]

_LOCKED: Final = "artifact_store_locked"
_SETTINGS: Final = ("default_ingest_mode", "read_only")


class ArtifactStore:
    """The artifacts of one workspace. Safe to share between threads and processes.

    ::

        vault = ArtifactStore(VaultConfig(".contexta/artifacts"))
        vault.put_artifact(manifest, "model.pt")
        with vault.open_body("artifact:demo.r1.model") as body:
            ...

    Args:
        config: The settings, or the vault's folder.

    Attributes:
        config: The settings.

    Raises:
        ConfigurationError: ``artifact_store_invalid_config``.
    """

    def __init__(self, config: VaultConfig | str | os.PathLike[str]) -> None:
        self.config = config if isinstance(config, VaultConfig) else VaultConfig(Path(config))

    @classmethod
    def from_settings(cls, root_path: Path, settings: object) -> ArtifactStore:
        """Make the vault that the section ``artifacts`` of a configuration describes.

        Args:
            root_path: The folder, unless the section names another.
            settings: The section, or None. Keys that mean nothing here are left alone.

        Raises:
            ConfigurationError: ``artifact_store_invalid_config``.
        """
        if settings is not None and not isinstance(settings, Mapping):
            raise ConfigurationError(
                f"The section 'artifacts' must be a map, not {settings!r}.",
                code="artifact_store_invalid_config",
            )
        section = dict(settings or {})
        given = {name: section[name] for name in _SETTINGS if section.get(name) is not None}
        return cls(VaultConfig(section.get("root_path") or root_path, **given))

    @property
    def root_path(self) -> Path:
        """The vault's folder."""
        return self.config.root_path

    def put_artifact(
        self,
        manifest: ArtifactManifest,
        source_path: str | os.PathLike[str],
        *,
        mode: IngestMode | str | None = None,
    ) -> ArtifactPutReceipt:
        """Store a file as the body of an artifact.

        When this returns, the body and its binding are on the disk. Putting the same body again returns the
        first binding, and brings the body back when it was missing.

        Args:
            manifest: What is known of it. Its hash (SHA-256 in hex digits) and size must be those of the file
                when they are given; the suffix of its location becomes that of the stored file.
            source_path: A regular file.
            mode: ``copy``; ``move``, which takes the source away at the end; or ``adopt``, which moves a file
                out of the vault's staging folder. That of the settings when None.

        Raises:
            ArtifactError: ``artifact_store_write_failed`` or ``artifact_store_source_unreadable``, with the
                operating system's error as ``cause``; nothing is bound and the source is where it was.
            ConflictError: ``artifact_binding_conflict``: the artifact has another body or kind.
            IntegrityError: ``artifact_store_hash_mismatch`` or ``artifact_store_size_mismatch``: the manifest
                says something else than the file; ``artifact_store_binding_invalid``: the artifact has a
                damaged binding, which must be looked at first.
            ReadOnlyStoreError: ``artifact_store_read_only``.
            StoreAccessError: ``artifact_store_locked``: another process kept putting.
            ValidationError: ``artifact_store_invalid_manifest``, ``artifact_store_invalid_ingest_mode``,
                ``artifact_store_unusable_name``, ``artifact_store_missing_source``,
                ``artifact_store_invalid_source`` (no regular file) or
                ``artifact_store_invalid_adopt_source`` (not in the staging folder).
        """
        self._require_writable()
        how = _mode(self.config.default_ingest_mode if mode is None else mode)
        place = _place(manifest)
        vault = self.root_path
        with artifact_staging.open_source(Path(source_path), how, vault) as source:
            try:
                with (
                    Folder.open(vault, STAGING, create=True) as staging,
                    artifact_staging.staged(staging, source, how) as body,
                ):
                    artifact_intake.check_claims(manifest, body.size_bytes, body.hash_value)
                    binding = new_binding(manifest, how, source.path.name, body.size_bytes, body.hash_value)
                    _require_writable_text(binding)
                    with self._locked():
                        artifact_staging.remove_abandoned(staging)
                        receipt = artifact_intake.take_in(vault, staging, body, binding, place)
            except OSError as error:
                raise self._write_failed(manifest, error) from error
            kept = None if how is IngestMode.COPY else artifact_staging.remove_source(source)
        if kept is None:
            return receipt
        return ArtifactPutReceipt(
            receipt.binding, receipt.path, receipt.bytes_written, (*receipt.warnings, kept)
        )

    def bind_artifact(self, manifest: ArtifactManifest, body_path: str | os.PathLike[str]) -> ArtifactBinding:
        """Bind a body that is in its place already, e.g. after a restore.

        Args:
            manifest: As for `put_artifact`.
            body_path: Where the body is; it must be where it belongs.

        Raises:
            ValidationError: ``artifact_store_noncanonical_body_path``, which names the place;
                ``artifact_store_missing_source``; otherwise as `put_artifact`.
            ArtifactError: As `put_artifact`.
            ConflictError: As `put_artifact`.
            IntegrityError: As `put_artifact`.
            ReadOnlyStoreError: As `put_artifact`.
            StoreAccessError: As `put_artifact`.
        """
        self._require_writable()
        place = _place(manifest)
        vault = self.root_path
        expected = vault.joinpath(*place.folders, place.name)
        if Path(os.path.realpath(body_path)) != Path(os.path.realpath(vault)).joinpath(
            *place.folders, place.name
        ):
            raise ValidationError(
                f"The body of {manifest.artifact_ref} belongs to {expected}, not {body_path}; put it.",
                code="artifact_store_noncanonical_body_path",
                details={"body_path": str(body_path), "expected_path": str(expected)},
            )
        try:
            with Folder.open(vault, *place.folders) as folder:
                fd = folder.open_file(place.name)
                try:
                    size, digest = artifact_staging.digest_of(fd)
                finally:
                    os.close(fd)
            artifact_intake.check_claims(manifest, size, digest)
            binding = new_binding(manifest, IngestMode.ADOPT, place.name, size, digest)
            _require_writable_text(binding)
            with self._locked():
                bound = artifact_intake.bound_already(vault, binding)
                if bound is not None:
                    return bound.binding
                artifact_bindings.write_binding(vault, binding)
                artifact_intake.note(vault, binding, expected)
        except FileNotFoundError as error:
            raise ValidationError(
                f"There is no file {expected}.",
                code="artifact_store_missing_source",
                details={"path": str(expected)},
            ) from error
        except OSError as error:
            raise self._write_failed(manifest, error) from error
        return binding

    def get(self, artifact_ref: StableRef | str) -> ArtifactHandle:
        """Return a bound artifact, whether its body is there or not.

        Raises:
            ArtifactError: ``artifact_store_binding_unreadable``.
            IntegrityError: ``artifact_store_binding_invalid``.
            NotFoundError: ``artifact_store_binding_not_found``.
            SchemaVersionError: ``artifact_store_layout_unsupported``.
            ValidationError: ``stable_ref_…`` for what is no artifact reference.
        """
        return artifact_bindings.read_handle(self.root_path, _ref(artifact_ref))

    def get_artifact(self, artifact_ref: StableRef | str) -> ArtifactHandle:
        """Do what `get` does."""
        return self.get(artifact_ref)

    def find(self, artifact_ref: StableRef | str) -> ArtifactHandle | None:
        """Return a bound artifact, or None when there is none; otherwise as `get`."""
        try:
            return self.get(artifact_ref)
        except NotFoundError:
            return None

    def artifact_exists(self, artifact_ref: StableRef | str) -> bool:
        """Tell whether an artifact is bound; otherwise as `get`."""
        return self.find(artifact_ref) is not None

    def list(self) -> ArtifactListing:
        """Return all bound artifacts, and the binding files that cannot be used.

        Raises:
            StoreAccessError: ``artifact_store_unreadable``: the folder itself cannot be read.
        """
        try:
            return artifact_bindings.list_handles(self.root_path)
        except OSError as error:
            raise StoreAccessError(
                f"The artifact vault {self.root_path} cannot be read: {error}.",
                code="artifact_store_unreadable",
                details={"path": str(self.root_path)},
                cause=error,
            ) from error

    def list_refs(self) -> tuple[str, ...]:
        """Return the references of all artifacts that `list` returns, sorted."""
        return tuple(sorted(handle.artifact_ref for handle in self.list()))

    def body_path(self, artifact_ref: StableRef | str) -> Path:
        """Return where the body of an artifact is.

        Raises:
            ArtifactError: ``artifact_store_body_unreadable``; otherwise as `get`.
            NotFoundError: ``artifact_store_body_not_found``; otherwise as `get`.
        """
        handle = self.get(artifact_ref)
        os.close(artifact_bindings.open_body(self.root_path, handle.binding))
        return handle.path

    def open_body(self, artifact_ref: StableRef | str) -> BinaryIO:
        """Open the body of an artifact for reading; raises as `body_path`."""
        handle = self.get(artifact_ref)
        return os.fdopen(artifact_bindings.open_body(self.root_path, handle.binding), "rb")

    def verify(self, artifact_ref: StableRef | str) -> VerificationReport:
        """Look whether the body of an artifact is what it was; reads all of it.

        A body that is missing or cannot be read is an answer. What is wrong with the binding raises as `get`.
        """
        return verify_body(self.root_path, self.get(artifact_ref).binding)

    def verify_all(self) -> SweepReport:
        """Look whether all bodies are what they were; reads everything. Raises as `list`."""
        listing = self.list()
        reports = tuple(verify_body(self.root_path, handle.binding) for handle in listing)
        return SweepReport(reports, listing.problems)

    def remove_abandoned_staging(self) -> tuple[str, ...]:
        """Remove what killed puts left in the staging folder an hour ago or earlier, and return the names.

        Every put does the same; what other programs stage is left alone.

        Raises:
            ArtifactError: ``artifact_store_write_failed``.
            ReadOnlyStoreError: ``artifact_store_read_only``.
        """
        self._require_writable()
        try:
            with Folder.open(self.root_path, STAGING) as staging:
                return tuple(artifact_staging.remove_abandoned(staging))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._write_failed(None, error) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (
            Folder.open(self.root_path) as root,
            locked(root, LOCK, timeout_seconds=self.config.lock_timeout_seconds, code=_LOCKED),
        ):
            yield

    def _require_writable(self) -> None:
        if self.config.read_only:
            raise ReadOnlyStoreError(
                f"The artifact vault {self.root_path} was opened read-only.",
                code="artifact_store_read_only",
                details={"path": str(self.root_path)},
            )

    def _write_failed(self, manifest: ArtifactManifest | None, error: OSError) -> ArtifactError:
        what = "Nothing" if manifest is None else f"{manifest.artifact_ref} was not stored: nothing"
        return ArtifactError(
            f"{what} could be written to the artifact vault {self.root_path}: {error}.",
            code="artifact_store_write_failed",
            details={"path": str(self.root_path)},
            retryable=True,
            cause=error,
        )


def _ref(artifact_ref: StableRef | str) -> str:
    parsed = artifact_ref if isinstance(artifact_ref, StableRef) else StableRef.parse(artifact_ref)
    return validate_stable_ref_field(parsed, "artifact_ref").text


def _mode(mode: IngestMode | str) -> IngestMode:
    try:
        return IngestMode(mode)
    except ValueError as error:
        raise ValidationError(
            f"A body comes in by {', '.join(IngestMode)}, not by {mode!r}.",
            code="artifact_store_invalid_ingest_mode",
        ) from error


def _place(manifest: object) -> Place:
    if not isinstance(manifest, ArtifactManifest):
        raise _invalid_manifest(f"it is a {type(manifest).__name__}, no ArtifactManifest")
    return body_place(manifest.artifact_ref.text, manifest.artifact_kind, manifest.location_ref)


def _require_writable_text(binding: ArtifactBinding) -> None:
    try:
        artifact_bindings.encoded(binding.to_dict())
    except (UnicodeEncodeError, RecursionError) as error:
        raise _invalid_manifest(f"it cannot be written: {error}") from error


def _invalid_manifest(reason: str) -> ValidationError:
    return ValidationError(f"The manifest cannot be used: {reason}.", code="artifact_store_invalid_manifest")
