"""A program of the fault tests that runs beside a test and answers each line it is given with one of JSON.

What must be a process of its own, because it forks or is killed, is written as such a program.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[2]
_PATIENCE_S: Final = 60.0


class Program:
    """One that is running; at the end of the block it has nothing left to answer, and ends.

    Args:
        module: Its name under `tests.faults`.
        arguments: Its arguments.
    """

    def __init__(self, module: str, *arguments: object) -> None:
        self._module = module
        command = [sys.executable, "-m", f"tests.faults.{module}", *map(str, arguments)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=_PATIENCE_S)

    def tell(self, *words: object) -> None:
        """Give it a line."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)

    def answer(self) -> Any:
        """Wait for its next answer."""
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        assert answer, f"the program {self._module} ended"
        return json.loads(answer)
