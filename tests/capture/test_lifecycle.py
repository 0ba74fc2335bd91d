"""Context lines and failures: that a scope began, how it ended, and why."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from contexta import contract
from contexta.testing import FrozenClock, memory_contexta, payloads


def context_lines(memory: Any) -> list[Any]:
    return payloads(memory, "CONTEXT")


def own_fields(line: dict[str, Any], namespace: str) -> dict[str, Any] | None:
    return next((item["fields"] for item in line["extensions"] if item["namespace"] == namespace), None)


MODELS = {
    "Project": contract.Project,
    "Run": contract.Run,
    "StageExecution": contract.StageExecution,
    "BatchExecution": contract.BatchExecution,
    "SampleObservation": contract.SampleObservation,
    "DeploymentExecution": contract.DeploymentExecution,
}


def full_job(ctx: Any) -> None:
    with ctx.run(
        "Run 1", tags={"a": "b"}, metadata={"m": [1]}, code_revision="c0ffee", dataset_ref="iris"
    ) as run:
        with run.stage("Train", metadata={"lr": 0.1}) as stage:
            with stage.batch("epoch.1") as batch, batch.sample("x", retention_class="review"):
                pass
            with stage.operation("load"):
                pass
        run.stage("eval").close("cancelled")
    with ctx.deployment("canary", run_ref=run.ref, artifact_ref="artifact:demo.run-1.m"):
        pass


def test_every_scope_writes_one_line_when_it_opens_and_one_when_it_closes() -> None:
    ctx, memory = memory_contexta()
    full_job(ctx)
    lines = [json.loads(line) for line in memory.lines]
    assert {line["family"] for line in lines} == {"CONTEXT"}
    assert [(line["payload_type"], line["payload_ref"], line["payload"].get("status")) for line in lines] == [
        ("Project", "project:demo", None),
        ("Run", "run:demo.run-1", "open"),
        ("StageExecution", "stage:demo.run-1.train", "open"),
        ("BatchExecution", "batch:demo.run-1.train.epoch-1", "open"),
        ("SampleObservation", "sample:demo.run-1.train.epoch-1.x", None),
        ("SampleObservation", "sample:demo.run-1.train.epoch-1.x", None),
        ("BatchExecution", "batch:demo.run-1.train.epoch-1", "completed"),
        ("StageExecution", "stage:demo.run-1.train", "completed"),
        ("StageExecution", "stage:demo.run-1.eval", "open"),
        ("StageExecution", "stage:demo.run-1.eval", "cancelled"),
        ("Run", "run:demo.run-1", "completed"),
        ("DeploymentExecution", "deployment:demo.canary", "open"),
        ("DeploymentExecution", "deployment:demo.canary", "completed"),
    ]


def test_every_context_line_is_exactly_what_its_model_says() -> None:
    ctx, memory = memory_contexta()
    full_job(ctx)
    for raw in memory.lines:
        line = json.loads(raw)
        model = MODELS[line["payload_type"]]
        assert model(**line["payload"]).to_dict() == line["payload"]
        assert set(model.model_fields) == set(line["payload"])


def test_facts_without_a_field_travel_in_extensions() -> None:
    ctx, memory = memory_contexta()
    full_job(ctx)
    _, run, stage, batch, sample_open, sample_closed, *_ = context_lines(memory)
    assert own_fields(run, "contexta.run") == {
        "dataset_ref": "iris",
        "tags": {"a": "b"},
        "code_revision": "c0ffee",
        "metadata": {"m": [1]},
    }
    process = own_fields(run, "contexta.process")
    assert process is not None
    assert (process["host"], process["pid"]) == (os.uname().nodename, os.getpid())
    assert process["process_started_at"].endswith("Z")
    assert run["name"] == "Run 1"
    assert own_fields(stage, "contexta.scope") == {"metadata": {"lr": 0.1}, "display_name": "Train"}
    assert own_fields(batch, "contexta.scope") == {"display_name": "epoch.1"}
    assert own_fields(sample_open, "contexta.lifecycle") == {"status": "open", "ended_at": None}
    closed = own_fields(sample_closed, "contexta.lifecycle")
    assert closed is not None
    assert closed["status"] == "completed"
    assert closed["ended_at"] >= sample_closed["observed_at"]
    assert own_fields(sample_open, "contexta.scope") is None


def test_an_exception_is_recorded_once_on_the_innermost_scope_and_fails_all_around_it() -> None:
    ctx, memory = memory_contexta()
    with (
        pytest.raises(RuntimeError),
        ctx.run("r") as run,
        run.stage("s") as stage,
        stage.batch("b") as batch,
        batch.sample("x") as sample,
    ):
        raise RuntimeError("CUDA out\nof memory")
    found: list[Any] = payloads(memory)
    assert [item["payload"]["event_key"] for item in found] == ["exception"]
    event = found[0]["payload"]
    assert event["subject_ref"] == sample.ref
    assert (event["level"], event["message"]) == ("error", "RuntimeError: CUDA out of memory")
    assert event["attributes"]["exception.type"] == "RuntimeError"
    assert event["attributes"]["exception.message"] == "CUDA out\nof memory"
    assert "Traceback" in event["attributes"]["exception.stacktrace"]
    assert [scope.status for scope in (sample, batch, stage, run)] == ["failed"] * 4


def test_an_exception_that_was_handled_fails_only_the_scopes_it_left() -> None:
    ctx, memory = memory_contexta()
    with ctx.run("r") as run, run.stage("s") as stage:
        for number in range(2):
            try:
                with stage.batch(f"b{number}"):
                    fail(ValueError(number))
            except ValueError:
                pass
    assert stage.status == run.status == "completed"
    found: list[Any] = payloads(memory)
    assert [item["payload"]["subject_ref"] for item in found] == ["batch:demo.r.s.b0", "batch:demo.r.s.b1"]


@pytest.mark.parametrize(
    ("error", "status", "events"),
    [
        (KeyboardInterrupt(), "failed", 1),
        (SystemExit(3), "failed", 1),
        (SystemExit("message"), "failed", 1),
        (SystemExit(0), "completed", 0),
        (SystemExit(), "completed", 0),
        (GeneratorExit(), "failed", 1),
    ],
    ids=repr,
)
def test_interrupts_fail_a_scope_and_are_never_suppressed(
    error: BaseException, status: str, events: int
) -> None:
    ctx, memory = memory_contexta()
    with pytest.raises(type(error)), ctx.run("r") as run:
        raise error
    assert run.status == status
    assert len(payloads(memory)) == events


def fail(error: BaseException) -> None:
    raise error


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class SealedError(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


@pytest.mark.parametrize(
    "error",
    [
        UnspeakableError(),
        SealedError("x"),
        ValueError("\ud800"),
        ValueError("x" * 5_000_000),
        ExceptionGroup("g", [ValueError(1)]),
    ],
    ids=["str raises", "no attributes", "surrogate", "huge message", "group"],
)
def test_exceptions_that_are_hard_to_describe_are_described(error: Exception) -> None:
    ctx, memory = memory_contexta()
    with pytest.raises(type(error)), ctx.run("r"):
        raise error
    event: Any = payloads(memory)[0]["payload"]
    assert event["event_key"] == "exception"
    assert "\n" not in event["message"]
    assert len(event["attributes"]["exception.stacktrace"]) < 17_000
    assert type(error).__name__ in event["attributes"]["exception.type"]


def test_a_long_stack_trace_keeps_its_head_and_its_tail() -> None:
    def down(level: int) -> None:
        if level == 0:
            raise ValueError("the end " + "x" * 20_000 + " of it")
        down(level - 1)

    ctx, memory = memory_contexta()
    with pytest.raises(ValueError, match="the end"), ctx.run("r"):
        down(100)
    trace: Any = payloads(memory)[0]["payload"]["attributes"]["exception.stacktrace"]  # type: ignore[index,call-overload]
    assert trace.startswith("Traceback")
    assert trace.rstrip().endswith("of it")
    assert "characters left out" in trace


def test_why_a_deployment_without_a_run_failed_stands_in_its_closing_line() -> None:
    ctx, memory = memory_contexta()
    with pytest.raises(ConnectionError), ctx.deployment("d"):
        raise ConnectionError("refused")
    assert payloads(memory) == []
    closing = context_lines(memory)[-1]
    assert closing["status"] == "failed"
    reason = own_fields(closing, "contexta.exception")
    assert reason is not None
    assert (reason["type"], reason["message"]) == ("ConnectionError", "refused")
    assert "Traceback" in reason["stacktrace"]


def test_a_failing_deployment_with_a_run_writes_the_event_on_itself() -> None:
    ctx, memory = memory_contexta()
    with pytest.raises(ConnectionError), ctx.deployment("d", run_ref="run:demo.r"):
        raise ConnectionError("refused")
    found: list[Any] = payloads(memory)
    assert found[0]["envelope"]["deployment_execution_ref"] == "deployment:demo.d"
    assert found[0]["payload"]["subject_ref"] == "deployment:demo.d"
    assert own_fields(context_lines(memory)[-1], "contexta.exception") is None


def test_the_exception_does_not_outlive_its_handler() -> None:
    class Tensor:
        pass

    ctx, _ = memory_contexta()

    def step(stage: Any) -> weakref.ref[Tensor]:
        tensor = Tensor()
        watched = weakref.ref(tensor)
        try:
            with stage.sample("x"):
                fail(MemoryError())
        except MemoryError:
            pass
        return watched

    with ctx.run("r") as run, run.stage("s") as stage:
        watched = step(stage)
        gc.collect()
        assert watched() is None


def test_names_and_facts_of_scopes_that_json_cannot_hold_are_written_all_the_same() -> None:
    ctx, memory = memory_contexta("p \ud800")
    with ctx.run("r \ud800", metadata={"x": {1, 2}, "nan": float("nan")}, dataset_ref="\ud800") as run:
        run.stage("s").sample("x", retention_class="\ud800")
    project, opened, *_ = context_lines(memory)
    assert (project["name"], opened["name"]) == ("p \\ud800", "r \\ud800")
    facts = own_fields(opened, "contexta.run")
    assert facts is not None
    assert facts["metadata"] == {"x": [1, 2], "nan": "nan"}
    assert len(context_lines(memory)) == 7


def test_ends_are_never_before_starts_when_the_clock_goes_back() -> None:
    clock = FrozenClock()
    ctx, memory = memory_contexta(clock=clock)
    run = ctx.run("r")
    clock.advance(-100)
    stage = run.stage("s")
    stage.close()
    run.close()
    for line in context_lines(memory)[1:]:
        MODELS["Run" if "name" in line else "StageExecution"](**line)
    assert run.closed_at == stage.closed_at == run.started_at


def test_a_forked_child_records_but_does_not_end_its_parents_run(tmp_path: Path) -> None:
    code = """
import os, sys
from contexta import Contexta
ctx = Contexta(workspace=sys.argv[1], config={"project_name": "demo"})
with ctx.run("r") as run:
    run.metric("a", 1)
    child = os.fork()
    if child == 0:
        run.metric("b", 2)
        sys.exit(0)
    os.waitpid(child, 0)
    run.metric("c", 3)
"""
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "ws")], check=True, cwd=Path(__file__).parents[2]
    )
    capture = tmp_path / "ws" / "cache" / "capture"
    assert (capture / "record.jsonl").read_bytes().count(b"\n") == 3
    assert (capture / "context.jsonl").read_bytes().count(b'"status":"completed"') == 1
