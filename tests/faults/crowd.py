"""Many writers at once, each with a share of lines of several sizes, that end by themselves.

`python -m tests.faults.crowd FOLDER WRITERS SHARED COUNT:BYTES ...` forks the writers from a process that has
recorded already, and prints the number of every writer's last line when all have ended.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from contexta import Contexta


def main() -> None:
    folder, writers, shared, *shares = sys.argv[1:]
    settings = {"project_name": "p", "capture": {"per_process_files": shared == "each"}}
    ctx = Contexta(workspace=Path(folder), config=settings)
    run = ctx.run("crowd")
    run.event("line", message="parent", attributes={"who": "parent", "n": 0})
    children = []
    for number in range(int(writers)):
        pid = os.fork()
        if pid == 0:
            sizes = [
                int(size) for share in shares for count, size in [share.split(":")] for _ in range(int(count))
            ]
            random.Random(number).shuffle(sizes)
            who = chr(ord("a") + number)
            for n, size in enumerate(sizes):
                result = run.event("line", message=who * size, attributes={"who": who, "n": n})
                assert result.succeeded, result
            print(who, len(sizes), flush=True)
            os._exit(0)
        children.append(pid)
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
    run.close()
    ctx.close()


if __name__ == "__main__":
    main()
