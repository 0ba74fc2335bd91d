"""Which facts make which issue: every code, every severity, every condition."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contexta.capture.process import process_start_micros
from contexta.diagnostics import process, rules
from contexta.query.health import Damaged
from contexta.query.results import Issue
from contexta.reader import CatalogReader
from tests.catalogs import reader_of
from tests.lines import BATCH, DEPLOYMENT, RUN, SAMPLE, STAGE, Lines

_EXPECTED_OF_RUN = {("info", "missing_expected_stage", RUN)}


def _issues(*data: bytes, quiet_s: float | None = None) -> set[tuple[str, str, str]]:
    return {(str(i.severity), i.code, i.ref) for i in reader_of(*data, quiet_s=quiet_s).issues()}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("failed", {("error", "failed_batch", BATCH)}),
        ("cancelled", {("warning", "incomplete_batch", BATCH)}),
        ("completed", set()),
        ("open", set()),
        ("unknown", set()),
    ],
)
def test_a_batch(status: str, expected: set[tuple[str, str, str]]) -> None:
    assert _issues(Lines().scope("BatchExecution", BATCH, status)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("failed", {("error", "failed_stage", STAGE), ("warning", "incomplete_stage", STAGE)}),
        ("cancelled", {("warning", "incomplete_stage", STAGE)}),
        ("open", {("warning", "incomplete_stage", STAGE)}),
        ("completed", {("info", "missing_stage_metrics", STAGE)}),
        ("unknown", set()),
    ],
)
def test_a_stage_without_metrics_of_a_run_of_unknown_status(
    status: str, expected: set[tuple[str, str, str]]
) -> None:
    assert _issues(Lines().scope("StageExecution", STAGE, status)) == expected


def test_a_stage_is_in_progress_while_its_run_is() -> None:
    lines = Lines()
    data = lines.scope("Run", RUN, "open") + lines.scope("StageExecution", STAGE, "open")
    assert _issues(data) == set()
    assert ("warning", "incomplete_stage", STAGE) in _issues(data + lines.scope("Run", RUN, "completed"))


def test_a_stage_with_a_metric_anywhere_under_it_has_metrics() -> None:
    lines = Lines()
    closed = lines.scope("StageExecution", STAGE, "completed")
    assert _issues(closed + lines.metric(SAMPLE, "loss", 1)) == set()
    assert _issues(closed + lines.event(SAMPLE, "note", "x")) == {("info", "missing_stage_metrics", STAGE)}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("failed", {("error", "failed_run", RUN), *_EXPECTED_OF_RUN}),
        ("cancelled", _EXPECTED_OF_RUN),
        ("completed", _EXPECTED_OF_RUN),
        ("open", set()),
        ("unknown", set()),
    ],
)
def test_a_run(status: str, expected: set[tuple[str, str, str]]) -> None:
    assert _issues(Lines().scope("Run", RUN, status)) == expected


def test_an_ended_run_is_asked_for_each_stage_that_is_expected() -> None:
    lines = Lines()
    data = lines.scope("Run", RUN, "completed") + lines.metric("stage:demo.r1.evaluate", "loss", 1)
    data += lines.metric("stage:demo.r2.package", "loss", 1)
    (issue,) = reader_of(data).issues()
    assert (issue.code, issue.summary) == (
        "missing_expected_stage",
        "expected terminal stage package is missing",
    )


def test_a_failed_deployment_is_told_with_or_without_a_run() -> None:
    lines = Lines()
    data = lines.scope("DeploymentExecution", DEPLOYMENT, "failed")
    data += lines.scope("DeploymentExecution", "deployment:demo.linked", "failed", run_ref=RUN)
    data += lines.scope("DeploymentExecution", "deployment:demo.fine", "completed")
    data += lines.scope("DeploymentExecution", "deployment:demo.stopped", "cancelled")
    assert _issues(data) == {
        ("error", "failed_deployment", DEPLOYMENT),
        ("error", "failed_deployment", "deployment:demo.linked"),
    }


@pytest.mark.parametrize("key", ["correct", "pass", "success"])
def test_a_sample_that_scored_zero_failed(key: str) -> None:
    (issue,) = reader_of(Lines().metric(SAMPLE, key, 0)).issues()
    assert (issue.severity, issue.code, issue.ref) == ("warning", "failed_sample", SAMPLE)
    assert issue.summary == f"sample q-1 failed: {key} 0"


@pytest.mark.parametrize(
    "line",
    [
        Lines().metric(SAMPLE, "correct", 1),
        Lines().metric(SAMPLE, "correct", 0.01),
        Lines().metric(SAMPLE, "loss", 0),
        Lines().metric(BATCH, "correct", 0),
        Lines().event(SAMPLE, "note", "x", level="warning"),
    ],
)
def test_what_makes_no_sample_fail(line: bytes) -> None:
    assert _issues(line) == set()


@pytest.mark.parametrize("level", ["error", "critical"])
def test_error_events_are_told_together_by_scope_and_key(level: str) -> None:
    lines = Lines()
    data = b"".join(lines.event(BATCH, "answer.wrong", str(n), level=level) for n in range(12))
    data += lines.event(SAMPLE, "answer.wrong", "x", level=level)
    found = {issue.ref + issue.code: issue for issue in reader_of(data).issues()}
    assert set(found) == {BATCH + "error_event", SAMPLE + "error_event", SAMPLE + "failed_sample"}
    issue = found[BATCH + "error_event"]
    assert (issue.count, len(issue.record_ids), issue.summary) == (12, 10, "error event answer.wrong ×12")
    assert issue.record_ids == tuple(sorted(issue.record_ids, reverse=True))
    assert issue.node_path == ("r1", "train", "epoch-1")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_metric_that_is_not_finite(value: float) -> None:
    (issue,) = reader_of(Lines().metric(BATCH, "loss", value)).issues()
    assert (issue.severity, issue.code, issue.ref) == ("warning", "non_finite_metric", BATCH)
    assert issue.summary == f"metric loss is {value}"


def test_a_degraded_record_is_told_by_its_own_ref() -> None:
    (issue,) = reader_of(Lines().degraded(STAGE)).issues()
    assert (issue.severity, issue.code) == ("warning", "degraded_record")
    assert issue.ref.startswith("record:demo.r1.")
    assert issue.summary == "degraded record detected for gap.rows"


@pytest.mark.parametrize(
    ("kind", "lines", "summary"),
    [
        ("capture", 1, "1 line cannot be read, the first at byte 1,234: why"),
        ("segments", 2_000, "2,000 lines cannot be read, the first at byte 1,234: why"),
        ("ledger", 1, "1 row cannot be read, the first of them: why"),
        ("artifacts", 2, "2 bindings cannot be read, the first of them: why"),
    ],
)
def test_damage(kind: str, lines: int, summary: str) -> None:
    issue = rules.of_damage(Damaged("/x/record.jsonl", kind, lines, 1_234, "why"))
    assert (issue.severity, issue.code, issue.ref, issue.count) == (
        "warning",
        "damaged_line",
        "/x/record.jsonl",
        lines,
    )
    assert issue.summary == summary


def test_errors_come_first_and_the_newest_first_among_equals() -> None:
    lines = Lines()
    data = lines.metric(SAMPLE, "correct", 0)
    data += lines.at(1).scope("BatchExecution", BATCH, "failed")
    data += lines.at(2).scope("Run", RUN, "failed")
    codes = [issue.code for issue in reader_of(data).issues()]
    assert codes[:3] == ["failed_run", "failed_batch", "failed_sample"]
    assert set(codes[3:]) == {"missing_expected_stage"}


def _stalled(reader: CatalogReader) -> list[Issue]:
    return [issue for issue in reader.issues() if issue.code == "stalled_run"]


def _paced(seconds: float, identity: dict[str, object] | None = None) -> bytes:
    """An open run that recorded every so many seconds."""
    lines = Lines()
    extensions = {"contexta.process": identity} if identity else None
    data = lines.at(0).scope("Run", RUN, "open", extensions)
    return data + b"".join(lines.at(n * seconds).metric(RUN, "loss", n) for n in range(1, 5))


@pytest.mark.parametrize(
    ("pace_s", "quiet_s", "stalled"),
    [
        (1, 29, False),
        (1, 31, True),
        (60, 100, False),
        (60, 179, False),
        (60, 181, True),
        (3_600, 3 * 3_600 - 60, False),
    ],
)
def test_a_run_is_stalled_when_its_own_pace_does_not_explain_its_silence(
    pace_s: float, quiet_s: float, stalled: bool
) -> None:
    found = _stalled(reader_of(_paced(pace_s), quiet_s=quiet_s))
    assert bool(found) is stalled
    if found:
        assert found[0].severity == "error"
        assert found[0].summary.startswith("run r1 is open but silent for ")


def test_without_a_clock_no_run_is_stalled() -> None:
    assert _stalled(reader_of(_paced(1), quiet_s=None)) == []


def test_a_run_that_ended_is_never_stalled() -> None:
    data = _paced(1) + Lines().at(10).scope("Run", RUN, "completed")
    assert _stalled(reader_of(data, quiet_s=10**6)) == []


def test_the_silence_before_a_run_was_opened_again_is_not_its_pace() -> None:
    lines = Lines()
    again = lines.at(10**6).scope("Run", RUN, "open") + lines.at(10**6 + 1).metric(RUN, "loss", 9)
    assert _stalled(reader_of(_paced(1) + again, quiet_s=60)) != []


def test_a_run_that_is_behind_the_others_is_silent_though_something_is_written() -> None:
    lines = Lines()
    other = lines.at(500).scope("Run", "run:demo.r2", "open")
    assert [issue.ref for issue in _stalled(reader_of(_paced(1) + other, quiet_s=0.1))] == [RUN]


def test_a_time_that_a_record_was_given_is_not_when_it_was_written() -> None:
    line = Lines().at(5).metric("run:demo.r2", "loss", 1)
    future = line.replace(b'"observed_at":"2026', b'"observed_at":"2099')
    assert _stalled(reader_of(_paced(1) + future, quiet_s=0.1)) == []


def test_a_writer_whose_clock_is_in_the_future_makes_no_other_run_silent_for_years() -> None:
    now_s = time.time()
    lines = Lines()
    lines.clock.micros = int(now_s * 1e6)
    data = lines.scope("Run", RUN, "open")
    ahead = lines.metric("run:demo.r2", "loss", 1).replace(b'"captured_at":"20', b'"captured_at":"90')
    assert _stalled(reader_of(data + ahead, quiet_s=0.1)) == []


def _identity(pid: int, started_us: int, host: str | None = None) -> dict[str, object]:
    started = datetime.fromtimestamp(started_us / 1e6, UTC).isoformat().replace("+00:00", "Z")
    return {"host": host or os.uname().nodename, "pid": pid, "process_started_at": started}


def test_a_run_whose_process_has_ended_is_stalled_after_a_moment() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = process_start_micros(child.pid)
    data = _paced(3_600, _identity(child.pid, started))
    assert _stalled(reader_of(data, quiet_s=10)) == []
    child.communicate(b"\n")
    (issue,) = _stalled(reader_of(data, quiet_s=10))
    assert "process has ended" in issue.summary
    assert _stalled(reader_of(data, quiet_s=1)) == []


@pytest.mark.parametrize(
    ("identity", "ended"),
    [
        (None, False),
        ("", False),
        ("[]", False),
        ("{", False),
        ("5", False),
        ('[{"namespace":"contexta.process","fields":5}]', False),
        ('[{"namespace":"contexta.process","fields":{"pid":"x"}}]', False),
        ('[{"namespace":"contexta.process","fields":{"host":"HERE","pid":-1}}]', False),
        ('[{"namespace":"contexta.process","fields":{"host":"HERE","pid":0}}]', False),
        ('[{"namespace":"contexta.process","fields":{"host":"elsewhere","pid":999999999}}]', False),
        ('[{"namespace":"contexta.process","fields":{"host":"HERE","pid":999999999}}]', True),
        ('[{"namespace":"contexta.process","fields":{"host":"HERE","pid":99999999999999999999}}]', False),
        ('[{"namespace":"contexta.process","fields":{"host":"HERE","pid":9999999999999}}]', False),
        (
            (
                '[{"namespace":"contexta.process","fields":'
                '{"host":"HERE","pid":1,"process_started_at":"0001-01-01T00:00:00"}}]'
            ),
            False,
        ),
    ],
)
def test_whether_a_process_has_ended_is_said_only_where_it_is_known(
    identity: str | None, ended: bool
) -> None:
    text = identity.replace("HERE", os.uname().nodename) if identity else identity
    assert process.has_ended(text) is ended


def test_another_process_with_the_same_number_is_another_process() -> None:
    own = process_start_micros(os.getpid())
    form = '[{"namespace":"contexta.process","fields":{"host":"%s","pid":%d,"process_started_at":"%s"}}]'

    def identity(started_us: int) -> str:
        fields = _identity(os.getpid(), started_us)
        return form % (fields["host"], fields["pid"], fields["process_started_at"])

    assert process.has_ended(identity(own)) is False
    assert process.has_ended(identity(own - 60_000_000)) is (Path("/proc/self/stat").exists())
