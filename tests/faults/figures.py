"""Counts what fault tests inject and see, and puts the counts into `docs/reliability.md`.

A test reports through `fault`. Where the environment variable `FAULT_FIGURES` names a folder, each report
becomes one JSON file there, named after its test, so that any number of processes may report at once and a
repeated test replaces its own figures. `python -m tests.faults.figures FOLDER` then writes the table.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import pytest

FOLDER_VARIABLE: Final = "FAULT_FIGURES"
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN: Final = "<!-- figures: written by `make soak` -->"
END: Final = "<!-- end of figures -->"

#: Seconds that the full form of one fault may take.
FULL_TIMEOUT_S: Final = 1_800

_EXAMPLES: Final = 5
_HEAD: Final = ("area", "fault", "injected", "seen", "to reach", "seconds", "measured")
_AREAS: Final = ("writers", "disk", "index", "follow", "catalog", "watch", "terminal", "hostile", "privacy")


def sizes(
    short: int, full: int, *, timeout: int = FULL_TIMEOUT_S, when: Literal["first", "", "last"] = ""
) -> pytest.MarkDecorator:
    """Give a test its two sizes, as its argument `size`.

    Args:
        short: Injections in `make test`; a second's worth.
        full: Injections in `make soak`.
        timeout: Seconds that the full form may take.
        when: Where in `make soak` the full form comes; see `tests.soaking`.
    """
    marks = (pytest.mark.soak(when=when), pytest.mark.timeout(timeout))
    return pytest.mark.parametrize(
        "size", [pytest.param(short, id="short"), pytest.param(full, id="full", marks=marks)]
    )


@dataclass(slots=True)
class Seen:
    """What one test injected and saw.

    Attributes:
        injected: How often.
        never: Counts that must stay zero, by what they count.
        others: Counts for the reader, which may be anything.
        examples: Where to look, of the first of each `never`.
    """

    never: dict[str, int]
    injected: int = 0
    others: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    def inject(self, times: int = 1) -> None:
        """Count injections."""
        self.injected += times

    def wrong(self, what: str, times: int | bool = True, example: object = None) -> None:
        """Count what must not happen; zero times is fine. `what` is one of `never`."""
        count = int(times)
        self.never[what] += count
        if count and example is not None and len(self.examples) < _EXAMPLES:
            self.examples.append(f"{what}: {example}")

    def also(self, what: str, times: int = 1) -> None:
        """Count what may happen and is worth knowing."""
        self.others[what] = self.others.get(what, 0) + times


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table; of several tests of one fault, until they are put together."""

    area: str
    fault: str
    unit: str
    injected: int
    never: dict[str, int]
    others: dict[str, int]
    to_reach: int
    passed: bool
    seconds: float
    measured: str

    def __add__(self, other: Figure) -> Figure:
        """Both, as one fault."""
        return Figure(
            area=self.area,
            fault=self.fault,
            unit=self.unit,
            injected=self.injected + other.injected,
            never=_sum(self.never, other.never),
            others=_sum(self.others, other.others),
            to_reach=self.to_reach + other.to_reach,
            passed=self.passed and other.passed,
            seconds=self.seconds + other.seconds,
            measured=max(self.measured, other.measured),
        )

    def cells(self) -> tuple[str, ...]:
        """The row, in the order of the table's head."""
        seen = ", ".join(f"{count:,} {what}" for what, count in {**self.never, **self.others}.items())
        reach = ", ".join((f"{self.to_reach:,} {self.unit}", *(f"0 {what}" for what in self.never)))
        return (
            self.area,
            self.fault,
            f"{self.injected:,} {self.unit}",
            f"{'' if self.passed else '**failed:** '}{seen}",
            reach,
            f"{self.seconds:,.0f}",
            self.measured,
        )


