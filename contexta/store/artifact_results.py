"""What the artifact vault takes and answers: settings, bindings, receipts, findings.

Values only, named as in public Contexta's vault (format specification, section 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Final

from contexta.contract.artifacts import ArtifactManifest
from contexta.contract.frozen import PlainJson
from contexta.errors import ConfigurationError

LAYOUT_VERSION: Final = "v1"
HASH_ALGORITHM: Final = "sha256"


class IngestMode(StrEnum):
    """How a body comes into the vault.

    ``copy`` leaves the source where it is, ``move`` takes it away, ``adopt`` takes over a file that was
    written in the vault already.
    """

    COPY = "copy"
    MOVE = "move"
    ADOPT = "adopt"


class VerificationStatus(StrEnum):
    """Whether a body is what it was. ``unreadable`` is one that is there but cannot be read."""

    OK = "ok"
    MISSING = "missing"
    SIZE_MISMATCH = "size_mismatch"
    HASH_MISMATCH = "hash_mismatch"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class VaultConfig:
    """Settings of an artifact vault.

    Args:
        root_path: Its folder, ``artifacts`` in a workspace.
        default_ingest_mode: How bodies come in when a call does not say.
        read_only: Whether everything that writes is refused.
        lock_timeout_seconds: How long a put waits for another process.

    Raises:
        ConfigurationError: ``artifact_store_invalid_config``.
    """

    root_path: Path
    default_ingest_mode: IngestMode = IngestMode.COPY
    read_only: bool = False
    lock_timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "root_path", Path(self.root_path))
            object.__setattr__(self, "default_ingest_mode", IngestMode(self.default_ingest_mode))
        except (TypeError, ValueError) as error:
            raise _invalid(str(error)) from error
        if not isinstance(self.read_only, bool):
            raise _invalid("read_only must be true or false")
        wait = self.lock_timeout_seconds
        if not isinstance(wait, (int, float)) or isinstance(wait, bool) or not wait >= 0:
            raise _invalid(f"lock_timeout_seconds must be a number of seconds from 0, not {wait!r}")


def _invalid(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The artifact vault cannot be set up like this: {reason}.", code="artifact_store_invalid_config"
    )


@dataclass(frozen=True, slots=True)
class ArtifactBinding:
    """What ties an artifact to its body.

    Attributes:
        artifact_ref: The artifact.
        artifact_kind: Its kind.
        binding_id: ``binding-`` and 32 hex digits.
        source_name: The file name that the body had.
        ingest_mode: How it came in: ``copy``, ``move`` or ``adopt``.
        size_bytes: Its size.
        hash_algorithm: ``sha256``.
        hash_value: Its hash in lower-case hex digits.
        layout_version: ``v1``.
        created_at: When it was bound.
        manifest_snapshot: What was said about it then.
    """

    artifact_ref: str
    artifact_kind: str
    binding_id: str
    source_name: str
    ingest_mode: str
    size_bytes: int
    hash_algorithm: str
    hash_value: str
    layout_version: str
    created_at: str
    manifest_snapshot: ArtifactManifest

    def to_dict(self) -> dict[str, PlainJson]:
        """Return it as it stands in its file, nulls kept."""
        plain: dict[str, PlainJson] = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**plain, "manifest_snapshot": self.manifest_snapshot.to_dict()}


@dataclass(frozen=True, slots=True)
class ArtifactHandle:
    """A bound artifact.

    Attributes:
        binding: What is known of it.
        path: Where its body is, or belongs when it is missing.
    """

    binding: ArtifactBinding
    path: Path

    @property
    def artifact_ref(self) -> str:
        """The artifact."""
        return self.binding.artifact_ref

    @property
    def manifest(self) -> ArtifactManifest:
        """What was said about it when it was bound."""
        return self.binding.manifest_snapshot


@dataclass(frozen=True, slots=True)
class ArtifactPutReceipt:
    """What a put did.

    Attributes:
        binding: The binding; the earlier one when the same body was bound already.
        path: Where the body is.
        bytes_written: 0 when the body was there already.
        warnings: What could not be done beside it; the artifact itself is safe.
    """

    binding: ArtifactBinding
    path: Path
    bytes_written: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArtifactProblem:
    """A binding file that cannot be used.

    Attributes:
        path: The file.
        code: ``artifact_store_binding_invalid``, ``artifact_store_binding_unreadable`` or
            ``artifact_store_layout_unsupported``.
        message: Why.
    """

    path: Path
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ArtifactListing:
    """All artifacts of a vault, in the order of their file names; iterating gives the artifacts.

    Attributes:
        artifacts: Those whose binding can be read.
        problems: The binding files that cannot.
    """

    artifacts: tuple[ArtifactHandle, ...] = ()
    problems: tuple[ArtifactProblem, ...] = ()

    def __iter__(self) -> Iterator[ArtifactHandle]:
        return iter(self.artifacts)

    def __len__(self) -> int:
        return len(self.artifacts)


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """Whether one body is what it was.

    Attributes:
        artifact_ref: The artifact.
        status: The answer.
        expected_size_bytes: Its size when it was bound.
        expected_hash_value: Its hash then.
        actual_size_bytes: Its size now; None when it cannot be known.
        actual_hash_value: Its hash now; None when it was not computed, as when the sizes differ.
        message: One sentence.
    """

    artifact_ref: str
    status: VerificationStatus
    expected_size_bytes: int
    expected_hash_value: str
    actual_size_bytes: int | None = None
    actual_hash_value: str | None = None
    message: str = ""

    @property
    def verified(self) -> bool:
        """Whether the body is what it was."""
        return self.status is VerificationStatus.OK


@dataclass(frozen=True, slots=True)
class SweepReport:
    """Whether all bodies are what they were.

    Attributes:
        reports: One for each artifact whose binding can be read.
        problems: The binding files that cannot.
    """

    reports: tuple[VerificationReport, ...] = ()
    problems: tuple[ArtifactProblem, ...] = ()

    @property
    def missing_refs(self) -> tuple[str, ...]:
        """Artifacts whose body is missing."""
        return tuple(one.artifact_ref for one in self.reports if one.status is VerificationStatus.MISSING)

    @property
    def drifted_refs(self) -> tuple[str, ...]:
        """Artifacts whose body is another one than it was."""
        drifted = (VerificationStatus.SIZE_MISMATCH, VerificationStatus.HASH_MISMATCH)
        return tuple(one.artifact_ref for one in self.reports if one.status in drifted)

    @property
    def healthy(self) -> bool:
        """Whether everything is what it was."""
        return not self.problems and all(one.verified for one in self.reports)
