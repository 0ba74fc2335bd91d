"""The command line of `contexta` is what its help, its documentation and its completion scripts say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contexta import Contexta
from contexta.cli import build_parser, main
from contexta.commands.completion import SCRIPTS
from contexta.commands.spec import COMMON, Command
from contexta.commands.table import COMMANDS
from tests.architecture.source import ROOT
from tests.terminal import Terminal

HEAVY = {"duckdb", "rich", "pydantic", "textual", "msgspec", "contexta.client", "contexta.report"}
DOCUMENT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)$(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL))
by_name = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


def section(command: Command) -> tuple[str, str]:
    """Head and text of a command's section in the document."""
    (found,) = [(head, text) for head, text in SECTIONS.items() if head.split()[0] == command.name]
    return found


def options(text: str) -> set[str]:
    return set(re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE))


@by_name
def test_help_of_a_command_has_examples_that_parse(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command.name, "--help"]) == 0
    shown = capsys.readouterr().out
    examples = re.findall(r"^  contexta (.+?)  ", shown[shown.index("examples:") :], re.MULTILINE)
    assert examples
    for example in examples:
        assert build_parser().parse_args(example.split()).command == command.name


@by_name
def test_the_document_has_a_command_with_its_options_and_an_example(command: Command) -> None:
    head, text = section(command)
    own = {name for each in command.arguments if each.is_option for name in each.names}
    assert options(text) == own
    assert f"\n    contexta {command.name}" in text
    positional = [each for each in command.arguments if not each.is_option]
    assert len(head.replace(" ...", "").split()) == 1 + len(positional)
    assert re.search(r"`contexta/[a-z-]+/\d`", text)


def test_the_document_has_no_command_that_does_not_exist() -> None:
    heads = [head.split()[0] for head in SECTIONS]
    assert heads == ["What", *(command.name for command in COMMANDS)]


def test_the_document_has_what_all_commands_share() -> None:
    shared = SECTIONS["What all commands share"]
    assert options(shared) == {"--help", *(name for each in COMMON for name in each.names)}


def test_every_example_of_the_document_parses() -> None:
    examples = re.findall(r"^    contexta (.+)$", DOCUMENT, re.MULTILINE)
    assert len(examples) > len(COMMANDS)
    for example in examples:
        build_parser().parse_args(re.split(r"\s+#|\s+>", example)[0].split())


def test_the_readme_names_every_command() -> None:
    (text,) = re.findall(
        r"^## Ask from a shell\n(.*?)^## ",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert {command.name for command in COMMANDS} - set(re.findall(r"`([a-z]+)`", text)) == set()


@pytest.mark.parametrize("asked", ["--version", "--help", "runs --help", "runs --bogus", "completion"])
def test_what_needs_no_workspace_loads_no_database(asked: str) -> None:
    program = (
        f"import sys; from contexta.cli import main; main({asked.split()!r}); print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, timeout=50
    )
    assert set(done.stdout.splitlines()[-1].split()) & HEAVY == set()


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_script_names_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command in COMMANDS:
        assert command.name in script
        for each in command.all_arguments:
            if each.is_option:
                assert each.names[0].removeprefix("--") in script
    assert "--fail-on" in script or "fail-on" in script


@pytest.mark.parametrize(("shell", "program"), [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")])
def test_a_script_parses(shell: str, program: str, tmp_path: Path) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    script = tmp_path / "script"
    script.write_text(SCRIPTS[shell](), encoding="utf-8")
    done = subprocess.run([program, "-n", script], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / ".contexta"
    with Contexta(workspace=folder, config={"project_name": "demo"}) as ctx:
        for name in ("base", "tiny", "tiny-night"):
            with ctx.run(name):
                pass
    return folder


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("contexta di", ["diagnose"]),
        ("contexta diagnose --fail-on w", ["warning"]),
        ("contexta runs --st", ["--status"]),
        ("contexta runs --status o", ["open"]),
        ("contexta completion ", ["bash", "fish", "zsh"]),
        ("contexta show --workspace {workspace} ti", ["tiny", "tiny-night"]),
        ("contexta compare base --workspace {workspace} tiny-n", ["tiny-night"]),
        ("contexta deployments --workspace {workspace} --run b", ["base"]),
        ("contexta show --workspace {workspace} run:demo.b", ["demo.base"]),  # bash has `run:` already
        ("contexta show --workspace /nowhere ti", []),
        ("contexta records --key l", []),
    ],
)
def test_bash_completes(line: str, offered: list[str], workspace: Path, tmp_path: Path) -> None:
    typed = line.format(workspace=workspace)
    script = tmp_path / "script"
    script.write_text(
        f'contexta() {{ {sys.executable} -m contexta "$@"; }}\n{SCRIPTS["bash"]()}\n'
        f"COMP_LINE='{typed}' COMP_POINT={len(typed)}\n_contexta\n"
        '(( ${#COMPREPLY[@]} )) && printf "%s\\n" "${COMPREPLY[@]}"; true\n',
        encoding="utf-8",
    )
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=True, cwd=ROOT, timeout=50)
    assert done.stderr == ""
    assert sorted(done.stdout.split()) == offered


def test_refs_that_a_shell_could_obey_are_not_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / ".contexta" / "cache" / "capture"
    capture.mkdir(parents=True)
    with Contexta(workspace=capture.parents[1], config={"project_name": "demo"}) as ctx, ctx.run("good"):
        pass
    journal = capture / "context.jsonl"
    lines = journal.read_bytes()
    journal.write_bytes(lines + lines.replace(b"run:demo.good", b"run:demo.$(reboot)"))
    assert main(["_complete", "--workspace", str(capture.parents[1])]) == 0
    assert capsys.readouterr().out == "good\n"


def test_a_terminal_gets_colours_unless_told_otherwise(workspace: Path) -> None:
    for further, coloured in (([], True), (["--no-color"], False)):
        argv = [sys.executable, "-m", "contexta", "runs", "--workspace", workspace, *further]
        with Terminal(argv, cols=60, rows=10, cwd=ROOT) as terminal:
            assert terminal.exit_code(30) == 0
            assert (b"\x1b[" in terminal.raw) is coloured
