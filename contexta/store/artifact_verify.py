"""Looks whether the body of an artifact is what it was when it was bound."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from contexta.errors import ArtifactError, NotFoundError
from contexta.store.artifact_bindings import open_body
from contexta.store.artifact_results import (
    HASH_ALGORITHM,
    ArtifactBinding,
    VerificationReport,
    VerificationStatus,
)
from contexta.store.artifact_staging import digest_of


def verify_body(vault: Path, binding: ArtifactBinding) -> VerificationReport:
    """Read a body and compare it with its binding; never raises for what it finds.

    The hash is computed only when the size is right; memory is bounded.
    """
    report = partial(
        VerificationReport,
        binding.artifact_ref,
        expected_size_bytes=binding.size_bytes,
        expected_hash_value=binding.hash_value,
    )
    if binding.hash_algorithm != HASH_ALGORITHM:
        message = f"Bodies hashed by {binding.hash_algorithm!r} cannot be verified."
        return report(VerificationStatus.UNREADABLE, message=message)
    try:
        fd = open_body(vault, binding)
    except NotFoundError as error:
        return report(VerificationStatus.MISSING, message=error.message)
    except ArtifactError as error:
        return report(VerificationStatus.UNREADABLE, message=error.message)
    try:
        size = os.fstat(fd).st_size
        if size != binding.size_bytes:
            message = f"The body has {size} bytes instead of {binding.size_bytes}."
            return report(VerificationStatus.SIZE_MISMATCH, actual_size_bytes=size, message=message)
        size, digest = digest_of(fd)
    except OSError as error:
        return report(VerificationStatus.UNREADABLE, message=f"The body cannot be read: {error}.")
    finally:
        os.close(fd)
    same = digest == binding.hash_value.lower()
    return report(
        VerificationStatus.OK if same else VerificationStatus.HASH_MISMATCH,
        actual_size_bytes=size,
        actual_hash_value=digest,
        message="The body is what it was." if same else "The body is another one than it was.",
    )
