"""Fault: jobs are killed with signal 9 at random moments, alone and beside others that write as well."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

from tests.faults import fault, sizes
from tests.faults.journals import NEVER, check
from tests.faults.victims import Victims


@sizes(short=6, full=200)
def test_jobs_are_killed_at_random_moments(size: int, tmp_path: Path) -> None:
    with (
        fault("a job is killed at a random moment", "kills", never=NEVER) as seen,
        Victims("capture", tmp_path) as victims,
    ):
        said = victims.kill(size, together=4)
        seen.inject(size)
        seen.also("acknowledged", len(said.refs()))
        check(tmp_path / ".contexta", said.refs(), seen, torn_at_most=size, through_all=size > 6)


@sizes(short=2, full=300)
def test_jobs_are_killed_while_they_write_beside_others(size: int, tmp_path: Path) -> None:
    kilobytes = itertools.cycle((64, 1, 1000))
    kills = 20
    with fault("a job is killed while it writes, beside others", "kills", never=NEVER) as seen:
        while seen.injected < size:
            folder = tmp_path / str(seen.injected)
            folder.mkdir()
            kills = min(kills, size - seen.injected)
            with Victims(f"capture-{next(kilobytes)}", folder, seed=seen.injected) as victims:
                said = victims.kill(kills, together=2, neighbours=2)
            seen.inject(kills)
            seen.also("acknowledged by others", sum(map(len, said.beside)))
            check(folder / ".contexta", said.refs(), seen, torn_at_most=kills)
            shutil.rmtree(folder)
