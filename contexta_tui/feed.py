"""The thread between the follower and the app.

The follower publishes as often as it likes; the app hears of it once, takes the latest change when it gets
round to it, and is told of the next one only then. A slow screen therefore skips changes, and never falls
behind. Following may begin before there is an app: whoever connects later hears of what has come already.
Nothing here knows what a change contains, nor what a screen is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contexta.live import Change

#: Seconds that leaving waits for the follower; it is a daemon, and its transactions survive being cut off.
_PATIENCE_S = 2.0


class Follows(Protocol):
    """What a feed needs of `contexta.live.Follower`."""

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        """Publish changes until `stop` is set, or there is nothing more to follow."""


class Feed:
    """Runs a follower on a thread of its own.

    Args:
        begin: Makes the follower, on that thread.
    """

    def __init__(self, begin: Callable[[], Follows]) -> None:
        self._begin = begin
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._latest: Change | None = None
        self._failure: str | None = None
        self._changed: Callable[[], object] | None = None
        self._failed: Callable[[str], object] | None = None
        self._announced = False
        self._thread = threading.Thread(target=self._run, name="contexta-feed", daemon=True)

    def start(self) -> None:
        """Start following; once is enough, and once more does no harm."""
        if self._thread.ident is None:
            self._thread.start()

    def connect(self, changed: Callable[[], object], failed: Callable[[str], object]) -> None:
        """Begin to tell somebody.

        Args:
            changed: Is called, on any thread, when there is a change to take; not again before it was taken.
            failed: Is called, on any thread, with one sentence when following ended by an error.
        """
        with self._lock:
            self._changed, self._failed = changed, failed
            announce = self._announced = self._latest is not None
            failure = self._failure
        if announce:
            changed()
        if failure is not None:
            failed(failure)

    def stop(self, patience_s: float = _PATIENCE_S) -> None:
        """Stop following, and wait a moment for the follower to leave its files in order."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience_s)

    def take(self) -> Change | None:
        """The latest change, once; `None` when it was taken already."""
        with self._lock:
            self._announced = False
            change, self._latest = self._latest, None
            return change

    def _publish(self, change: Change) -> None:
        with self._lock:
            self._latest = change
            announce = None if self._announced else self._changed
            self._announced = self._changed is not None
        if announce is not None and not self._stop.is_set():
            announce()
        if change.phase == "static":
            # A follower that does not follow has nothing left to do but to close what the app still asks.
            self._stop.wait()

    def _run(self) -> None:
        try:
            self._begin().run(self._publish, self._stop)
        except Exception as error:  # noqa: BLE001 - a thread's last line: the person must hear of it
            if not self._stop.is_set():
                with self._lock:
                    self._failure = f"{type(error).__name__}: {error}"
                    tell = self._failed
                if tell is not None:
                    tell(self._failure)
