"""Sinks and what happens when they fail; redaction; configuration; the facade on disk."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from contexta import ConfigurationError, Contexta, LifecycleError
from contexta.capture import LocalJsonlSink, MemorySink, PayloadFamily, ResultStatus, StdoutSink
from contexta.contract import BatchExecution, MetricPayload, MetricRecord, RecordEnvelope
from contexta.testing import FailingSink, FrozenClock, LineBuilder, memory_contexta, payloads

ROOT = Path(__file__).parents[2]


def test_nothing_is_created_before_something_is_recorded(tmp_path: Path) -> None:
    ctx = Contexta(workspace=tmp_path / "ws")
    assert not (tmp_path / "ws").exists()
    with ctx.run("r") as run:
        run.metric("a", 1)
    assert sorted(p.name for p in (tmp_path / "ws" / "cache" / "capture").iterdir()) == [
        "context.jsonl",
        "record.jsonl",
    ]


def test_file_paths_are_absolute_and_resolved_as_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "link")
    ctx = Contexta(workspace=".contexta", config={"project_name": "p"})
    sink = next(sink for sink in ctx.sinks if isinstance(sink, LocalJsonlSink))
    assert sink.name == "local-jsonl"
    for family in PayloadFamily:
        relative = sink.file_path_for(family).relative_to(Path.cwd())
        assert relative.as_posix() == f".contexta/cache/capture/{family.lower()}.jsonl"
    assert sink.file_path_for("RECORD") == sink.file_path_for(PayloadFamily.RECORD)
    with pytest.raises(ValueError, match="record"):
        sink.file_path_for("record")


def test_several_sinks_take_the_same_lines_under_their_own_names() -> None:
    stream = io.StringIO()
    printed = StdoutSink(stream=stream, families=frozenset({PayloadFamily.RECORD}))
    ctx, memory = memory_contexta(sinks=(printed,))
    with ctx.run("r") as run:
        result = run.metric("a", 1)
    assert [delivery.sink_name for delivery in result.deliveries] == ["memory", "stdout"]
    line = json.loads(stream.getvalue())
    assert line["sink_name"] == "stdout"
    assert line["payload"] == payloads(memory)[0]


class Collector:
    """A sink of one's own: no base class, just a name and capture()."""

    name = "mine"

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []

    def capture(self, *, family: PayloadFamily, payload: object) -> None:
        self.taken.append((family, payload))


def test_any_object_with_name_and_capture_is_a_sink() -> None:
    mine = Collector()
    ctx = Contexta(sinks=[mine])
    assert ctx.sinks == (mine,)
    with ctx.run("r") as run:
        assert run.metric("a", 1).succeeded
    assert [family for family, _ in mine.taken] == ["CONTEXT", "CONTEXT", "RECORD", "CONTEXT"]
    assert mine.taken[2][1]["payload"]["metric_key"] == "a"


def test_models_can_be_handed_to_a_sink_directly() -> None:
    sink = MemorySink()
    batch = BatchExecution("batch:p.r.s.b", "run:p.r", "stage:p.r.s", "b", "open", "2025-01-01T00:00:00Z")
    assert sink.capture(family="CONTEXT", payload=batch).succeeded
    envelope = RecordEnvelope(
        "record:p.r.gap-1",
        "metric",
        "2025-01-01T00:00:00Z",
        "2025-01-01T00:00:00Z",
        "sdk.python.local",
        "run:p.r",
    )
    record = MetricRecord(envelope, MetricPayload("loss", 0.5, "float64"))
    sink.capture(family=PayloadFamily.RECORD, payload=record)
    sink.capture(family="DEGRADATION", payload={"free": "data"})
    lines = [json.loads(line) for line in sink.lines]
    assert [(line["payload_type"], line["payload_ref"]) for line in lines] == [
        ("BatchExecution", "batch:p.r.s.b"),
        ("MetricRecord", "record:p.r.gap-1"),
        ("dict", None),
    ]
    assert lines[0]["payload"] == batch.to_dict()
    with pytest.raises(ValueError, match="context"):
        sink.capture(family="context", payload=batch)


@pytest.mark.parametrize("error", [None, lambda: OSError(5, "EIO"), RecursionError, MemoryError])
def test_a_failing_sink_fails_the_result_but_not_the_job_and_the_gap_is_reported_when_it_recovers(
    error: Any,
) -> None:
    sink = FailingSink(failing=False, error=error)
    ctx = Contexta(config={"project_name": "demo"}, sinks=[sink], clock=FrozenClock(step=1))
    with ctx.run("r") as run, run.stage("s") as stage:
        assert stage.metric("a", 1).succeeded
        sink.failing = True
        for _ in range(3):
            result = stage.metric("a", 1)
        assert result.status is ResultStatus.FAILURE
        assert result.error_code == "dispatch_all_eligible_sinks_failed"
        assert result.deliveries[0].error_code == "local_jsonl_sink_write_failed"
        sink.failing = False
        assert stage.metric("a", 1).succeeded
    degraded: list[Any] = [p for p in payloads(sink) if p["envelope"]["record_type"] == "degraded"]  # type: ignore[index,call-overload]
    assert len(degraded) == 1
    assert degraded[0]["payload"]["issue_key"] == "gap.write_failed"
    assert degraded[0]["payload"]["attributes"]["lines"] == 3
    assert degraded[0]["envelope"]["degradation_marker"] == "capture_gap"


