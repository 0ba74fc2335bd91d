"""A job that records what must stay private: `python -m tests.faults.private_job WORKSPACE UMASK CANARIES`.

Each canary is a secret of a sample with a redaction profile, in every field that can hold text. It uses
everything that makes files: capture with its outbox, ledger, segments, vault, promotion, export and reports.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from contexta import Contexta
from contexta.capture.values import JsonValue
from contexta.cli import main as ask
from contexta.contract import Project, Run
from contexta.testing import FailingSink
from contexta_tui.__main__ import main as explore
from tests.store.building import TIME, event, manifest

MARK = "canary-"


def masked(value: JsonValue) -> JsonValue:
    """A value with whatever holds a canary blacked out."""
    match value:
        case str():
            return "***" if MARK in value else value
        case list():
            return [masked(item) for item in value]
        case dict():
            return {str(masked(key)): masked(item) for key, item in value.items()}
        case _:
            return value


def mask(payload: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The redaction hook."""
    result = masked(payload)
    return result if isinstance(result, dict) else {}


def record(workspace: Path, canaries: int) -> None:
    """Capture, with a sink that refuses everything, so that the outbox is used."""
    config = {
        "project_name": "private",
        "capture": {"dispatch_failure_mode": "outbox", "per_process_files": True},
    }
    for sinks in (None, (FailingSink(),)):
        with Contexta(workspace=workspace, config=config, redactors={"pii": mask}, sinks=sinks) as ctx:
            with ctx.run("r") as run, run.stage("evaluate") as stage:
                model = workspace / "model.bin"
                model.write_bytes(b"weights")
                model.chmod(0o644)
                run.register_artifact("model", model)
                for number in range(canaries):
                    secret = f"{MARK}{number:03d}-{os.urandom(4).hex()}"
                    with (
                        suppress(ValueError),
                        stage.batch(f"b-{number}") as batch,
                        batch.sample(
                            f"x-{number}", redaction_profile="pii", metadata={"who": secret}
                        ) as sample,
                    ):
                        sample.metric("score", 0.5, unit=secret, tags={secret: secret})
                        sample.event(
                            "note", message=secret, level="error", attributes={"deep": [{secret: secret}]}
                        )
                        sample.span(secret, attributes={"x": secret})
                        sample.register_artifact("report", model, attributes={"of": secret})
                        sample.metric("broken", secret)
                        sample.event(
                            "odd", message=secret, attributes={"bytes": secret.encode(), "set": {secret}}
                        )
                        raise ValueError(secret)
            ctx.deployment("canary", run_ref=run.ref).close()


def store(workspace: Path) -> None:
    """Store, promote and export."""
    with Contexta(workspace=workspace, config={"project_name": "p"}) as ctx:
        ctx.metadata_store.put_many(
            [Project("project:p", "p", TIME), Run("run:p.r", "project:p", "r", "completed", TIME, TIME)]
        )
        ctx.record_store.append(event("e-1"))
        body = workspace / "body"
        for number, mode in enumerate(("copy", "move")):
            body.write_bytes(b"body")
            body.chmod(0o666)
            ctx.artifact_store.put_artifact(manifest(f"m-{number}"), body, mode=mode)


def look(workspace: Path, made: Path) -> None:
    """Ask, and write whatever can be written to files."""
    made.mkdir(mode=0o700)
    there = ("--workspace", str(workspace), "--quiet")
    ask(["promote", *there])
    for name in ("records.jsonl", "records.csv", "records.parquet"):
        ask(["export", "--output", str(made / name), *there])
    for name in ("report.html", "report.md", "report.json", "report.csv"):
        ask(["report", "private.r", "--output", str(made / name), *there])
    for command in (["show", "private.r"], ["records", "--json"], ["verify"], ["lineage", "private.r"]):
        ask([*command, *there])
    explore([str(workspace), "--once", "--depth", "sample"])
    explore([str(workspace), "--json"])


def main() -> None:
    """Do all of it under a umask; what is printed is to be read by the test."""
    workspace, umask, canaries = Path(sys.argv[1]), int(sys.argv[2], 8), int(sys.argv[3])
    os.umask(umask)
    record(workspace, canaries)
    store(workspace)
    look(workspace, workspace.parent / "made")


if __name__ == "__main__":
    main()
