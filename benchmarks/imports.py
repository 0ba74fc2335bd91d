"""What imports and `contexta-tui --version` take on top of the bare interpreter.

    python benchmarks/imports.py [RUNS]

The reference is the import of public Contexta 1.0.0 on top of its own interpreter. Because `import contexta`
loads nothing before a name is used, what a job imports is measured too.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._peers import MissingError, public_contexta
from benchmarks._places import cache
from benchmarks._results import Report, alternate

RUNS: Final = 15
USED: Final = "from contexta import Contexta"
GOAL_IMPORT_MS: Final = 100.0
GOAL_VERSION_MS: Final = 120.0


def took(command: Sequence[str]) -> float:
    """Milliseconds that a command takes."""
    began = time.perf_counter()
    # Not from here, where both sides would import what lies beside this folder.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=cache())
    return (time.perf_counter() - began) * 1e3


def on_top(commands: Sequence[Sequence[str]], runs: int) -> list[list[float]]:
    """Milliseconds of each command after the first, on top of the fastest run of the first."""
    for command in commands:
        took(command)
    bare, *others = alternate(runs, *(lambda command=command: took(command) for command in commands))
    return [[value - min(bare) for value in values] for values in others]


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    report = Report("Imports, on top of the bare interpreter")
    python = sys.executable
    program = str(Path(python).with_name("contexta-tui"))
    imported, used, version = on_top(
        [
            [python, "-c", "pass"],
            [python, "-c", "import contexta"],
            [python, "-c", USED],
            [program, "--version"],
        ],
        runs,
    )
    public: list[float] = []
    against = ""
    try:
        other, which = public_contexta()
        against = f"import of public Contexta 1.0.0 on Python {which}"
        (public,) = on_top([[str(other), "-c", "pass"], [str(other), "-c", USED]], runs)
    except MissingError as missing:
        report.note(str(missing))
    for what, values, goal in (
        ("import contexta", imported, GOAL_IMPORT_MS),
        (USED, used, GOAL_IMPORT_MS),
        ("contexta-tui --version", version, GOAL_VERSION_MS),
    ):
        report.figure(what, values, "ms", item="10", goal=goal, reference=public, against=against)


if __name__ == "__main__":
    main()
