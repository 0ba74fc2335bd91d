"""Reads the artifact vault's binding files: one small JSON document an artifact."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from contexta.watch.tail import Mark

_SUFFIX: Final = ".binding.json"
_MAX_BYTES: Final = 4 * 1024 * 1024


class _Binding(msgspec.Struct):
    manifest_snapshot: msgspec.Raw
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Bindings:
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
    return Bindings(tuple(files), Mark(size=size, mtime_ns=newest))


def read(found: Bindings, root: Path) -> tuple[bytes, int, int]:
    """The bindings as capture lines, one an artifact.

    Args:
        found: The files.
        root: Real path of the workspace; what leads out of it is not read.

    Returns:
        The lines; how many files there were; how many of them could not be read.
    """
    lines = []
    for path in found.files:
        try:
            if not Path(os.path.realpath(path)).is_relative_to(root):
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    continue
                binding = msgspec.json.decode(os.read(descriptor, _MAX_BYTES), type=_Binding)
                # Decoded and encoded again: the files are indented, and a line must be one line.
                manifest = msgspec.json.decode(binding.manifest_snapshot)
            finally:
                os.close(descriptor)
        except (OSError, ValueError, RecursionError):
            continue
        lines.append(
            msgspec.json.encode(
                {
                    "captured_at": binding.created_at,
                    "payload_type": "dict",
                    "payload": {"binding_status": "BOUND", "manifest": manifest},
                }
            )
        )
    return b"".join(line + b"\n" for line in lines), len(found.files), len(found.files) - len(lines)
