"""Folders that are made here are their user's alone, whatever the umask says, and so are their parents."""

from __future__ import annotations

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
