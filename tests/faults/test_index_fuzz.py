"""Fault: bytes that a coverage-guided fuzzer found, in what cuts and reads lines in Python."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.faults import fault, sizes

ROOT: Final = Path(__file__).parents[2]


@pytest.mark.skipif(find_spec("atheris") is None, reason="needs the dependency group fuzz")
@sizes(short=2_000, full=150_000)
def test_bytes_that_find_new_ways(size: int, tmp_path: Path) -> None:
    with fault("bytes that find new ways through the readers", "inputs", never=("broken promises",)) as seen:
        done = subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "tests.faults.fuzz_lines",
                    f"-runs={size}",
                    "-seed=1",
                    "-max_len=4096",
                ),
                *(f"-artifact_prefix={tmp_path}/", "-print_final_stats=1"),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        covered = re.findall(r"cov: (\d+)", done.stderr)
        seen.inject(int(runs[1]) if runs else 0)
        seen.also("branches reached", int(covered[-1]) if covered else 0)
        seen.wrong("broken promises", done.returncode != 0, (done.stdout + done.stderr)[-2_000:])
