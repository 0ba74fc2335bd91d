from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import fields

from contexta._version import __version__
from contexta_tui.__main__ import build_parser, main
from contexta_tui.settings import Settings, nearest_workspace


def test_version_needs_nothing_heavy() -> None:
    program = (
        "import sys; from contexta_tui.__main__ import main; main(['--version']);"
        "print([name for name in ('textual', 'rich', 'duckdb', 'pydantic') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [f"contexta-tui {__version__}", "[]"]


@pytest.mark.parametrize("arguments", [["--bogus"], ["--depth", "galaxy"], ["--fail-on"], ["--fail-on", "x"]])
def test_a_usage_error_is_one_sentence_and_exits_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("contexta-tui: ")
    assert captured.err.count("\n") == 1


def test_help_exits_0_and_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    options = [name for action in build_parser()._actions for name in action.option_strings if len(name) > 2]
    assert {"--demo", "--once", "--json", "--no-live", "--cache-dir"} <= set(options)
    for option in options:
        assert option in text


def test_every_option_is_a_setting() -> None:
    options = vars(build_parser().parse_args([]))
    assert set(options) == {field.name for field in fields(Settings)}
    assert Settings(**{**options, "workspaces": ()}) == Settings()


def test_the_nearest_workspace_is_here_or_above(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert nearest_workspace(deep) == deep / ".contexta"
    (tmp_path / ".contexta").mkdir()
    assert nearest_workspace(deep) == tmp_path / ".contexta"
    (deep / ".contexta").write_text("a file is no workspace")
    assert nearest_workspace(deep) == tmp_path / ".contexta"


def test_what_is_made_meanwhile_is_for_its_user_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(argv: object) -> int:
        (tmp_path / "made").touch()
        return 0

    monkeypatch.setattr("contexta_tui.__main__._run", run)
    before = os.umask(0)
    try:
        assert main([]) == 0
        (tmp_path / "later").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "later").stat().st_mode & 0o777 == 0o666