def test_one_of_two_sinks_failing_degrades_the_result() -> None:
    ctx, memory = memory_contexta(sinks=(FailingSink(),))
    with ctx.run("r") as run:
        result = run.metric("a", 1)
    assert result.degraded
    assert [delivery.succeeded for delivery in result.deliveries] == [True, False]
    assert len(payloads(memory)) == 1


def test_no_sink_and_no_sink_for_the_family_degrade_the_result() -> None:
    with Contexta(sinks=[]).run("r") as run:
        assert run.metric("a", 1).degradation_reasons == ("no_configured_sink",)
    with Contexta(sinks=[MemorySink(families=frozenset({PayloadFamily.CONTEXT}))]).run("r") as run:
        assert run.metric("a", 1).degradation_reasons == ("no_eligible_sink",)


@pytest.mark.parametrize("fault", ["read-only folder", "file in the way", "full device", "workspace removed"])
def test_disk_faults_never_reach_the_job(tmp_path: Path, fault: str) -> None:
    root = tmp_path / "ws"
    capture = root / "cache" / "capture"
    if fault == "file in the way":
        root.write_text("")
    if fault == "full device":
        capture.mkdir(parents=True)
        for name in ("record", "context"):
            (capture / f"{name}.jsonl").symlink_to("/dev/full")
    ctx = Contexta(workspace=root)
    with ctx.run("r") as run, run.stage("s") as stage, stage.batch("b") as batch:
        if fault == "read-only folder":
            capture.chmod(0o500)
        if fault == "workspace removed":
            shutil.rmtree(root)
        for _ in range(10):
            batch.metric("a", 1)
            batch.event("b", message="m")
    ctx.close()
    if fault == "read-only folder":
        capture.chmod(0o700)
    assert run.status == "completed"


