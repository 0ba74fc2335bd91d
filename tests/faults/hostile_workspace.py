"""A workspace that holds hostile texts wherever somebody can record text.

Each text has a run of its own, captured and stored, in which every name, message, key, unit, level, tag,
attribute, kind, location and description is that text, beside a damaged line of it and a file that is named
after it. Refs have a grammar, so they are hostile only where they are damage.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from contexta import Contexta
from contexta.contract import (
    DeploymentExecution,
    Project,
    Run,
    SampleObservation,
    StageExecution,
    StructuredEventPayload,
    StructuredEventRecord,
)
from contexta.errors import ContextaError
from contexta.journal import paths
from tests.lines import Lines
from tests.store.building import envelope, manifest

_MARK: Final = "HOSTILE"
_START: Final = "2026-01-02T03:04:05Z"
_LONGEST_NAME: Final = 120


def build(workspace: Path, texts: Sequence[str]) -> None:
    """Write the workspace; the n-th text has the run `run:hostile.t<n>`."""
    capture(workspace, texts)
    store(workspace, texts)


def capture(workspace: Path, texts: Sequence[str]) -> None:
    """Write the captured half."""
    folder = paths.capture_dir(workspace)
    folder.mkdir(parents=True)
    lines = Lines()
    for number, text in enumerate(texts):
        with (folder / "record.jsonl").open("ab") as file:
            file.write(_recorded(lines, text, number))
            file.write(text.encode("utf-8", "surrogatepass").replace(b"\n", b" ") + b"\n")
        with (folder / "context.jsonl").open("ab") as file:
            file.write(_scopes(lines, text, number))
        with (folder / "artifact.jsonl").open("ab") as file:
            file.write(_artifact(lines, text, number))
        with (folder / f"record.{file_name(text)}.jsonl").open("ab") as file:
            file.write(b"damaged {\n")


def is_recordable(text: str) -> bool:
    """Whether a line that holds it is JSON to every reader: half a surrogate pair makes a damaged one."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def file_name(text: str) -> str:
    """A text as part of a file's name, as far as file systems allow."""
    raw = text.encode("utf-8", "surrogatepass").replace(b"/", b"|").replace(b"\0", b"")
    return os.fsdecode(raw[:_LONGEST_NAME])


def _hostile(lines: bytes, text: str) -> bytes:
    """Lines with the text in place of each mark."""
    return lines.replace(_MARK.encode(), json.dumps(text)[1:-1].encode())


def _scopes(lines: Lines, text: str, number: int) -> bytes:
    run, stage, batch, sample, deployment = refs(number)
    shown = {"contexta.scope": {"display_name": _MARK, "metadata": {_MARK: _MARK}}}
    facts = {
        "contexta.run": {
            "tags": {_MARK: _MARK},
            "dataset_ref": _MARK,
            "code_revision": _MARK,
            "metadata": {_MARK: [_MARK]},
            "config_snapshot": {_MARK: _MARK},
        },
        "contexta.process": {"host": _MARK, "command": _MARK, "pid": 1},
    }
    why = {"contexta.exception": {"type": _MARK, "message": _MARK, "stacktrace": f"{_MARK}\n  {_MARK}"}}
    refused = {"contexta.lifecycle": {"status": "failed", "ended_at": _START}}
    stated = b"".join(
        (
            lines.scope("Project", "project:hostile", name=_MARK, description=_MARK, tags={_MARK: _MARK}),
            lines.scope("Run", run, "failed", facts, name=_MARK, description=_MARK),
            lines.scope("StageExecution", stage, "failed", shown, stage_name=_MARK),
            lines.scope("BatchExecution", batch, "failed", shown, batch_name=_MARK),
            lines.scope(
                "SampleObservation",
                sample,
                "failed",
                {**shown, **refused},
                sample_name=_MARK,
                retention_class=_MARK,
                redaction_profile=_MARK,
            ),
            lines.scope(
                "DeploymentExecution",
                deployment,
                "failed",
                {**shown, **why},
                deployment_name=_MARK,
                run_ref=run,
                artifact_ref=f"artifact:hostile.t{number:02d}.model",
            ),
        )
    )
    return _hostile(stated, text)


