"""The captured lines of a workspace, one by one, with every member as it was written.

The catalog reads the same files for questions and keeps the columns that questions need; whoever carries a
capture somewhere else, or looks whether all of it can be read, needs the lines themselves. This module opens
files and parses lines. It writes nothing, knows no model, and never fails for what it finds: what cannot be
read is handed on as that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from contexta.journal import read
from contexta.journal.read import Line
from contexta.watch import tail
from contexta.watch.tail import Mark, Reading, Verdict
from contexta.watch.workspace import sources

_CHUNK_BYTES: Final = 1024 * 1024

CONTEXT_REFS: Final[Mapping[str, str]] = {
    "Project": "project_ref",
    "Run": "run_ref",
    "StageExecution": "stage_execution_ref",
    "BatchExecution": "batch_execution_ref",
    "SampleObservation": "sample_observation_ref",
    "OperationContext": "operation_context_ref",
    "DeploymentExecution": "deployment_execution_ref",
    "EnvironmentSnapshot": "environment_snapshot_ref",
}
"""The types of context lines, and the member of the payload that is the scope's own reference."""


class Shape(Enum):
    """What a line says, told by what is in it: public Contexta writes ``dict`` as the type of an artifact."""

    RECORD = "record"
    ARTIFACT = "artifact"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class CapturedLine:
    """A line that can be read.

    Attributes:
        path: The file.
        position: The byte where it begins.
        length: Bytes of it.
        shape: What it says.
        ref: The record, artifact or scope that it is about.
        payload_type: As written; names the model of a context line.
        written_at: When it was written, as text; empty when it does not say.
        payload: The record (``envelope`` and ``payload``), the artifact's manifest, or the scope's model.
    """

    path: Path
    position: int
    length: int
    shape: Shape
    ref: str
    payload_type: str
    written_at: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """Bytes that say nothing.

    Attributes:
        path: The file.
        position: The byte where they begin; None when the file itself cannot be read.
        length: How many there are.
        reason: Why, as a clause.
        is_unfinished: Whether they follow the last newline: a line that is being written, or that was when
            its writer was killed.
    """

    path: Path
    position: int | None
    length: int
    reason: str
    is_unfinished: bool = False


class _Outer(msgspec.Struct):
    payload: dict[str, object]
    captured_at: object = ""
    payload_type: object = ""


_DECODE: Final = msgspec.json.Decoder(_Outer).decode


def captured_lines(
    workspace: Path, on_progress: Callable[[int, int], None] | None = None
) -> Iterator[CapturedLine | UnreadableLine]:
    """Read what is captured in a workspace now; what is appended meanwhile may or may not be read too.

    Context lines come before the records of their scopes. Files that lie elsewhere behind a link, pipes and
    the like are not opened. At most a few megabytes are in memory, or one line of the longest kind.

    Args:
        workspace: The folder, absolute and resolved.
        on_progress: Is told from time to time how many bytes of how many were read.
    """
    files = [(found.path, _size(found.path)) for found in sources(workspace) if found.kind == "capture"]
    total = sum(size for _, size in files)
    before = 0
    for path, size in files:
        for done, lines in _slices(path, size, workspace):
            yield from lines
            if on_progress is not None:
                on_progress(before + min(done, size), total)
        before += size
    if on_progress is not None:
        on_progress(total, total)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _slices(
    path: Path, size: int, workspace: Path
) -> Iterator[tuple[int, Iterator[CapturedLine | UnreadableLine]]]:
    verdict, _, why = tail.look(path, Mark(), workspace)
    if verdict is Verdict.UNREADABLE:
        yield 0, iter([UnreadableLine(path, None, 0, why)])
        return
    mark = Mark()
    while mark.position < size:
        try:
            reading = tail.read(path, mark, _CHUNK_BYTES)
        except FileNotFoundError:
            return
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            yield size, iter([UnreadableLine(path, mark.position, 0, why)])
            return
        if reading is None:
            why = "the file was replaced while it was read"
            yield size, iter([UnreadableLine(path, mark.position, 0, why)])
            return
        if reading.mark.position == mark.position:
            rest = UnreadableLine(path, mark.position, size - mark.position, "no newline ends it", True)
            yield size, iter([rest])
            return
        mark = reading.mark
        yield mark.position, _lines(path, reading)


def _lines(path: Path, reading: Reading) -> Iterator[CapturedLine | UnreadableLine]:
    if reading.skipped is not None:
        start, length = reading.skipped
        yield UnreadableLine(path, start, length, f"longer than {read.MAX_LINE_BYTES:,} bytes")
    for line in read.lines(reading.data):
        found = _parsed(path, reading.position, line)
        if isinstance(found, CapturedLine):
            yield found
        else:
            # Whatever was glued to a torn line is saved.
            pieces = read.apart(line)
            yield from (_parsed(path, reading.position, piece) for piece in pieces)


def _parsed(path: Path, start: int, line: Line) -> CapturedLine | UnreadableLine:
    position = start + line.offset
    outer = _decoded(line.data)
    if outer is None:
        return UnreadableLine(path, position, len(line.data), read.complaint(line.data))
    payload = outer.payload
    payload_type = outer.payload_type if isinstance(outer.payload_type, str) else ""
    envelope, manifest = payload.get("envelope"), payload.get("manifest")
    told: Mapping[str, object] = payload
    if isinstance(envelope, dict):
        shape, ref = Shape.RECORD, envelope.get("record_ref")
    elif isinstance(manifest, dict):
        shape, ref, told = Shape.ARTIFACT, manifest.get("artifact_ref"), manifest
    else:
        shape, ref = Shape.CONTEXT, payload.get(CONTEXT_REFS.get(payload_type, ""))
    if not isinstance(ref, str):
        return UnreadableLine(path, position, len(line.data), "neither a record nor an artifact nor a scope")
    written_at = outer.captured_at if isinstance(outer.captured_at, str) else ""
    return CapturedLine(path, position, len(line.data), shape, ref, payload_type, written_at, told)


def _decoded(data: bytes) -> _Outer | None:
    try:
        return _DECODE(data)
    except (ValueError, RecursionError):
        # NaN, Infinity and 1e400 are no JSON, but other writers write them.
        try:
            return msgspec.convert(json.loads(data), _Outer)
        except (ValueError, RecursionError):
            return None
