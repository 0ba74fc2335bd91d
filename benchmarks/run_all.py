"""Runs every benchmark, one after the other, and writes ``benchmarks/RESULTS.md``.

    python benchmarks/run_all.py [--records N] [--full] [--only NAME ...] [--output FILE]

The first run also generates the captures and fetches the peers into the cache folder, which takes some
minutes more. What `--full` measures of ten million records is kept in the results, with its date, until the
next full run. Nothing is asserted: a goal is reached or it is not. The exit code is 1 when a benchmark could
not run.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._results import ROWS_VARIABLE, Figure, number

HERE: Final = Path(__file__).resolve().parent
BY_RECORDS: Final = (
    "start",
    "first_start",
    "index",
    "latency",
    "keys",
    "big_batch",
    "memory",
    "once",
    "growth",
)
OTHERS: Final = ("idle", "capture", "imports", "contract", "ledger")
PACKAGES: Final = ("contexta-tui", "duckdb", "textual", "rich", "msgspec", "pydantic", "watchfiles")
INTRODUCTION: Final = (
    "Written by `make bench`; [performance](../docs/performance.md) says how it is measured. A ratio is what"
    " was measured by the reference of the same run: below 1 is better than the reference."
)
FULL_HEADING: Final = "## Ten million records"
_FULL_MARK: Final = "10,000,000"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a script said.

    Attributes:
        name: The script's.
        figures: What it measured.
        text: What it printed.
        seconds: How long it took.
        failed: Whether it could not do its work.
    """

    name: str
    figures: tuple[Figure, ...]
    text: str
    seconds: float
    failed: bool


def run(name: str, arguments: Sequence[str]) -> Outcome:
    """Run a script and show what it says as it comes."""
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    began = time.perf_counter()
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ctui-bench-") as folder:
        rows = Path(folder, "rows.jsonl")
        rows.touch()
        env = {**os.environ, ROWS_VARIABLE: str(rows)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                lines.append(line)
        figures = tuple(Figure(**json.loads(row)) for row in rows.read_text().splitlines())
    seconds = time.perf_counter() - began
    return Outcome(name, figures, "".join(lines), seconds, process.returncode != 0)


def machine() -> list[str]:
    """What it ran on, without a name or a path."""
    model = platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    except OSError:
        pass
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return [
        f"- {datetime.now(UTC):%Y-%m-%d}",
        f"- {os.cpu_count()} cores of {model}, {memory:.0f} GiB of memory",
        f"- {platform.system()} {platform.release()}",
        f"- Python {platform.python_version()}, {versions}",
    ]


def row(figure: Figure) -> str:
    """A figure as a row of the table."""
    goal = "" if figure.goal is None else f"≤ {number(figure.goal)} {figure.unit}"
    other = "" if figure.reference is None else f"{figure.against}: {number(figure.reference)} {figure.unit}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    reached = {None: "", True: "yes", False: "**no**"}[figure.reached]
    measured = f"{number(figure.measured)} {figure.unit}"
    return f"| {figure.item} | {figure.what} | {goal} | {measured} | {other} | {ratio} | {reached} |"


def results(outcomes: Sequence[Outcome], full: str, records: int) -> str:
    """The page."""
    figures = [figure for outcome in outcomes for figure in outcome.figures if figure.item]
    table = sorted(figures, key=lambda figure: int(figure.item))
    parts = [
        "# Results",
        "",
        INTRODUCTION,
        "",
        *machine(),
        f"- captures of {records:,} records where nothing else is said",
        "",
        "| # | what | goal | measured | reference | ratio | reached |",
        "|---|---|---|---|---|---|---|",
        *(row(figure) for figure in table if _FULL_MARK not in figure.what),
        "",
        *([full, ""] if full else []),
        "## Details",
        "",
    ]
    for outcome in outcomes:
        said = outcome.text.rstrip() + ("\n  it ended with an error" if outcome.failed else "")
        parts += [f"### {outcome.name}.py, {outcome.seconds:.0f} s", "", "```text", said, "```", ""]
    return "\n".join(parts)


def full_part(outcomes: Sequence[Outcome]) -> str:
    """What was measured of ten million records, as a part of the page."""
    figures = [figure for outcome in outcomes for figure in outcome.figures if _FULL_MARK in figure.what]
    if not figures:
        return ""
    head = f"{FULL_HEADING} (measured {datetime.now(UTC):%Y-%m-%d})"
    columns = (
        "| # | what | goal | measured | reference | ratio | reached |",
        "|---|---|---|---|---|---|---|",
    )
    return "\n".join([head, "", *columns, *map(row, figures)])


def kept_part(page: Path) -> str:
    """The same from an earlier run, or nothing."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    found = re.search(rf"^{FULL_HEADING}.*?(?=\n\n## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0].rstrip() if found else ""


def main() -> int:
    parser = argparse.ArgumentParser(description="Run every benchmark and write the results.")
    parser.add_argument("--records", type=int, default=1_000_000, help="size of the captures; 1000000")
    parser.add_argument("--full", action="store_true", help="ten million records too")
    parser.add_argument("--only", nargs="+", choices=BY_RECORDS + OTHERS, help="only these; writes no page")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md", help="the page")
    given = parser.parse_args()
    # As pip leaves them: who has installed the programs never waits for their sources to be compiled.
    for package in ("contexta", "contexta_tui"):
        compileall.compile_dir(HERE.parent / package, quiet=1)
    outcomes: list[Outcome] = []
    for name in given.only or BY_RECORDS + OTHERS:
        arguments = [str(given.records)] if name in BY_RECORDS else []
        if name == "growth" and given.full:
            arguments.append("--full")
        outcomes.append(run(name, arguments))
        print(f"  {outcomes[-1].seconds:.0f} s\n", flush=True)
    if not given.only:
        page = results(outcomes, full_part(outcomes) or kept_part(given.output), given.records)
        given.output.write_text(page, encoding="utf-8")
    failed = [outcome.name for outcome in outcomes if outcome.failed]
    if failed:
        print(f"these could not run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
