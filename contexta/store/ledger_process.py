"""The ledgers that this process has in hand: one `LedgerFile` a path, also across fork and at exit."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Final

from contexta.store.ledger_config import IN_MEMORY
from contexta.store.ledger_file import LedgerFile

_FORK_WAIT_SECONDS: Final = 1.0


class _Ledgers:
    """The ledgers by path, for as long as somebody uses them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.files: weakref.WeakValueDictionary[str, LedgerFile] = weakref.WeakValueDictionary()
        self.held: list[LedgerFile] = []
        self.left_to_parent: list[object] = []

    def at(self, path: Path) -> LedgerFile:
        real = os.path.realpath(path)
        with self.lock:
            found = self.files.get(real)
            if found is None:
                found = self.files[real] = LedgerFile(Path(real))
            return found

    def before_fork(self) -> None:
        """Wait until nobody else writes, so that the child inherits no half of a write."""
        self.held = [
            file for file in list(self.files.values()) if file.lock.acquire(timeout=_FORK_WAIT_SECONDS)
        ]

    def in_parent(self) -> None:
        for file in self.held:
            file.lock.release()
        self.held = []

    def in_child(self) -> None:
        self.lock = threading.Lock()
        self.held = []
        for file in list(self.files.values()):
            # Kept, because closing what the parent has open would write to its file.
            self.left_to_parent.append(file.forget())

    def at_exit(self) -> None:
        for file in list(self.files.values()):
            with suppress(Exception):
                file.close()


_LEDGERS: Final = _Ledgers()
os.register_at_fork(
    before=_LEDGERS.before_fork,
    after_in_parent=_LEDGERS.in_parent,
    after_in_child=_LEDGERS.in_child,
)
atexit.register(_LEDGERS.at_exit)


def ledger_file(path: str | os.PathLike[str]) -> LedgerFile:
    """Return the ledger at a path, the same object for all who ask in this process.

    Args:
        path: The database file, or ``:memory:`` for a ledger of the caller's own.
    """
    text = os.fspath(path)
    return LedgerFile(None) if text == IN_MEMORY else _LEDGERS.at(Path(text).expanduser())
