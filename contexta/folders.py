"""Folders that are made here are their user's alone, whatever the umask says, and so are their parents."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o700


def make_private(folder: Path) -> None:
    """Make a folder and its missing parents. What is there already stays as it is.

    Raises:
        OSError: One of them cannot be made.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        with suppress(FileExistsError):
            path.mkdir(mode=FOLDER_MODE)


def cache_directory() -> Path:
    """Where derived things live unless told otherwise: `CTUI_CACHE_DIR`, else the user's cache folder."""
    if configured := os.environ.get("CTUI_CACHE_DIR"):
        return Path(configured)
    import platformdirs  # noqa: PLC0415 - not for a job that only records

    return Path(platformdirs.user_cache_dir("contexta-tui", appauthor=False))
