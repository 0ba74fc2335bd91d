"""Fakes and builders for tests of code that records with Contexta, and of code that reads what was recorded.

They need no test framework and touch no disk. The lines they build have the exact form of the journal,
because the same encoder makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from contexta.capture.clock import TimestampWriter, micros_of
from contexta.capture.encode import Entry, Subject, encode, envelope, metric_payload
from contexta.capture.lifecycle import Extensions, context_entry
from contexta.capture.results import PayloadFamily
from contexta.capture.sinks import EncodedSink, MemorySink
from contexta.capture.values import JsonValue, Sanitiser, metric_value
from contexta.client import Contexta
from contexta.contract.refs import StableRef, parent_refs

__all__ = [
    "FailingSink",
    "FrozenClock",
    "LineBuilder",
    "MemorySink",
    "memory_contexta",
    "payloads",
]

_START = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


class FrozenClock:
    """A clock that stands still until it is moved.

    Args:
        start: What it shows first.
        step: Microseconds it moves by itself after each look.
    """

    def __init__(self, start: datetime = _START, *, step: int = 0) -> None:
        self.micros = micros_of(start)
        self.step = step

    def __call__(self) -> int:
        """Return nanoseconds since the epoch."""
        micros, self.micros = self.micros, self.micros + self.step
        return micros * 1000

    def advance(self, seconds: float) -> None:
        """Move it; backwards too."""
        self.micros += round(seconds * 1_000_000)


class FailingSink(EncodedSink):
    """A sink that fails while it is told to.

    Args:
        name: Its name.
        failing: Whether it fails now; may be changed at any time.
        error: What it raises; when None it answers with a reason, as a full disk does.

    Attributes:
        lines: What was written while it did not fail.
    """

    def __init__(
        self, name: str = "failing", *, failing: bool = True, error: Callable[[], BaseException] | None = None
    ) -> None:
        super().__init__(name)
        self.failing = failing
        self.error = error
        self.lines: list[bytes] = []

    def write(self, entry: Entry, captured_at: bytes) -> str | None:
        """Write or fail; see `EncodedSink.write`."""
        if not self.failing:
            self.lines.append(entry.line(captured_at, encode(self.name)))
            return None
        if self.error is not None:
            raise self.error()
        return "no space left on device"


class LineBuilder:
    """Builds capture lines.

    ::

        lines = LineBuilder()
        data = lines.metric("batch:demo.r1.train.epoch-1", "loss", 0.5) + lines.context("Run", {...})

    Args:
        clock: Gives each line its time; a millisecond later each time when None.
        sink_name: The sink's name in the lines.
    """

    def __init__(self, clock: FrozenClock | None = None, *, sink_name: str = "local-jsonl") -> None:
        self.clock = clock or FrozenClock(step=1_000)
        self._sink_name = encode(sink_name)
        self._timestamps = TimestampWriter()
        self._count = 0

    def metric(
        self,
        subject_ref: str,
        key: str,
        value: object,
        *,
        unit: str | None = None,
        tags: Mapping[str, str] | None = None,
        record_hex: str | None = None,
    ) -> bytes:
        """Return a metric line of a run, stage, batch or sample.

        Raises:
            ValueError: The value is no number.
        """
        kept = metric_value(value)
        if kept is None:
            raise ValueError(f"{value!r} is no number")
        payload = metric_payload(
            key,
            kept.value,
            kept.value_type,
            subject_ref=subject_ref,
            unit=unit,
            aggregation_scope="step",
            summary_basis="raw_observation",
            tags=dict(tags or {}),
        )
        return self.record("metric", "MetricRecord", subject_ref, payload, record_hex=record_hex)

    def event(
        self,
        subject_ref: str,
        key: str,
        message: str,
        *,
        level: str = "info",
        attributes: Mapping[str, object] | None = None,
        run_ref: str | None = None,
        record_hex: str | None = None,
    ) -> bytes:
        """Return an event line; of a deployment when ``run_ref`` names its run."""
        payload: dict[str, object] = {
            "event_key": key,
            "level": level,
            "message": message,
            "subject_ref": subject_ref,
            "attributes": dict(attributes or {}),
            "origin_marker": "explicit_capture",
        }
        return self.record(
            "event", "StructuredEventRecord", subject_ref, payload, run_ref=run_ref, record_hex=record_hex
        )

    def record(
        self,
        record_type: str,
        payload_type: str,
        subject_ref: str,
        payload: Mapping[str, object],
        *,
        run_ref: str | None = None,
        record_hex: str | None = None,
    ) -> bytes:
        """Return a record line with any payload."""
        time = self.now()
        self._count += 1
        head = envelope(
            subject_of(subject_ref, run_ref),
            record_type,
            observed_at=time,
            recorded_at=time,
            record_hex=record_hex or f"{self._count:012x}",
        )
        body = encode(Sanitiser().copy({"envelope": head, "payload": payload}))
        return self._line(Entry("RECORD", payload_type, str(head["record_ref"]), body), time)

    def context(
        self,
        payload_type: str,
        own_ref: str,
        fields: Mapping[str, object],
        extensions: Extensions | None = None,
    ) -> bytes:
        """Return a context line.

        Args:
            payload_type: The model's name, e.g. ``Run``.
            own_ref: The reference of the scope itself.
            fields: The model's fields without ``schema_version`` and ``extensions``.
            extensions: Fields by namespace.
        """
        return self._line(context_entry(payload_type, own_ref, fields, extensions or {}), self.now())

    def line(self, family: str, payload_type: str, payload_ref: str | None, payload: object) -> bytes:
        """Return a line with any payload."""
        return self._line(Entry(family, payload_type, payload_ref, encode(payload)), self.now())

    def now(self) -> str:
        """Return the clock's time as text."""
        return self._timestamps.text(self.clock() // 1000)

    def _line(self, entry: Entry, time: str) -> bytes:
        return entry.line(time.encode(), self._sink_name)


def subject_of(subject_ref: str, run_ref: str | None = None) -> Subject:
    """Return the refs of an envelope from the deepest one."""
    ref = StableRef.parse(subject_ref)
    by_kind = {item.kind: item.text for item in (*parent_refs(ref), ref)}
    return Subject(
        "sdk.python.local",
        ref.text,
        run_ref or by_kind.get("run"),
        by_kind.get("deployment"),
        by_kind.get("stage"),
        by_kind.get("batch"),
        by_kind.get("sample"),
        by_kind.get("op"),
    )


def memory_contexta(
    project_name: str = "demo", *, sinks: Sequence[EncodedSink] = (), clock: FrozenClock | None = None
) -> tuple[Contexta, MemorySink]:
    """Return a `Contexta` that writes to memory (and to further sinks), and the memory it writes to."""
    memory = MemorySink()
    ctx = Contexta(
        config={"project_name": project_name},
        sinks=(memory, *sinks),
        clock=clock or FrozenClock(step=1),
    )
    return ctx, memory


def payloads(
    sink: MemorySink | FailingSink, family: PayloadFamily | str = "RECORD"
) -> list[dict[str, JsonValue]]:
    """Return the payloads of a family that a sink took, in order."""
    return [payload for taken, payload in map(_parsed, sink.lines) if taken == str(family)]


def _parsed(line: bytes) -> tuple[str, dict[str, JsonValue]]:

    data = msgspec.json.decode(line)
    return data["family"], data["payload"]
