"""Which process records: the facts by which an explorer on the same machine can tell whether it still lives.

A process id alone is reused, so its start time goes with it, read from where any other program would read it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from contexta.capture.clock import TimestampWriter

_STARTED_FALLBACK = time.time_ns() // 1000


class ProcessIdentity(NamedTuple):
    """Host name, process id, and start time as a timestamp text."""

    host: str
    pid: int
    process_started_at: str


def process_identity() -> ProcessIdentity:
    """Return who this process is; after a fork the child is somebody else."""
    pid = os.getpid()
    return ProcessIdentity(os.uname().nodename, pid, TimestampWriter().text(process_start_micros(pid)))


def process_start_micros(pid: int) -> int:
    """Return when a process of this machine started, in microseconds since the epoch.

    It is exact to the clock tick, usually 10 ms. Where the kernel has no ``/proc`` the time this module was
    loaded stands in.
    """
    try:
        # The command name stands in parentheses and may hold blanks and parentheses itself.
        facts = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        ticks = int(facts[19])
        lines = Path("/proc/stat").read_text().splitlines()
        booted = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
        return booted * 1_000_000 + ticks * 1_000_000 // os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return _STARTED_FALLBACK