def test_a_file_size_limit_never_reaches_the_job_and_is_told_afterwards(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import resource, signal, sys
        from contexta import Contexta
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        ctx = Contexta(workspace=sys.argv[1])
        with ctx.run("r") as run, run.stage("s") as stage:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
            for i in range(50):
                stage.metric("loss", i)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            stage.metric("loss", 99)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    whole, torn = [], 0
    for line in (tmp_path / "cache" / "capture" / "record.jsonl").read_bytes().split(b"\n")[:-1]:
        try:
            whole.append(json.loads(line)["payload"])
        except ValueError:
            torn += 1
    assert torn == 1
    values = [p["payload"]["value"] for p in whole if "value" in p["payload"]]
    gaps = [p["payload"] for p in whole if p["envelope"]["record_type"] == "degraded"]
    assert values == [*range(len(values) - 1), 99]
    assert gaps[0]["attributes"]["lines"] == 51 - len(values)


def mask(payload: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(payload).replace("SECRET", "***"))  # type: ignore[no-any-return]


def record_secrets(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    run = ctx.run("r")
    sample = run.stage("s").sample("x", redaction_profile="pii", metadata={"who": "SECRET"})
    sample.metric("a", 1, tags={"t": "SECRET"}, unit="SECRET")
    sample.event("b", message="SECRET", attributes={"deep": [{"SECRET": "SECRET"}]}, tags={"t": "SECRET"})
    sample.span("SECRET", attributes={"x": "SECRET"}, linked_refs=["SECRET"])
    sample.register_artifact("model", tmp_path / "f", attributes={"x": "SECRET"})
    sample.metric("dropped", "SECRET")
    with pytest.raises(ValueError, match="SECRET"), run, sample:
        raise ValueError("SECRET")


def test_a_sample_with_a_redaction_profile_is_redacted_before_anything_is_written(tmp_path: Path) -> None:
    memory = MemorySink()
    ctx = Contexta(sinks=[memory], redactors={"pii": mask})
    record_secrets(ctx, tmp_path)
    everything = b"".join(memory.lines)
    assert b"SECRET" not in everything
    assert everything.count(b"***") >= 8
    assert [p["payload"].get("event_key") for p in payloads(memory)].count("exception") == 1  # type: ignore[union-attr,call-overload,index]


@pytest.mark.parametrize(
    "hook", [lambda _: 1 / 0, lambda _: None, lambda _: "text"], ids=["raises", "None", "text"]
)
def test_a_redaction_hook_that_fails_lets_nothing_through(tmp_path: Path, hook: Any) -> None:
    memory = MemorySink()
    ctx = Contexta(sinks=[memory], redactors={"pii": hook})
    record_secrets(ctx, tmp_path)
    assert b"SECRET" not in b"".join(memory.lines)
    found: list[Any] = payloads(memory)
    assert {p["envelope"]["record_type"] for p in found} == {"degraded"}
    dropped = [p["payload"] for p in found if p["payload"]["issue_key"] == "gap.record_dropped"]
    assert sum(p["attributes"]["count"] for p in dropped) == 5


def test_one_file_per_process_is_a_setting(tmp_path: Path) -> None:
    ctx = Contexta(workspace=tmp_path, config={"capture": {"per_process_files": True}})
    with ctx.run("r") as run:
        run.metric("a", 1)
    names = sorted(p.name for p in (tmp_path / "cache" / "capture").iterdir())
    assert names == sorted(
        f"{kind}.{os.uname().nodename}-{os.getpid()}.jsonl" for kind in ("context", "record")
    )


@pytest.mark.parametrize(
    "patch",
    [{"projct_name": "x"}, {"capture": {"producer": "x"}}, {"interpretation": {"trend": {"windows": 1}}}],
    ids=str,
)
def test_unknown_settings_are_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Contexta(config=patch)
    assert caught.value.code == "unknown_config_field"


@pytest.mark.parametrize(
    "patch",
    [
        {"project_name": " "},
        {"project_name": 5},
        {"capture": {"producer_ref": "Bad Ref"}},
        {"capture": 5},
        ["x"],
    ],
    ids=str,
)
def test_settings_that_cannot_be_used_are_refused(patch: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Contexta(config=patch)
    assert caught.value.code == "invalid_config_value"


def test_documented_settings_are_accepted_and_unknown_environment_variables_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTEXTA_NO_SUCH_SETTING", "1")
    ctx = Contexta(
        config={
            "config_version": "1",
            "workspace": {"root_path": "x"},
            "capture": {"producer_ref": "sdk.mine", "retry_attempts": 3, "dispatch_failure_mode": "outbox"},
            "records": {"max_segment_bytes": 5},
            "interpretation": {"diagnostics": {"expected_terminal_stage_names": []}, "alert": {"x": 1}},
            "retention": {"anything": True},
        },
        sinks=[memory := MemorySink()],
    )
    with ctx.run("r") as run:
        run.metric("a", 1)
    assert b'"producer_ref":"sdk.mine"' in memory.lines[2]


def test_a_project_name_without_letters_is_refused() -> None:
    with pytest.raises(LifecycleError):
        Contexta(config={"project_name": "런"})


def test_line_builder_builds_what_capture_writes() -> None:
    memory = MemorySink(name="local-jsonl")
    ctx = Contexta(config={"project_name": "demo"}, sinks=[memory], clock=FrozenClock())
    with ctx.run("r") as run, run.stage("s") as stage:
        ref = stage.metric("loss", 0.5, unit="x").payload_ref
        line = memory.lines[-1]
    assert ref is not None
    built = LineBuilder(FrozenClock()).metric(stage.ref, "loss", 0.5, unit="x", record_hex=ref[-12:])
    assert built == line


def test_the_example_of_the_documentation_runs_unchanged(tmp_path: Path) -> None:
    """Stand-ins take the place of scikit-learn, which is not a dependency."""
    stand_in = tmp_path / "lib" / "sklearn"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").touch()
    (stand_in / "datasets.py").write_text(
        "def load_iris(return_X_y):\n    return [0, 1, 0, 1], [0, 1, 0, 1]\n"
    )
    (stand_in / "metrics.py").write_text(
        "def accuracy_score(t, p):\n    return 0.75\ndef f1_score(t, p, average):\n    return 0.5\n"
    )
    (stand_in / "model_selection.py").write_text("def train_test_split(x, y, **_):\n    return x, x, y, y\n")
    (stand_in / "pipeline.py").write_text("def make_pipeline(*steps):\n    return steps[-1]\n")
    (stand_in / "preprocessing.py").write_text("class StandardScaler:\n    pass\n")
    (stand_in / "svm.py").write_text(
        "class SVC:\n    def __init__(self, **_): pass\n"
        "    def fit(self, x, y): pass\n    def predict(self, x): return x\n"
    )
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "iris_svm.py")],
        cwd=work,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'lib'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "Compared runs: run:iris-svm.linear-svm vs run:iris-svm.rbf-svm",
        "Accuracy: 0.750 -> 0.750",
        "Delta: +0.000",
        "Selected run: run:iris-svm.linear-svm",
        "Records: .contexta/cache/capture/record.jsonl",
        "Artifacts: .contexta/cache/capture/artifact.jsonl",
    ]
    capture = work / ".contexta" / "cache" / "capture"
    assert (capture / "record.jsonl").read_bytes().count(b"\n") == 6
    assert (capture / "artifact.jsonl").read_bytes().count(b"\n") == 2
    assert (capture / "context.jsonl").read_bytes().count(b"\n") == 1 + 2 * 2 * 5
