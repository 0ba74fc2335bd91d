"""What the demo job does: an image classifier that learns, fails here and there, and is shipped.

Everything is recorded through the public capture API, as a job of yours would do it, so that the demo shows
nothing that a real workspace cannot show. The numbers are made up; nothing is learnt. It must not read a
clock nor sleep: the pace of the job is given to it, and so the same story is told live, in the past, or at
once for pictures and tests.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from contexta import Contexta
from contexta.capture.leaves import SampleScope
from contexta.capture.scopes import BatchScope, RunScope, StageScope

PROJECT: Final = "digits-cnn"
STEPS: Final = 20
"""Steps of an epoch."""

STEP_S: Final = 0.15
"""Seconds of a step."""

SPIKE_EPOCH: Final = 17
"""The epoch of tiny-cnn in which the loss is not a number, once."""


class Pace(Protocol):
    """How time passes for the job."""

    def wait(self, seconds: float) -> None:
        """Let the job be busy for some seconds."""

    def skip_to(self, seconds: float) -> None:
        """Go to a time relative to when the job was started; negative is before."""

    def arrive(self) -> None:
        """From now on it is the present."""


def _as_file(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a function appear in stack traces as part of a file of the job, not of this installation."""

    def rename(function: Callable[..., None]) -> Callable[..., None]:
        function.__code__ = function.__code__.replace(co_filename=name)
        return function

    return rename


class Story:
    """The job.

    Args:
        ctx: Where it records.
        pace: How time passes.
        models: Folder for the files that it makes.
        seed: Of its made-up numbers; the same seed tells the same story.
        last_epochs: Epochs of the last run, the one that goes on while somebody looks.
    """

    def __init__(self, ctx: Contexta, pace: Pace, models: Path, *, seed: int, last_epochs: int) -> None:
        self._ctx = ctx
        self._pace = pace
        self._models = models
        self._random = random.Random(seed)  # noqa: S311 - noise on a curve, not a secret
        self._last_epochs = last_epochs

    def tell(self) -> None:
        """Tell all of it: a run that is done and shipped, one that fails in places, one that goes on."""
        self._pace.skip_to(-960)
        self._base_mlp()
        self._pace.skip_to(-126)
        self._tiny_cnn()
        self._night()

    def _base_mlp(self) -> None:
        with self._ctx.run(
            "base-mlp",
            tags={"model": "mlp"},
            dataset_ref="digits-8x8@3",
            code_revision="7d0f2ab",
            config_snapshot={"hidden": 128, "lr": 0.01, "batch_size": 64},
        ) as run:
            with run.stage("train") as stage:
                for epoch in range(1, 25):
                    with stage.batch(f"epoch-{epoch}") as batch:
                        self._learn(batch, epoch, 24, floor=0.34, step_s=0.4)
            with run.stage("evaluate") as stage, stage.batch("holdout") as batch:
                self._check(batch, "digit", 12, wrong={})
                batch.metric("accuracy", 0.912, unit="ratio", aggregation_scope="stage")
            artifact = self._package(run, size=3_100)
        self._pace.wait(20)
        with self._ctx.deployment("prod", run_ref=run.ref, artifact_ref=artifact) as deployment:
            deployment.event("deploy.started", message="rolling out to 4 machines")
            for machine in range(1, 5):
                self._pace.wait(3)
                deployment.metric("latency", 11 + self._noise(2), unit="ms", tags={"machine": f"m{machine}"})
            deployment.event("deploy.finished", message="4 of 4 machines answer")

    def _tiny_cnn(self) -> None:
        with self._ctx.run(
            "tiny-cnn",
            tags={"model": "cnn"},
            dataset_ref="digits-8x8@3",
            code_revision="a41c9e7",
            config_snapshot={"channels": [16, 32], "lr": 0.003, "batch_size": 64},
        ) as run:
            with run.stage("train") as stage:
                for epoch in range(1, 41):
                    if epoch == 39:
                        self._pace.arrive()
                    with stage.batch(f"epoch-{epoch}") as batch:
                        self._learn(batch, epoch, 40, floor=0.11, spike=epoch == SPIKE_EPOCH)
            with run.stage("evaluate") as stage:
                with stage.batch("validation") as batch:
                    self._check(batch, "digit", 10, wrong={6: (3, 8)})
                    self._unreadable(batch)
                    batch.metric("accuracy", 0.948, unit="ratio", aggregation_scope="stage")
                try:
                    _evaluate_holdout(self, stage)
                except RuntimeError:
                    stage.event("batch.skipped", message="holdout ran out of memory", level="warning")
                with stage.batch("rotated") as batch:
                    self._check(batch, "rotated", 8, wrong={})
                    batch.metric("accuracy", 0.871, unit="ratio", aggregation_scope="stage")
            artifact = self._package(run, size=2_900)
        self._pace.wait(1)
        try:
            _deploy_canary(self, run.ref, artifact)
        except TimeoutError:
            self._pace.wait(1)

    def _night(self) -> None:
        """The run that goes on: somebody's night shift."""
        with self._ctx.run(
            "tiny-cnn 야간",
            run_id="tiny-cnn-night",
            tags={"model": "cnn", "shift": "night"},
            dataset_ref="digits-96x96@1",
            code_revision="a41c9e7",
        ) as run:
            with run.stage("train") as stage:
                for epoch in range(1, self._last_epochs + 1):
                    with stage.batch(f"epoch-{epoch}") as batch:
                        self._learn(batch, epoch, self._last_epochs, floor=0.07, images_per_s=410)
                        if epoch % 4 == 0:
                            wrong = {1: (4, 9)} if epoch % 12 == 0 else {}
                            self._check(batch, f"val-{epoch}", 3, wrong=wrong)
            with run.stage("evaluate") as stage, stage.batch("holdout") as batch:
                self._check(batch, "digit", 6, wrong={})
                batch.metric("accuracy", 0.967, unit="ratio", aggregation_scope="stage")
            self._package(run, size=9_400)

    def _learn(
        self,
        batch: BatchScope,
        epoch: int,
        epochs: int,
        *,
        floor: float,
        step_s: float = STEP_S,
        images_per_s: float = 1850,
        spike: bool = False,
    ) -> None:
        """One epoch of training."""
        for step in range(STEPS):
            at = ((epoch - 1) * STEPS + step) / (epochs * STEPS)
            left = math.exp(-5.5 * at)
            loss = floor + (2.302 - floor) * left * (1 + self._noise(0.09)) + abs(self._noise(0.02))
            if spike and step == 9:
                batch.metric("loss", math.nan)
                batch.event("loss.spike", message="loss is NaN at step 9, update skipped", level="warning")
            else:
                batch.metric("loss", round(loss, 4))
            accuracy = 1 - floor / 2.3 - (0.9 - floor / 2.3) * math.exp(-7 * at) + self._noise(0.012)
            batch.metric("accuracy", round(min(accuracy, 0.999), 4), unit="ratio")
            warm = min(1.0, (at + 0.002) / 0.05)
            batch.metric("lr", round(0.003 * warm * (1 + math.cos(math.pi * at)) / 2, 8))
            batch.metric("throughput", round(images_per_s * (1 + self._noise(0.03)), 1), unit="img/s")
            self._pace.wait(step_s)

    def _check(
        self, batch: BatchScope, name: str, samples: int, *, wrong: dict[int, tuple[int, int]]
    ) -> None:
        """Answer some samples; `wrong` says which of them wrongly: what was expected, and what came."""
        for index in range(samples):
            digit = self._random.randrange(10)
            expected, got = wrong.get(index, (digit, digit))
            with batch.sample(f"{name}-{index}") as sample:
                self._grade(sample, expected, got)

    def _grade(self, sample: SampleScope, expected: int, got: int) -> None:
        self._pace.wait(0.12)
        sample.metric("correct", int(expected == got), unit="ratio")
        sample.metric("latency", round(8.5 + abs(self._noise(2.5)), 2), unit="ms")
        if expected != got:
            sample.event(
                "answer.wrong",
                message=f"expected {expected} got {got}",
                level="error",
                attributes={"expected": expected, "got": got, "confidence": 0.62},
            )

    def _unreadable(self, batch: BatchScope) -> None:
        """A sample that cannot be answered at all."""
        try:
            _read_sample(self, batch)
        except ValueError:
            batch.event("sample.skipped", message="a scan was left out of the score", level="warning")

    def _package(self, run: RunScope, *, size: int) -> str:
        """Write the model, register it, and say where it is."""
        ref = f"artifact:{PROJECT}.{run.run_id}.model"
        with run.stage("package") as stage:
            path = self._models / run.run_id / "model.pt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._random.randbytes(size))
            self._pace.wait(1)
            stage.metric("size", size, unit="B")
            run.register_artifact("model", path, artifact_ref=ref, attributes={"format": "torchscript"})
        return ref

    def _noise(self, scale: float) -> float:
        return self._random.gauss(0, scale)


