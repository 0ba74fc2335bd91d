"""Where captured payloads go.

A sink is handed an encoded payload and writes it somewhere; it answers with a reason when it could not and
never raises for I/O. The default is one `LocalJsonlSink` on the workspace. Any object with a ``name`` and
``capture(family=, payload=)`` can serve as a sink too; it is then given plain data.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol, TextIO, runtime_checkable

from contexta.capture.clock import Clock, TimestampWriter, system_clock
from contexta.capture.encode import Entry, encode
from contexta.capture.results import Delivery, PayloadFamily, ResultStatus
from contexta.capture.values import JsonValue, Sanitiser
from contexta.journal.append import JournalWriter
from contexta.journal.forks import start_over_in_child
from contexta.journal.paths import DEFAULT_WORKSPACE, capture_file, workspace_root

WRITE_FAILED: Final = "local_jsonl_sink_write_failed"


@runtime_checkable
class CaptureSink(Protocol):
    """The least a sink of one's own must have."""

    name: str

    def capture(self, *, family: PayloadFamily, payload: object) -> object:
        """Take one payload; an exception counts as a failed delivery."""


class HasToDict(Protocol):
    """A contract model, seen from here."""

    def to_dict(self) -> dict[str, JsonValue]:
        """Return plain data."""


class EncodedSink:
    """Base of the sinks that take encoded payloads.

    Args:
        name: How lines name the sink, and results too.
        families: The families it takes; all when None.
    """

    def __init__(self, name: str, *, families: frozenset[PayloadFamily] | None = None) -> None:
        self.name = name
        self._families = families
        self._name_json = encode(name)
        self._clock: Clock = system_clock
        self._timestamps = TimestampWriter()
        self.success = Delivery(name, ResultStatus.SUCCESS)

    def accepts(self, family: str) -> bool:
        """Tell whether payloads of a family go here."""
        return self._families is None or family in self._families

    def write(self, entry: Entry, captured_at: bytes) -> str | None:
        """Write one payload.

        Args:
            entry: The payload.
            captured_at: The time of writing as text.

        Returns:
            None when it was written whole, else a sentence that says why not.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what the sink holds; writing later opens it again."""

    def capture(self, *, family: PayloadFamily | str, payload: HasToDict | Mapping[str, object]) -> Delivery:
        """Write a contract model or plain data as a line of its own.

        Args:
            family: A `PayloadFamily` or its text in upper case.
            payload: A record, a context model, a manifest, or a map.

        Raises:
            ValueError: The family is unknown.
        """
        family = PayloadFamily(family)
        try:
            entry = entry_of(family, payload)
        except Exception as error:  # noqa: BLE001 - a model of one's own may raise anything
            return Delivery(self.name, ResultStatus.FAILURE, "capture_encoding_failed", str(error))
        now = self._timestamps.text(self._clock() // 1000).encode()
        reason = self.write(entry, now)
        return (
            self.success
            if reason is None
            else Delivery(self.name, ResultStatus.FAILURE, WRITE_FAILED, reason)
        )


class LocalJsonlSink(EncodedSink):
    """Appends lines to the journal of a workspace.

    Args:
        workspace: The workspace folder; made at the first write.
        name: The sink's name in the lines.
        per_process_files: Write ``record.<host>-<pid>.jsonl`` instead of sharing ``record.jsonl`` between
            processes, for file systems where appends of several machines are not atomic (NFS).
    """

    def __init__(
        self,
        workspace: str | Path = DEFAULT_WORKSPACE,
        *,
        name: str = "local-jsonl",
        per_process_files: bool = False,
    ) -> None:
        super().__init__(name)
        self.workspace = workspace_root(workspace)
        self._writers: dict[str, JournalWriter] = {
            family: JournalWriter(capture_file(self.workspace, family), per_process=per_process_files)
            for family in PayloadFamily
        }

    def file_path_for(self, family: PayloadFamily | str) -> Path:
        """Return the absolute path of the file that holds a family; it need not exist yet.

        Raises:
            ValueError: The family is unknown; families are spelt in upper case.
        """
        return self._writers[PayloadFamily(family)].path

    def write(self, entry: Entry, captured_at: bytes) -> str | None:
        """Append one line; see `EncodedSink.write`."""
        failure = self._writers[entry.family].append(entry.line(captured_at, self._name_json))
        return None if failure is None else failure.reason

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()


class MemorySink(EncodedSink):
    """Keeps lines in memory, for tests and notebooks.

    Attributes:
        lines: The lines in the order of writing, each with its newline.
    """

    def __init__(self, *, name: str = "memory", families: frozenset[PayloadFamily] | None = None) -> None:
        super().__init__(name, families=families)
        self.lines: list[bytes] = []

    def write(self, entry: Entry, captured_at: bytes) -> str | None:
        """Keep one line; see `EncodedSink.write`."""
        self.lines.append(entry.line(captured_at, self._name_json))
        return None


class StdoutSink(EncodedSink):
    """Prints lines, for containers whose standard output is collected.

    Args:
        name: The sink's name in the lines.
        stream: Where to print; the standard output of the moment when None.
        families: The families it takes; all when None.
    """

    def __init__(
        self,
        *,
        name: str = "stdout",
        stream: TextIO | None = None,
        families: frozenset[PayloadFamily] | None = None,
    ) -> None:
        super().__init__(name, families=families)
        self._stream = stream
        self.start_over()
        start_over_in_child(self)

    def start_over(self) -> None:
        """Let go of what a thread of the parent may hold; for a forked child."""
        self._lock = threading.RLock()

    def write(self, entry: Entry, captured_at: bytes) -> str | None:
        """Print one line; see `EncodedSink.write`."""
        line = entry.line(captured_at, self._name_json).decode()
        try:
            with self._lock:
                stream = sys.stdout if self._stream is None else self._stream
                stream.write(line)
                stream.flush()
        except (OSError, ValueError) as error:
            return f"cannot print: {error}"
        return None


def entry_of(family: PayloadFamily, payload: HasToDict | Mapping[str, object]) -> Entry:
    """Encode a contract model or plain data.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(payload, Mapping):
        data: object = payload
        kind = "dict"
    else:
        data = payload.to_dict()
        kind = type(payload).__name__
    body = encode(Sanitiser().copy(data))
    return Entry(str(family), kind, own_ref(kind, data), body)


# The field that names each payload itself; any other reference in it names a parent.
_OWN_REF_FIELDS: Final[Mapping[str, str]] = {
    "Project": "project_ref",
    "Run": "run_ref",
    "DeploymentExecution": "deployment_execution_ref",
    "StageExecution": "stage_execution_ref",
    "BatchExecution": "batch_execution_ref",
    "SampleObservation": "sample_observation_ref",
    "OperationContext": "operation_context_ref",
    "EnvironmentSnapshot": "environment_snapshot_ref",
    "ArtifactManifest": "artifact_ref",
}


def own_ref(payload_type: str, data: object) -> str | None:
    """Return the reference a payload has itself, e.g. a batch's own and not its stage's."""
    if not isinstance(data, Mapping) or payload_type == "dict":
        return None
    envelope = data.get("envelope")
    if isinstance(envelope, Mapping):
        return str(envelope["record_ref"])
    field = _OWN_REF_FIELDS.get(payload_type)
    return None if field is None else str(data[field])
