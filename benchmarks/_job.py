"""What a made-up training job records, as bytes: the content of the captures that benchmarks run on.

Per run:

    prepare     spans and events of the stage
    train       epochs with metrics `loss`, `accuracy`, `learning-rate`, `grad-norm`; a span now and then
    evaluate    shards of samples with metrics `correct` and `loss`; every eighth sample has a span
    deployment  of some runs

One sample in a thousand is wrong: `correct` is 0 and an error event says why. Now and then a batch fails.
The same seed gives the same bytes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from benchmarks import _scopes as scopes
from benchmarks._lines import RecordLines, Template, document
from benchmarks._scopes import PRODUCER, PROJECT
from contexta.capture.clock import TimestampWriter, micros_of
from contexta.capture.encode import Subject
from contexta.capture.lifecycle import context_entry

START: Final = micros_of(datetime(2026, 1, 5, 8, tzinfo=UTC))
WRONG_SAMPLES: Final = 0.001
FAILED_BATCH_EVERY: Final = 97

_HEX_MODULUS: Final = 1 << 48
# Odd, so that multiplying by it is a bijection: the refs are distinct, and look as random as real ones.
_HEX_FACTOR: Final = 0x5DEECE66D1B5
_LETTERS: Final = "ABCDE"
_METRICS: Final = ("loss", "accuracy", "learning-rate", "grad-norm")
_EXCEPTION: Final = {
    "exception.type": "RuntimeError",
    "exception.message": "CUDA out of memory. Tried to allocate 20.00 MiB",
    "exception.stacktrace": 'Traceback (most recent call last):\n  File "train.py", line 81, in step\n'
    "    loss.backward()\nRuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB\n",
}
Body = Callable[[Subject, int, int], bool]
"""Writes the records of a batch: its subject, its place in the stage, its number of records. True when it
failed."""


class Output(Protocol):
    """Takes whole lines, one a call."""

    def write(self, line: bytes, /) -> object:
        """Take a line."""


class Job:
    """Writes runs.

    Args:
        records: Where records go.
        artifacts: Where artifacts go, if anywhere.
        contexts: Where lifecycles go, if anywhere; public Contexta writes none.
        seed: What values, times and refs follow from.
        start: When it began, in microseconds since the epoch.

    Attributes:
        records: Records so far.
        batches: Batches so far.
        samples: Samples so far.
        wrong: Samples so far that are wrong.
    """

    def __init__(
        self,
        records: Output,
        artifacts: Output | None = None,
        contexts: Output | None = None,
        *,
        seed: int = 0,
        start: int = START,
    ) -> None:
        self._write = records.write
        self._artifacts = artifacts
        self._contexts = contexts
        self._rng = random.Random(seed)
        self._first_hex = random.Random(f"refs of {seed}").randrange(_HEX_MODULUS)
        self._micros = start
        self._text = TimestampWriter().text
        self.records = self.batches = self.samples = self.wrong = 0
        if contexts is not None:
            project = {"project_ref": f"project:{PROJECT}", "name": PROJECT, "created_at": self._now()}
            self._state("Project", f"project:{PROJECT}", {**project, "description": None, "tags": {}})

    def run(self, name: str, budget: int, *, deploys: bool = False, ships: bool = True) -> None:
        """Write a run of exactly `budget` records.

        Args:
            name: Its name.
            budget: Number of records.
            deploys: Whether it is deployed, with three records out of the budget.
            ships: Whether that ends well.
        """
        run = scopes.run(name)
        began = self._begin("Run", run)
        rest = budget - 3 if deploys and budget > 3 else budget
        preparing, training = rest // 100, rest * 45 // 100
        if preparing:
            self._prepare(scopes.stage(run, "prepare"), 0, preparing)
        if training:
            self._batches(scopes.stage(run, "train"), 1, "epoch", _shares(training, 20, 100), self._epoch)
        evaluating = rest - preparing - training
        self._batches(scopes.stage(run, "evaluate"), 2, "shard", _shares(evaluating, 10, 200), self._shard)
        self._artifact(run)
        self._end("Run", run, began)
        if rest < budget:
            self._deploy(run, f"{name}-candidate", ships=ships)

    def one_batch(self, samples: int) -> None:
        """Write one run with one batch of so many samples, each with one metric."""
        run = scopes.run("holdout-check")
        began = self._begin("Run", run)
        self._batches(scopes.stage(run, "evaluate"), 0, "holdout", iter([samples]), self._single_metrics)
        self._end("Run", run, began)

    # --- scopes

    def _batches(self, stage: Subject, order: int, name: str, sizes: Iterator[int], body: Body) -> None:
        began = self._begin("StageExecution", stage, order)
        for number, size in enumerate(sizes):
            batch = scopes.batch(stage, f"{name}-{number + 1}")
            batch_began = self._begin("BatchExecution", batch, number)
            failed = body(batch, number, size)
            self._end("BatchExecution", batch, batch_began, number, failed=failed)
            self.batches += 1
        self._end("StageExecution", stage, began, order)

    def _prepare(self, stage: Subject, order: int, size: int) -> None:
        began = self._begin("StageExecution", stage, order)
        lines = RecordLines(stage)
        for number in range(size):
            if number % 2:
                self._event(lines.event("data.read"), f"read part {number} of the training set")
            else:
                self._span(lines.span(f"read part {number % 16}"))
        self._end("StageExecution", stage, began, order)

    def _epoch(self, batch: Subject, order: int, size: int) -> bool:
        lines = RecordLines(batch)
        failed = self._fails()
        for number in range(size - failed):
            if number % 40 == 39:
                self._span(lines.span("optimizer step"))
                continue
            key = _METRICS[number % 4]
            self._metric(lines.metric(key), self._training_value(key, order + number / size))
        if failed:
            self._exception(lines)
        return failed

    def _shard(self, batch: Subject, order: int, size: int) -> bool:  # noqa: ARG002
        lines = RecordLines(scopes.sample(batch))
        correct, loss, span = lines.metric("correct", "ratio"), lines.metric("loss"), lines.span("predict")
        wrong_answer = lines.event("answer.wrong", "error")
        failed = self._fails()
        left = size - failed
        while left > 0:
            sample = b"q-%06d" % self.samples
            wrong = self._observed(batch, sample, unclear=left < 3)
            self._metric(correct, 0.0 if wrong else 1.0, sample)
            left -= 1
            if left:
                self._metric(loss, round(self._rng.expovariate(4.0) + wrong, 6), sample)
                left -= 1
            if wrong:
                expected, got = self._rng.sample(_LETTERS, 2)
                self._event(wrong_answer, f"expected {expected} got {got}", {"answer": got}, sample=sample)
                left -= 1
            elif left and self.samples % 8 == 0:
                self._span(span, sample)
                left -= 1
        if failed:
            self._exception(RecordLines(batch))
        return failed

    def _single_metrics(self, batch: Subject, order: int, size: int) -> bool:  # noqa: ARG002
        correct = RecordLines(scopes.sample(batch)).metric("correct", "ratio")
        for number in range(size):
            sample = b"item-%07d" % number
            self._metric(correct, 0.0 if self._observed(batch, sample) else 1.0, sample)
        return False

    def _observed(self, batch: Subject, sample: bytes, *, unclear: bool = False) -> bool:
        """Note a further sample, whether it is wrong; an unclear one never is."""
        wrong = self._rng.random() < WRONG_SAMPLES and not unclear
        self.samples += 1
        self.wrong += wrong
        if self._contexts is not None:
            subject = scopes.sample(batch, sample.decode())
            self._end("SampleObservation", subject, self._begin("SampleObservation", subject), failed=wrong)
        return wrong

    def _fails(self) -> bool:
        return self.batches % FAILED_BATCH_EVERY == FAILED_BATCH_EVERY // 2

    def _deploy(self, run: Subject, name: str, *, ships: bool) -> None:
        deployment = scopes.deployment(run, name)
        began = self._begin("DeploymentExecution", deployment)
        lines = RecordLines(deployment)
        self._event(lines.event("deploy.started"), "copying the model to one machine")
        self._metric(lines.metric("latency.p99", "ms"), 41.5 if ships else 900.0)
        if ships:
            self._event(lines.event("deploy.done"), "all machines serve the new model")
        else:
            self._event(lines.event("deploy.failed", "error"), "rolled back: too slow", {"limit_ms": 100})
        self._end("DeploymentExecution", deployment, began, failed=not ships)

    # --- lines

    def _metric(self, template: Template, value: float, sample: bytes = b"") -> None:
        self._record(template, {b"value": repr(value).encode(), b"sample": sample})

    def _event(
        self,
        template: Template,
        message: str,
        attributes: Mapping[str, object] | None = None,
        *,
        sample: bytes = b"",
    ) -> None:
        stated = json.dumps(attributes or {}, sort_keys=True, separators=(",", ":")).encode()
        self._record(template, {b"message": message.encode(), b"attributes": stated, b"sample": sample})

    def _span(self, template: Template, sample: bytes = b"") -> None:
        ended = self._text(self._micros + self._rng.randrange(100, 5000)).encode()
        self._record(template, {b"ended": ended, b"sample": sample})

    def _exception(self, lines: RecordLines) -> None:
        self._event(lines.event("exception", "error"), _EXCEPTION["exception.message"], _EXCEPTION)

    def _record(self, template: Template, values: dict[bytes, bytes]) -> None:
        observed, text = self._micros, self._text
        number = (self._first_hex + self.records) * _HEX_FACTOR % _HEX_MODULUS
        values[b"observed"] = text(observed).encode()
        values[b"recorded"] = text(observed + 17).encode()
        values[b"captured"] = text(observed + 160).encode()
        values[b"hex"] = b"%012x" % number
        self._write(template.fill(values))
        self.records += 1
        self._micros = observed + 200 + int(self._rng.random() * 1600)

    def _artifact(self, run: Subject) -> None:
        if self._artifacts is None:
            return
        value = run.run_value
        ref, uri = f"artifact:{value}.model", f"/data/models/{value}.pt"
        source = {"exists": True, "kind": "PATH", "uri": uri}
        owners = ("deployment_execution", "stage_execution", "batch_execution", "sample_observation")
        manifest: dict[str, object] = {
            **dict.fromkeys((*(f"{owner}_ref" for owner in owners), "operation_context_ref")),
            "artifact_ref": ref,
            "artifact_kind": "model",
            "created_at": self._now(),
            "producer_ref": PRODUCER,
            "run_ref": run.run_ref,
            "location_ref": f"path:{uri}",
            "hash_value": f"{self._rng.getrandbits(256):064x}",
            "size_bytes": self._rng.randrange(2**20, 2**30),
            "attributes": {},
            "schema_version": "1.0.0",
            "extensions": [],
        }
        policy = {"compute_hash": True, "require_existing_source": True}
        request = {"artifact_kind": "model", "artifact_ref": ref, "attributes": {}, "source": source}
        payload = {
            "binding_status": "BOUND",
            "manifest": manifest,
            "request": {**request, "verification_policy": policy},
            "source": source,
        }
        template = Template(document("ARTIFACT", "dict", None, payload))
        self._artifacts.write(template.fill({b"captured": self._now().encode()}))

    # --- lifecycles

    def _begin(self, model: str, subject: Subject, order: int | None = None) -> str:
        """State that a scope is open; its start."""
        began = self._now()
        if self._contexts is not None:
            self._state(
                model,
                subject.subject_ref,
                scopes.fields(model, subject, "open", began=began, ended=None, order=order),
            )
        return began

    def _end(
        self, model: str, subject: Subject, began: str, order: int | None = None, *, failed: bool = False
    ) -> None:
        if self._contexts is None:
            return
        status = "failed" if failed else "completed"
        fields = scopes.fields(model, subject, status, began=began, ended=self._now(), order=order)
        lifecycle = {"contexta.lifecycle": {"status": status, "ended_at": self._now()}}
        self._state(model, subject.subject_ref, fields, lifecycle if model == "SampleObservation" else {})

    def _state(
        self,
        model: str,
        ref: str,
        fields: Mapping[str, object],
        extensions: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        if self._contexts is not None:
            entry = context_entry(model, ref, fields, extensions or {})
            self._contexts.write(entry.line(self._now().encode(), b'"local-jsonl"'))

    def _now(self) -> str:
        return self._text(self._micros)

    def _training_value(self, key: str, epochs: float) -> float:
        noise = self._rng.random() * 0.1
        match key:
            case "loss":
                return round(2.3 / (1 + epochs) + noise, 6)
            case "accuracy":
                return round(1 - 0.9 / (1 + epochs) - noise / 10, 6)
            case "learning-rate":
                return 0.001
            case _:
                return round(1 + 10 * noise, 6)


def _shares(total: int, most: int, least: int) -> Iterator[int]:
    """Split a number into at most `most` parts of about one size, each at least `least` if that is there."""
    parts = max(1, min(most, total // least))
    for part in range(parts):
        yield total * (part + 1) // parts - total * part // parts
