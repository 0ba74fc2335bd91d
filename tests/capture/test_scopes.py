"""Scopes: what may be opened where, and what closing does."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from contexta import ClosedScopeError, Contexta, ContextaError, LifecycleError, ValidationError
from contexta.testing import FrozenClock, memory_contexta, payloads


@pytest.fixture
def ctx() -> Contexta:
    return memory_contexta()[0]


def test_refs_names_and_attributes_of_all_scopes() -> None:
    ctx, _ = memory_contexta("My Proj_X", clock=FrozenClock())
    with ctx.run(
        " Run One ", tags={"a": "b"}, metadata={"m": 1}, code_revision="abc", dataset_ref="d"
    ) as run:
        assert (run.ref, run.name, run.run_id) == ("run:my-proj-x.run-one", "Run One", "run-one")
        assert (run.tags, run.metadata, run.code_revision, run.dataset_ref) == (
            {"a": "b"},
            {"m": 1},
            "abc",
            "d",
        )
        assert (run.status, run.started_at, run.closed_at) == ("open", "2026-01-02T03:04:05.678901Z", None)
        with run.stage("Train_1") as stage, stage.batch("epoch.1") as batch, batch.sample("One") as sample:
            assert stage.ref == "stage:my-proj-x.run-one.train-1"
            assert batch.ref == "batch:my-proj-x.run-one.train-1.epoch-1"
            assert sample.ref == "sample:my-proj-x.run-one.train-1.epoch-1.one"
            assert (stage.name, batch.name, sample.name) == ("train-1", "epoch-1", "one")
            assert sample.observed_at == sample.started_at
        with run.stage("s") as stage, stage.operation("load data") as operation:
            assert operation.ref == "op:my-proj-x.run-one.s.load-data"
    assert ctx.project_name == "My Proj_X"
    assert ctx.session.project_ref == "project:my-proj-x"
    assert (run.status, run.is_closed, run.closed_at) == ("completed", True, run.started_at)
    with ctx.run("other", run_id="ID 7") as run:
        assert (run.ref, run.name) == ("run:my-proj-x.id-7", "other")
    with ctx.deployment("Canary", run_ref=run.ref) as deployment:
        assert (deployment.ref, deployment.order_index) == ("deployment:my-proj-x.canary", 0)


def test_order_counts_stages_in_their_run_and_batches_in_their_stage(ctx: Contexta) -> None:
    for _ in range(2):
        with ctx.run("r") as run:
            for number in range(3):
                with run.stage("same") as stage:
                    assert stage.order_index == number
                    for inner in range(2):
                        with stage.batch("same") as batch:
                            assert batch.order_index == inner


def stage_of(ctx: Contexta) -> Any:
    return ctx.run("r").stage("s")


def in_batch(ctx: Contexta) -> tuple[Any, Any]:
    stage = stage_of(ctx)
    return stage, stage.batch("b")


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (lambda c: (c.run("a"), c.run("b")), "runtime_nested_run"),
        (lambda c: (c.deployment("d"), c.run("b")), "runtime_nested_run"),
        (lambda c: (c.run("a"), c.deployment("d")), "runtime_nested_deployment"),
        (lambda c: (c.deployment("d"), c.deployment("e")), "runtime_nested_deployment"),
        (lambda c: [r := c.run("a"), r.stage("s"), r.stage("t")], "runtime_stage_already_open"),
        (lambda c: [s := stage_of(c), s.batch("b"), s.batch("c")], "runtime_batch_already_open"),
        (lambda c: in_batch(c)[0].sample("x"), "runtime_inactive_sample_owner_scope"),
        (lambda c: in_batch(c)[0].operation("x"), "runtime_inactive_operation_owner_scope"),
        (lambda c: [s := stage_of(c), s.sample("x"), s.sample("y")], "runtime_sample_already_open"),
        (lambda c: [s := stage_of(c), s.operation("x"), s.operation("y")], "runtime_operation_already_open"),
        (
            lambda c: [s := stage_of(c), s.sample("x"), s.operation("y")],
            "runtime_operation_blocked_by_sample",
        ),
        (
            lambda c: [s := stage_of(c), s.operation("x"), s.sample("y")],
            "runtime_sample_blocked_by_operation",
        ),
        (lambda c: [r := c.run("a"), contextvars.Context().run(r.stage, "s")], "runtime_inactive_run_scope"),
        (lambda c: contextvars.Context().run(stage_of(c).batch, "s"), "runtime_inactive_stage_scope"),
        (lambda c: contextvars.Context().run(stage_of(c).sample, "s"), "runtime_inactive_sample_owner_scope"),
        (lambda c: c.run("a").close("open"), "runtime_invalid_close_status"),
        (lambda c: c.metric("a", 1), "runtime_capture_requires_run"),
        (lambda c: (c.deployment("d"), c.metric("a", 1)), "runtime_capture_requires_run"),
        (lambda c: c.current_run(), "runtime_run_required"),
        (lambda c: c.current_stage(), "runtime_stage_required"),
        (lambda c: c.current_batch(), "runtime_batch_required"),
        (lambda c: c.session.current_batch(), "runtime_batch_required"),
        (lambda c: c.current_sample(), "runtime_sample_required"),
        (lambda c: c.current_operation(), "runtime_operation_required"),
        (lambda c: c.current_deployment(), "runtime_deployment_required"),
        (lambda c: c.run("런"), "runtime_invalid_component"),
        (lambda c: c.run("  "), "runtime_invalid_value"),
        (lambda c: c.run(None), "runtime_invalid_value"),
        (lambda c: c.run("a").stage("s", stage_ref="stage:demo.a.t"), "runtime_ref_mismatch"),
        (lambda c: c.deployment("d", deployment_ref="deployment:demo.e"), "runtime_ref_mismatch"),
        (lambda c: stage_of(c).batch("b", batch_ref="batch:demo.r.s.c"), "runtime_ref_mismatch"),
        (lambda c: stage_of(c).sample("x", sample_ref="sample:demo.r.s.y"), "runtime_ref_mismatch"),
        (lambda c: stage_of(c).operation("o", operation_ref="op:demo.r.s.p"), "runtime_ref_mismatch"),
        (
            lambda c: contextvars.Context().run(stage_of(c).operation, "s"),
            "runtime_inactive_operation_owner_scope",
        ),
    ],
)
def test_what_has_no_meaning_is_refused_with_its_code(
    ctx: Contexta, attempt: Callable[[Contexta], object], code: str
) -> None:
    with pytest.raises(LifecycleError) as caught:
        attempt(ctx)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("links", "code"),
    [
        ({"run_ref": "run:other.r"}, "context_ref_prefix_mismatch"),
        ({"run_ref": "stage:demo.r.s"}, "stable_ref_kind_mismatch"),
        ({"artifact_ref": "artifact:other.r.m"}, "context_ref_prefix_mismatch"),
        (
            {"run_ref": "run:demo.r", "environment_snapshot_ref": "environment:demo.q.e"},
            "context_ref_prefix_mismatch",
        ),
        ({"run_ref": "nonsense"}, "stable_ref_invalid_text"),
    ],
)
def test_deployment_links_must_be_of_the_project(ctx: Contexta, links: dict[str, str], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ctx.deployment("d", **links)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_a_deployment_may_ship_the_artifact_of_another_run(ctx: Contexta) -> None:
    with ctx.deployment(
        "d", run_ref="run:demo.never-seen", artifact_ref="artifact:demo.other.m"
    ) as deployment:
        assert deployment.event("x", message="m").succeeded


@pytest.mark.parametrize("call", ["metric", "event", "span", "close", "stage"])
def test_a_closed_scope_refuses_everything(ctx: Contexta, call: str) -> None:
    run = ctx.run("r")
    run.close()
    calls: dict[str, Callable[[], object]] = {
        "metric": lambda: run.metric("a", 1),
        "event": lambda: run.event("a", message="m"),
        "span": lambda: run.span("a"),
        "close": run.close,
        "stage": lambda: run.stage("s"),
    }
    with pytest.raises(ClosedScopeError) as caught:
        calls[call]()
    assert caught.value.code == "runtime_scope_closed"


def test_records_of_a_deployment_without_a_run_are_refused(ctx: Contexta) -> None:
    deployment = ctx.deployment("d")
    for call, code in (
        (lambda: deployment.event("x", message="m"), "capture_run_context_required"),
        (lambda: deployment.metric("x", 1), "capture_run_context_required"),
        (lambda: deployment.register_artifact("model", "/x"), "artifact_registration_requires_run"),
    ):
        with pytest.raises(ValidationError) as caught:
            call()
        assert caught.value.code == code


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_closing_a_run_closes_everything_open_inside_also_a_sample_hidden_by_a_batch(
    ctx: Contexta, status: str
) -> None:
    run = ctx.run("r")
    stage = run.stage("s")
    hidden = stage.sample("hidden")
    batch = stage.batch("b")
    sample = batch.sample("x")
    run.close(status)
    assert [scope.status for scope in (run, stage, hidden, batch, sample)] == [status] * 5
    assert ctx.session.current() is None
    with ctx.run("next"):
        pass


def test_a_sample_hidden_by_a_batch_is_innermost_again_when_the_batch_closes(ctx: Contexta) -> None:
    with ctx.run("r") as run, run.stage("s") as stage:
        hidden = stage.sample("hidden")
        with stage.batch("b") as batch:
            assert ctx.session.current() is batch
            with batch.sample("x") as sample:
                assert ctx.current_sample() is sample
        assert ctx.current_sample() is hidden


def test_handles_are_bound_and_the_context_records_on_the_innermost(ctx: Contexta) -> None:
    ctx, memory = memory_contexta()
    with ctx.run("r") as run, run.stage("s") as stage, stage.batch("b") as batch, batch.sample("x"):
        run.metric("a", 1)
        ctx.metric("b", 2)
        ctx.event("c", message="m")
        ctx.span("d")
        stage.metric("e", 1)
    subjects = [item["payload"].get("subject_ref") for item in payloads(memory)]  # type: ignore[union-attr,call-overload,index]
    assert subjects == ["run:demo.r", "sample:demo.r.s.b.x", "sample:demo.r.s.b.x", None, "stage:demo.r.s"]


def test_threads_start_empty_but_bound_handles_work_in_them() -> None:
    ctx, memory = memory_contexta()
    errors: list[BaseException] = []

    def work(number: int, run: Any) -> None:
        try:
            run.metric("shared", number)
            with ctx.run(f"own-{number}") as own, own.stage("s") as stage:
                for _ in range(50):
                    stage.metric("loss", number)
        except Exception as error:  # noqa: BLE001 - the main thread looks at it
            errors.append(error)

    with ctx.run("main") as run:
        threads = [threading.Thread(target=work, args=(n, run)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    refs = [item["envelope"]["record_ref"] for item in payloads(memory)]  # type: ignore[index,call-overload]
    assert len(set(refs)) == len(refs) == 4 * 51


async def test_gathered_tasks_may_each_open_a_batch_of_one_stage() -> None:
    ctx, memory = memory_contexta()

    async def work(stage: Any, number: int) -> None:
        with stage.batch(f"b{number}") as batch:
            await asyncio.sleep(0)
            ctx.metric("loss", number)
            await asyncio.sleep(0)
            assert ctx.session.current_batch() is batch

    with ctx.run("r") as run, run.stage("s") as stage:
        await asyncio.gather(*(work(stage, number) for number in range(3)))
        assert ctx.session.current() is stage
    found: list[Any] = payloads(memory)
    assert [(item["envelope"]["batch_execution_ref"], item["payload"]["value"]) for item in found] == [
        (f"batch:demo.r.s.b{number}", number) for number in range(3)
    ]


def test_a_scope_may_be_closed_in_another_context(ctx: Contexta) -> None:
    def generator() -> Any:
        with ctx.run("r") as run:
            yield run

    running = generator()
    run = contextvars.copy_context().run(next, running)
    threading.Thread(target=running.close).run()
    assert run.status == "failed"
    run = ctx.run("again")
    thread = threading.Thread(target=run.close)
    thread.start()
    thread.join()
    assert run.status == "completed"
    with ctx.run("third"):
        pass


def test_closing_inside_its_own_with_block_is_fine(ctx: Contexta) -> None:
    with ctx.run("r") as run:
        run.close("cancelled")
    assert run.status == "cancelled"


def test_closing_the_context_closes_what_is_open(ctx: Contexta) -> None:
    with ctx:
        run = ctx.run("r")
    assert run.status == "completed"
    run = ctx.run("r")
    with pytest.raises(RuntimeError), ctx:
        raise RuntimeError
    assert run.status == "failed"


def test_closed_scopes_are_not_kept_alive(ctx: Contexta) -> None:
    with ctx.run("r") as run, run.stage("s") as stage:
        seen = []
        for number in range(5):
            with stage.batch(f"b{number}") as batch:
                seen.append(weakref.ref(batch))
        del batch
        gc.collect()
        assert [ref() for ref in seen] == [None] * 5


def test_errors_are_one_tree() -> None:
    assert issubclass(LifecycleError, ContextaError)
    assert not issubclass(ClosedScopeError, LifecycleError)
    error = ContextaError("m", code="c", details={"a": 1}, retryable=True, cause=ValueError("x"))
    assert error.to_dict() == {
        "type": "ContextaError",
        "code": "c",
        "message": "m",
        "details": {"a": 1},
        "retryable": True,
        "cause": "ValueError: x",
    }
