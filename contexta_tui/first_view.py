"""What the explorer shows first, kept for the next start, which draws it before anything is loaded.

Loading Textual and a database takes most of a second. When nothing in the workspace has changed since an
explorer was last opened on it, in a terminal like this one and with the same options, what it will show is
known: a screenful of text that lies beside the index. It is shown at once, says that the explorer is opening,
and gives way to the real thing. What could read otherwise meanwhile is never kept: an open run, whose
ages grow, or a notice. Nothing heavy is imported here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING, Final, NamedTuple

from contexta._version import __version__
from contexta.folders import cache_directory, make_private
from contexta.watch.workspace import folders, workspaces_in

if TYPE_CHECKING:
    from contexta_tui.settings import Settings

_FOLDER: Final = "views"
_MOST_VIEWS: Final = 20
_MOST_FILES: Final = 2_000
"""A workspace of more files is not compared before it is opened; that would take as long."""

_LOOKS: Final = ("TERM", "COLORTERM", "NO_COLOR", "TZ", "LANG", "LC_ALL", "LC_CTYPE")
_OF_TEXTUAL: Final = "TEXTUAL"

_ROW: Final = re.compile(r"(?:[^\x00-\x1f\x7f-\x9f]|\x1b\[[0-9;]*m)*")
"""Text and colours: all that a row may consist of, whoever wrote the file."""


class FirstView(NamedTuple):
    """What was shown first, and when that is what would be shown now.

    Attributes:
        path: The file that keeps it; its name stands for the options and the terminal.
        stamp: What the files of the workspaces looked like when this process began.
        size: Columns and rows of the terminal.
        rows: Its rows, with their colours; empty when it is not known.
    """

    path: Path
    stamp: str
    size: tuple[int, int]
    rows: tuple[str, ...]

    @classmethod
    def find(cls, settings: Settings, size: tuple[int, int]) -> FirstView | None:
        """What would be shown first now, or where to keep it; `None` when nothing is to be kept.

        To be called before anything of the workspaces is read.
        """
        stamp = _stamp(settings.workspaces) if settings.use_cache else ""
        if not stamp:
            return None
        asked = (settings.theme, settings.ascii, settings.select, settings.filter, settings.live)
        looks = [(name, os.environ.get(name)) for name in _LOOKS]
        looks += sorted(item for item in os.environ.items() if item[0].startswith(_OF_TEXTUAL))
        roots = [os.fsencode(root.resolve()).hex() for root in settings.workspaces]
        # The day, because times are written without it while it lasts.
        key = json.dumps((__version__, size, asked, looks, roots, strftime("%Y-%m-%d")))
        name = blake2b(key.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        path = (settings.cache_dir or cache_directory()) / _FOLDER / f"{name}.json"
        return cls(path, stamp, size, _kept(path, stamp, size[1]))

    def drawn(self) -> str:
        """What draws it on a terminal, on whatever is there."""
        return "".join(f"\x1b[{number};1H{row}\x1b[0m" for number, row in enumerate(self.rows, 1))

    def keep(self, settings: Settings, rows: Sequence[str]) -> None:
        """Keep what is shown first, unless the workspaces have changed since this process began.

        That it cannot be kept costs the next start its picture, no more.
        """
        fits = len(rows) == self.size[1] and all(map(_ROW.fullmatch, rows))
        if tuple(rows) == self.rows or not fits or _stamp(settings.workspaces) != self.stamp:
            return
        partial = self.path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            make_private(self.path.parent)
            with open(partial, "x", encoding="ascii", opener=_private) as file:
                json.dump({"stamp": self.stamp, "rows": list(rows)}, file)
            partial.replace(self.path)
            _forget_all_but_the_latest(self.path.parent)


def _kept(path: Path, stamp: str, height: int) -> tuple[str, ...]:
    try:
        known = json.loads(path.read_bytes())
        rows = tuple(known["rows"]) if known["stamp"] == stamp else ()
        sound = len(rows) == height and all(map(_ROW.fullmatch, rows))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ()
    return rows if sound else ()


def _stamp(roots: Sequence[Path]) -> str:
    """What all files look like from outside that an explorer reads; empty when they are too many, or none."""
    files = list(islice(_files(roots), _MOST_FILES + 1))
    if not 0 < len(files) <= _MOST_FILES:
        return ""
    return blake2b(repr(sorted(files)).encode(), digest_size=16).hexdigest()


def _files(roots: Sequence[Path]) -> Iterator[tuple[bytes, int, int, int]]:
    for root in roots:
        for workspace in workspaces_in(root.resolve()):
            for folder in folders(workspace):
                with suppress(OSError), os.scandir(os.fsencode(folder)) as entries:
                    yield from map(_seen, entries)


def _seen(entry: os.DirEntry[bytes]) -> tuple[bytes, int, int, int]:
    seen = None
    with suppress(OSError):
        seen = entry.stat()  # of what a link leads to, if there is anything
    return (entry.path, seen.st_ino, seen.st_size, seen.st_mtime_ns) if seen else (entry.path, 0, 0, 0)


def _forget_all_but_the_latest(folder: Path) -> None:
    views = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for view in views[:-_MOST_VIEWS]:
        view.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
