"""Borders that the import contracts in pyproject.toml cannot express."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, imported, modules, tree

MAY_IMPORT_RICH = {Path("contexta/cli.py")}
LIBRARY = modules("contexta")
EVERYTHING = modules("contexta", "contexta_tui")
MAX_LINES = 400


def roots(module: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(module)}


@pytest.mark.parametrize("module", [*LIBRARY, *modules("contexta_tui/viewmodels")], ids=str)
def test_does_not_know_the_screen(module: Path) -> None:
    allowed = {"rich"} if module in MAY_IMPORT_RICH else set()
    assert not roots(module) & {"textual", "rich"} - allowed


@pytest.mark.parametrize("module", modules("contexta_tui"), ids=str)
def test_app_does_not_know_the_database(module: Path) -> None:
    assert "duckdb" not in roots(module)


@pytest.mark.parametrize("module", EVERYTHING, ids=str)
def test_says_what_it_is_for(module: Path) -> None:
    source = tree(module)
    assert ast.get_docstring(source) or not source.body, "a module docstring says what it is for"


@pytest.mark.parametrize("module", EVERYTHING, ids=str)
def test_is_short_enough_to_be_one_concept(module: Path) -> None:
    assert len((ROOT / module).read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "module", [module for module in LIBRARY if module != Path("contexta/cli.py")], ids=str
)
def test_library_does_not_print(module: Path) -> None:
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    printed = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert printed == []


def test_importing_the_library_loads_no_screen() -> None:
    program = "import sys, contexta; print(sorted({'textual', 'rich', 'contexta_tui'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == "[]"


def library_layers() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each.get("containers") == ["contexta"]]
    return [name.strip() for layer in contract["layers"] for name in layer.replace("|", ":").split(":")]


def test_every_module_of_the_library_has_a_layer() -> None:
    layers = {name.strip("()") for name in library_layers()}
    there = {module.parts[1].removesuffix(".py") for module in LIBRARY}
    outside = {"__init__", "__main__", "_version"}
    assert there - layers - outside == set()


def test_no_layer_that_exists_is_optional() -> None:
    there = {module.parts[1].removesuffix(".py") for module in LIBRARY}
    assert {name for name in library_layers() if name.startswith("(") and name.strip("()") in there} == set()
