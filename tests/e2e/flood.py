"""A job that records as fast as it is let, until it is killed: for tests that kill whoever reads it."""

from __future__ import annotations

import itertools
import sys
import time

from contexta import Contexta


def main() -> None:
    ctx = Contexta(workspace=sys.argv[1], config={"project_name": "flood"})
    pause = float(sys.argv[2])
    with ctx.run("endless") as run, run.stage("train") as stage:
        for number in itertools.count():
            with stage.batch(f"b-{number}") as batch:
                for step in range(50):
                    batch.metric("loss", 1 / (step + 1))
                    time.sleep(pause)


if __name__ == "__main__":
    main()
