"""What is written while the disk fails, and what must be true afterwards; see `disks`."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from contexta import Contexta
from contexta.capture.encode import Entry
from contexta.capture.results import CaptureResult
from contexta.capture.sinks import LocalJsonlSink
from contexta.captured import CapturedLine, UnreadableLine, captured_lines
from contexta.errors import ContextaError
from contexta.store.artifacts import ArtifactStore
from contexta.store.segments import RecordStore, StoreConfig
from contexta.verify import verify
from contexta.vocabulary import Severity
from tests.faults.disk_index import FreshIndex, Index
from tests.store.building import manifest, metric
from tests.store.ledger_models import batch, family, sample, store_at

Problems = dict[str, int]


class _Counting(LocalJsonlSink):
    """Counts what it could not write, the reports of that left out."""

    refused = 0

    def write(self, entry: Entry, captured_at: bytes) -> str | None:
        reason = super().write(entry, captured_at)
        self.refused += reason is not None and entry.payload_type != "DegradedRecord"
        return reason


class Capture:
    """A job that captures one of everything, and records once more when the disk works again."""

    per_process = False

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / ".contexta"
        self.body = folder / "model.bin"
        self.body.write_bytes(b"weights")
        self.sink = _Counting(self.workspace, per_process_files=self.per_process)
        self.ctx = Contexta(
            config={"project_name": "p", **self.config()}, sinks=[self.sink], workspace=folder
        )
        self.results: list[CaptureResult] = []

    def config(self) -> dict[str, object]:
        return {}

    def act(self) -> None:
        self.run = self.ctx.run("r1")
        with self.run.stage("train") as stage, stage.batch("b1") as batch_scope:
            self.results += [
                batch_scope.metric("loss", 0.5),
                batch_scope.event("note", message="m" * 3_000),
                batch_scope.span("load"),
                batch_scope.register_artifact("model", self.body),
            ]
            with batch_scope.sample("q-1") as sample_scope:
                self.results += sample_scope.emit_metrics(
                    [{"key": "a", "value": 1}, {"key": "b", "value": 2}]
                )
        try:
            with self.run.stage("evaluate"):
                self.fail()
        except ZeroDivisionError:
            pass

    def fail(self) -> None:
        _ = 1 / 0

    def noticed(self) -> bool:
        return self.sink.refused > 0

    def after(self) -> Problems:
        late = self.run.metric("late", 1)
        self.ctx.close()
        lines = list(captured_lines(self.workspace))
        whole = [line for line in lines if isinstance(line, CapturedLine)]
        refs = Counter(line.ref for line in whole if line.payload_type.endswith("Record"))
        reported = sum(self.reported(line) for line in whole)
        torn = [line for line in lines if isinstance(line, UnreadableLine)]
        acknowledged = [result.payload_ref for result in self.results if result.succeeded]
        return {
            "lost": sum(ref not in refs for ref in acknowledged if ref is not None),
            "doubled": sum(count - 1 for count in refs.values()),
            "not reported": abs(self.owed() - reported),
            "torn lines more than one a file": sum(
                count - 1 for count in Counter(line.path for line in torn).values()
            ),
            "unusable when it works again": int(late.payload_ref not in refs),
        }

    def owed(self) -> int:
        return self.sink.refused

    def reported(self, line: CapturedLine) -> int:
        inner = line.payload.get("payload")
        if line.payload_type != "DegradedRecord" or not isinstance(inner, dict):
            return 0
        return int(inner["attributes"]["lines"])


class CaptureOneFileEach(Capture):
    """The same with one file for each process."""

    per_process = True


class CaptureWithRetry(Capture):
    """The same, trying each write twice."""

    def config(self) -> dict[str, object]:
        return {"capture": {"retry_attempts": 1}}

    def owed(self) -> int:
        # A second try may have gone well; every payload that failed for good has a result that says so.
        return 0

    def reported(self, line: CapturedLine) -> int:
        return 0


class CaptureWithOutbox(Capture):
    """The same, keeping what is refused in the outbox, which is on the same disk."""

    def config(self) -> dict[str, object]:
        return {"capture": {"dispatch_failure_mode": "outbox"}}

    def owed(self) -> int:
        outbox = self.workspace.parent / "cache" / "outbox" / "failed_deliveries.jsonl"
        kept = 0
        for line in outbox.read_bytes().split(b"\n") if outbox.exists() else ():
            with suppress(ValueError):
                kept += json.loads(line)["payload_type"] != "DegradedRecord"
        return self.sink.refused - kept


class _Store:
    """A store that is written to once, and once more when the disk works again."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder
        self.error: ContextaError | None = None

    def attempt(self, call: Callable[[], object]) -> None:
        try:
            call()
        except ContextaError as error:
            self.error = error

    def noticed(self) -> bool:
        return self.error is not None

    def worse(self) -> int:
        found = [one for one in verify(self.workspace).findings if one.severity is not Severity.INFO]
        return len(found)


