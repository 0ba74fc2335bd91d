"""The example runs as it stands, and what it records is read back whole."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

EXAMPLE = ROOT / "examples" / "iris_svm.py"

#: As much of scikit-learn as the example asks for, with answers that are always the same.
STUB = {
    "__init__": "",
    "datasets": """
def load_iris(return_X_y):
    return [[i] for i in range(20)], [i % 2 for i in range(20)]
""",
    "metrics": """
def accuracy_score(expected, got):
    return sum(a == b for a, b in zip(expected, got)) / len(expected)

def f1_score(expected, got, average):
    return accuracy_score(expected, got)
""",
    "model_selection": """
def train_test_split(features, targets, test_size, stratify, random_state):
    cut = round(len(features) * (1 - test_size))
    return features[:cut], features[cut:], targets[:cut], targets[cut:]
""",
    "pipeline": """
class Pipeline:
    def __init__(self, *steps):
        self.steps = steps

    def fit(self, features, targets):
        self.steps[-1].fit(features, targets)

    def predict(self, features):
        return self.steps[-1].predict(features)

make_pipeline = Pipeline
""",
    "preprocessing": "class StandardScaler:\n    pass\n",
    "svm": """
class SVC:
    def __init__(self, kernel, gamma=None):
        self.kernel = kernel

    def fit(self, features, targets):
        pass

    def predict(self, features):
        wrong = 1 if self.kernel == "linear" else 2
        return [x[0] % 2 if i >= wrong else 1 - x[0] % 2 for i, x in enumerate(features)]
""",
}


@pytest.fixture
def python_path(tmp_path: Path) -> str:
    """Where the example finds contexta, and scikit-learn when it is not installed."""
    if importlib.util.find_spec("sklearn") is not None:
        return str(ROOT)
    package = tmp_path / "stub" / "sklearn"
    package.mkdir(parents=True)
    for name, source in STUB.items():
        (package / f"{name}.py").write_text(source, encoding="utf-8")
    return os.pathsep.join((str(ROOT), str(package.parent)))


def start(arguments: list[str], folder: Path, python_path: str) -> str:
    result = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path},
        timeout=55,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_the_example_is_recorded_and_read_back(tmp_path: Path, python_path: str) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    lines = start([str(EXAMPLE)], folder, python_path).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "Compared runs",
        "Accuracy",
        "Delta",
        "Selected run",
        "Records",
        "Artifacts",
    ]
    assert lines[0] == "Compared runs: run:iris-svm.linear-svm vs run:iris-svm.rbf-svm"
    assert lines[4] == "Records: .contexta/cache/capture/record.jsonl"
    assert lines[5] == "Artifacts: .contexta/cache/capture/artifact.jsonl"

    printed = start(
        ["-m", "contexta_tui", "--once", "--json", "--depth", "sample", "--no-cache"], folder, python_path
    )
    document = json.loads(printed)
    assert document["workspaces"] == [str((folder / ".contexta").resolve())]
    assert [source["damaged_lines"] for source in document["sources"]] == [0] * len(document["sources"])
    (project,) = document["projects"]
    assert [run["ref"] for run in project["runs"]] == ["run:iris-svm.linear-svm", "run:iris-svm.rbf-svm"]
    for run in project["runs"]:
        assert run["status"] == "completed"
        assert [(stage["name"], stage["status"]) for stage in run["stages"]] == [
            ("train", "completed"),
            ("evaluate", "completed"),
        ]
        assert run["records"] == 3
        (batch,) = run["stages"][1]["batches"]
        assert (batch["name"], batch["status"], batch["sample_count"]) == ("holdout-split", "completed", 1)
        assert [sample["name"] for sample in batch["samples"]] == ["first-prediction"]
        (artifact,) = run["artifacts"]
        assert artifact["kind"] == "model"
        assert artifact["size_bytes"] == (folder / artifact["location"].removeprefix("path:")).stat().st_size
    counts = document["counts"]
    assert [counts[name] for name in ("runs", "stages", "batches", "samples")] == [2, 4, 2, 2]
    assert [counts[name] for name in ("artifacts", "records", "metrics", "events")] == [2, 6, 6, 0]
