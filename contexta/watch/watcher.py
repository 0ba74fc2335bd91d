"""A thread that says "something changed" within milliseconds. A hint, never the truth.

The operating system's notifications overflow silently, go deaf when a watched folder is made anew and
fail on names that are not UTF-8. So whoever waits for a hint looks for itself all the same, a little later.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

_STEP_MS = 100
_DEBOUNCE_MS = 50
_RETRY_S = 1.0


class Watcher:
    """Watches folders and sets an event when anything in them changes.

    Args:
        hint: Set on every change; the owner clears it.
    """

    def __init__(self, hint: threading.Event) -> None:
        self._hint = hint
        self._folders: frozenset[Path] = frozenset()
        self._lock = threading.Lock()
        self._touched: set[Path] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def touched(self) -> frozenset[Path]:
        """What was said to have changed since the last call: files, or folders in which anything may have."""
        with self._lock:
            touched, self._touched = self._touched, set()
        return frozenset(touched)

    def watch(self, folders: Iterable[Path]) -> None:
        """Watches exactly these folders from now on, not what is below them."""
        wanted = frozenset(folders)
        if wanted == self._folders:
            return
        self.close()
        self._folders = wanted
        if wanted:
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(wanted, self._stop), name="contexta-watch", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Stops watching."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=1)
        self._thread = None
        self._folders = frozenset()

    def _run(self, folders: frozenset[Path], stop: threading.Event) -> None:
        import watchfiles  # noqa: PLC0415 - not before the first screen, which needs no hint

        while not stop.is_set():
            try:
                for changes in watchfiles.watch(
                    *folders,
                    watch_filter=None,
                    step=_STEP_MS,
                    debounce=_DEBOUNCE_MS,
                    stop_event=stop,
                    raise_interrupt=False,
                    recursive=False,
                    ignore_permission_denied=True,
                ):
                    paths = {Path(path) for _, path in changes}
                    with self._lock:
                        self._touched |= paths
                    self._hint.set()
                    if not folders.isdisjoint(paths):
                        break  # Deleted, or moved: nothing more would be heard of one that is made anew.
            except Exception:  # noqa: BLE001 - whatever the watcher dies of, the owner's own looks go on
                # One of the things is a name that is no text, and it is not told: look at the folders.
                with self._lock:
                    self._touched |= folders
                self._hint.set()
            stop.wait(_RETRY_S)
