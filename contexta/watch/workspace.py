"""Finds workspaces and the files in them that say something. Creates nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import msgspec

from contexta.journal import paths

_LINES: Final = re.compile(r".*\.jsonl(\.\d+)?\Z", re.DOTALL)
# A rotated capture keeps its records for the explorer: `record.jsonl.1` is read like `record.jsonl`.


class Found(msgspec.Struct, frozen=True):
    """A source in a workspace: `capture` and `segments` are files of lines, the others are read whole."""

    kind: str
    path: Path


def nearest(start: Path) -> Path:
    """The nearest `.contexta` in a folder or above it; the one in the folder itself when there is none."""
    for folder in (start, *start.parents):
        candidate = folder / paths.DEFAULT_WORKSPACE
        if candidate.is_dir():
            return candidate
    return start / paths.DEFAULT_WORKSPACE


def workspaces_in(root: Path) -> tuple[Path, ...]:
    """The workspaces that a path stands for.

    The path itself when it is one; its `.contexta` when it has one; every workspace one level down when it
    is a container of them (`.contexta/<project>/…`). Empty when there is none yet.
    """
    if is_workspace(root):
        return (root,)
    inner = root / paths.DEFAULT_WORKSPACE
    if root.name != paths.DEFAULT_WORKSPACE and inner.is_dir():
        return workspaces_in(inner)
    try:
        children = sorted(entry.path for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return ()
    return tuple(Path(child) for child in children if is_workspace(Path(child)))


def is_workspace(folder: Path) -> bool:
    """Whether a folder has anything in it that only a workspace has."""
    return any(
        os.path.lexists(path)
        for path in (
            paths.capture_dir(folder),
            paths.ledger_path(folder),
            paths.segments_dir(folder),
            paths.artifacts_dir(folder) / "bindings",
        )
    )


def sources(workspace: Path) -> tuple[Found, ...]:
    """Everything there is to read in a workspace: the ledger first, then segments, artifacts and captures."""
    ledger = paths.ledger_path(workspace)
    bindings = paths.artifacts_dir(workspace) / "bindings"
    return (
        *([Found("ledger", ledger)] if os.path.lexists(ledger) else []),
        *(Found("segments", path) for path in _line_files(paths.segments_dir(workspace))),
        *([Found("artifacts", bindings)] if bindings.is_dir() else []),
        *(Found("capture", path) for path in _line_files(paths.capture_dir(workspace))),
    )


def folders(workspace: Path) -> tuple[Path, ...]:
    """The folders whose changes are worth a look, those that exist."""
    wanted = (
        workspace,
        paths.capture_dir(workspace),
        paths.segments_dir(workspace),
        paths.ledger_path(workspace).parent,
        paths.artifacts_dir(workspace) / "bindings",
    )
    return tuple(folder for folder in wanted if folder.is_dir())


def path_text(path: Path) -> str:
    """A path to show: bytes in it that are not UTF-8 are made visible."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _line_files(folder: Path) -> list[Path]:
    try:
        names = [entry.name for entry in os.scandir(folder) if _LINES.match(entry.name)]
    except OSError:
        return []
    return [folder / name for name in sorted(names, key=_reading_order)]


def _reading_order(name: str) -> tuple[bool, bytes, int]:
    # Contexts before records: a scope is known before what it recorded, as it was when the job ran. What was
    # rotated away before what came after it, the oldest (`.9` before `.1`) first.
    stem, _, turn = name.partition(".jsonl.")
    return not name.startswith("context"), os.fsencode(stem.removesuffix(".jsonl")), -int(turn or 0)
