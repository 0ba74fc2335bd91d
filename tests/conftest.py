"""Fixtures for every test: a home of its own, and the workspaces in `tests/data`."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests import soaking

DATA = Path(__file__).with_name("data")

#: Folders that public Contexta leaves empty beside a ledger; git keeps no empty folder.
EMPTY_BESIDE_LEDGER = (
    "artifacts/bindings",
    "artifacts/exports",
    "artifacts/history/bindings",
    "artifacts/objects",
    "artifacts/quarantine",
    "artifacts/staging",
    "cache/capture",
    "records/cursors/replay",
    "records/quarantine",
)


def pytest_configure(config: pytest.Config) -> None:
    """Let a check of a change have the same answer each time; the long tests look for what chance finds."""
    if config.getoption("markexpr") != "soak":
        hypothesis.settings.register_profile("same", derandomize=True)
        hypothesis.settings.load_profile("same")


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not among what is loaded, as the program does; it took a quarter."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_unconfigure() -> None:
    """Let the interpreter take down what was loaded."""
    gc.unfreeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long tests into order, when only they are asked for."""
    if config.getoption("markexpr") == "soak":
        soaking.in_order(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let long tests yield to whoever else wants the processor."""
    soaking.yield_to_others(item)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder for this test, so that it neither reads nor leaves anything in the user's."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    for kind in ("cache", "config", "data", "state"):
        monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", str(folder / f".{kind}"))
    for name in [name for name in os.environ if name.startswith(("CTUI_", "CONTEXTA_"))]:
        monkeypatch.delenv(name)
    return folder


@pytest.fixture
def data_dir() -> Path:
    """The folder `tests/data`. Read only: take a copy of what a test opens."""
    return DATA


@pytest.fixture
def public_workspace(tmp_path: Path) -> Callable[[str], Path]:
    """A function that copies a workspace of `tests/data/workspaces` by name and returns the copy's path.

    The copy is `tmp_path/NAME/.contexta`, so that several fit into one test.
    """

    def copy(name: str) -> Path:
        workspace = tmp_path / name / ".contexta"
        shutil.copytree(DATA / "workspaces" / name / "contexta", workspace)
        if (workspace / "metadata" / "ledger.db").exists():
            for folder in EMPTY_BESIDE_LEDGER:
                (workspace / folder).mkdir(parents=True, exist_ok=True)
        return workspace

    return copy
