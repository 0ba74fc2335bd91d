"""The section `Why`: what failed, its evidence, newest first, and nothing told twice."""

from __future__ import annotations

import math
from dataclasses import replace

from contexta.query.views import RunSnapshot
from contexta.report import Failure, why
from tests.report.example import TRACE, Recorder, batch, demo, quiet, run_record, sample, stage


def failures(snapshot: RunSnapshot) -> list[Failure]:
    return [failure for failure, _ in why.failures(snapshot)]


def recorded(recorder: Recorder, **rest: object) -> RunSnapshot:
    return replace(quiet(), records=tuple(recorder.records), **rest)  # type: ignore[arg-type]


def test_failures_come_newest_first_with_their_evidence() -> None:
    assert [(each.kind, each.path, each.title) for each in failures(demo())] == [
        ("deployment", ("canary",), "TimeoutError: canary m1 is not ready"),
        ("batch", ("evaluate", "holdout"), "RuntimeError: CUDA out of memory"),
        ("sample", ("evaluate", "holdout", "q-4"), "answer.wrong: expected B got C"),
        ("batch", ("train", "epoch-2"), "loss = nan"),
    ]
    _, oom, wrong, spike = failures(demo())
    assert oom.stacktrace[-1] == "RuntimeError: CUDA out of memory"
    assert wrong.evidence == ("correct = 0",)
    assert (oom.severity, spike.severity) == ("error", "warning")


def test_evidence_links_lead_to_the_scope_and_its_records() -> None:
    links = [each.ref for each in why.section(demo()).evidence_links]
    assert "batch:digits-cnn.tiny-cnn.evaluate.holdout" in links
    assert "record:digits-cnn.tiny-cnn.0020" in links


def test_order_is_that_of_the_instants_not_of_the_texts() -> None:
    recorder = Recorder()
    recorder.event("a", "older", "", "error")
    recorder.event("b", "newer", "", "error")
    older, newer = recorder.records
    records = (
        replace(older, observed_at="2026-01-02T03:00:00Z"),
        replace(newer, observed_at="2026-01-02T03:00:00.5Z"),
    )
    assert [each.title for each in failures(replace(quiet(), records=records))] == ["newer", "older"]


def test_a_parent_that_failed_with_its_child_is_not_told_again() -> None:
    recorder = Recorder()
    recorder.exception("train.e1", "ValueError", "bad")
    snapshot = recorded(
        recorder,
        run=run_record(status="failed"),
        stages=(stage("train", "failed"),),
        batches=(batch("train", "e1", "failed"),),
    )
    assert [each.kind for each in failures(snapshot)] == ["batch"]


def test_a_scope_that_failed_without_a_word_says_so() -> None:
    snapshot = replace(quiet(), stages=(stage("train", "failed"), stage("evaluate", order=1)))
    (found,) = failures(snapshot)
    assert (found.kind, found.path) == ("stage", ("train",))
    assert "nothing recorded says why" in found.title


def test_a_value_that_is_not_finite_does_not_explain_why_the_stage_failed() -> None:
    recorder = Recorder()
    recorder.metric("train.e1", "loss", math.inf)
    snapshot = recorded(recorder, stages=(stage("train", "failed"),), batches=(batch("train", "e1"),))
    assert sorted((each.kind, each.severity) for each in failures(snapshot)) == [
        ("batch", "warning"),
        ("stage", "error"),
    ]


def test_scores_of_zero_count_for_samples_only() -> None:
    recorder = Recorder()
    recorder.metric("evaluate.holdout", "correct", 0)
    recorder.metric("evaluate.holdout.q", "success", 0)
    snapshot = recorded(recorder, samples=(sample("evaluate", "holdout", "q", note="success 0"),))
    (found,) = failures(snapshot)
    assert (found.kind, found.title) == ("sample", "success = 0")


def test_degraded_records_are_evidence_only_where_something_failed() -> None:
    recorder = Recorder()
    recorder.event("train.e1", "log", "partly lost", "info")
    (record,) = recorder.records
    degraded = (replace(record, degradation_marker="partial_failure"),)
    assert failures(replace(quiet(), records=degraded)) == []
    failed = replace(quiet(), records=degraded, batches=(batch("train", "e1", "failed"),))
    assert [each.title for each in failures(failed)] == ["log: partial_failure"]


def test_a_scope_that_no_snapshot_names_is_called_by_its_ref() -> None:
    recorder = Recorder()
    recorder.event("train.e1", "boom", "", "critical")
    assert [each.path for each in failures(recorded(recorder))] == [("e1",)]


def test_a_long_stack_trace_keeps_its_inner_end() -> None:
    recorder = Recorder()
    recorder.exception("train", "RecursionError", "deep", "\n".join(f"line {index}" for index in range(500)))
    (found,) = failures(recorded(recorder))
    assert len(found.stacktrace) == why.TRACE_LINES
    assert found.stacktrace[-1] == "line 499"
    assert found.stacktrace[0].startswith("…")


def test_the_same_evidence_is_counted_and_the_rest_left_out() -> None:
    recorder = Recorder()
    for _ in range(5):
        recorder.event("train", "retry", "again", "error")
    for index in range(20):
        recorder.event("train", f"error-{index}", "", "error")
    recorder.exception("train", "ValueError", "bad", TRACE)
    (found,) = failures(recorded(recorder))
    assert found.title == "ValueError: bad"
    assert len(found.evidence) == why.MAX_EVIDENCE
    assert found.left_out == 13
    assert "... and 13 more." in why.section(recorded(recorder)).body


def test_many_failures_are_cut_and_counted() -> None:
    samples = tuple(sample("evaluate", "holdout", f"s-{index}", note="correct 0") for index in range(80))
    section = why.section(replace(quiet(), samples=samples))
    assert len(section.blocks) == why.MAX_FAILURES
    assert section.body.endswith("... and 30 more.")


def test_an_exception_as_the_job_shaped_it_is_told_as_far_as_it_goes() -> None:
    recorder = Recorder()
    recorder.event("train", "exception", "it broke", "error", {"exception.type": ""})
    recorder.event("train", "crash", "with a trace", "error", {"exception.stacktrace": "at x"})
    (found,) = failures(recorded(recorder))
    assert found.title == "with a trace"
    assert found.stacktrace == ("at x",)
    assert found.evidence == ("exception: it broke",)
