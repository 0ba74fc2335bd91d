"""Every command of `contexta` on public workspaces, on the demo's finished job, and on hostile text."""

from __future__ import annotations

import csv
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from contexta import Contexta
from contexta.cli import main
from contexta_tui.demo_job import record_finished

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = "\x1b[2J\x1b]52;c;aGk=\x07\x9b31m[red]x[/foo]\u202e\n한글"
PUBLIC = ("batch-demo-ledger-and-segments", "iris-capture-only", "ranking-deployments")

QUESTIONS = (
    ["runs"],
    ["batches"],
    ["samples"],
    ["deployments"],
    ["records"],
    ["diagnose"],
    ["promote", "--dry-run"],
    ["verify"],
)
OF_A_RUN = (
    ["show", "RUN"],
    ["batches", "RUN"],
    ["samples", "RUN"],
    ["deployments", "--run", "RUN"],
    ["records", "RUN"],
    ["diagnose", "RUN"],
    ["compare", "RUN", "RUN"],
    ["lineage", "RUN"],
    ["report", "RUN"],
)


class Shell:
    """Runs commands in this process, on one workspace."""

    def __init__(self, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.workspace = workspace
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code, standard output and standard error; neither holds what a terminal obeys."""
        code = main([*arguments, "--workspace", str(self.workspace)])
        captured = self._capsys.readouterr()
        assert CONTROLS.findall(captured.out + captured.err) == []
        return code, captured.out, captured.err

    def text(self, *arguments: str) -> list[str]:
        """The lines of an answer that is fine."""
        code, out, err = self.run(*arguments)
        assert (code, err) == (0, "")
        return out.splitlines()

    def json(self, *arguments: str) -> Any:
        """The document of an answer that is fine."""
        code, out, err = self.run(*arguments, "--json")
        assert (code, err) == (0, "")
        assert out.isascii()
        assert out.count("\n") == 1
        return json.loads(out)


@pytest.fixture(scope="module")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("demo") / ".contexta"
    record_finished(workspace)
    return workspace


@pytest.fixture
def demo(demo_workspace: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(demo_workspace, capsys)


@pytest.fixture
def stored(public_workspace: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> Shell:
    """Two stored batches, six samples, a deployment."""
    return Shell(public_workspace("batch-demo-ledger-and-segments"), capsys)


@pytest.fixture
def hostile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    workspace = tmp_path / ".contexta"
    model = tmp_path / "model\x1b[2J.bin"
    model.write_bytes(b"weights")
    with Contexta(workspace=workspace, config={"project_name": "demo"}) as ctx:
        for name in ("left", "right"):
            with ctx.run(f"{name} {HOSTILE}", run_id=name) as run, run.stage("train") as stage:
                with stage.batch("b", metadata={HOSTILE: HOSTILE}) as batch, batch.sample("s") as sample:
                    sample.metric("correct", 0, unit=HOSTILE, tags={HOSTILE: HOSTILE})
                    sample.event("wrong", message=HOSTILE, level="error", attributes={HOSTILE: HOSTILE})
                    sample.metric("length", len(name))
                stage.register_artifact("model", model, attributes={HOSTILE: HOSTILE})
        with ctx.deployment("prod", run_ref="run:demo.left", metadata={HOSTILE: HOSTILE}) as deployment:
            deployment.event("said", message=HOSTILE)
    return Shell(workspace, capsys)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_command_answers_on_public_workspaces(
    name: str, public_workspace: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(public_workspace(name), capsys)
    runs = [run["ref"] for run in shell.json("runs")["runs"]]
    commands = [*QUESTIONS, *([word.replace("RUN", runs[0]) for word in command] for command in OF_A_RUN)]
    for command in commands:
        assert shell.text(*command), command
        assert shell.json(*command)["schema"].startswith("contexta/"), command


def test_every_command_shows_hostile_text_and_obeys_none(hostile: Shell) -> None:
    of_a_run = ([word.replace("RUN", "left") for word in command] for command in OF_A_RUN)
    further = (["compare", "left", "right"], ["show", "left.train.b"])
    for command in (*QUESTIONS, *of_a_run, *further):
        code, out, err = hostile.run(*command)
        assert (code, err) == (0, ""), command
        assert all(line == line.rstrip() for line in out.splitlines() if command[0] != "report")
        assert hostile.json(*command)
    assert "␛[2J" in hostile.run("records")[1]
    for file_format in ("markdown", "html", "csv", "json"):
        assert "left" in hostile.run("report", "left", "--format", file_format)[1]


def test_recorded_text_is_whole_in_a_document(hostile: Shell) -> None:
    messages = {record["message"] for record in hostile.json("records", "--type", "event")["records"]}
    assert HOSTILE in messages
    (tags,) = {json.dumps(each["tags"]) for each in hostile.json("records", "--key", "correct")["records"]}
    assert json.loads(tags) == {HOSTILE: HOSTILE}


def test_runs_are_filtered(demo: Shell) -> None:
    assert len(demo.json("runs")["runs"]) == 3
    assert demo.json("runs", "--status", "failed")["runs"] == []
    assert demo.text("runs", "--status", "failed") == ["No run here."]
    assert [run["ref"] for run in demo.json("runs", "--limit", "1")["runs"]] == [
        "run:digits-cnn.tiny-cnn-night"
    ]
    assert len(demo.json("runs", "--project", "digits-cnn")["runs"]) == 3
    assert demo.json("runs", "--project", "another")["runs"] == []


def test_a_table_that_is_cut_says_so(demo: Shell) -> None:
    *rows, rest = demo.text("batches", "tiny-cnn", "--limit", "2")
    assert len(rows) == 3
    assert re.fullmatch(r"\.\.\. and \d+ more batches; --limit shows more, --json has them all", rest)
    *rows, rest = demo.text("records", "tiny-cnn", "--limit", "2")
    assert len(rows) == 3
    assert rest.startswith("... and more records")


def test_piped_output_is_plain_and_unwrapped(demo: Shell) -> None:
    head, *rows = demo.text("batches", "tiny-cnn", "--stage", "train")
    assert head.split() == ["batch", "status", "stage", "started", "ended", "origin", "ref"]
    assert len(rows) == 40
    assert {len(row.split()) for row in rows} == {7}
    assert rows[0].split()[-1] == "batch:digits-cnn.tiny-cnn.train.epoch-1"


def test_batches_and_samples_of_a_stage_and_batch(demo: Shell, stored: Shell) -> None:
    batches = demo.json("batches", "tiny-cnn", "--stage", "evaluate")["batches"]
    assert {batch["stage_ref"] for batch in batches} == {"stage:digits-cnn.tiny-cnn.evaluate"}
    samples = demo.json("samples", "tiny-cnn", "--stage", "evaluate", "--batch", "holdout")["samples"]
    assert {sample["batch_ref"] for sample in samples} == {"batch:digits-cnn.tiny-cnn.evaluate.holdout"}
    failed = demo.json("samples", "tiny-cnn", "--batch", "holdout", "--failed")["samples"]
    assert [sample["ref"] for sample in failed] == [
        "sample:digits-cnn.tiny-cnn.evaluate.holdout.digit-4",
        "sample:digits-cnn.tiny-cnn.evaluate.holdout.digit-7",
    ]
    assert {sample["note"] for sample in failed} == {"correct 0"}
    assert len(stored.json("samples")["samples"]) == 6
    names = [batch["name"] for batch in stored.json("batches", "batch-demo.run-01")["batches"]]
    assert names == ["epoch-0", "epoch-1"]


def test_deployments_say_what_they_came_from(demo: Shell) -> None:
    (canary,) = demo.json("deployments", "--run", "tiny-cnn")["deployments"]
    assert canary["ref"] == "deployment:digits-cnn.canary"
    assert (canary["status"], canary["run_ref"]) == ("failed", "run:digits-cnn.tiny-cnn")
    assert len(demo.json("deployments", "--project", "digits-cnn")["deployments"]) == 2


def test_records_come_newest_first_and_are_filtered(demo: Shell) -> None:
    records = demo.json("records", "tiny-cnn")["records"]
    (run,) = (run for run in demo.json("runs")["runs"] if run["ref"] == "run:digits-cnn.tiny-cnn")
    assert len(records) == run["records"] > 2_000  # more than a page
    assert len({record["ref"] for record in records}) == len(records)
    losses = demo.json("records", "tiny-cnn.train.epoch-17", "--key", "loss")["records"]
    assert {record["key"] for record in losses} == {"loss"}
    assert [record["value_type"] for record in losses].count("nan") == 1
    assert [record["value"] for record in losses].count(None) == 1
    events = demo.json("records", "--type", "event")["records"]
    assert {record["type"] for record in events} == {"event"}


def test_sources_are_chosen_and_named(demo: Shell, stored: Shell) -> None:
    assert demo.text("runs", "--source", "canonical") == ["No run here."]
    assert len(demo.json("runs", "--source", "captured")["runs"]) == 3
    assert stored.text("runs", "--source", "captured") == ["No run here."]
    (run,) = stored.json("runs", "--source", "canonical")["runs"]
    assert run["origin"] == ["stored"]
    assert stored.json("runs")["source"] == "all"
    code, _, err = demo.run("show", "tiny-cnn", "--source", "canonical")
    assert (code, err[:10]) == (2, "contexta: ")


def test_diagnose_looks_under_a_node_and_sets_the_code(demo: Shell) -> None:
    code, out, _ = demo.run("diagnose", "base-mlp", "--fail-on", "warning")
    assert (code, out) == (0, "Nothing is wrong.\n")
    assert demo.run("diagnose", "tiny-cnn.evaluate", "--fail-on", "error")[0] == 1
    assert demo.run("diagnose", "tiny-cnn.evaluate", "--fail-on", "error", "--json")[0] == 1
    issues = demo.json("diagnose", "tiny-cnn.evaluate")["issues"]
    assert issues[0]["code"] == "failed_batch"
    assert all(".tiny-cnn.evaluate" in issue["ref"] for issue in issues)


def test_two_runs_are_compared(demo: Shell) -> None:
    lines = demo.text("compare", "base-mlp", "tiny-cnn")
    assert lines[0].startswith("Compared run:digits-cnn.base-mlp and run:digits-cnn.tiny-cnn: 3 stage rows")
    assert ["evaluate", "accuracy", "0.912", "0.871"] in [line.split()[:4] for line in lines]
    assert ["evaluate.holdout", "completed", "failed"] in [line.split() for line in lines]
    found = demo.json("compare", "base-mlp", "tiny-cnn")
    assert found["schema"] == "contexta/comparison/1"
    assert found["left_run_ref"] == "run:digits-cnn.base-mlp"
    assert {stage["stage_name"] for stage in found["stage_comparisons"]} == {"train", "evaluate", "package"}


def test_several_runs_are_compared(demo: Shell) -> None:
    runs = ["base-mlp", "tiny-cnn", "tiny-cnn-night"]
    (losses,) = [
        line.split() for line in demo.text("compare", *runs) if line.startswith("train") and " loss " in line
    ]
    assert losses[-1] == "base-mlp"
    less = demo.json("compare", *runs, "--lower-is-better", "loss", "--lower-is-better", "latency")
    best = {(row["stage_name"], row["metric_key"]): row["best_run_ref"] for row in less["metric_rows"]}
    assert best["train", "loss"] == "run:digits-cnn.tiny-cnn-night"
    assert best["evaluate", "latency"] == "run:digits-cnn.tiny-cnn"
    assert len(less["run_refs"]) == 3


def test_lineage_is_followed(demo: Shell) -> None:
    head, _, *edges = demo.text("lineage", "tiny-cnn", "--direction", "inbound")
    assert head == "run:digits-cnn.tiny-cnn"
    assert {edge.split()[2] for edge in edges} == {"deployment:digits-cnn.canary"}
    found = demo.json("lineage", "tiny-cnn.model", "--depth", "1")
    assert found["root_ref"] == "artifact:digits-cnn.tiny-cnn.model"
    assert found["edges"]
    assert demo.text("lineage", "run:nobody.knows")[1].startswith("Nothing is known")


@pytest.mark.parametrize(
    ("asked", "candidates"),
    [
        (["show", "epoch-3"], ["batch:digits-cnn.base-mlp.train.epoch-3", "batch:digits-cnn.tiny-cnn.train"]),
        (["lineage", "model"], ["artifact:digits-cnn.base-mlp.model", "artifact:digits-cnn.tiny-cnn.model"]),
        (
            ["batches", "--stage", "train"],
            ["stage:digits-cnn.base-mlp.train", "stage:digits-cnn.tiny-cnn.train"],
        ),
    ],
    ids=["node", "artifact", "stage"],
)
def test_an_ambiguous_ref_lists_what_it_may_be(asked: list[str], candidates: list[str], demo: Shell) -> None:
    code, out, err = demo.run(*asked)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"contexta: [^\n]+ may be [^\n]+; give more of the ref\.\n", err)
    assert all(candidate in err for candidate in candidates)


@pytest.mark.parametrize(
    "asked",
    [
        ["show", "nobody"],
        ["show", "run:digits-cnn.nobody"],
        ["batches", "nobody"],
        ["batches", "tiny-cnn", "--stage", "nobody"],
        ["batches", "train"],  # a stage is no run
        ["samples", "tiny-cnn", "--batch", "nobody"],
        ["deployments", "--run", "nobody"],
        ["records", "nobody"],
        ["diagnose", "nobody"],
        ["compare", "tiny-cnn", "nobody"],
        ["compare", "tiny-cnn", "tiny-cnn", "tiny-cnn"],
        ["lineage", "nobody"],
        ["lineage", "No:Ref"],
        ["report", "nobody"],
        ["promote", "nobody"],
        ["promote", "run:digits-cnn.nobody"],
        ["export", "--output", "rows.csv", "--run", "nobody"],
        ["export", "--output", "rows.unknown"],
        ["export", "--output", "/nowhere/rows.csv"],
        ["report", "tiny-cnn", "--output", "/nowhere/report.md"],
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_one_sentence_and_exits_2(
    asked: list[str], demo: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = demo.run(*asked)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"contexta: [^\n]+\.\n", err)
    assert "please report it" not in err
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_stack_trace(demo: Shell) -> None:
    code, out, err = demo.run("show", "nobody", "--debug")
    assert (code, out) == (2, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.splitlines()[-1].startswith("contexta: Nothing here is called nobody")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("r.md", "# Run Snapshot"),
        ("r.html", "<!DOCTYPE html>"),
        ("r.json", "{"),
        ("r.csv", "section_title,body"),
    ],
)
def test_a_report_is_written_as_the_name_of_the_file_says(
    name: str, begins: str, demo: Shell, tmp_path: Path
) -> None:
    file = tmp_path / name
    assert demo.text("report", "tiny-cnn", "--output", str(file)) == [f"Wrote {file}."]
    text = file.read_text(encoding="utf-8")
    assert text.lower().startswith(begins.lower())
    assert text.endswith("\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_report_is_printed_in_every_format(demo: Shell) -> None:
    assert demo.text("report", "tiny-cnn")[0].startswith("# Run Snapshot Report: run:digits")
    assert demo.text("report", "tiny-cnn", "--format", "csv")[0] == "section_title,body"
    assert json.loads(demo.run("report", "tiny-cnn", "--format", "json")[1])["schema"] == "contexta/report/1"
    assert demo.json("report", "tiny-cnn")["title"].endswith("run:digits-cnn.tiny-cnn")


@pytest.mark.parametrize(
    ("what", "file_format"), [("nodes", "csv"), ("metrics", "parquet"), ("records", "jsonl")]
)
def test_rows_are_exported(what: str, file_format: str, stored: Shell, tmp_path: Path) -> None:
    file = tmp_path / f"rows.{file_format}"
    done = stored.json("export", "--what", what, "--output", str(file))
    assert (done["what"], done["format"], done["path"]) == (what, file_format, str(file))
    if file_format == "csv":
        with file.open(encoding="utf-8", newline="") as lines:
            rows = len(list(csv.DictReader(lines)))
    elif file_format == "jsonl":
        rows = len(file.read_text(encoding="utf-8").splitlines())
    else:
        with duckdb.connect() as connection:
            (rows,) = connection.execute("select count(*) from read_parquet($1)", [str(file)]).fetchone() or (
                0,
            )
    assert done["rows"] == rows > 0
    text = stored.text("export", "--what", what, "--output", str(file), "--run", "run-01")
    assert re.fullmatch(rf"Wrote \d+ {what} to {re.escape(str(file))}\.", text[0])


def test_promotion_stores_what_was_captured_once(hostile: Shell) -> None:
    dry = hostile.json("promote", "--dry-run")
    assert dry["dry_run"] is True
    assert dry["records_written"] > 0
    assert hostile.json("runs", "--source", "canonical")["runs"] == []
    one = hostile.json("promote", "left")
    assert one["runs"] == ["run:demo.left"]
    (stored,) = hostile.json("runs", "--source", "canonical")["runs"]
    assert stored["ref"] == "run:demo.left"
    assert hostile.json("promote")["runs"] == ["run:demo.left", "run:demo.right"]
    assert {tuple(run["origin"]) for run in hostile.json("runs")["runs"]} == {("captured", "stored")}
    assert hostile.json("promote")["records_written"] == 0
    assert hostile.text("promote")[0].startswith("Nothing is new in 2 runs")


def test_verification_exits_1_when_something_is_damaged(hostile: Shell) -> None:
    assert hostile.json("verify")["ok"] is True
    with (hostile.workspace / "cache" / "capture" / "record.jsonl").open("ab") as journal:
        journal.write(b"no \x1b[2J line\n")
    code, out, err = hostile.run("verify")
    assert (code, err) == (1, "")
    assert "damaged_line" in out
    code, out, err = hostile.run("verify", "--no-bodies", "--json")
    assert (code, err) == (1, "")
    (finding,) = json.loads(out)["findings"]
    assert (finding["severity"], finding["code"]) == ("error", "damaged_line")


def test_a_folder_of_several_workspaces_is_read_as_one_but_not_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        with Contexta(workspace=tmp_path / name, config={"project_name": name}) as ctx, ctx.run(name):
            pass
    shell = Shell(tmp_path, capsys)
    assert {run["ref"] for run in shell.json("runs")["runs"]} == {"run:a.a", "run:b.b"}
    assert shell.json("compare", "a", "b")["right_run_ref"] == "run:b.b"
    for command in ("promote", "verify"):
        code, out, err = shell.run(command)
        assert (code, out) == (2, "")
        assert "holds several workspaces; name one of" in err


def test_asking_changes_nothing_in_the_workspace(demo: Shell) -> None:
    def state() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in demo.workspace.rglob("*")
        }

    before = state()
    for command in (
        *QUESTIONS,
        ["show", "tiny-cnn"],
        ["compare", "base-mlp", "tiny-cnn"],
        ["report", "base-mlp"],
    ):
        demo.run(*command)
    assert state() == before
