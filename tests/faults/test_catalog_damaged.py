"""Fault: the file of a catalog is not what was written: flipped bits, other versions, foreign databases.

Everything in it can be read again from the files, so it is built anew, and nobody sees a wrong number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from benchmarks.generate import generate
from tests.faults import fault, sizes
from tests.faults.flips import Flips

NEVER: Final = (
    "wrong answers",
    "rebuilt otherwise than before",
    "errors",
    "left damaged",
)


@pytest.mark.parametrize("way", ["load", "follow"])
@sizes(short=3, full=100)
def test_a_bit_is_flipped(size: int, way: str, tmp_path: Path) -> None:
    generate(tmp_path, 1_000, lifecycle=True)
    with (
        fault("a bit of the catalog is flipped", "flips", never=NEVER) as seen,
        Flips(tmp_path / ".contexta", tmp_path) as flips,
    ):
        assert flips.whole.shown != flips.built.shown
        assert not flips.whole.rebuilt, "what is whole is kept"
        for number in range(size):
            outcome = flips.flip(way, number)
            seen.inject()
            right = {*flips.whole.shown, *flips.built.shown}
            seen.wrong("wrong answers", len(set(outcome.shown) - right), outcome)
            seen.wrong("errors", bool(outcome.error), outcome)
            if outcome.rebuilt:
                seen.also("rebuilt")
                seen.wrong("wrong answers", outcome.shown[-1:] != flips.built.shown, outcome)
                seen.wrong("rebuilt otherwise than before", outcome.tables != flips.built.tables, outcome)
            seen.also("noticed while asking", outcome.refused > 0)
            seen.wrong("left damaged", outcome.refused > 0 and not outcome.rebuilt, outcome)
