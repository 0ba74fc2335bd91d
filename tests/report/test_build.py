"""Reports on two runs, on projects, and the difference of two reports."""

from __future__ import annotations

from dataclasses import replace

from contexta.report import (
    Chart,
    ReportDocument,
    ReportSection,
    SectionChange,
    build_project_summary_report,
    build_run_report,
    build_snapshot_report,
    compare_report_documents,
)
from tests.report.example import PROJECT, RUN, FakeQueries, comparison_report, demo, quiet, run_record

OTHER = "run:digits-cnn.base"


def queries() -> FakeQueries:
    return FakeQueries(demo(), replace(demo(), run=run_record(OTHER)))


def two() -> ReportDocument:
    return comparison_report(demo(), replace(demo(), run=run_record(OTHER)))


def bodies(report: ReportDocument) -> dict[str, list[str]]:
    return {each.title: each.body.split("\n") for each in report.sections}


def test_a_run_report_has_the_sections_of_public_contexta_then_ours() -> None:
    report = two()
    assert [each.title for each in report.sections] == [
        "Summary",
        "Metric Deltas",
        "Artifact Changes",
        "Diagnostics",
        "Completeness Notes",
        "Provenance",
        "Batches",
        "Samples",
    ]


def test_two_runs_that_have_nothing_have_the_five_sections() -> None:
    asked = FakeQueries(quiet(), quiet(OTHER))
    report = build_run_report(asked, RUN, OTHER, include_captured=True)
    assert asked.captured == [True, True]
    assert {title: body[0] for title, body in bodies(report).items()} == {
        "Summary": f"Compared {RUN} and {OTHER}: 0 stage rows, 0 metric deltas, 0 artifact changes.",
        "Metric Deltas": "No metric deltas.",
        "Artifact Changes": "No artifact changes.",
        "Diagnostics": "left: info:missing_expected_stage: expected terminal stage evaluate is missing",
        "Completeness Notes": "warning: left:stage_list_empty",
    }


def test_lines_of_a_run_report() -> None:
    found = bodies(two())
    assert found["Summary"][1:] == [
        f"left: run_id={RUN}, name=tiny-cnn, status=failed",
        f"right: run_id={OTHER}, name=base, status=completed",
    ]
    assert found["Metric Deltas"] == [
        "run: cost: left=1, right=3, delta=2, ratio=3",
        "train: loss: left=0.5, right=0.25, delta=-0.25, ratio=0.5",
        "train: auc: left=–, right=0.9",
    ]
    assert found["Artifact Changes"] == [
        "model: changed, detail=hash_changed, left=artifact:p.a.m, right=artifact:p.b.m"
    ]
    assert found["Completeness Notes"] == [
        "warning: left:batch_list_empty",
        "warning: sparse_metric_capture:train:auc",
    ]
    (line,) = found["Batches"]
    assert line.startswith("train › epoch-1: left_status=completed, right_status=failed, loss: left=0.5, ")


def test_samples_that_fail_on_one_side_only_come_first() -> None:
    found = bodies(two())["Samples"]
    assert [line.partition(":")[0] for line in found] == ["train › epoch-1 › s-1", "train › – › s-0"]


def test_diagnostics_of_both_runs_are_labelled() -> None:
    assert bodies(two())["Diagnostics"] == [
        "left: error:failed_batch: batch holdout failed",
        "right: error:failed_batch: batch holdout failed",
    ]


def test_the_courses_of_both_runs_are_in_one_chart() -> None:
    (_, deltas, *_) = two().sections
    charts = [block for block in deltas.blocks if isinstance(block, Chart)]
    assert [line.label for line in charts[0].lines] == ["tiny-cnn", "base"]


def test_runs_of_one_name_are_told_apart_by_their_sides() -> None:
    renamed = replace(demo(), run=replace(run_record(OTHER), name="tiny-cnn"))
    (_, deltas, *_) = comparison_report(demo(), renamed).sections
    charts = [block for block in deltas.blocks if isinstance(block, Chart)]
    assert [line.label for line in charts[0].lines] == ["left", "right"]


def test_a_project_summary() -> None:
    report = build_project_summary_report(queries(), PROJECT)
    found = bodies(report)
    assert list(found) == ["Runs", "Completeness Notes", "Deployments", "Failures"]
    assert found["Runs"][0] == f"tiny-cnn: status=failed, run_id={RUN}, started_at=2026-01-02T03:00:00Z"
    assert found["Failures"] == [
        "error:failed_deployment: deployment lost failed",
        f"error:failed_batch: batch holdout failed (run_id={RUN})",
        f"error:failed_batch: batch holdout failed (run_id={OTHER})",
    ]


def test_a_project_that_is_not_known_has_nothing_and_says_so() -> None:
    found = bodies(build_project_summary_report(queries(), "nobody"))
    assert found == {
        "Runs": ["No runs."],
        "Completeness Notes": ["warning: run_list_empty", "warning: deployment_list_empty"],
        "Deployments": ["No deployments."],
        "Failures": ["No failures."],
    }


def test_a_report_equals_itself() -> None:
    report = build_snapshot_report(queries(), RUN)
    same = compare_report_documents(report, report)
    assert same.identical
    assert {each.change for each in same.section_changes} == {"unchanged"}


def test_two_reports_differ_section_by_section() -> None:
    def document(**sections: str) -> ReportDocument:
        return ReportDocument("t", tuple(ReportSection(title, body) for title, body in sections.items()))

    found = compare_report_documents(document(A="1\n2\n2", B="x", C="y"), document(A="2\n3\n1", C="y", D="z"))
    assert not found.identical
    assert found.section_changes == (
        SectionChange("A", "changed", ("2",), ("3",)),
        SectionChange("B", "removed", ("x",), ()),
        SectionChange("C", "unchanged", (), ()),
        SectionChange("D", "added", (), ("z",)),
    )
