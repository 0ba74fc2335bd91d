"""Moves through a batch of a million samples, and through one of a thousand for comparison.

    python benchmarks/big_batch.py [SAMPLES]

Prints, for each kind of key, the time from the key to the changed frame while nothing else is drawn, and the
ratio between the two workspaces in the same run: a ratio near one means that the size of a batch is not felt.
The reference for expanding is Textual's own `Tree`, to which one node is added live.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from textual.app import App, ComposeResult
from textual.widgets import Tree

from benchmarks._places import seen
from benchmarks._pty import Screen
from benchmarks._results import Report
from benchmarks.start import BY_THE_APP

SMALL: Final = 1_000
TREE_COLS: Final = 54
KEYS: Final = {"j": 20, "ctrl+d": 7, "pagedown": 7, "G": 1, "ctrl+u": 7, "g": 1}
EXPANSIONS: Final = 7
GOAL_MS: Final = 50.0
GOAL_GROWTH_MB: Final = 5.0
TREE_NODES: Final = 100_000
TREE_ADDITIONS: Final = 3


class TreeApp(App[None]):
    """Textual's tree with many nodes."""

    def compose(self) -> ComposeResult:
        tree: Tree[None] = Tree("samples")
        tree.root.expand()
        for number in range(TREE_NODES):
            tree.root.add_leaf(f"item-{number}")
        yield tree


async def added_to_tree() -> list[float]:
    """Milliseconds for each node that is added to Textual's tree, until it could be drawn."""
    times = []
    app = TreeApp()
    async with app.run_test() as pilot:
        tree = app.query_one(Tree)
        for number in range(TREE_ADDITIONS):
            await pilot.pause()
            began = time.perf_counter()
            tree.root.add_leaf(f"new-{number}")
            assert tree.last_line >= TREE_NODES  # noqa: S101  # asking makes it build its lines
            times.append((time.perf_counter() - began) * 1e3)
    return times


def pressed(screen: Screen, key: str) -> float:
    """Milliseconds from a key to the changed frame, when nothing else is being drawn."""
    screen.settle(0.25)
    before = state(screen)
    at = screen.press(key)
    return (screen.when(lambda: state(screen) != before, what=f"the effect of {key}", timeout=3) - at) * 1e3


def state(screen: Screen) -> tuple[str, int]:
    """What tells one tree from another: its text, and the row of the cursor bar."""
    return "\n".join(row[:TREE_COLS] for row in screen.text().splitlines()[1:]), screen.bar()


def measure(samples: int) -> tuple[dict[str, list[float]], float]:
    """Milliseconds of every key, and by how many MB memory grew with expanding."""
    with seen(samples, one_batch=True) as place, Screen(place.command("--select", "holdout-1")) as screen:
        screen.when_matches(BY_THE_APP + r"▸ . holdout-1 +\S+ samples")
        screen.settle(1.0)
        before = screen.resident_mb()
        times = {"expand": [pressed(screen, "l")]}
        for _ in range(EXPANSIONS - 1):
            pressed(screen, "h")
            times["expand"].append(pressed(screen, "l"))
        grown = screen.resident_mb() - before
        for key, count in KEYS.items():
            times[key] = []
            for _ in range(count):
                times[key].append(pressed(screen, key))
        return times, grown


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    report = Report(f"A batch of {samples:,} samples, and one of {SMALL:,}")
    tree = asyncio.run(added_to_tree())
    small, _ = measure(SMALL)
    big, grown = measure(samples)
    report.figure(
        f"expand a batch of {samples:,} samples",
        big["expand"],
        "ms",
        item="6",
        goal=GOAL_MS,
        reference=tree,
        against=f"a node added to Textual's Tree of {TREE_NODES:,}",
    )
    report.figure("memory that expanding adds", [max(grown, 0.0)], "MB", item="6", goal=GOAL_GROWTH_MB)
    for key, values in big.items():
        report.figure(f"key {key}", values, "ms", reference=small[key], against=f"{SMALL:,} samples")
    ratios = [statistics.median(big[key]) / statistics.median(small[key]) for key in big]
    report.note(f"mean ratio of the keys: {statistics.fmean(ratios):.2f}")


if __name__ == "__main__":
    main()
