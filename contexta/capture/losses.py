"""What a scope could not keep, counted, so that a reader never takes a gap for silence.

The first loss of a kind is reported at once, the rest as one number when the scope closes: a loop that hands
over nonsense ten thousand times must not write ten thousand reports.
"""

from __future__ import annotations

import threading

from contexta.capture.dispatch import Dispatcher
from contexta.capture.encode import Subject
from contexta.capture.values import JsonValue
from contexta.journal.forks import start_over_in_child


class Losses:
    """The losses on one subject.

    Args:
        dispatcher: The way to the sinks.
        subject: What the records are about; without a run there is nowhere to report to.
    """

    def __init__(self, dispatcher: Dispatcher, subject: Subject) -> None:
        self._dispatcher = dispatcher
        self._subject = subject
        self.start_over()
        start_over_in_child(self)

    def start_over(self) -> None:
        """Let go of what a thread of the parent may hold; for a forked child, whose losses are its own."""
        self._lock = threading.RLock()
        self._counts: dict[str, int] = {}

    def note(self, issue_key: str, summary: str, reason: str, *, marker: str = "partial_failure") -> None:
        """Count something that could not be kept; the first of its kind is reported at once.

        Args:
            issue_key: Its kind, e.g. ``gap.value_dropped``.
            summary: One sentence.
            reason: A word for programs.
            marker: ``capture_gap`` when something is lost, ``partial_failure`` when it was changed.
        """
        if self._subject.run_ref is None:
            return
        with self._lock:
            known = self._counts.get(issue_key)
            self._counts[issue_key] = 0 if known is None else known + 1
        if known is None:
            attributes: dict[str, JsonValue] = {"count": 1, "reason": reason}
            self._dispatcher.degraded(self._subject, issue_key, summary, attributes, marker=marker)

    def settle(self) -> None:
        """Report what was counted since the first reports; called when the scope closes."""
        if not self._counts:
            return
        with self._lock:
            rest = {key: count for key, count in self._counts.items() if count}
            self._counts.clear()
        for issue_key, count in rest.items():
            self._dispatcher.degraded(self._subject, issue_key, f"{count} more of these.", {"count": count})
