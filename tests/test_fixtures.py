"""The fixtures every other test leans on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import pilot_until, wait_until


def test_home_is_empty_and_the_tests_own(home: Path) -> None:
    assert Path.home() == home
    assert list(home.iterdir()) == []


def test_home_is_not_in_tmp_path(home: Path, tmp_path: Path) -> None:
    assert tmp_path not in home.parents
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["batch-demo-ledger-and-segments", "ranking-deployments"])
def test_public_workspace_is_a_complete_copy(
    name: str, public_workspace: Callable[[str], Path], data_dir: Path
) -> None:
    workspace = public_workspace(name)
    assert workspace.name == ".contexta"
    ledger = Path("metadata", "ledger.db")
    assert (workspace / ledger).read_bytes() == (
        data_dir / "workspaces" / name / "contexta" / ledger
    ).read_bytes()
    assert (workspace / "cache" / "capture").is_dir()
    assert name in json.loads((data_dir / "workspaces" / "expected.json").read_text())


def test_public_capture_is_a_complete_copy(public_workspace: Callable[[str], Path]) -> None:
    workspace = public_workspace("iris-capture-only")
    assert sorted(path.name for path in workspace.rglob("*") if path.is_file()) == [
        "artifact.jsonl",
        "linear-svm.pkl",
        "rbf-svm.pkl",
        "record.jsonl",
    ]


def test_wait_until_returns_at_once_when_true() -> None:
    wait_until(lambda: True, timeout=0)


def test_wait_until_says_what_did_not_happen() -> None:
    with pytest.raises(AssertionError, match=r"the catalog did not come true within 0\.05 s"):
        wait_until(lambda: False, timeout=0.05, what="the catalog")


async def test_pilot_until_lets_the_app_work() -> None:
    class FakePilot:
        pauses = 0

        async def pause(self, delay: float | None = None) -> None:
            self.pauses += 1

    pilot = FakePilot()
    await pilot_until(pilot, lambda: pilot.pauses == 3)
    with pytest.raises(AssertionError, match="the row did not"):
        await pilot_until(pilot, lambda: False, timeout=0.02, what="the row")
