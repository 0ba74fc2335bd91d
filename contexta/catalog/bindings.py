"""Reads the artifact vault's binding files: one small JSON document an artifact."""

from __future__ import annotations

import os
import stat
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from contexta.watch.tail import Mark
from contexta.watch.workspace import path_text

_SUFFIX: Final = ".binding.json"
_MAX_BYTES: Final = 4 * 1024 * 1024


class _Binding(msgspec.Struct):
    manifest_snapshot: msgspec.Raw
    created_at: str = ""


class Bindings(msgspec.Struct, frozen=True):
    """The binding files of a vault at one moment; equal marks mean that nothing changed in between."""

    files: tuple[Path, ...]
    mark: Mark


def look(folder: Path) -> Bindings:
    """What `stat` says of the binding files.

    Raises:
        OSError: The folder cannot be read.
    """
    files = []
    size = newest = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIX) and entry.is_file(follow_symlinks=False):
                found = entry.stat(follow_symlinks=False)
                files.append(folder / entry.name)
                size += found.st_size
                newest = max(newest, found.st_mtime_ns)
    files.sort(key=os.fsencode)
    names = blake2b(b"\0".join(os.fsencode(path.name) for path in files), digest_size=16).hexdigest()
    return Bindings(tuple(files), Mark(size=size, mtime_ns=newest, head=names))


def read(found: Bindings, root: Path) -> tuple[bytes, int, str]:
    """The bindings as capture lines, one an artifact.

    Args:
        found: The files.
        root: Real path of the workspace; what leads out of it is not read.

    Returns:
        The lines; how many files could not be read; the first of them and why, or an empty text.
    """
    lines = []
    unreadable = 0
    complaint = ""
    for path in found.files:
        try:
            lines.append(_line(path, root))
        except (OSError, ValueError, RecursionError) as error:
            unreadable += 1
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            complaint = complaint or f"{path_text(Path(path.name))}: {why}"
    return b"".join(lines), unreadable, complaint


def _line(path: Path, root: Path) -> bytes:
    if not Path(os.path.realpath(path)).is_relative_to(root):
        raise ValueError("a link that leads out of the workspace")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a regular file")
        binding = msgspec.json.decode(os.read(descriptor, _MAX_BYTES), type=_Binding)
    finally:
        os.close(descriptor)
    # Decoded and encoded again: the files are indented, and a line must be one line.
    manifest = msgspec.json.decode(binding.manifest_snapshot)
    line = msgspec.json.encode(
        {
            "captured_at": binding.created_at,
            "payload_type": "dict",
            "payload": {"binding_status": "BOUND", "manifest": manifest},
        }
    )
    return line + b"\n"
