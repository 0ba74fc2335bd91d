"""Several threads ask while another one writes; nothing is left behind by whoever forgets to close."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contexta import Contexta
from tests.query import ledgers

ROOT = Path(__file__).parents[2]


def test_asking_and_putting_from_many_threads(ctx: Contexta) -> None:
    ledgers.fill_like_the_source_document(ctx)

    def ask(_: int) -> int:
        return len(ctx.list_batches("run-01", "train"))

    def put(number: int) -> int:
        ledgers.put_batch(ctx, f"my-proj.run-01.train.more-{number}", order=number + 2)
        return len(ctx.list_batches("run-01", "train"))

    with ThreadPoolExecutor(4) as pool:
        asked = pool.map(ask, range(20))
        seen = [put(number) for number in range(10)]
        assert set(asked) <= set(range(2, 13))
    assert seen == list(range(3, 13))


def test_a_facade_that_is_not_closed_leaves_nothing_behind(tmp_path: Path) -> None:
    program = """
import sys
from contexta import Contexta
ctx = Contexta(workspace=sys.argv[1])
assert ctx.list_runs() == ()
assert ctx.list_runs(include_captured=True) == ()
"""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path / ".contexta")],
        check=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert list(temporary.iterdir()) == []


def test_asking_again_after_closing(ctx: Contexta) -> None:
    ledgers.fill_like_the_source_document(ctx)
    assert len(ctx.list_batches("run-01")) == 2
    ctx.close()
    assert len(ctx.list_batches("run-01")) == 2