@contextmanager
def fault(name: str, unit: str, *, never: Sequence[str], to_reach: int | None = None) -> Iterator[Seen]:
    """Report what a test injects in this block.

    Args:
        name: The fault, as a reader would say it. Several tests, or one test with several parameters, may
            report the same one: they become one row.
        unit: What is counted as one injection, in the plural.
        never: What must not happen.
        to_reach: How many injections this test owes; by default those that it makes.

    Yields:
        Where to count.

    Raises:
        AssertionError: Nothing was injected, too little was, or something happened that must not.
    """
    seen = Seen(dict.fromkeys(never, 0))
    started = time.monotonic()
    passed = False
    try:
        yield seen
        assert seen.injected >= max(1, to_reach or 0), f"{name}: {seen.injected} {unit} injected"
        assert not any(seen.never.values()), (
            f"{name}: {seen.never} after {seen.injected} {unit}; " + "; ".join(seen.examples)
        )
        passed = True
    finally:
        _report(
            Figure(
                area=_area(),
                fault=name,
                unit=unit,
                injected=seen.injected,
                never=seen.never,
                others=seen.others,
                to_reach=seen.injected if to_reach is None else to_reach,
                passed=passed,
                seconds=time.monotonic() - started,
                measured=datetime.now(UTC).date().isoformat(),
            )
        )


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {what: one.get(what, 0) + other.get(what, 0) for what in {**one, **other}}


def _test() -> str:
    """The running test, such as `tests/faults/test_disk_full.py::test_x[full]`."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").partition(" (")[0]


def _area() -> str:
    found = re.search(r"test_([a-z]+)", Path(_test().partition("::")[0]).name)
    return found[1] if found else ""


def _report(figure: Figure) -> None:
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return
    name = hashlib.sha256(f"{_test()}\n{figure.fault}".encode()).hexdigest()[:16]
    path = Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(asdict(figure)), encoding="utf-8")
    partial.replace(path)


def collect(folder: Path) -> list[Figure]:
    """The figures that were reported into a folder, one a fault."""
    figures: dict[tuple[str, str], Figure] = {}
    for path in sorted(folder.glob("*.json")):
        figure = Figure(**json.loads(path.read_text(encoding="utf-8")))
        key = (figure.area, figure.fault)
        figures[key] = figures[key] + figure if key in figures else figure
    return list(figures.values())


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of rows as `Figure.cells` gives them, sorted by area and fault."""

    def place(row: Sequence[str]) -> tuple[int, str, str]:
        return (_AREAS.index(row[0]) if row[0] in _AREAS else len(_AREAS), row[0], row[1])

    lines = (_HEAD, ("---",) * len(_HEAD), *sorted(rows, key=place))
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def rows_of(text: str) -> list[tuple[str, ...]]:
    """The rows that a table of `table` holds."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    return [
        tuple(cell.replace("\\|", "|") for cell in re.split(r" (?<!\\)\| ", line[2:-2])) for line in lines
    ]


def written(document: str, figures: Sequence[Figure], *, keep: bool) -> str:
    """A document with the figures in its table.

    Args:
        document: Its text, with both markers.
        figures: What was measured.
        keep: Whether rows of faults that were not measured now stay.

    Raises:
        ValueError: A marker is missing.
    """
    before, begin, rest = document.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the markers {BEGIN} and {END} are not there")
    rows = {row[:2]: row for row in rows_of(old)} if keep else {}
    rows.update({row[:2]: row for row in (figure.cells() for figure in figures)})
    total = sum(float(row[5].replace(",", "")) for row in rows.values())
    summary = f"{len(rows)} faults, {total:,.0f} seconds of injecting, on {_machine()}."
    return f"{before}{begin}\n\n{table(list(rows.values()))}\n{summary}\n\n{end}{after}"


def _machine() -> str:
    system = os.uname()
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{os.cpu_count()} cores, {system.sysname} {system.release.partition('-')[0]}, Python {python}"


def main() -> None:
    """Write the figures of a folder into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--keep", action="store_true", help="keep the rows of faults that are not in the folder"
    )
    options = parser.parse_args()
    figures = collect(options.folder)
    if not figures:
        print(f"no test reported a figure; {DOCUMENT.name} stays as it is.")
        return
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(written(text, figures, keep=options.keep), encoding="utf-8")
    failed = [figure.fault for figure in figures if not figure.passed]
    print(f"{len(figures)} faults in {DOCUMENT.name}; failed: {', '.join(failed) or 'none'}")


if __name__ == "__main__":
    main()
