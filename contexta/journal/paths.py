"""Where things lie in a workspace.

Pure functions from a workspace folder to paths: nothing here touches the disk, so a reader may ask for any
path without creating a folder in someone else's workspace. The layout is that of the format specification,
section 1.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

DEFAULT_WORKSPACE: Final = ".contexta"

RECORD: Final = "RECORD"
ARTIFACT: Final = "ARTIFACT"
CONTEXT: Final = "CONTEXT"
DEGRADATION: Final = "DEGRADATION"
FAMILIES: Final = (RECORD, ARTIFACT, CONTEXT, DEGRADATION)
"""The payload families of capture lines, as they are spelt in the lines."""

JOURNAL_SUFFIX: Final = ".jsonl"


def workspace_root(workspace: str | os.PathLike[str] = DEFAULT_WORKSPACE) -> Path:
    """Return the workspace folder as an absolute path with symlinks resolved, as `Path.cwd` resolves them."""
    return Path(workspace).expanduser().resolve()


def capture_dir(root: Path) -> Path:
    """Return the folder of the capture journal."""
    return root / "cache" / "capture"


def outbox_file(root: Path, folder: str | None = None) -> Path:
    """Return the file of deliveries that sinks refused.

    Args:
        root: The workspace folder.
        folder: Where it lies instead of ``cache/outbox``; relative to the workspace.
    """
    return (root / (folder or Path("cache", "outbox"))) / "failed_deliveries.jsonl"


def ledger_path(root: Path) -> Path:
    """Return the DuckDB file of the canonical ledger."""
    return root / "metadata" / "ledger.db"


def records_dir(root: Path) -> Path:
    """Return the folder of the canonical record store."""
    return root / "records"


def segments_dir(root: Path) -> Path:
    """Return the folder of the record store's segments."""
    return root / "records" / "segments"


def artifacts_dir(root: Path) -> Path:
    """Return the folder of the artifact vault."""
    return root / "artifacts"


def family_file_name(family: str, *, process: str | None = None) -> str:
    """Return the journal file name of a payload family.

    Args:
        family: One of `FAMILIES`, in upper case.
        process: ``<host>-<pid>`` when each process writes a file of its own.

    Raises:
        ValueError: The family is unknown; families are spelt in upper case.
    """
    if family not in FAMILIES:
        raise ValueError(f"no payload family is called {family!r}; there are {', '.join(FAMILIES)}")
    stem = family.lower()
    return f"{stem}{JOURNAL_SUFFIX}" if process is None else f"{stem}.{process}{JOURNAL_SUFFIX}"


def family_of_file(name: str) -> str | None:
    """Return the family a journal file holds by its name, or None for a foreign name.

    ``record.jsonl`` and ``record.node7-4711.jsonl`` both hold ``RECORD``.
    """
    if not name.endswith(JOURNAL_SUFFIX):
        return None
    family = name.split(".", 1)[0].upper()
    return family if family in FAMILIES else None


def capture_file(root: Path, family: str, *, process: str | None = None) -> Path:
    """Return the journal file of a family in a workspace."""
    return capture_dir(root) / family_file_name(family, process=process)
