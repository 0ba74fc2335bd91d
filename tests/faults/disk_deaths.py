"""Kills what `disk_scenarios` does at one call of the system after another: before it, after it, half way.

`python -m tests.faults.disk_deaths SCENARIO FOLDER HOW_MANY` leaves a workspace behind each death and prints
its path.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.faults.seam import Fault, Seam

ROOT: Final = Path(__file__).parents[2]


def deaths(scenario: str, folder: Path, how_many: int) -> Iterator[Path]:
    """The workspaces that so many deaths leave behind."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.disk_deaths", scenario, str(folder), str(how_many)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    yield from map(Path, done.stdout.splitlines())


def main() -> None:
    name, folder, how_many = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    seam = Seam()
    # Only now, so that whatever it imports sees the seam.
    from tests.faults import disk_scenarios  # noqa: PLC0415

    scenario = disk_scenarios.SCENARIOS[name]
    place = folder / "calls"
    place.mkdir(parents=True)
    work = scenario(place)
    seam.arm(Fault(-1))
    work.act()
    seam.disarm()
    faults = [
        fault for at, call in enumerate(seam.calls) for fault in (Fault(at, dies=True), *_halves(at, call))
    ]
    step = max(1, len(faults) // how_many)
    for number, fault in enumerate(faults[::step]):
        place = folder / str(number)
        place.mkdir()
        child = os.fork()
        if child == 0:
            work = scenario(place)
            seam.arm(fault)
            work.act()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 9, f"{fault} did not kill: {status}"
        print(place, flush=True)


def _halves(at: int, call: str) -> list[Fault]:
    if call != "write":
        return []
    return [Fault(at, share=share, dies=True) for share in (0.01, 0.5, 1.0)]


if __name__ == "__main__":
    main()
