"""Promotion carries captures into the canonical store, and says what it leaves out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contexta import Contexta
from contexta.contract import ArtifactManifest, Project, Run, StageExecution
from contexta.errors import NotFoundError, ReadOnlyStoreError, StoreAccessError, ValidationError
from contexta.journal.paths import artifacts_dir, records_dir
from contexta.promotion import MOST_LEFT_OUT, PromotionResult, promote_captured
from contexta.promotion.run import LOCK
from contexta.store.artifacts import ArtifactStore
from contexta.store.disk import Folder, locked
from contexta.store.ledger import open_ledger
from contexta.store.segments import RecordStore
from tests.promotion import capturing
from tests.promotion.capturing import append_line, canonical, captured, context_line, metric_line, stored

T1 = "2026-01-02T03:04:05Z"
T2 = "2026-01-02T03:04:06.5Z"
T3 = "2026-01-02T03:04:07Z"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return capturing.capture(tmp_path / ".contexta")


def left_out(result: PromotionResult) -> set[tuple[str, str]]:
    return {(one.ref, one.code) for one in result.left_out}


def stages(*, status: str, started_at: str = T1, ended_at: str | None = None) -> dict[str, object]:
    return {
        "stage_execution_ref": "stage:p.r9.s",
        "run_ref": "run:p.r9",
        "stage_name": "s",
        "status": status,
        "started_at": started_at,
        "ended_at": ended_at,
    }


def runs(*, status: str, started_at: str = T1, ended_at: str | None = None) -> dict[str, object]:
    return {
        "run_ref": "run:p.r9",
        "project_ref": "project:p",
        "name": "r9",
        "status": status,
        "started_at": started_at,
        "ended_at": ended_at,
    }


# What was captured is what is stored


@pytest.mark.timeout(240)
def test_the_demo_gives_the_same_answers_before_and_after(tmp_path: Path) -> None:
    workspace = capturing.demo(tmp_path / ".contexta", seed=11)
    before = captured(workspace)
    result = promote_captured(workspace)
    assert canonical(workspace) == before
    assert (result.records_written, result.left_out) == (before["counts"].records, ())
    assert result.artifacts_written == 3
    assert before["counts"].metrics > 1000


def test_one_of_everything_gives_the_same_answers(workspace: Path) -> None:
    before = captured(workspace)
    result = promote_captured(workspace)
    assert canonical(workspace) == before
    assert result.left_out == ()
    assert {node["status"] for node in before["nodes"]} >= {"completed", "failed"}


def test_a_second_promotion_changes_nothing(workspace: Path) -> None:
    first = promote_captured(workspace)
    before = (stored(workspace), capturing.segments(workspace), capturing.listing(workspace))
    second = promote_captured(workspace)
    assert (stored(workspace), capturing.segments(workspace), capturing.listing(workspace)) == before
    assert first.changed
    assert not second.changed
    assert second.context_unchanged == first.context_written
    assert second.records_skipped == first.records_written
    assert second.artifacts_skipped == first.artifacts_written == 2


def test_the_capture_itself_is_never_changed(workspace: Path) -> None:
    before = capturing.listing(workspace / "cache")
    promote_captured(workspace, assume_completed=True)
    assert capturing.listing(workspace / "cache") == before


def test_extensions_nan_and_root_spans_survive(workspace: Path) -> None:
    promote_captured(workspace)
    with open_ledger(workspace) as ledger:
        run = ledger.runs.get_run("run:p.r1")
        sample = ledger.samples.get_sample_observation("sample:p.r1.train.epoch-0.q-1")
        batch = ledger.batches.get_batch_execution("batch:p.r1.train.epoch-0")
        assert ledger.check_integrity().ok
    assert run.extension("contexta.run")["dataset_ref"] == "digits@3"
    assert run.extension("contexta.process")
    assert sample.extension("contexta.lifecycle")["status"] == "completed"
    assert sample.retention_class == "short"
    assert batch.extension("contexta.scope")["display_name"] == "Epoch 0"
    records = [one.record.to_dict() for one in RecordStore(records_dir(workspace)).scan(strict=True)]
    payloads = [record["payload"] for record in records]
    assert {"nan"} == {one["value_type"] for one in payloads if one.get("metric_key") == "grad.norm"}
    assert any(one.get("span_name") == "load data" and one["parent_span_id"] is None for one in payloads)
    assert any(one.get("message") == "the ☃ one" for one in payloads)


def test_records_are_stored_exactly_as_captured(workspace: Path) -> None:
    promote_captured(workspace)
    lines = (workspace / "cache" / "capture" / "record.jsonl").read_bytes().split(b"\n")
    there = [json.loads(line)["payload"] for line in lines if line]
    assert stored(workspace)["records"] == there


# Dry run


def test_a_dry_run_writes_nothing_and_tells_what_would_be_done(workspace: Path) -> None:
    before = capturing.listing(workspace)
    dry = promote_captured(workspace, dry_run=True)
    assert capturing.listing(workspace) == before
    real = promote_captured(workspace)
    assert dry.dry_run
    assert dry.summary == real.summary.replace("Promoted", "Would promote")
    assert (dry.context_written, dry.records_written, dry.artifacts_written) == (
        real.context_written,
        real.records_written,
        real.artifacts_written,
    )
    after = capturing.listing(workspace)
    assert promote_captured(workspace, dry_run=True).summary == "Nothing is new in 2 runs."
    assert capturing.listing(workspace) == after


# Public Contexta's capture, which states nothing


def test_a_capture_without_statements_leaves_its_scopes_out(
    public_workspace: Callable[[str], Path],
) -> None:
    workspace = public_workspace("iris-capture-only")
    before = captured(workspace)
    result = promote_captured(workspace)
    assert (result.context_written, result.records_written, result.artifacts_written) == (0, 6, 2)
    assert {code for _, code in left_out(result)} == {"unknown_status"}
    assert result.left_out_count == 8
    assert not (workspace / "metadata").exists()
    assert canonical(workspace) == before
    assert {node["status"] for node in before["nodes"]} == {"unknown"}


def test_scopes_may_be_assumed_to_be_completed(public_workspace: Callable[[str], Path]) -> None:
    workspace = public_workspace("iris-capture-only")
    promote_captured(workspace)
    result = promote_captured(workspace, assume_completed=True)
    assert (result.context_written, result.records_written, result.left_out) == (9, 0, ())
    with open_ledger(workspace) as ledger:
        (first, second) = ledger.runs.list_runs()
        batches = ledger.batches.list_batch_executions(run_ref=first.run_ref)
        assert ledger.check_integrity().ok
        # Public Contexta reads no row that has an extension it does not know.
        assert all('"extensions":[]' in row[-1] for row in capturing.ledger_rows(ledger)["runs"])
    assert {first.status, second.status, *(batch.status for batch in batches)} == {"completed"}
    node = next(node for node in captured(workspace)["nodes"] if node["ref"] == str(first.run_ref))
    told = next(node for node in canonical(workspace)["nodes"] if node["ref"] == str(first.run_ref))
    assert told["started_at"] == node["first_at"]
    # Registering the model was the last that was observed, and is no record.
    assert told["ended_at"] > node["last_at"]
    assert not promote_captured(workspace, assume_completed=True).changed
    assert promote_captured(workspace).left_out == ()


def test_an_assumption_is_extended_by_later_records_but_replaces_no_statement(tmp_path: Path) -> None:
    append_line(tmp_path, "record", metric_line())
    promote_captured(tmp_path, assume_completed=True)
    later = metric_line(name="m-2", envelope={"observed_at": T3, "recorded_at": T3})
    append_line(tmp_path, "record", later)
    promote_captured(tmp_path, assume_completed=True)
    with open_ledger(tmp_path) as ledger:
        run = ledger.runs.get_run("run:p.r9")
        assert (run.status, run.started_at, run.ended_at) == ("completed", T1, T3)
        ledger.runs.put_run(run.replace(status="failed", ended_at=T2))
    assert promote_captured(tmp_path, assume_completed=True).context_written == 0
    with open_ledger(tmp_path) as ledger:
        assert ledger.runs.get_run("run:p.r9").status == "failed"


# The later fact wins


def test_a_live_run_is_open_until_it_was_closed(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    with Contexta(workspace=workspace, config={"project_name": "p"}, clock=capturing.Clock()) as ctx:
        with ctx.run("r1") as run, run.stage("s") as stage, stage.sample("x") as sample:
            sample.metric("a", 1)
            promote_captured(workspace)
            with open_ledger(workspace) as ledger:
                assert ledger.runs.get_run("run:p.r1").status == "open"
            assert canonical(workspace)["nodes"] == captured(workspace)["nodes"]
        result = promote_captured(workspace)
    assert (result.context_written, result.context_unchanged, result.records_written) == (3, 1, 0)
    assert canonical(workspace) == captured(workspace)


def test_what_is_stored_is_not_replaced_by_something_earlier(tmp_path: Path) -> None:
    append_line(tmp_path, "context", context_line("Run", **runs(status="completed", ended_at=T2)))
    later = Run(**{**runs(status="failed", ended_at=T3), "description": "mine"})
    with open_ledger(tmp_path) as ledger:
        ledger.put_many([Project("project:p", "Mine", T1, "kept"), later])
    assert not promote_captured(tmp_path).changed
    with open_ledger(tmp_path) as ledger:
        assert ledger.runs.get_run("run:p.r9") == later
        assert ledger.projects.get_project("project:p").name == "Mine"


def test_the_later_of_two_statements_counts_wherever_it_stands(tmp_path: Path) -> None:
    append_line(tmp_path, "context", context_line("Run", T3, **runs(status="failed", ended_at=T3)))
    append_line(tmp_path, "context", context_line("Run", T1, **runs(status="open")))
    promote_captured(tmp_path)
    with open_ledger(tmp_path) as ledger:
        assert ledger.runs.get_run("run:p.r9").status == "failed"
        assert ledger.projects.get_project("project:p").created_at == T1


# What is left out


def test_a_scope_without_its_parent_is_left_out_until_that_is_stored(tmp_path: Path) -> None:
    batch = {
        "batch_execution_ref": "batch:p.r9.s.b",
        "run_ref": "run:p.r9",
        "stage_execution_ref": "stage:p.r9.s",
        "batch_name": "b",
        "status": "open",
        "started_at": T1,
    }
    append_line(tmp_path, "context", context_line("Run", **runs(status="open")))
    append_line(tmp_path, "context", context_line("BatchExecution", **batch))
    result = promote_captured(tmp_path)
    assert left_out(result) == {("stage:p.r9.s", "unknown_status"), ("batch:p.r9.s.b", "parent_missing")}
    with open_ledger(tmp_path) as ledger:
        ledger.stages.put_stage_execution(StageExecution(**stages(status="open")))
    result = promote_captured(tmp_path)
    assert (result.context_written, result.left_out) == (1, ())


def test_lines_that_cannot_be_read_are_told_and_passed_over(workspace: Path) -> None:
    journal = workspace / "cache" / "capture" / "record.jsonl"
    sound = promote_captured(workspace, dry_run=True)
    size = journal.stat().st_size
    append_line(workspace, "record", b'{"captured_at":"torn' + json.dumps(metric_line()).encode())
    append_line(workspace, "record", b'{"captured_at":"2026","payload":{"what":1}}')
    append_line(workspace, "record", b"\xff\xfe")
    with journal.open("ab") as file:
        file.write(b'{"captured_at":"2026-01-02T03:04:05Z","payl')
    result = promote_captured(workspace)
    places = [one.ref for one in result.left_out if one.code == "unreadable_line"]
    assert places[0] == f"{journal} byte {size}"
    assert len(places) == 3
    assert result.records_written == sound.records_written


def test_a_record_that_is_glued_to_a_torn_one_is_saved(tmp_path: Path) -> None:
    whole = json.dumps(metric_line(), separators=(",", ":")).encode()
    append_line(tmp_path, "record", b'{"captured_at":"2026-01-02T03' + whole)
    assert promote_captured(tmp_path).records_written == 1


def test_what_the_contract_refuses_is_left_out_and_the_rest_is_not(tmp_path: Path) -> None:
    append_line(tmp_path, "record", metric_line(name="m-1", metric_key="No Such Key"))
    append_line(tmp_path, "record", metric_line(name="m-2", envelope={"schema_version": "9.0.0"}))
    append_line(tmp_path, "record", metric_line(name="m-3", tags={"a": " "}, no_such_field=1))
    append_line(tmp_path, "record", metric_line(name="m-4"))
    append_line(tmp_path, "record", metric_line(name="m-4"))
    append_line(tmp_path, "context", context_line("Run", **runs(status="completed")))
    append_line(tmp_path, "context", context_line("OperationContext", operation_context_ref="op:p.r9.s.o"))
    result = promote_captured(tmp_path)
    assert left_out(result) == {
        ("record:p.r9.m-1", "invalid_record"),
        ("record:p.r9.m-2", "invalid_record"),
        ("record:p.r9.m-3", "partly_left_out"),
        ("run:p.r9", "invalid_context"),
        ("op:p.r9.s.o", "no_ledger_table"),
    }
    assert (result.records_written, result.records_skipped, result.context_written) == (2, 1, 0)


def test_extensions_that_nobody_declared_are_left_out_of_rows(tmp_path: Path) -> None:
    foreign = [{"namespace": "acme.labels", "fields": {"a": 1}, "readonly_fields": []}]
    append_line(tmp_path, "context", context_line("Run", **runs(status="open"), extensions=foreign))
    append_line(tmp_path, "record", metric_line(envelope={"extensions": foreign}))
    result = promote_captured(tmp_path)
    assert left_out(result) == {("run:p.r9", "partly_left_out"), ("record:p.r9.m-1", "partly_left_out")}
    with open_ledger(tmp_path) as ledger:
        assert ledger.degraded_rows() == ()
    assert RecordStore(records_dir(tmp_path)).check_integrity().healthy


def test_numbers_that_are_none_become_what_the_contract_has_for_them(tmp_path: Path) -> None:
    line = json.dumps(metric_line(value=float("nan"), value_type="float")).encode()
    assert b"NaN" in line
    append_line(tmp_path, "record", line)
    append_line(tmp_path, "record", line.replace(b"NaN", b"-1e400").replace(b"m-1", b"m-2"))
    promote_captured(tmp_path)
    payloads = [record["payload"] for record in stored(tmp_path)["records"]]
    assert [(one["value"], one["value_type"]) for one in payloads] == [(None, "nan"), (None, "-inf")]


def test_a_row_that_cannot_be_read_is_not_replaced(workspace: Path) -> None:
    promote_captured(workspace)
    with open_ledger(workspace) as ledger:
        ledger.duckdb.execute("update stage_executions set payload_json = '{' where ref = 'stage:p.r1.train'")
        ledger.duckdb.execute("update runs set payload_json = '{' where ref = 'run:p.r2'")
    result = promote_captured(workspace)
    assert left_out(result) == {
        ("stage:p.r1.train", "stored_unreadable"),
        ("run:p.r2", "stored_unreadable"),
    }
    assert not result.changed


def test_no_more_is_named_than_fits_but_all_is_counted(tmp_path: Path) -> None:
    for _ in range(MOST_LEFT_OUT + 5):
        append_line(tmp_path, "record", b"{}")
    result = promote_captured(tmp_path)
    assert (len(result.left_out), result.left_out_count) == (MOST_LEFT_OUT, MOST_LEFT_OUT + 5)
    assert result.summary == "Nothing is captured here; 1,005 left out."


# One run


def test_one_run_can_be_promoted_alone(workspace: Path) -> None:
    result = promote_captured(workspace, "run:p.r2")
    assert result.runs == ("run:p.r2",)
    assert {record["envelope"]["run_ref"] for record in stored(workspace)["records"]} == {"run:p.r2"}
    with open_ledger(workspace) as ledger:
        assert [run.run_ref.text for run in ledger.runs.list_runs()] == ["run:p.r2"]
        assert [
            one.run_ref and one.run_ref.text for one in ledger.deployments.list_deployment_executions()
        ] == ["run:p.r2"]
    assert ArtifactStore(artifacts_dir(workspace)).list_refs() == ("artifact:p.r2.model",)
    promote_captured(workspace)
    assert canonical(workspace)["counts"] == captured(workspace)["counts"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_run_that_nobody_captured_is_an_error(workspace: Path, dry_run: bool) -> None:
    with pytest.raises(NotFoundError) as caught:
        promote_captured(workspace, "run:p.no-such", dry_run=dry_run)
    assert caught.value.code == "promotion_nothing_captured"


def test_what_is_no_run_is_refused(workspace: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        promote_captured(workspace, "stage:p.r1.train")
    assert caught.value.code == "stable_ref_kind_mismatch"


def test_a_workspace_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        promote_captured(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


# Artifacts


def test_a_body_is_copied_only_while_it_is_the_one_that_was_captured(workspace: Path) -> None:
    (workspace / "models" / "r1.bin").write_bytes(b"another one of the same length".ljust(700, b"."))
    (workspace / "models" / "r2.bin").unlink()
    result = promote_captured(workspace)
    assert left_out(result) == {
        ("artifact:p.r1.model", "artifact_body_changed"),
        ("artifact:p.r2.model", "artifact_body_missing"),
    }
    assert result.artifacts_written == 0
    assert result.records_written > 0


def test_a_body_is_found_where_the_workspace_is_now(workspace: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / ".contexta"
    moved.parent.mkdir()
    shutil.move(workspace, moved)
    assert promote_captured(moved).artifacts_written == 2


def test_a_body_without_a_recorded_hash_is_left_out(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    body = tmp_path / "m.bin"
    body.write_bytes(b"x")
    with Contexta(workspace=workspace, config={"project_name": "p"}).run("r") as run:
        run.register_artifact("model", body, artifact_ref="artifact:p.r.m", compute_hash=False)
    assert left_out(promote_captured(workspace)) == {("artifact:p.r.m", "artifact_body_unknown")}


def test_a_body_that_the_vault_lost_is_brought_back(workspace: Path) -> None:
    promote_captured(workspace)
    path = ArtifactStore(artifacts_dir(workspace)).body_path("artifact:p.r1.model")
    path.unlink()
    assert promote_captured(workspace).artifacts_written == 1
    assert path.exists()


def test_an_artifact_that_is_bound_to_another_body_stays_so(workspace: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"other")
    manifest = ArtifactManifest(
        artifact_ref="artifact:p.r1.model",
        artifact_kind="model",
        created_at=T1,
        producer_ref="sdk.test",
        run_ref="run:p.r1",
        location_ref="other.bin",
    )
    vault = ArtifactStore(artifacts_dir(workspace))
    vault.put_artifact(manifest, other)
    assert promote_captured(workspace).artifacts_skipped == 1
    assert vault.body_path("artifact:p.r1.model").read_bytes() == b"other"


# Settings, progress, the facade


def test_the_facade_promotes_with_its_settings(tmp_path: Path) -> None:
    workspace = capturing.capture(tmp_path / ".contexta", runs=1)
    ctx = Contexta(workspace=workspace, config={"records": {"read_only": True}})
    assert ctx.promote_captured(dry_run=True).changed
    with pytest.raises(ReadOnlyStoreError):
        ctx.promote_captured()
    result = Contexta(workspace=workspace).promote_captured("run:p.r1")
    assert isinstance(result, PromotionResult)
    assert result.changed
    assert not Contexta(workspace=workspace).promote_captured(assume_completed=True).changed


def test_progress_ends_with_everything(workspace: Path) -> None:
    told: list[tuple[int, int]] = []
    promote_captured(workspace, on_progress=lambda done, total: told.append((done, total)))
    total = sum(path.stat().st_size for path in (workspace / "cache" / "capture").iterdir())
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_another_promotion_is_waited_for(workspace: Path) -> None:
    with Folder.open(workspace) as folder, locked(folder, LOCK, timeout_seconds=1, code="x"):
        assert promote_captured(workspace, dry_run=True).changed
        with pytest.raises(StoreAccessError) as caught:
            promote_captured(workspace, lock_timeout_seconds=0.05)
    assert caught.value.code == "promotion_locked"
    assert caught.value.retryable
    assert promote_captured(workspace).changed


def test_a_capture_behind_a_link_that_leads_out_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    outside.write_text(json.dumps(metric_line()) + "\n")
    workspace = tmp_path / ".contexta"
    (workspace / "cache" / "capture").mkdir(parents=True)
    (workspace / "cache" / "capture" / "record.jsonl").symlink_to(outside)
    result = promote_captured(workspace)
    assert (result.records_written, result.left_out_count) == (0, 1)
    assert "leads out" in result.left_out[0].reason
