"""Writers that are killed at random moments, and neighbours that are not.

`python -m tests.faults.victims SCENARIO FOLDER SEED` reads lines `KILLS TOGETHER NEIGHBOURS` and answers each
with one line of JSON: what every victim had acknowledged when it was killed, and every neighbour when it was
told to stop. A writer acknowledges through a pipe, after the call that wrote had returned. It is forked from
one process that has everything loaded, so that a kill costs milliseconds.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

from contexta import Contexta
from contexta.journal.paths import artifacts_dir, ledger_path, records_dir
from contexta.store.artifacts import ArtifactStore
from contexta.store.segments import RecordStore, StoreConfig
from tests.faults.program import Program
from tests.store.building import manifest, metric
from tests.store.ledger_models import batch, family, sample, store_at

_PIPE_BYTES: Final = 1024 * 1024
_F_SETPIPE_SZ: Final = 1031

Acknowledge = Callable[[str], None]
Writer = Callable[[Path, int, Acknowledge], None]


class Stopping:
    """Whether a neighbour was told to stop."""

    told = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.told = True


STOPPING: Final = Stopping()


def _numbers() -> Iterator[int]:
    for number in itertools.count():
        if STOPPING.told:
            return
        yield number


def capture(folder: Path, number: int, acknowledge: Acknowledge, size: int = 0) -> None:
    """A job that opens scopes and records in them, events of some size or metrics."""
    ctx = Contexta(workspace=folder / ".contexta", config={"project_name": "p"})
    run = ctx.run(f"r{number}")
    acknowledge(run.ref)
    stage = run.stage("train")
    acknowledge(stage.ref)
    text = chr(ord("a") + number % 26) * size
    for epoch in _numbers():
        with stage.batch(f"b{epoch}") as scope:
            acknowledge(scope.ref)
            for _ in range(20):
                result = scope.event("e", message=text) if size else scope.metric("loss", epoch)
                if result.succeeded and result.payload_ref:
                    acknowledge(result.payload_ref)
                if STOPPING.told:
                    break
                # Leaves the disk to the others now and then; a neighbour need not write as fast as it can.
                if size and number % 10 == 0:
                    time.sleep(0.001)
    ctx.close()


def append(folder: Path, number: int, acknowledge: Acknowledge, mode: str = "flush") -> None:
    """Appends records, three at a time, to segments that are soon full."""
    config = StoreConfig(records_dir(folder), max_segment_bytes=20_000, durability_mode=mode)
    store = RecordStore(config)
    for turn in _numbers():
        given = [metric(f"m-{number}-{turn}-{part}") for part in range(3)]
        for receipt in store.append_many(given).accepted:
            acknowledge(receipt.record_ref)


def put(folder: Path, number: int, acknowledge: Acknowledge) -> None:
    """Puts into the ledger: one by one, several, and in a transaction."""
    store = store_at(ledger_path(folder))
    store.put_many(family())
    for turn in _numbers():
        name = f"p.r.s.x-{number}-{turn}"
        store.samples.put_sample_observation(sample(name))
        acknowledge(f"sample:{name}")
        together = [sample(f"{name}-{part}") for part in range(20)]
        store.put_many(together)
        acknowledge(" ".join(str(one.sample_observation_ref) for one in together))
        with store.transaction():
            store.batches.put_batch_execution(batch(f"p.r.s.b-{number}-{turn}"))
            store.samples.put_sample_observation(sample(f"p.r.s.b-{number}-{turn}.x"))
        acknowledge(f"batch:p.r.s.b-{number}-{turn} sample:p.r.s.b-{number}-{turn}.x")


def take_in(folder: Path, number: int, acknowledge: Acknowledge) -> None:
    """Puts files into the vault, copied and moved, some of them large."""
    vault = ArtifactStore(artifacts_dir(folder))
    for turn in _numbers():
        source = folder / f"source-{number}-{turn}"
        source.write_bytes(bytes([number % 256]) * (3_000_000 if turn % 2 else 5_000))
        name = f"m-{number}-{turn}"
        vault.put_artifact(manifest(name), source, mode="move" if turn % 3 else "copy")
        acknowledge(f"artifact:p.r.{name}")


WRITERS: Final[dict[str, Writer]] = {
    "capture": capture,
    "capture-1": partial(capture, size=1_000),
    "capture-64": partial(capture, size=64_000),
    "capture-1000": partial(capture, size=1_000_000),
    "append": append,
    "append-synced": partial(append, mode="fsync"),
    "put": put,
    "take-in": take_in,
}
NEIGHBOUR: Final[Writer] = partial(capture, size=1_000)


@dataclass(slots=True)
class _Child:
    """A writer that runs."""

    pid: int
    pipe: int
    number: int
    #: After how many acknowledgements it is killed; None for a neighbour.
    until: int | None
    said: bytearray = field(default_factory=bytearray)

    def listen(self) -> bool:
        """Read what it says; False at the end."""
        data = os.read(self.pipe, _PIPE_BYTES)
        self.said += data
        return bool(data)

    def end(self, number: int) -> list[str]:
        """End it by a signal, and return what it had acknowledged."""
        os.kill(self.pid, number)
        while self.listen():
            pass
        os.close(self.pipe)
        _, status = os.waitpid(self.pid, 0)
        expected = number if number == signal.SIGKILL else 0
        if status != expected:
            raise SystemExit(f"writer {self.number} ended with {status} instead of {expected}")
        # The last line may itself be torn.
        return self.said.decode().split("\n")[:-1]


class _Killer:
    """Forks writers and kills them."""

    def __init__(self, writer: Writer, folder: Path, seed: int) -> None:
        self._writer = writer
        self._folder = folder
        self._rng = random.Random(seed)
        self._numbers = itertools.count(1)

    def kill(self, kills: int, together: int, neighbours: int) -> dict[str, list[list[str]]]:
        beside = [self._fork(NEIGHBOUR, None) for _ in range(neighbours)]
        killed: list[list[str]] = []
        running: list[_Child] = []
        left = kills
        while left or running:
            while left and len(running) < together:
                running.append(self._fork(self._writer, self._rng.randint(1, 12)))
                left -= 1
            self._listen(running + beside)
            for child in running:
                if child.said.count(b"\n") >= (child.until or 0):
                    time.sleep(self._rng.uniform(0, 0.001))
                    killed.append(child.end(signal.SIGKILL))
                    running.remove(child)
                    break
        for child in beside:
            while child.said.count(b"\n") < 30:
                self._listen([child])
        return {"killed": killed, "beside": [child.end(signal.SIGTERM) for child in beside]}

    def _listen(self, children: list[_Child]) -> None:
        ready, _, _ = select.select([child.pipe for child in children], [], [], 0.01)
        for child in children:
            if child.pipe in ready and not child.listen():
                raise SystemExit(f"writer {child.number} ended by itself")

    def _fork(self, writer: Writer, until: int | None) -> _Child:
        # Neighbours have numbers that end in 0.
        number = next(self._numbers) * 10 + (until is not None)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            signal.signal(signal.SIGTERM, STOPPING)
            try:
                writer(self._folder, number, lambda text: _say(writing, text))
            except BaseException:  # noqa: BLE001 - a fork must never go on as its parent
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        os.close(writing)
        return _Child(pid, reading, number, until)


def _say(pipe: int, text: str) -> None:
    os.write(pipe, f"{text}\n".encode())


@dataclass(frozen=True, slots=True)
class Round:
    """What was acknowledged in one round.

    Attributes:
        killed: By each victim.
        beside: By each neighbour.
    """

    killed: list[list[str]]
    beside: list[list[str]]

    def refs(self) -> list[str]:
        """All that was acknowledged."""
        return [ref for said in (*self.killed, *self.beside) for line in said for ref in line.split()]


class Victims(Program):
    """The program, for a test."""

    def __init__(self, scenario: str, folder: Path, seed: int = 1) -> None:
        super().__init__("victims", scenario, folder, seed)

    def kill(self, kills: int, together: int = 1, neighbours: int = 0) -> Round:
        """Kill so many writers, of which some run together, beside neighbours that all of them share with."""
        self.tell(kills, together, neighbours)
        return Round(**self.answer())


def main() -> None:
    scenario, folder, seed = sys.argv[1:]
    killer = _Killer(WRITERS[scenario], Path(folder), int(seed))
    for line in sys.stdin:
        print(json.dumps(killer.kill(*map(int, line.split()))), flush=True)


if __name__ == "__main__":
    main()
