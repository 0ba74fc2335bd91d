"""What `--once` prints, for people and for scripts, and the code it ends with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contexta import Contexta
from contexta_tui import once
from contexta_tui.once import run_once
from contexta_tui.settings import Settings
from tests.architecture.source import ROOT
from tests.terminal import Terminal, is_red

Print = Callable[..., tuple[int, str, str]]

ESC = "\x1b"
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

#: Clears the screen, writes the clipboard, sets the title, is markup of Rich and Textual, turns text around.
HOSTILE = "\x1b[2J\x1b]52;c;aGk=\x07\x9b31m[red]x[/foo][@click=app.quit]y[/]\u202e\r\n한글 <b> %s {0}"


def fail(error: Exception) -> None:
    raise error


def record(workspace: Path) -> None:
    """A run with a failed batch and sample, a failed deployment, an artifact, and a clean run."""
    with Contexta(workspace=workspace, config={"project_name": "demo"}) as ctx:
        with ctx.run("bad") as run:
            with run.stage("train") as stage, stage.batch("epoch-1") as batch:
                batch.metric("loss", 0.5)
            with run.stage("evaluate") as stage:
                try:
                    with stage.batch("holdout") as batch:
                        with batch.sample("q-4") as sample:
                            sample.metric("correct", 0, unit="ratio")
                            sample.event("answer.wrong", message="expected B got C", level="error")
                        fail(RuntimeError("CUDA out of memory"))
                except RuntimeError:
                    pass
            model = workspace / "model.pt"
            model.write_bytes(b"x" * 2_900)
            run.register_artifact("model", model, artifact_ref="artifact:demo.bad.model")
        try:
            with ctx.deployment("canary", run_ref=run.ref, artifact_ref="artifact:demo.bad.model"):
                fail(TimeoutError("not ready"))
        except TimeoutError:
            pass
        with ctx.run("good") as run, run.stage("evaluate") as stage:
            stage.metric("accuracy", 1)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / ".contexta"
    record(folder)
    return folder


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Print:
    def run(*workspaces: Path, **options: Any) -> tuple[int, str, str]:
        settings = Settings(workspaces=workspaces, once=True, **{"use_cache": False, **options})
        code = run_once(settings)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def section(text: str, title: str) -> list[str]:
    lines = text.splitlines()
    start = lines.index(title) + 1
    end = lines.index("", start) if "" in lines[start:] else len(lines)
    return lines[start:end]


# For people


def test_shows_tree_deployments_diagnostics_and_sources(workspace: Path, printed: Print) -> None:
    code, out, err = printed(workspace)
    assert (code, err) == (0, "")
    head = out.splitlines()
    assert str(workspace) in head[0]
    assert "2 runs · 3 stages · 2 batches · 1 sample · 1 deployment · 1 artifact" in head[1]
    tree = section(out, "Runs")
    names = [re.sub(r"\s{2,}.*", "", line.strip()) for line in tree]
    assert names == [
        "demo",
        "✔ good",
        "✔ evaluate",
        "✔ bad",
        "✔ train",
        "✔ epoch-1",
        "✔ evaluate",
        "✖ holdout",
    ]
    (holdout,) = [line for line in tree if "holdout" in line]
    assert re.search(r"✖ holdout +failed +[\d.]+m?s +1 sample +3 records +✖ 1", holdout)
    assert section(out, "Deployments")[:2] == [
        "✖ canary  failed  ← model.pt 2.9 kB  ← bad",
        "  ▌TimeoutError: not ready",
    ]
    diagnostics = section(out, "Diagnostics")
    assert {line.split()[2] for line in diagnostics[:4] if line.startswith("✖")} == {
        "failed_batch",
        "failed_deployment",
    }
    assert "  ▌RuntimeError: CUDA out of memory" in diagnostics
    assert all("damaged" not in line for line in section(out, "Sources"))


def test_is_plain_where_there_is_no_terminal(workspace: Path, printed: Print) -> None:
    out = printed(workspace)[1]
    assert not CONTROLS.search(out)
    assert [line for line in out.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize(
    ("depth", "there", "gone"),
    [
        ("run", "bad", "train"),
        ("stage", "train", "epoch-1"),
        ("batch", "epoch-1", "q-4"),
        ("sample", "q-4", "q-5"),
    ],
)
def test_goes_as_deep_as_asked(depth: str, there: str, gone: str, workspace: Path, printed: Print) -> None:
    tree = "\n".join(section(printed(workspace, depth=depth)[1], "Runs"))
    assert there in tree
    assert gone not in tree


def test_a_selected_node_says_why_it_failed_and_what_it_measured(workspace: Path, printed: Print) -> None:
    code, out, _ = printed(workspace, select="evaluate.holdout", fail_on="error")
    assert code == 1
    assert "batch:demo.bad.evaluate.holdout" in out
    why = section(out, "Why it failed")
    assert why[0].startswith("▌RuntimeError: CUDA out of memory  evaluate › holdout  ")
    assert any("answer.wrong  expected B got C" in line for line in why)
    assert "Traceback (most recent call last):" in out
    head, row = section(out, "Metrics")
    assert head.split()[:6] == ["key", "last", "min", "max", "mean", "n"]
    assert row.split()[:7] == ["correct", "0", "0", "0", "0", "1", "ratio"]
    assert "good" not in out


def test_a_selected_node_fails_for_its_own_issues_only(workspace: Path, printed: Print) -> None:
    assert printed(workspace, select="run:demo.good", fail_on="error")[0] == 0
    assert printed(workspace, fail_on="error")[0] == 1


def test_a_filter_shows_what_it_finds_under_what_it_belongs_to(workspace: Path, printed: Print) -> None:
    out = printed(workspace, filter="status:failed kind:sample")[1]
    names = [line.split("  ")[-1] for line in out.splitlines() if "found for" in line]
    assert names == ["1 node found for status:failed kind:sample"]
    rows = [re.sub(r"\s{2,}.*", "", line.strip()) for line in section(out, names[0])]
    assert rows == ["demo", "✔ bad", "✔ evaluate", "✖ holdout", "✖ q-4"]


def test_a_filter_for_a_status_that_there_is_not_says_which_there_are(
    workspace: Path, printed: Print
) -> None:
    out = printed(workspace, filter="status:faild")[1]
    (line,) = section(out, "0 nodes found for status:faild")
    assert line.startswith("status: takes open, completed, failed")
    assert section(printed(workspace, filter="nosuch")[1], "0 nodes found for nosuch") == []


def test_ascii_writes_nothing_else(workspace: Path, printed: Print) -> None:
    for options in ({}, {"select": "holdout"}, {"filter": "holdout"}):
        assert printed(workspace, ascii=True, **options)[1].isascii()


def test_what_is_long_is_cut_and_counted(tmp_path: Path, printed: Print) -> None:
    ctx = Contexta(workspace=tmp_path / ".contexta", config={"project_name": "demo"})
    with ctx.run("long") as run:
        for number in range(3):
            with run.stage(f"stage-{number}") as stage:
                for sample in range(150):
                    with stage.sample(f"s-{sample}"):
                        pass
    out = printed(tmp_path / ".contexta", depth="sample")[1]
    assert len(section(out, "Runs")) == 2 + 3 * (1 + 100 + 1)
    assert out.count("… and 50 more samples") == 3
    document = json.loads(printed(tmp_path / ".contexta", depth="sample", as_json=True)[1])
    assert [len(stage["samples"]) for stage in document["projects"][0]["runs"][0]["stages"]] == [150] * 3


def test_damaged_lines_are_counted_beside_their_file(workspace: Path, printed: Print) -> None:
    with (workspace / "cache" / "capture" / "record.jsonl").open("ab") as file:
        file.write(b'{"captured_at":"2026-01-01T00:00:00Z", broken\n')
    out = printed(workspace)[1]
    assert re.search(r"record\.jsonl +capture .* 1 damaged", section(out, "Sources")[0])
    assert "damaged_line" in out


def test_an_empty_catalog_is_said_to_be_empty(tmp_path: Path, printed: Print) -> None:
    (tmp_path / ".contexta" / "cache" / "capture").mkdir(parents=True)
    code, out, _ = printed(tmp_path / ".contexta")
    assert code == 0
    assert "Nothing is recorded." in out


@pytest.mark.parametrize(
    "name", ["ranking-deployments", "batch-demo-ledger-and-segments", "iris-capture-only"]
)
def test_workspaces_of_public_contexta(
    name: str, public_workspace: Callable[[str], Path], printed: Print
) -> None:
    folder = public_workspace(name)
    assert printed(folder)[0] == 0
    document = json.loads(printed(folder, as_json=True, depth="sample")[1])
    assert document["counts"]["runs"] == sum(len(project["runs"]) for project in document["projects"]) > 0


def test_failures_are_red_on_a_terminal(workspace: Path) -> None:
    argv = [sys.executable, "-m", "contexta_tui", "--once", "--no-cache", workspace]
    with Terminal(argv, cols=60, rows=60, cwd=ROOT) as terminal:
        assert terminal.exit_code(30) == 0
        text = terminal.text()
        row, column = terminal.find("✖ holdout")
        assert is_red(terminal.colour_at(row, column))
        assert not is_red(terminal.colour_at(*terminal.find("✔ good")))
    assert max(map(len, text.splitlines())) <= 60


# For scripts

KEYS = {
    "": {"schema", "generated_at", "workspaces", "sources", "counts", "projects", "issues"},
    "sources": {"path", "kind", "bytes", "lines", "damaged_lines", "state"},
    "projects": {"ref", "name", "runs", "deployments"},
    "runs": {"ref", "name", "status", "origin", "started_at", "ended_at", "records", "stages", "artifacts"},
    "stages": {"ref", "name", "status", "records", "sample_count", "batches", "samples"},
    "batches": {"ref", "name", "status", "records", "sample_count", "samples"},
    "samples": {"ref", "name", "records"},
    "artifacts": {"ref", "kind", "location", "size_bytes"},
    "deployments": {"ref", "name", "status", "run_ref", "artifact_ref"},
    "issues": {"severity", "code", "ref", "summary"},
}
COUNTS = [
    "projects",
    "runs",
    "stages",
    "batches",
    "samples",
    "deployments",
    "artifacts",
    "records",
    "metrics",
    "events",
    "spans",
    "degraded",
]


def check_keys(value: Any, name: str = "") -> None:
    """Every documented field is there, at every place where its object stands."""
    assert KEYS[name] <= set(value)
    for key, items in value.items():
        if key in KEYS and isinstance(items, list):
            for item in items:
                check_keys(item, key)


def test_json_has_every_documented_field(workspace: Path, printed: Print) -> None:
    code, out, err = printed(workspace, as_json=True, depth="sample")
    assert (code, err) == (0, "")
    document = json.loads(out)
    check_keys(document)
    assert document["schema"] == "contexta-tui/snapshot/1"
    assert document["workspaces"] == [str(workspace.resolve())]
    assert set(COUNTS) <= set(document["counts"])
    assert [document["counts"][name] for name in COUNTS[:7]] == [1, 2, 3, 2, 1, 1, 1]
    bad, good = document["projects"][0]["runs"]
    assert (bad["ref"], good["ref"]) == ("run:demo.bad", "run:demo.good")
    assert bad["stages"][1]["batches"][0]["status"] == "failed"
    assert bad["stages"][1]["batches"][0]["samples"][0]["ref"] == "sample:demo.bad.evaluate.holdout.q-4"
    assert document["issues"][0]["severity"] == "error"


def test_json_of_a_selected_node_has_its_branch_only(workspace: Path, printed: Print) -> None:
    document = json.loads(printed(workspace, as_json=True, select="run:demo.bad", depth="run")[1])
    (run,) = document["projects"][0]["runs"]
    assert run["ref"] == "run:demo.bad"
    assert document["projects"][0]["deployments"] == []
    assert "failed_deployment" not in {issue["code"] for issue in document["issues"]}
    deep = json.loads(printed(workspace, as_json=True, select="q-4", depth="run")[1])
    (stage,) = deep["projects"][0]["runs"][0]["stages"]
    assert [sample["name"] for sample in stage["batches"][0]["samples"]] == ["q-4"]


def test_json_of_a_filter_has_what_it_finds_only(workspace: Path, printed: Print) -> None:
    document = json.loads(printed(workspace, as_json=True, filter="kind:deployment")[1])
    (project,) = document["projects"]
    assert project["runs"] == []
    assert [item["name"] for item in project["deployments"]] == ["canary"]


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("info", 1), ("warning", 1), ("error", 1)])
def test_exit_code_follows_fail_on(fail_on: str, code: int, workspace: Path, printed: Print) -> None:
    assert printed(workspace, fail_on=fail_on)[0] == code
    assert printed(workspace, fail_on=fail_on, as_json=True)[0] == code


def test_what_is_less_severe_does_not_fail(tmp_path: Path, printed: Print) -> None:
    ctx = Contexta(workspace=tmp_path / ".contexta", config={"project_name": "demo"})
    with ctx.run("warned") as run, run.stage("evaluate") as stage:
        stage.metric("loss", float("nan"))
    codes = [printed(tmp_path / ".contexta", fail_on=fail_on)[0] for fail_on in ("error", "warning", "info")]
    assert codes == [0, 1, 1]


# What cannot be read


def unreadable(tmp_path: Path, what: str) -> Path:
    path = tmp_path / what
    if what == "a file":
        path.write_text("no folder")
    elif what == "nothing in it":
        path.mkdir()
    elif what == "null\x00character":
        return Path(what)
    elif what == "\x1b]0;title\x07 missing":
        return path
    return path


@pytest.mark.parametrize(
    "what", ["missing", "a file", "nothing in it", "null\x00character", "\x1b]0;title\x07 missing", "x" * 300]
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_no_workspace_is_one_sentence_and_exits_2(
    what: str, as_json: bool, tmp_path: Path, printed: Print
) -> None:
    code, out, err = printed(unreadable(tmp_path, what), as_json=as_json)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"contexta-tui: [^\n]+\.\n", err)
    assert not CONTROLS.search(err)


def test_one_missing_workspace_among_several_exits_2(workspace: Path, tmp_path: Path, printed: Print) -> None:
    code, out, err = printed(workspace, tmp_path / "missing")
    assert (code, out) == (2, "")
    assert "missing" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_exits_2(workspace: Path, printed: Print) -> None:
    workspace.chmod(0)
    try:
        code, _, err = printed(workspace)
    finally:
        workspace.chmod(0o700)
    assert code == 2
    assert "permission denied" in err


def test_captures_that_are_no_files_exit_2(tmp_path: Path, printed: Print) -> None:
    (tmp_path / ".contexta" / "cache" / "capture" / "record.jsonl").mkdir(parents=True)
    code, _, err = printed(tmp_path / ".contexta")
    assert code == 2
    assert "record.jsonl cannot be read" in err


def test_an_unknown_ref_exits_2(workspace: Path, printed: Print) -> None:
    code, out, err = printed(workspace, select="nobody\x1b[2J")
    assert (code, out) == (2, "")
    assert "nobody␛[2J" in err


def test_an_error_of_its_own_is_a_sentence_too(
    workspace: Path, printed: Print, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("of its own")

    monkeypatch.setattr(once, "_lines", fails)
    code, _, err = printed(workspace)
    assert code == 2
    assert (
        err
        == "contexta-tui: stopped by an error of its own; please report it: ZeroDivisionError: of its own\n"
    )


def shell(script: str, workspace: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        cwd=ROOT,
        env={
            **os.environ,
            "TUI": f"{sys.executable} -m contexta_tui --once --no-cache",
            "WS": str(workspace),
            **env,
        },
        timeout=50,
        check=False,
    )


def test_a_reader_that_goes_away_is_no_error(workspace: Path) -> None:
    result = shell("$TUI --json --depth sample $WS | head -c 1; exit ${PIPESTATUS[0]}", workspace)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"{", b"")
    result = shell("$TUI $WS | true; exit ${PIPESTATUS[0]}", workspace)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_sentence(workspace: Path) -> None:
    result = shell("$TUI $WS > /dev/full", workspace)
    assert result.returncode == 2
    assert result.stderr == b"contexta-tui: the snapshot cannot be written (No space left on device).\n"


def test_a_stream_that_knows_ascii_only_gets_ascii(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    with Contexta(workspace=workspace, config={"project_name": "demo"}) as ctx, ctx.run("한글", run_id="r"):
        pass
    result = shell("$TUI $WS", workspace, PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert result.stdout.isascii()
    assert rb"C \ud55c\uae00" in result.stdout


# Hostile text


def record_hostile(workspace: Path) -> None:
    """Records hostile text wherever text can be recorded, past what the capture API refuses."""
    with Contexta(workspace=workspace, config={"project_name": "p\x1b[2J[/foo]한글"}) as ctx:
        with ctx.run(f"run {HOSTILE}", run_id="r", tags={"t": HOSTILE}, dataset_ref=HOSTILE) as run:
            with run.stage(f"stage {HOSTILE}") as stage:
                try:
                    with stage.batch(f"batch {HOSTILE}") as batch:
                        with batch.sample(f"sample {HOSTILE}", metadata={"m": HOSTILE}) as sample:
                            sample.metric("correct", 0, unit=HOSTILE)
                            sample.event(
                                "answer.wrong", message=HOSTILE, level="error", attributes={"a": HOSTILE}
                            )
                        fail(RuntimeError(HOSTILE))
                except RuntimeError:
                    pass
            model = workspace / f"model{HOSTILE}".replace("/", "∕")
            model.write_bytes(b"x")
            run.register_artifact("model", model, artifact_ref=f"artifact:{run.ref[4:]}.model")
        try:
            with ctx.deployment(
                f"canary {HOSTILE}", run_ref=run.ref, artifact_ref=f"artifact:{run.ref[4:]}.model"
            ):
                fail(TimeoutError(HOSTILE))
        except TimeoutError:
            pass


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    workspace = tmp_path / f"ws{HOSTILE}".replace("/", "∕")
    workspace.mkdir()
    record_hostile(workspace)
    return workspace


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("how", ["tree", "select", "filter", "filter by hostile text"])
def test_hostile_text_is_shown_and_not_obeyed(
    how: str, ascii_only: bool, hostile: Path, printed: Print
) -> None:
    document = json.loads(printed(hostile, as_json=True)[1])
    (batch,) = document["projects"][0]["runs"][0]["stages"][0]["batches"]
    options = {
        "tree": {"depth": "sample"},
        "select": {"depth": "sample", "select": batch["ref"]},
        "filter": {"filter": "status:failed"},
        "filter by hostile text": {"filter": HOSTILE},
    }[how]
    code, out, err = printed(hostile, ascii=ascii_only, **options)
    assert (code, err) == (0, "")
    assert CONTROLS.findall(out) == []
    assert "[red]x[/foo][@click=app.quit]y[/]" in out
    assert "한글" in out


def test_hostile_lines_and_names_of_files_are_shown_and_not_obeyed(hostile: Path, printed: Print) -> None:
    name = f"more{HOSTILE}.jsonl".replace("/", "∕")
    (hostile / "cache" / "capture" / name).write_bytes(b"\x1b[2J broken \xff\n" + HOSTILE.encode() + b"\n")
    for options in ({}, {"as_json": True}):
        code, out, err = printed(hostile, **options)
        assert (code, err) == (0, "")
        assert CONTROLS.findall(out) == []
        assert "damaged_line" in out


def test_hostile_text_is_valid_json_and_no_byte_of_it_is_obeyed(hostile: Path, printed: Print) -> None:
    code, out, _ = printed(hostile, as_json=True, depth="sample")
    assert code == 0
    assert not CONTROLS.search(out)
    run = json.loads(out)["projects"][0]["runs"][0]
    assert ESC in run["name"]
    assert "한글" in run["name"]


def test_a_path_that_is_no_text_is_valid_json(tmp_path: Path, printed: Print) -> None:
    workspace = Path(os.fsdecode(os.fsencode(tmp_path) + b"/not-\xff-text"))
    try:
        workspace.mkdir()
    except OSError:
        pytest.skip("this file system takes text only")
    record(workspace)
    document = json.loads(printed(workspace, as_json=True)[1])
    assert document["workspaces"][0].encode()
    code, out, _ = printed(workspace)
    assert code == 0
    assert out.encode()