class Segments(_Store):
    """A record store with some records, in segments so small that one append fills several."""

    repairs = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.store = RecordStore(StoreConfig(folder / "records", max_segment_bytes=1_500))
        self.store.append(metric("m-0"))
        self.given = [metric(f"m-{number}") for number in range(1, 7)]

    def act(self) -> None:
        self.attempt(lambda: self.store.append_many(self.given))

    def after(self) -> Problems:
        if self.repairs:
            self.store.repair_truncated_tails()
        if self.error is not None:
            there = self.error.details.get("records_in_file", 0)
            assert isinstance(there, int)
            self.store.append_many(self.given[there:])
        scan = self.store.scan()
        refs = Counter(stored.record.envelope.record_ref.name for stored in scan)
        self.store.rebuild_indexes()
        return {
            "lost": sum(f"m-{number}" not in refs for number in range(7)),
            "doubled": sum(count - 1 for count in refs.values()),
            "torn lines more than one a file": max(0, len(scan.warnings) - (not self.repairs)),
            "verify complains": self.worse() if self.repairs else 0,
        }


class SegmentsUnrepaired(Segments):
    """The same, going on behind a torn line."""

    repairs = False


class FreshSegments(Segments):
    """A record store that the failing disk keeps from coming about."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.store = RecordStore(StoreConfig(folder / "fresh" / "records"))
        self.workspace = folder / "fresh"
        self.given = [metric(f"m-{number}") for number in range(7)]


class Vault(_Store):
    """A vault with one artifact that takes in another."""

    mode = "copy"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.source = folder / "model.bin"
        self.vault = ArtifactStore(folder / "artifacts")
        self.source.write_bytes(b"w" * 20_000)
        self.vault.put_artifact(manifest("first"), self.source, mode="copy")

    def act(self) -> None:
        self.attempt(self.put)

    def put(self) -> None:
        receipt = self.vault.put_artifact(manifest("second"), self.source, mode=self.mode)
        self.warned = bool(receipt.warnings)

    def after(self) -> Problems:
        half = 0
        if self.error is not None:
            half = int(not self.vault.artifact_exists("artifact:p.r.second") and not self.source.exists())
            self.put()
        bodies = [path for path in (self.vault.root_path / "objects").rglob("*") if path.is_file()]
        for path in (self.vault.root_path / "staging").iterdir():
            # What could not be removed is, as soon as it is old.
            os.utime(path, (0, 0))
        self.vault.remove_abandoned_staging()
        return {
            "lost": int(len(self.vault.list()) != 2) + half,
            "doubled": max(0, len(bodies) - 2),
            "left in staging": len(list((self.vault.root_path / "staging").iterdir())),
            "verify complains": self.worse(),
        }


class VaultByMove(Vault):
    """The same, taking the source away."""

    mode = "move"

    def after(self) -> Problems:
        problems = super().after()
        problems["doubled"] += self.source.exists() and not self.warned
        return problems


class Ledger(_Store):
    """A ledger with a run, in which more is put: in a transaction, together, and one by one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "metadata" / "ledger.db"
        self.store = store_at(self.path, lock_timeout_seconds=0.5)
        self.before()
        self.committed = 0

    def before(self) -> None:
        self.store.put_many(family())

    def act(self) -> None:
        self.attempt(self.put)

    def put(self) -> None:
        self.store.put_many(sample(f"p.r.s.x-{number}") for number in range(200))
        self.committed = 1
        with self.store.transaction():
            for number in range(3):
                self.store.batches.put_batch_execution(batch(f"p.r.s.b-{number}"))
        self.committed = 2
        self.store.samples.put_sample_observation(sample("p.r.s.y"))
        self.committed = 3

    def after(self) -> Problems:
        samples, batches = self.counts()
        lost = sum(
            (
                self.committed > 0 and samples < 202,
                self.committed > 1 and batches < 4,
                self.committed > 2 and samples < 203,
                (samples, batches) < (2, 1),
            )
        )
        half = samples not in (2, 202, 203) or batches not in (1, 4)
        if self.error is not None:
            self.put()
        self.store.close()
        return {
            "lost": lost,
            "half written": int(half),
            "doubled": int(self.counts() != (203, 4)),
            "verify complains": self.worse(),
        }

    def counts(self) -> tuple[int, int]:
        return (
            len(self.store.samples.list_sample_observations(run_ref="run:p.r")),
            len(self.store.batches.list_batch_executions(run_ref="run:p.r")),
        )


class FreshLedger(Ledger):
    """A ledger that the failing disk keeps from coming about."""

    def before(self) -> None:
        pass

    def put(self) -> None:
        self.store.put_many(family())
        super().put()

    def after(self) -> Problems:
        if not self.path.exists() or not self.store.projects.list_projects():
            self.store.put_many(family())
        return super().after()


SCENARIOS = {
    "capture": Capture,
    "capture-one-file-each": CaptureOneFileEach,
    "capture-with-retry": CaptureWithRetry,
    "capture-with-outbox": CaptureWithOutbox,
    "segments": Segments,
    "segments-unrepaired": SegmentsUnrepaired,
    "segments-fresh": FreshSegments,
    "vault": Vault,
    "vault-by-move": VaultByMove,
    "ledger": Ledger,
    "ledger-fresh": FreshLedger,
    "index": Index,
    "index-fresh": FreshIndex,
}
