"""What the documents promise about the house is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, modules

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/threat-model.md"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def make_targets() -> set[str]:
    """The targets that `make help` shows."""
    return set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE))


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


@pytest.fixture(scope="module")
def cli_help() -> str:
    if not (ROOT / "contexta_tui" / "__main__.py").exists():
        pytest.skip("no command line yet")
    result = subprocess.run(
        [sys.executable, "-m", "contexta_tui", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120"},
    )
    return result.stdout


def test_readme_starts_with_the_two_commands() -> None:
    (first_block, *_) = re.findall(r"(?:^    .+\n)+", read("README.md"), re.MULTILINE)
    commands = [line.partition("#")[0].strip() for line in first_block.splitlines()]
    assert commands == ["make demo", "make test"]


def test_every_target_is_phony_and_shown_by_help() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert set(phony.split()) == make_targets()
    assert {"demo", "test"} < make_targets()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_in_a_document_exists(document: str) -> None:
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", read(document), re.MULTILINE))
    assert named - make_targets() == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_inside_the_project_leads_somewhere(document: str) -> None:
    targets = re.findall(r"(?<!!)\[[^]]*\]\(([^)#:]+)\)", read(document))
    assert [target for target in targets if not (ROOT / document).parent.joinpath(target).exists()] == []


def test_every_proof_of_the_threat_model_is_there() -> None:
    proofs = set(re.findall(r"`([a-z_/]*test_[a-z_]+\.py)`", read("docs/threat-model.md")))
    assert len(proofs) > 20
    assert [proof for proof in sorted(proofs) if not (ROOT / "tests" / proof).exists()] == []


def test_every_picture_of_the_readme_is_there() -> None:
    if not (ROOT / "screenshots" / "take.py").exists():
        pytest.skip("nothing takes pictures yet")
    pictures = re.findall(r"!\[[^]]+\]\(([^):]+)\)", read("README.md"))
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).exists()] == []


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("make test")


def test_readme_has_every_option(cli_help: str) -> None:
    assert options(cli_help) - options(read("README.md")) == set()


def test_readme_has_no_option_that_does_not_exist(cli_help: str) -> None:
    (section,) = re.findall(r"### Command line\n(.*?)\n### ", read("README.md"), re.DOTALL)
    assert options(section) - options(cli_help) == set()


@pytest.mark.parametrize("package", ["contexta", "contexta_tui"])
def test_architecture_names_every_part(package: str) -> None:
    parts = {Path(module.parts[1]).stem for module in modules(package)}
    named = set(re.findall(r"`(\w+)`", read("docs/architecture.md")))
    assert {part for part in parts if part not in {"__init__", "_version"}} - named == set()
