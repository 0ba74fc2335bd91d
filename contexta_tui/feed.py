"""The thread between the follower and the app.

The follower publishes as often as it likes; the app hears of it by at most one
message at a time and takes the latest change then. A slow screen therefore skips
changes, and never falls behind. Nothing here knows what a change contains.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from textual.message import Message

from contexta.live import Change, Phase
from contexta_tui.messages import FeedChanged, FeedFailed

#: Seconds that leaving waits for the follower; it is a daemon, and its transactions survive being cut off.
_PATIENCE_S = 2.0


class Follows(Protocol):
    """What a feed needs of `contexta.live.Follower`."""

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        """Publish changes until `stop` is set, or there is nothing more to follow."""


class Feed:
    """Runs a follower on a thread of its own.

    Args:
        follower: The follower.
        post: Thread-safe way to the app, such as `App.post_message`.
    """

    def __init__(self, follower: Follows, post: Callable[[Message], object]) -> None:
        self._follower = follower
        self._post = post
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._latest: Change | None = None
        self._announced = False
        self._thread = threading.Thread(target=self._run, name="contexta-feed", daemon=True)

    def start(self) -> None:
        """Start following."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following, and wait a moment for the follower to leave its files in order."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)

    def take(self) -> Change | None:
        """The latest change, once; `None` when it was taken already."""
        with self._lock:
            self._announced = False
            change, self._latest = self._latest, None
            return change

    def _publish(self, change: Change) -> None:
        with self._lock:
            self._latest = change
            announce, self._announced = not self._announced, True
        if announce and not self._stop.is_set():
            self._post(FeedChanged())
        if change.phase is Phase.STATIC:
            # A follower that does not follow has nothing left to do but to close what the app still asks.
            self._stop.wait()

    def _run(self) -> None:
        try:
            self._follower.run(self._publish, self._stop)
        except Exception as error:  # noqa: BLE001 - a thread's last line: the person must hear of it
            if not self._stop.is_set():
                self._post(FeedFailed(f"{type(error).__name__}: {error}"))
