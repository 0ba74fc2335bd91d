"""Fault: two and three explorers are opened at once on the same workspace, while its job writes.

One has the index on the disk, the others keep their own in memory; all of them count the same.
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from contexta.loading import load
from tests.faults import fault, sizes
from tests.lines import RUN, Lines
from tests.terminal import Terminal

NEVER: Final = ("wrong numbers", "records doubled", "indexes left damaged", "explorers without an answer")
_COUNTED: Final = re.compile(r"run · (?:.* · )?([\d,]+) records")
_PATIENCE_S: Final = 30.0


def _number(term: Terminal) -> int:
    found = _COUNTED.search(term.text())
    return int(found[1].replace(",", "")) if found else -1


@sizes(short=1, full=20)
def test_explorers_are_opened_at_once(size: int, tmp_path: Path) -> None:
    workspace, cache = tmp_path / ".contexta", tmp_path / "cache"
    journal = workspace / "cache" / "capture" / "record.jsonl"
    journal.parent.mkdir(parents=True)
    lines = Lines()
    written = 0

    def record(count: int) -> None:
        nonlocal written
        with journal.open("ab", buffering=0) as file:
            for _ in range(count):
                written += 1
                file.write(lines.metric(RUN, "loss", written, record_hex=f"{written:012x}"))

    command = ["contexta-tui", str(workspace), "--cache-dir", str(cache), "--select", RUN]
    with fault("two and three explorers at once on one workspace", "explorers", never=NEVER) as seen:
        for turn in range(size):
            many = 2 + turn % 2
            record(50)
            with ExitStack() as stack:
                terms = [stack.enter_context(Terminal(command, warm=True)) for _ in range(many)]
                until = time.monotonic() + _PATIENCE_S
                for _ in range(20):
                    record(10)
                    for term in terms:
                        seen.wrong("wrong numbers", _number(term) > written, term.text())
                while any(_number(term) != written for term in terms) and time.monotonic() < until:
                    terms[0].settle(0.05)
                for term in terms:
                    seen.inject()
                    seen.wrong("explorers without an answer", _number(term) != written, term.text())
                    if turn % 3 == 2:
                        term.process.kill()
            with load([workspace], cache_dir=cache) as loaded:
                catalog = loaded._catalog
                row = catalog.connection.execute(
                    "select count(*), count(distinct ref) from records"
                ).fetchone()
                seen.wrong("records doubled", row != (written, written), (row, written))
                seen.wrong("indexes left damaged", catalog.path is None, catalog.notice)
