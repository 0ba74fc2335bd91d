"""Settings from `CONTEXTA_*` variables: what they are worth beside those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contexta import ConfigurationError, Contexta
from contexta.capture.config import Config
from contexta.capture.environment import VARIABLES, merged, patch_from_environment

CONTRACT_PAGE = Path(__file__).parents[2] / "docs" / "contract.md"


def test_a_variable_counts_where_the_program_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXTA_PROJECT_NAME", "from-shell")
    monkeypatch.setenv("CONTEXTA_CAPTURE_PRODUCER_REF", "sdk.shell")
    monkeypatch.setenv("CONTEXTA_CAPTURE_RETRY_ATTEMPTS", "2")
    assert Contexta().project_name == "from-shell"
    ctx = Contexta(config={"project_name": "from-program", "capture": {"retry_attempts": 1}})
    assert (ctx.project_name, ctx.config.retry_attempts, ctx.config.producer_ref) == (
        "from-program",
        1,
        "sdk.shell",
    )
    assert Contexta(config=Config()).project_name == "default"


def test_the_workspace_is_not_a_matter_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTEXTA_WORKSPACE_ROOT_PATH", str(tmp_path / "no"))
    assert Contexta(workspace=tmp_path).workspace == str(tmp_path.resolve())


def test_other_variables_and_blank_ones_have_no_effect() -> None:
    environment = {"CONTEXTA_NO_SUCH_SETTING": "1", "CONTEXTA_PROJECT_NAME": " ", "PROJECT_NAME": "x"}
    assert patch_from_environment(environment) == {}


def test_texts_become_what_the_setting_is() -> None:
    assert patch_from_environment(
        {
            "CONTEXTA_CAPTURE_RETRY_BACKOFF_SECONDS": "0.5",
            "CONTEXTA_METADATA_READ_ONLY": "Yes",
            "CONTEXTA_RECORDS_ENABLE_INDEXES": "off",
            "CONTEXTA_INTERPRETATION_DIAGNOSTICS_EXPECTED_TERMINAL_STAGE_NAMES": "evaluate, package,",
            "CONTEXTA_INTERPRETATION_TREND_DEFAULT_WINDOW_RUNS": "5",
        }
    ) == {
        "capture": {"retry_backoff_seconds": 0.5},
        "metadata": {"read_only": True},
        "records": {"enable_indexes": False},
        "interpretation": {
            "diagnostics": {"expected_terminal_stage_names": ["evaluate", "package"]},
            "trend": {"default_window_runs": 5},
        },
    }


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("CONTEXTA_CAPTURE_RETRY_ATTEMPTS", "many"),
        ("CONTEXTA_CAPTURE_RETRY_ATTEMPTS", "-1"),
        ("CONTEXTA_CAPTURE_RETRY_BACKOFF_SECONDS", "nan"),
        ("CONTEXTA_METADATA_READ_ONLY", "perhaps"),
        ("CONTEXTA_CAPTURE_DISPATCH_FAILURE_MODE", "ignore"),
    ],
)
def test_a_text_that_cannot_be_the_setting_is_refused(
    variable: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigurationError) as caught:
        Contexta()
    assert caught.value.code == "invalid_config_value"


def test_maps_are_merged_and_everything_else_is_replaced() -> None:
    assert merged({"a": {"b": 1, "c": [1]}, "d": 1}, {"a": {"c": [2]}, "d": {"e": 2}}) == {
        "a": {"b": 1, "c": [2]},
        "d": {"e": 2},
    }


def refusal(setting: str) -> str | None:
    """The code under which a text as this setting is refused, if it is."""
    patch: object = "x"
    for key in reversed(setting.split(".")):
        patch = {key: patch}
    try:
        Config.from_patch(patch)  # type: ignore[arg-type]  # a map, as a setting has at least one name
    except ConfigurationError as error:
        return error.code
    return None


def test_every_variable_is_a_documented_setting_and_in_the_documents() -> None:
    for setting in VARIABLES.values():
        assert refusal(setting) != "unknown_config_field", setting
    named = set(re.findall(r"`(CONTEXTA_\w+)`", CONTRACT_PAGE.read_text(encoding="utf-8")))
    assert named == set(VARIABLES)
