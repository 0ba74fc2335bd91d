"""Registration of a file as an artifact of a run.

The file stays where it is; the line says where that was, how large it was and what its SHA-256 was at that
moment. Only regular files are ever opened: a pipe under the path would block the job.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from contexta.capture.emit import Emitter
from contexta.capture.encode import Entry, encode
from contexta.capture.ids import next_hex
from contexta.capture.keys import check_artifact_kind
from contexta.capture.results import CaptureResult, ResultStatus
from contexta.capture.values import Sanitiser, map_of, shown
from contexta.contract.refs import StableRef, extends, validate_stable_ref_kind
from contexta.errors import ValidationError
from contexta.journal.paths import ARTIFACT

_CHUNK_BYTES: Final = 1024 * 1024


class _Body(NamedTuple):
    """What is known of the file."""

    exists: bool
    size_bytes: int | None
    hash_value: str | None
    warning: str | None


def register_artifact(
    emitter: Emitter,
    artifact_kind: str,
    path: str | os.PathLike[str],
    *,
    artifact_ref: str | None = None,
    attributes: Mapping[str, object] | None = None,
    compute_hash: bool = True,
    allow_missing: bool = False,
) -> CaptureResult:
    """Record a file as an artifact; see `Scope.register_artifact`."""
    subject = emitter.subject
    if subject.run_ref is None:
        raise ValidationError(
            f"An artifact belongs to a run, and {subject.subject_ref} has none; open it with run_ref=.",
            code="artifact_registration_requires_run",
        )
    check_artifact_kind(artifact_kind)
    ref = _checked_ref(artifact_ref, subject.run_ref, artifact_kind)
    location = _absolute(path)
    body = _look_at(location, compute_hash=compute_hash)
    if not body.exists and not allow_missing:
        raise ValidationError(
            f"There is no file {location}; write it first, or register it with allow_missing=True.",
            code="artifact_source_missing",
            details={"path": str(location)},
        )
    sanitiser = Sanitiser()
    kept = sanitiser.copy(map_of(attributes))
    facts = emitter.redaction.of_payload(kept if isinstance(kept, dict) else {})
    if facts is None:
        return emitter.dropped_record("artifact", "its redaction hook failed")
    now = emitter.dispatcher.now()
    uri = sanitiser.text(str(location))
    source: dict[str, object] = {"exists": body.exists, "kind": "PATH", "uri": uri}
    payload: dict[str, object] = {
        "binding_status": "BOUND" if body.exists else "PENDING",
        "manifest": {
            "artifact_ref": ref,
            "artifact_kind": artifact_kind,
            "created_at": emitter.dispatcher.text(now),
            "producer_ref": subject.producer_ref,
            "run_ref": subject.run_ref,
            "location_ref": f"path:{sanitiser.text(location.as_posix())}",
            "deployment_execution_ref": subject.deployment_execution_ref,
            "stage_execution_ref": subject.stage_execution_ref,
            "batch_execution_ref": subject.batch_execution_ref,
            "sample_observation_ref": subject.sample_observation_ref,
            "operation_context_ref": subject.operation_context_ref,
            "hash_value": body.hash_value,
            "size_bytes": body.size_bytes,
            "attributes": facts,
            "schema_version": "1.0.0",
            "extensions": [],
        },
        "request": {
            "artifact_kind": artifact_kind,
            "artifact_ref": ref,
            "attributes": facts,
            "source": source,
            "verification_policy": {
                "compute_hash": bool(compute_hash),
                "require_existing_source": not allow_missing,
            },
        },
        "source": source,
    }
    warnings = tuple(filter(None, (body.warning, *sorted(sanitiser.reasons))))
    try:
        entry = Entry(ARTIFACT, "dict", None, encode(payload))
    except Exception as error:  # noqa: BLE001 - out of memory and the like must not end the job
        return emitter.dropped_record("artifact", type(error).__name__)
    return emitter.dispatcher.send(entry, subject, at_least=now, warnings=warnings)


def refused(error: ValidationError) -> CaptureResult:
    """Return the result of one registration of a list that was refused."""
    return CaptureResult(
        ResultStatus.FAILURE, None, family=ARTIFACT, error_code=error.code, error_message=error.message
    )


def _checked_ref(artifact_ref: str | None, run_ref: str, artifact_kind: str) -> str:
    run = StableRef.parse(run_ref)
    if artifact_ref is None:
        generated = f"{run.value}.{artifact_kind.replace('_', '-')}-{next_hex()}"
        return StableRef("artifact", generated).text
    ref = validate_stable_ref_kind(StableRef.parse(str(artifact_ref)), "artifact", "artifact_ref")
    if not extends(ref, run):
        raise ValidationError(
            f"The artifact reference {ref} must be {run.value!r} plus one name.",
            code="artifact_ref_prefix_mismatch",
        )
    return ref.text


def _absolute(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise ValidationError(
            f"An artifact's path is a text or a Path, not {path!r}.", code="capture_model_invalid_string"
        )
    try:
        return Path(path).expanduser().resolve()
    except Exception:  # noqa: BLE001 - a path of a foreign kind may raise anything
        # A loop of links, no home, a NUL in the name: it names no file, which is what is then said.
        return Path("/", shown(path).replace("\0", "␀"))


def _look_at(location: Path, *, compute_hash: bool) -> _Body:
    try:
        facts = location.stat()
    except (OSError, ValueError):
        return _Body(exists=False, size_bytes=None, hash_value=None, warning=None)
    if not stat.S_ISREG(facts.st_mode):
        return _Body(exists=True, size_bytes=None, hash_value=None, warning=None)
    if not compute_hash:
        return _Body(exists=True, size_bytes=facts.st_size, hash_value=None, warning=None)
    try:
        return _Body(exists=True, size_bytes=facts.st_size, hash_value=_sha256(location), warning=None)
    except OSError as error:
        return _Body(
            exists=True,
            size_bytes=facts.st_size,
            hash_value=None,
            warning=f"hash_unavailable: {error.strerror}",
        )


def _sha256(location: Path) -> str:
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which most jobs never need

    digest = hashlib.sha256()
    with location.open("rb", buffering=0) as body:
        while chunk := body.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