def _recorded(lines: Lines, text: str, number: int) -> bytes:
    run, stage, batch, sample, deployment = refs(number)
    trace = {
        "exception.type": _MARK,
        "exception.message": _MARK,
        "exception.stacktrace": f"{_MARK}\n  {_MARK}",
    }
    parts = []
    for subject in (run, stage, batch, sample):
        tags = {_MARK: _MARK}
        parts += [
            lines.metric(subject, _MARK, value, unit=_MARK, tags=tags, record_hex=_hex(lines))
            for value in (1.0, 2.5, 0.5)
        ]
        parts += [
            lines.event(
                subject, _MARK, _MARK, level=_MARK, attributes={_MARK: _MARK}, record_hex=_hex(lines)
            ),
            lines.event(subject, _MARK, _MARK, level="error", record_hex=_hex(lines)),
            lines.event(subject, "exception", _MARK, level="error", attributes=trace, record_hex=_hex(lines)),
            lines.span(subject, _MARK, record_hex=_hex(lines)),
            lines.degraded(subject, record_hex=_hex(lines)).replace(b'"lost"', f'"{_MARK}"'.encode()),
        ]
    parts.append(
        lines.event(
            deployment, _MARK, _MARK, level="error", run_ref=run, record_hex=_hex(lines), attributes=trace
        )
    )
    # What cannot be read: a ref of another grammar.
    parts.append(lines.metric(run, "loss", 1.0, record_hex=_hex(lines)).replace(run.encode(), b"run:HOSTILE"))
    return _hostile(b"".join(parts), text)


def _hex(lines: Lines) -> str:
    """A number that no other record of the workspace has."""
    return f"{lines.clock.micros % 0xFFFFFFFFFFFF:012x}"


def _artifact(lines: Lines, text: str, number: int) -> bytes:
    line = lines.artifact(
        "model",
        f"run:hostile.t{number:02d}",
        artifact_kind=_MARK,
        location_ref=_MARK,
        hash_value=_MARK,
        attributes={_MARK: _MARK},
        extensions=[{"namespace": _MARK, "fields": {_MARK: _MARK}, "readonly_fields": []}],
    )
    return _hostile(line, text)


def refs(number: int) -> tuple[str, str, str, str, str]:
    """Run, stage, batch, sample and deployment of a text."""
    run = f"hostile.t{number:02d}"
    return (
        f"run:{run}",
        f"stage:{run}.s",
        f"batch:{run}.s.b",
        f"sample:{run}.s.b.x",
        f"deployment:hostile.d{number:02d}",
    )


def store(workspace: Path, texts: Sequence[str]) -> None:
    """Write the stored half; what its rules refuse is left out."""
    with Contexta(workspace=workspace, config={"project_name": "stored"}) as ctx:
        with suppress(ContextaError):
            ctx.metadata_store.put_many([Project("project:stored", "stored", _START)])
        for number, text in enumerate(texts):
            _store(ctx, text, f"stored.t{number:02d}")


def _store(ctx: Contexta, text: str, run: str) -> None:
    with suppress(ContextaError):
        ctx.metadata_store.put_many(
            [
                Run(f"run:{run}", "project:stored", text, "failed", _START, _START, text),
                StageExecution(f"stage:{run}.s", f"run:{run}", "s", "failed", _START, _START),
                SampleObservation(
                    f"sample:{run}.s.x", f"run:{run}", f"stage:{run}.s", "x", _START, None, text, text
                ),
                DeploymentExecution(
                    f"deployment:{run.replace('.t', '.d')}", "project:stored", run.replace("stored.t", "d"),
                    "failed", _START, _START, None, f"run:{run}",
                ),
            ]
        )  # fmt: skip
    with suppress(ContextaError):
        payload = StructuredEventPayload("note", "error", text, None, {text: text})
        ctx.record_store.append(StructuredEventRecord(envelope("e-1", "event", run=run), payload))
    with suppress(ContextaError):
        body = Path(ctx.workspace) / "body"
        body.write_bytes(b"body")
        model = manifest(
            artifact_ref=f"artifact:{run}.model",
            run_ref=f"run:{run}",
            location_ref=text,
            attributes={text: text},
        )
        ctx.artifact_store.put_artifact(model, body)
