"""The library's own commands: what they print, for people and for programs, and the code they end with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contexta import Contexta
from contexta._version import __version__
from contexta.cli import build_parser, main
from tests.architecture.source import ROOT
from tests.terminal import Terminal, is_red

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = "\x1b[2J\x1b]52;c;aGk=\x07\x9b31m[red]x[/foo]\u202e\n한글"


def fail(error: Exception) -> None:
    raise error


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / ".contexta"
    with Contexta(workspace=folder, config={"project_name": "demo"}) as ctx:
        with ctx.run(f"bad {HOSTILE}", run_id="bad") as run, run.stage("evaluate") as stage:
            try:
                with stage.batch("holdout") as batch:
                    batch.metric("loss", 1e308, unit=HOSTILE)
                    batch.metric("loss", 1e308, unit=HOSTILE)
                    fail(RuntimeError(f"out of memory {HOSTILE}"))
            except RuntimeError:
                pass
        with ctx.run("good") as run, run.stage("evaluate") as stage:
            stage.metric("accuracy", 1)
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = answer(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    assert CONTROLS.findall(out) == []
    return json.loads(out)


def test_runs_are_listed_newest_first(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(capsys, "runs", "--workspace", str(workspace))
    assert (code, err) == (0, "")
    head, first, second = out.splitlines()
    assert head.split() == ["run", "status", "started", "took", "records", "failed", "origin", "ref"]
    assert first.split()[:2] == ["good", "completed"]
    assert second.startswith("bad ␛[2J")
    assert second.split()[-1] == "run:demo.bad"
    listed = document(capsys, "runs", "--workspace", str(workspace))
    assert listed["schema"] == "contexta/runs/1"
    assert [run["ref"] for run in listed["runs"]] == ["run:demo.good", "run:demo.bad"]
    assert listed["runs"][1]["name"] == f"bad {HOSTILE}"


def test_a_node_says_why_it_failed_and_what_it_measured(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = answer(capsys, "show", "holdout", "--workspace", str(workspace))
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "batch:demo.bad.evaluate.holdout"
    assert lines[1].startswith("failed  ")
    assert lines[lines.index("Why it failed") + 1].startswith("RuntimeError: out of memory ␛[2J")
    assert "    Traceback (most recent call last):" in lines
    assert lines[-1].split()[:2] == ["loss", "1e+308"]
    shown = document(capsys, "show", "holdout", "--workspace", str(workspace))
    assert (shown["kind"], shown["status"]) == ("batch", "failed")
    assert shown["reasons"][0]["title"] == f"RuntimeError: out of memory {HOSTILE}"
    assert shown["metrics"][0]["last"] == 1e308


def test_diagnose_lists_what_is_wrong(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, "diagnose", "--workspace", str(workspace))
    assert code == 0
    assert out.splitlines()[1].split()[:3] == ["error", "failed_batch", "batch:demo.bad.evaluate.holdout"]
    issues = document(capsys, "diagnose", "--workspace", str(workspace))["issues"]
    assert issues[0]["code"] == "failed_batch"


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("info", 1), ("warning", 1), ("error", 1)])
def test_diagnose_ends_as_fail_on_says(
    fail_on: str, code: int, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(capsys, "diagnose", "--fail-on", fail_on, "--workspace", str(workspace))[0] == code


@pytest.mark.parametrize("command", [["runs"], ["show", "holdout"], ["show", "bad"], ["diagnose"]])
def test_recorded_text_is_shown_and_not_obeyed(
    command: list[str], workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = answer(capsys, *command, "--workspace", str(workspace))
    assert code == 0
    assert CONTROLS.findall(out) == []
    assert [line for line in out.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("command", [["runs"], ["show", "x"], ["diagnose"]])
def test_a_missing_workspace_is_one_sentence_and_exits_2(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = answer(capsys, *command, "--workspace", str(tmp_path / "\x1b[2J"), "--json")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"contexta: [^\n]+\.\n", err)
    assert CONTROLS.findall(err) == []


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["show"], ["diagnose", "--fail-on", "x"], ["runs", "--bogus\x1b[2J"]]
)
def test_wrong_usage_is_one_sentence_and_exits_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = answer(capsys, *arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"contexta: [^\n]+\.\n", err)
    assert CONTROLS.findall(err) == []


def test_an_unknown_ref_exits_2(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(capsys, "show", "nobody", "--workspace", str(workspace))
    assert (code, out) == (2, "")
    assert "nobody" in err


def test_help_shows_examples_that_parse(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, "--help")
    assert code == 0
    examples = re.findall(r"^  contexta (.+?)(?:   .*)?$", out, re.MULTILINE)
    assert len(examples) >= 3
    for example in examples:
        build_parser().parse_args(re.sub(r"  .*", "", example).split())


def test_the_nearest_workspace_is_taken(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = workspace.parent / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert len(document(capsys, "runs")["runs"]) == 2


def test_runs_as_a_module_without_a_screen() -> None:
    program = (
        "import sys; from contexta.cli import main; main(['--version']);"
        "print(sorted({'textual', 'contexta_tui'} & set(sys.modules)))"
    )
    for argv, last in (
        (["-c", program], ["[]"]),
        (["-m", "contexta", "--version"], []),
    ):
        result = subprocess.run(
            [sys.executable, *argv], capture_output=True, text=True, check=True, cwd=ROOT, timeout=50
        )
        assert result.stdout.splitlines() == [f"contexta {__version__}", *last]


def test_a_reader_that_goes_away_is_no_error(workspace: Path) -> None:
    result = subprocess.run(
        ["bash", "-c", '"$PY" -m contexta runs --workspace "$WS" | true; exit ${PIPESTATUS[0]}'],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PY": sys.executable, "WS": str(workspace)},
        timeout=50,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")


def test_failures_are_red_on_a_terminal_and_nothing_is_obeyed(workspace: Path) -> None:
    argv = [sys.executable, "-m", "contexta", "diagnose", "--workspace", workspace]
    with Terminal(argv, cols=70, rows=20, cwd=ROOT) as terminal:
        assert terminal.exit_code(30) == 0
        assert is_red(terminal.colour_at(*terminal.find("failed_batch")))
    argv = [sys.executable, "-m", "contexta", "show", "holdout", "--workspace", workspace]
    with Terminal(argv, cols=70, rows=40, cwd=ROOT) as terminal:
        assert terminal.exit_code(30) == 0
        assert b"\x1b]52" not in terminal.raw
        assert b"\x1b[2J" not in terminal.raw
