"""A process that appends to a workspace, and its answer when each record was written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from benchmarks._append import FIRST


class Appender:
    """The process, from `with` to the end of the block; it waits before it appends.

    Args:
        workspace: Where to.
        rate: Records per second.
        seconds: For how long.

    Attributes:
        first: Records that the run has before `begin`.
    """

    first = FIRST

    def __init__(self, workspace: Path, rate: float, seconds: float) -> None:
        script = Path(__file__).with_name("_append.py")
        self._command = [sys.executable, str(script), str(workspace), str(rate), str(seconds)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._pipe(self._process.stdout).readline()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:  # closes the pipes and waits
            self._process.kill()

    def begin(self) -> None:
        """Let it append."""
        pipe = self._pipe(self._process.stdin)
        pipe.write("\n")
        pipe.flush()

    def running(self) -> bool:
        """Whether it still appends."""
        return self._process.poll() is None

    def written(self) -> list[float]:
        """Wait for its end; when each record was written."""
        times: list[float] = json.loads(self._process.communicate()[0])
        return times

    def _pipe(self, pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None, "use the appender in a with block"  # noqa: S101
        return pipe
