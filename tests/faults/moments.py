"""Jobs that record at bad moments and end in bad ways; each prints the references that it had acknowledged.

`python -m tests.faults.moments SCENARIO[,SCENARIO] FOLDER SIZE` records each in a workspace of its own.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType

from contexta import Contexta
from contexta.capture.results import CaptureResult
from contexta.capture.scopes import RunScope

_FORKED_THREADS = 8


def say(result: CaptureResult) -> None:
    """Acknowledge a record on the standard output, with one write."""
    if result.succeeded:
        os.write(1, f"{result.payload_ref}\n".encode())


def threads(run: RunScope, size: int) -> None:
    """Thirty-two threads record on one scope."""
    _all(32, lambda who: [say(run.metric("loss", n, tags={"who": str(who)})) for n in range(size)])


def forks(run: RunScope, size: int) -> None:
    """A process forks again and again while its threads record; all threads of a child record at once."""
    stop = threading.Event()

    def work(who: int) -> None:
        for n in count():
            if stop.is_set():
                return
            # Values that are no numbers take the locks of the losses too.
            run.metric("lost", "x")
            say(run.event("e", message="m" * (n % 5_000), attributes={"who": who}))

    workers = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(size):
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            ready = threading.Barrier(_FORKED_THREADS)

            def record(who: int, ready: threading.Barrier = ready) -> None:
                ready.wait()
                run.metric("lost", "x")
                say(run.metric("loss", who))

            _all(_FORKED_THREADS, record)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, f"a child ended with {status}"
    stop.set()
    for worker in workers:
        worker.join()


def signals(run: RunScope, size: int) -> None:
    """A signal handler records while its thread does, several thousand times a second."""

    def handle(number: int, frame: FrameType | None) -> None:
        say(run.event("signal", message="s" * 2_000))

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    for n in range(size * 100):
        say(run.event("e", message="m" * (n % 3_000)))
        with run.stage(f"s{n % 7}") as stage:
            say(stage.metric("loss", n))
    signal.setitimer(signal.ITIMER_REAL, 0)


def daemons(run: RunScope, size: int) -> None:
    """The interpreter ends while daemon threads record."""
    started = threading.Barrier(5)

    def work() -> None:
        started.wait()
        while True:
            say(run.event("e", message="m" * 3_000))

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    started.wait()
    time.sleep(0.05)


def gone(run: RunScope, size: int) -> None:
    """The process ends without a word while threads record."""
    daemons(run, size)
    os._exit(0)


def interrupted(run: RunScope, size: int) -> None:
    """Ctrl+C comes at any moment, and the job goes on."""
    done = 0

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    while done < size * 10:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.0001 * (done % 7))
            while True:
                say(run.event("e", message="m" * (done % 3_000)))
        except KeyboardInterrupt:
            done += 1
    signal.setitimer(signal.ITIMER_REAL, 0)


SCENARIOS: dict[str, Callable[[RunScope, int], None]] = {
    scenario.__name__: scenario for scenario in (threads, forks, signals, daemons, gone, interrupted)
}


def _all(how_many: int, work: Callable[[int], object]) -> None:
    workers = [threading.Thread(target=work, args=(who,)) for who in range(how_many)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def main() -> None:
    scenarios, folder, size = sys.argv[1:]
    for scenario in scenarios.split(","):
        ctx = Contexta(workspace=Path(folder, scenario), config={"project_name": "p"})
        SCENARIOS[scenario](ctx.run(scenario), int(size))
        if scenario != "daemons":
            ctx.close()


if __name__ == "__main__":
    main()
