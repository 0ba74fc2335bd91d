"""The captures that benchmarks run on, generated once and kept, and catalogs of them, built once and copied.

Everything lies in one folder of the user's, which can be deleted at any time. A benchmark that appends to a
capture gets it cut back to its size afterwards; the catalog it works with is a copy, thrown away after it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from benchmarks.generate import generate

_HERE: Final = Path(__file__).resolve().parent
_MADE_BY: Final = ("generate.py", "_job.py", "_lines.py", "_scopes.py")
_SIZES: Final = "sizes.json"


@dataclass(frozen=True, slots=True)
class Place:
    """A capture, and a folder for its catalog.

    Attributes:
        workspace: The ``.contexta`` folder.
        index: The folder to be given as ``--cache-dir``.
    """

    workspace: Path
    index: Path

    @property
    def records(self) -> Path:
        """The capture's main file."""
        return self.workspace / "cache" / "capture" / "record.jsonl"

    def command(self, *options: str) -> list[str]:
        """The explorer on it."""
        return ["contexta-tui", str(self.workspace), "--cache-dir", str(self.index), *options]


def cache() -> Path:
    """Where captures and peers are kept: `CTUI_BENCH_CACHE`, else in the user's cache folder."""
    configured = os.environ.get("CTUI_BENCH_CACHE")
    folder = Path(configured) if configured else Path.home() / ".cache" / "contexta-tui-bench"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def digest(*files: Path) -> str:
    """A name for what some files say."""
    text = blake2b(digest_size=6)
    for file in files:
        text.update(file.read_bytes())
    return text.hexdigest()


def capture(records: int, *, one_batch: bool = False) -> Path:
    """The workspace with a capture of so many records, generated when it is not there."""
    made_by = digest(*(_HERE / name for name in _MADE_BY))
    kind = "one-batch" if one_batch else "runs"
    folder = cache() / "captures" / f"{kind}-{records}-{made_by}"
    if not (folder / _SIZES).exists():
        for old in folder.parent.glob(f"{kind}-{records}-*"):
            shutil.rmtree(old)
        print(f"  generating {records:,} records", file=sys.stderr)
        written = generate(folder, records, one_batch=one_batch)
        files = (written.workspace / "cache" / "capture").iterdir()
        sizes = {file.name: file.stat().st_size for file in files}
        (folder / _SIZES).write_text(json.dumps(sizes))
    _cut_back(folder)
    return folder / ".contexta"


@contextmanager
def unseen(records: int, *, one_batch: bool = False) -> Iterator[Place]:
    """A capture without a catalog of it, and an empty folder for one."""
    workspace = capture(records, one_batch=one_batch)
    with tempfile.TemporaryDirectory(prefix="ctui-bench-", dir=cache()) as folder:
        try:
            yield Place(workspace, Path(folder))
        finally:
            _cut_back(workspace.parent)


@contextmanager
def seen(records: int, *, one_batch: bool = False) -> Iterator[Place]:
    """A capture that the explorer has seen before: its catalog is there, a copy for this once."""
    workspace = capture(records, one_batch=one_batch)
    catalog = sorted((_HERE.parent / "contexta" / "catalog").glob("*.py"))
    kept = workspace.parent / f"index-{digest(*catalog)}"
    if not kept.exists():
        for old in workspace.parent.glob("index-*"):
            shutil.rmtree(old)
        print(f"  indexing {records:,} records", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="ctui-bench-", dir=cache()) as folder:
            made = Place(workspace, Path(folder) / "index")
            command = [sys.executable, "-m", "contexta_tui", *made.command("--once", "--depth", "run")[1:]]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            shutil.move(made.index, kept)
    with unseen(records, one_batch=one_batch) as place:
        shutil.copytree(kept, place.index, dirs_exist_ok=True)
        yield place


def _cut_back(folder: Path) -> None:
    """Take away what was appended to a capture."""
    for name, size in json.loads((folder / _SIZES).read_text()).items():
        file = folder / ".contexta" / "cache" / "capture" / name
        if file.stat().st_size > size:
            os.truncate(file, size)
