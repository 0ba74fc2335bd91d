"""What importing the library loads, seen from a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import contexta
import contexta.contract

ROOT = Path(__file__).parents[1]
FOR_AN_EXPLORER = ("textual", "rich", "watchfiles", "duckdb")
NOT_FOR_CAPTURE = (
    *FOR_AN_EXPLORER,
    *("pydantic", "numpy", "platformdirs", "pytest", "asyncio", "logging", "subprocess", "socket"),
)


def loaded_after(code: str, tmp_path: Path) -> set[str]:
    script = f"{code}\nimport sys\nprint(' '.join(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_next_to_nothing(tmp_path: Path) -> None:
    loaded = loaded_after("import contexta", tmp_path)
    assert not loaded & {*NOT_FOR_CAPTURE, "msgspec", "contexta.client", "contexta.capture"}


def test_recording_a_job_loads_nothing_that_only_an_explorer_needs(tmp_path: Path) -> None:
    code = """
import sys
from contexta import Contexta
with Contexta(workspace=sys.argv[1]).run("r") as run, run.stage("s") as stage, stage.sample("x") as sample:
    sample.metric("a", 1)
    sample.event("b", message="m")
"""
    loaded = loaded_after(code, tmp_path)
    assert not loaded & set(NOT_FOR_CAPTURE)
    assert not {name for name in loaded if name.startswith("contexta_tui")}


def test_contract_models_load_no_screen_and_no_database(tmp_path: Path) -> None:
    loaded = loaded_after("from contexta.contract import BatchExecution", tmp_path)
    assert not loaded & {*FOR_AN_EXPLORER, "contexta.capture"}


def test_error_classes_load_nothing_else(tmp_path: Path) -> None:
    loaded = loaded_after("from contexta.common.errors import ValidationError", tmp_path)
    assert {name for name in loaded if name.startswith("contexta")} == {
        "contexta",
        "contexta._version",
        "contexta.common",
        "contexta.common.errors",
        "contexta.errors",
    }
    assert not loaded & {*NOT_FOR_CAPTURE, "msgspec"}


def test_the_fakes_need_no_test_framework(tmp_path: Path) -> None:
    assert not loaded_after("import contexta.testing", tmp_path) & {"pytest", "hypothesis", *FOR_AN_EXPLORER}


@pytest.mark.parametrize("module", [contexta, contexta.contract], ids=lambda module: module.__name__)
def test_every_public_name_can_be_had_and_is_listed(module: object) -> None:
    names: list[str] = module.__all__  # type: ignore[attr-defined]
    assert names == sorted(names, key=str) or set(names) == set(dir(module))
    for name in names:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(module, "no_such_name")  # noqa: B009 - the lazy lookup is what is tested


def test_exported_names_are_these() -> None:
    assert {"Contexta", "ContextaError", "LifecycleError", "ValidationError", "__version__"} <= set(
        contexta.__all__
    )


def test_the_catalog_is_opened_without_loading_the_screen(tmp_path: Path) -> None:
    code = """
import contexta_tui.feed, contexta_tui.viewmodels.refresh
from contexta_tui.opening import follower_of
from contexta_tui.settings import Settings
follower_of(Settings())
"""
    loaded = loaded_after(code, tmp_path)
    assert "duckdb" in loaded
    assert not loaded & {"textual", "rich", "pydantic", "watchfiles", "contexta.capture", "contexta.contract"}


def test_the_screen_loads_nothing_that_only_a_report_or_a_job_needs(tmp_path: Path) -> None:
    loaded = loaded_after("import contexta_tui.app", tmp_path)
    assert not loaded & {"pydantic", "watchfiles", "contexta.capture", "contexta.contract", "contexta.store"}


def test_no_start_makes_data_classes() -> None:
    code = """
import sys
import contexta_tui.app, contexta_tui.once, contexta_tui.opening
for name, module in list(sys.modules.items()):
    if name.split(".")[0] in ("contexta", "contexta_tui"):
        ours = (value for value in vars(module).values() if getattr(value, "__module__", "") == name)
        print(*(value for value in ours if hasattr(value, "__dataclass_fields__")), sep="", end="")
"""
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=50).stdout
    assert made == ""


def test_a_snapshot_for_scripts_loads_nothing_of_a_screen(tmp_path: Path) -> None:
    (tmp_path / ".contexta" / "cache" / "capture").mkdir(parents=True)
    code = """
import sys
from pathlib import Path
from contexta_tui.once import run_once
from contexta_tui.settings import Settings
assert run_once(Settings(workspaces=(Path(sys.argv[1], ".contexta"),), as_json=True, use_cache=False)) == 0
"""
    assert not loaded_after(code, tmp_path) & {
        *("textual", "rich", "watchfiles", "contexta.capture"),
        *("logging", "concurrent.futures", "subprocess"),
    }
