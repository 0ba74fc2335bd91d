"""What the command line asked for, validated by its parser and frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

Depth = Literal["run", "stage", "batch", "sample"]
FailOn = Literal["error", "warning", "info", "never"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Options of one invocation.

    Attributes:
        workspaces: Folders to open, as given; `.contexta` here when nothing was found.
        demo: Show a realistic live job in a temporary workspace.
        once: Print a snapshot and exit.
        as_json: Print the snapshot as JSON.
        depth: Deepest level of the snapshot.
        fail_on: Severity from which on the exit code is 1.
        select: Ref, or unique end of one, to select at the start.
        filter: Filter to start with.
        live: Follow the workspaces while they grow.
        cache_dir: Folder of the catalogs; `None` is the user's cache folder.
        use_cache: Keep catalogs between invocations.
        theme: Name of the colour theme.
        ascii: Draw with ASCII only.
    """

    workspaces: tuple[Path, ...] = ()
    demo: bool = False
    once: bool = False
    as_json: bool = False
    depth: Depth = "batch"
    fail_on: FailOn = "never"
    select: str | None = None
    filter: str = ""
    live: bool = True
    cache_dir: Path | None = None
    use_cache: bool = True
    theme: str = "contexta-dark"
    ascii: bool = False


def nearest_workspace(start: Path) -> Path:
    """The nearest `.contexta` in a folder or above it, else the one that may still appear here."""
    for folder in (start, *start.parents):
        candidate = folder / ".contexta"
        if candidate.is_dir():
            return candidate
    return start / ".contexta"
