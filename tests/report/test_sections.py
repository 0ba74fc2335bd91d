"""The sections of a snapshot report: titles, order, lines, and what stands there when there is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contexta.errors import InterpretationError
from contexta.query.findings import CompletenessNote, DiagnosticsResult
from contexta.report import ReportDocument, ReportSection, Table, build_snapshot_report, snapshot_report
from tests.report.example import RUN, FakeQueries, batch, demo, provenance, quiet, sample
from tests.report.example import report as report_on

EIGHT = [
    "Run Summary",
    "Stages",
    "Artifacts",
    "Batches",
    "Deployments",
    "Samples",
    "Diagnostics",
    "Completeness Notes",
]


def titles(report: ReportDocument) -> list[str]:
    return [each.title for each in report.sections]


def section(report: ReportDocument, title: str) -> ReportSection:
    (found,) = [each for each in report.sections if each.title == title]
    return found


def body(report: ReportDocument, title: str) -> str:
    return section(report, title).body


def test_the_eight_sections_come_first_in_their_order_then_ours() -> None:
    report = report_on(demo())
    assert report.title == f"Run Snapshot Report: {RUN}"
    assert titles(report) == [*EIGHT, "Metrics", "Why"]


def test_provenance_is_a_section_only_when_it_is_recorded() -> None:
    report = report_on(replace(demo(), provenance=provenance()))
    assert titles(report) == [*EIGHT, "Provenance", "Metrics", "Why"]
    assert "assertion_mode: declared" in body(report, "Provenance").split("\n")


def test_lines_have_the_shapes_of_public_contexta() -> None:
    report = report_on(demo())
    assert body(report, "Run Summary").split("\n")[:4] == [
        f"run_id: {RUN}",
        "name: tiny-cnn",
        "status: failed",
        "project: digits-cnn",
    ]
    assert body(report, "Stages").split("\n") == [
        "train: status=completed, stage_id=stage:digits-cnn.tiny-cnn.train",
        "evaluate: status=failed, stage_id=stage:digits-cnn.tiny-cnn.evaluate",
    ]
    assert body(report, "Artifacts") == (
        "model: ref=artifact:digits-cnn.tiny-cnn.model, location=path:/models/tiny-cnn/model.pt"
    )
    assert body(report, "Batches").split("\n")[-1] == "holdout: stage=evaluate, status=failed, order=0"
    assert body(report, "Deployments") == (
        f"canary: status=failed, run_id={RUN}, artifact_ref=artifact:digits-cnn.tiny-cnn.model"
    )
    assert body(report, "Samples").split("\n")[0] == "q-1: observed_at=2026-01-02T03:01:40Z, retention=review"
    assert body(report, "Diagnostics") == "error:failed_batch: batch holdout failed"


def test_links_that_are_not_there_are_left_out_of_the_line() -> None:
    snapshot = demo()
    bare = replace(snapshot.deployments[0], run_id=None, artifact_ref=None)
    report = report_on(replace(snapshot, deployments=(bare,)))
    assert body(report, "Deployments") == "canary: status=failed"


def test_a_run_with_nothing_says_none_everywhere() -> None:
    report = report_on(replace(quiet(), completeness_notes=()))
    assert [each.body for each in report.sections][1:] == [
        "No stages.",
        "No artifacts.",
        "No batches.",
        "No deployments.",
        "No samples.",
        "No diagnostics issues.",
        "No completeness notes.",
        "No metrics.",
        "No failures.",
    ]
    assert [each.blocks for each in report.sections][1:] == [()] * 9


def test_each_completeness_note_is_told_once() -> None:
    report = report_on(demo())
    assert body(report, "Completeness Notes").split("\n") == [
        "warning: relation_scope_empty",
        "warning: provenance_missing",
    ]


def test_a_note_of_the_diagnosis_alone_is_told_too() -> None:
    diagnosis = DiagnosticsResult(RUN, (), (CompletenessNote("info", "ledger_locked"),))
    report = snapshot_report(quiet(), diagnosis)
    assert body(report, "Completeness Notes").split("\n") == [
        "warning: stage_list_empty",
        "info: ledger_locked",
    ]


def test_twenty_samples_are_shown_and_the_rest_counted() -> None:
    samples = tuple(sample("evaluate", "holdout", f"s-{index}") for index in range(23))
    report = report_on(replace(demo(), samples=samples))
    lines = body(report, "Samples").split("\n")
    assert len(lines) == 21
    assert lines[-1] == "... and 3 more."
    (table,) = section(report, "Samples").blocks
    assert isinstance(table, Table)
    assert (len(table.rows), table.left_out) == (20, 3)
    assert len(section(report, "Samples").evidence_links) == 20


def test_many_batches_are_cut_and_counted() -> None:
    batches = tuple(batch("train", f"b-{index}", order=index % 6) for index in range(700))
    report = report_on(replace(demo(), batches=batches))
    assert body(report, "Batches").split("\n")[-1] == "... and 200 more."
    assert len(section(report, "Batches").evidence_links) <= 100


def test_evidence_names_what_a_section_is_about() -> None:
    report = report_on(demo())
    found = {title: [link.kind for link in section(report, title).evidence_links] for title in EIGHT}
    assert found["Run Summary"] == ["run"]
    assert set(found["Batches"]) == {"batch"}
    assert found["Diagnostics"] == ["batch"]
    assert found["Completeness Notes"] == []


def test_a_name_cannot_forge_a_line() -> None:
    snapshot = demo()
    forged = replace(snapshot.batches[0], name="x\nepoch-9: stage=train, status=completed, order=9\x1b[2J")
    report = report_on(replace(snapshot, batches=(forged,)))
    text = body(report, "Batches")
    assert len(text.split("\n")) == 1
    assert "\x1b" not in text


def test_a_run_that_is_not_known_is_refused_as_by_the_queries() -> None:
    with pytest.raises(InterpretationError) as refused:
        build_snapshot_report(FakeQueries(), RUN)
    assert refused.value.code == "query_run_not_found"


def test_durations_are_for_people_and_absent_when_an_end_is() -> None:
    snapshot = demo()
    run = replace(snapshot.run, started_at="2026-01-02T03:00:00Z", ended_at="2026-01-02T05:01:07.5Z")
    report = report_on(replace(snapshot, run=run))
    assert "duration: 2h 01m 08s" in body(report, "Run Summary")
    report = report_on(replace(snapshot, run=replace(run, ended_at=None)))
    assert "duration" not in body(report, "Run Summary")