@_as_file("digits/evaluate.py")
def _evaluate_holdout(story: Story, stage: StageScope) -> None:
    with stage.batch("holdout") as batch:
        story._check(batch, "digit", 10, wrong={4: (4, 9), 7: (1, 7)})  # noqa: SLF001 - part of the story
        _score(story, batch)


@_as_file("digits/evaluate.py")
def _score(story: Story, batch: BatchScope) -> None:
    for size in (64, 128, 256, 512):
        _forward(story, batch, size)


@_as_file("digits/model.py")
def _forward(story: Story, batch: BatchScope, size: int) -> None:
    used = 1.1 + size * 0.027
    batch.metric("gpu.memory", round(used, 2), unit="GiB", tags={"batch_size": str(size)})
    story._pace.wait(0.4)  # noqa: SLF001 - part of the story
    if used > 14:
        raise RuntimeError(f"CUDA out of memory: tried to allocate {size * 0.0054:.2f} GiB, 0.93 GiB free")


@_as_file("digits/data.py")
def _read_sample(story: Story, batch: BatchScope) -> None:
    with batch.sample("손글씨 7 (부산 우체국 2019, 기울어진 필기체, 스캔 300 dpi)"):
        story._pace.wait(0.1)  # noqa: SLF001 - part of the story
        raise ValueError("image is 27×28, expected 28×28")


@_as_file("digits/deploy.py")
def _deploy_canary(story: Story, run_ref: str, artifact_ref: str) -> None:
    with story._ctx.deployment("canary", run_ref=run_ref, artifact_ref=artifact_ref) as deployment:  # noqa: SLF001
        deployment.event("deploy.started", message="rolling out to 1 of 4 machines")
        _wait_until_ready(story, deployment.metric)


@_as_file("digits/deploy.py")
def _wait_until_ready(story: Story, metric: Callable[..., object]) -> None:
    for probe in range(1, 6):
        story._pace.wait(0.6)  # noqa: SLF001 - part of the story
        metric("probe.errors", probe, unit="count")
    raise TimeoutError("canary m1 is not ready: 5 of 5 probes answered 503")
