"""Payloads that a sink refused, kept until someone delivers them again.

One line a refused delivery, in ``cache/outbox/failed_deliveries.jsonl`` of the workspace and in the form of
the format specification, section 4, so that the replay of public Contexta reads it too.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import msgspec

from contexta.capture.config import Config
from contexta.capture.encode import Entry, encode
from contexta.capture.results import Delivery
from contexta.capture.values import shown
from contexta.journal.append import JournalWriter
from contexta.journal.paths import outbox_file


class Outbox:
    """Writes refused deliveries.

    Args:
        path: The file; made at the first line.
    """

    def __init__(self, path: Path) -> None:
        self._writer = JournalWriter(path)
        self._numbers = itertools.count(1)

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self._writer.path

    def keep(self, entry: Entry, delivery: Delivery, attempts: int, failed_at: str, micros: int) -> bool:
        """Write one refused delivery.

        Args:
            entry: The payload.
            delivery: Which sink refused it, and why.
            attempts: How often it was tried.
            failed_at: When, as text.
            micros: When, in microseconds since the epoch.

        Returns:
            Whether the line was written whole; the disk may be full here too.
        """
        number = next(self._numbers)
        line = encode(
            {
                "attempts": attempts,
                "error": shown(delivery.error_message or "unknown"),
                "error_code": delivery.error_code,
                "failed_at": failed_at,
                "family": entry.family,
                "payload": msgspec.Raw(entry.body),
                "payload_ref": entry.payload_ref,
                "payload_type": entry.payload_type,
                "replay_ref": f"replay:{entry.family.lower()}.{micros // 1000}.{number}",
                "sink_name": delivery.sink_name,
            }
        )
        return self._writer.append(line + b"\n") is None

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        self._writer.close()


def outbox_of(workspace: str | os.PathLike[str], config: Config) -> Outbox | None:
    """Return the outbox of a workspace, or None when what sinks refuse is not to be kept."""
    if config.dispatch_failure_mode != "outbox":
        return None
    return Outbox(outbox_file(Path(workspace), config.outbox_root))
