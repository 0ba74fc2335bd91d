"""Brings bodies into the vault: hashed while they are copied, on the disk before anyone hears of them.

A body is written under a name of its own in the staging folder and gets its place by a rename, so nobody ever
sees half of one. What a killed put leaves there, a later one removes: a staged file is locked as long as its
put lives.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contexta.errors import ArtifactError, ValidationError
from contexta.store import disk
from contexta.store.artifact_results import IngestMode
from contexta.store.disk import FILE_MODE, Folder
from contexta.store.vault_paths import STAGING

CHUNK_BYTES: Final = 1024 * 1024
_PREFIX: Final = "put-"
_PART: Final = ".part"
_ABANDONED_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Source:
    """An open regular file that becomes a body.

    Attributes:
        fd: Its descriptor.
        path: Where it is.
        identity: Device and inode.
        links: How many names it has.
    """

    fd: int
    path: Path
    identity: tuple[int, int]
    links: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A body in the staging folder.

    Attributes:
        name: Its name there.
        size_bytes: Its size.
        hash_value: Its SHA-256 in hex digits.
    """

    name: str
    size_bytes: int
    hash_value: str


@contextmanager
def open_source(path: Path, mode: IngestMode, vault: Path) -> Iterator[Source]:
    """Open the file that becomes a body.

    A link is followed when the file is copied; it is refused when the file would be taken away, because it is
    not said what should be: the link or what it leads to.

    Raises:
        ValidationError: ``artifact_store_missing_source``, ``artifact_store_invalid_source`` (no regular
            file), ``artifact_store_invalid_adopt_source`` (not in the staging folder).
        ArtifactError: ``artifact_store_source_unreadable``.
    """
    details = {"path": str(path)}
    if mode is IngestMode.ADOPT and not _is_staged(path, vault):
        raise ValidationError(
            f"Only a file in {vault / STAGING} can be adopted, not {path}; copy or move it.",
            code="artifact_store_invalid_adopt_source",
            details=details,
        )
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        fd = os.open(path, flags | (0 if mode is IngestMode.COPY else os.O_NOFOLLOW))
    except FileNotFoundError as error:
        raise ValidationError(
            f"There is no file {path}.", code="artifact_store_missing_source", details=details
        ) from error
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) or disk.is_link_error(error):
            raise _not_regular(path) from error
        raise ArtifactError(
            f"{path} cannot be read: {error}.",
            code="artifact_store_source_unreadable",
            details=details,
            cause=error,
        ) from error
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            raise _not_regular(path)
        yield Source(fd, path, (facts.st_dev, facts.st_ino), facts.st_nlink)
    finally:
        os.close(fd)


def _is_staged(path: Path, vault: Path) -> bool:
    try:
        return path.parent.resolve() == (vault / STAGING).resolve()
    except (OSError, RuntimeError, ValueError):
        return False


def _not_regular(path: Path) -> ValidationError:
    return ValidationError(
        f"{path} is no regular file; a folder, link, pipe or device cannot be stored.",
        code="artifact_store_invalid_source",
        details={"path": str(path)},
    )


@contextmanager
def staged(staging: Folder, source: Source, mode: IngestMode) -> Iterator[Staged]:
    """Bring a source into the staging folder; what is still there at the end is removed.

    Raises:
        OSError: It could not be read or written.
    """
    name = f"{_PREFIX}{secrets.token_hex(16)}{_PART}"
    try:
        if mode is not IngestMode.COPY and source.links == 1 and _link(staging, source, name):
            size, digest = digest_of(source.fd)
            disk.sync(source.fd)
            yield Staged(name, size, digest)
        else:
            with _new_file(staging, name) as fd:
                size, digest = _copy(source.fd, fd)
                disk.sync(fd)
                # The lock goes with the descriptor, so that stays open.
                yield Staged(name, size, digest)
    finally:
        with suppress(OSError):
            staging.remove(name)


def remove_source(source: Source) -> str | None:
    """Take a moved source away, unless another file is there by now.

    Returns:
        Why it is still there, or None.
    """
    try:
        facts = source.path.lstat()
        if (facts.st_dev, facts.st_ino) == source.identity:
            source.path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{source.path} was copied but could not be removed: {error}"
    with suppress(OSError):
        # A linked body is the file itself by now, and as private as any other.
        if os.fstat(source.fd).st_nlink == 1:
            os.fchmod(source.fd, FILE_MODE)
    return None


def digest_of(fd: int) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 of a file.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    at = 0
    while chunk := os.pread(fd, CHUNK_BYTES, at):
        digest.update(chunk)
        at += len(chunk)
    return at, digest.hexdigest()


def remove_abandoned(staging: Folder) -> list[str]:
    """Remove what killed puts of this library left behind, and return the names.

    Raises:
        OSError: The folder cannot be read.
    """
    removed = []
    for name in staging.names():
        if name.startswith(_PREFIX) and name.endswith(_PART):
            # What cannot be opened or is locked is left alone.
            with suppress(OSError):
                fd = staging.open_file(name)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if time.time() - os.fstat(fd).st_mtime > _ABANDONED_SECONDS:
                        staging.remove(name)
                        removed.append(name)
                finally:
                    os.close(fd)
    return removed


def _link(staging: Folder, source: Source, name: str) -> bool:
    """Give the source a second name in the staging folder; on another file system that is not possible."""
    try:
        fcntl.flock(source.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.link(source.path, name, dst_dir_fd=staging.fd, follow_symlinks=False)
    except OSError:
        return False
    facts = os.stat(name, dir_fd=staging.fd, follow_symlinks=False)
    if (facts.st_dev, facts.st_ino) == source.identity:
        return True
    staging.remove(name)
    return False


@contextmanager
def _new_file(staging: Folder, name: str) -> Iterator[int]:
    fd = staging.open_file(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield fd
    finally:
        os.close(fd)


def _copy(source: int, target: int) -> tuple[int, str]:
    digest = hashlib.sha256()
    at = 0
    while chunk := os.pread(source, CHUNK_BYTES, at):
        digest.update(chunk)
        disk.write_all(target, chunk)
        at += len(chunk)
    return at, digest.hexdigest()
