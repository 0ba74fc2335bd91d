"""An export holds every row, is private, and runs nothing in a spreadsheet."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from contexta import Contexta
from contexta.errors import NotFoundError, SurfaceError, ValidationError
from contexta.export import FORMATS, KINDS, export
from tests.promotion import capturing

FORMULAS = [
    "=1+1",
    "+1",
    "-2+3",
    '@SUM(A1:A9)*cmd|"/c calc"!A0',
    "  =HYPERLINK(1)",
    "\t=1",
    "＝1+1",
    "\u3000=1",
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return capturing.capture(tmp_path / ".contexta")


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    found = duckdb.execute("select * from read_parquet(?)", [str(path)])
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("kind", KINDS)
def test_all_formats_hold_the_same_rows(workspace: Path, tmp_path: Path, kind: str) -> None:
    rows = {}
    for file_format in FORMATS:
        done = export(workspace, kind, tmp_path / f"rows.{file_format}", use_cache=False)
        rows[file_format] = read(done.path)
        assert (done.kind, done.format, done.rows) == (kind, file_format, len(rows[file_format]))
        assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    refs = [[row["ref"] for row in rows[file_format]] for file_format in FORMATS]
    assert refs[0] == refs[1] == refs[2]
    with capturing.reading(workspace, capturing.CAPTURED) as reader:
        counts = reader.counts()
    expected = {"records": counts.records, "metrics": counts.metrics}.get(kind, len(refs[0]))
    assert len(refs[0]) == expected > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".contexta",
        *sorted(f"rows.{file_format}" for file_format in FORMATS),
    ]


def test_rows_say_where_they_belong_and_what_they_hold(workspace: Path, tmp_path: Path) -> None:
    export(workspace, "metrics", tmp_path / "m.jsonl")
    row = read(tmp_path / "m.jsonl")[0]
    assert (row["key"], row["value"], row["tags"]) == ("loss", 1.5, {"step": "0"})
    assert row["batch_ref"] == row["node_ref"] == "batch:p.r1.train.epoch-0"
    assert (row["stage_ref"], row["run_ref"]) == ("stage:p.r1.train", "run:p.r1")
    assert row["observed_at"].startswith("2026-02-02T02:40:00.")
    diverged = [one for one in read(tmp_path / "m.jsonl") if one["key"] == "grad.norm"]
    assert {(one["value"], one["value_type"]) for one in diverged} == {(None, "nan")}
    export(workspace, "nodes", tmp_path / "n.parquet")
    nodes = {row["ref"]: row for row in read(tmp_path / "n.parquet")}
    assert nodes["run:p.r1"]["status"] == "completed"
    assert nodes["run:p.r1"]["started_at"].year == 2026
    assert nodes["stage:p.r2.train"]["status"] == "failed"
    assert nodes["batch:p.r1.train.epoch-0"]["parent_ref"] == "stage:p.r1.train"
    assert nodes["deployment:p.prod"]["artifact_ref"] == "artifact:p.r2.model"


def test_one_run_can_be_exported_alone(workspace: Path, tmp_path: Path) -> None:
    for kind in KINDS:
        export(workspace, kind, tmp_path / "rows.csv", run_ref="run:p.r2")
        assert {row["run_ref"] for row in read(tmp_path / "rows.csv")} == {"run:p.r2"}
    with pytest.raises(NotFoundError) as caught:
        export(workspace, "nodes", tmp_path / "rows.csv", run_ref="run:p.r3")
    assert caught.value.code == "node_not_found"
    with pytest.raises(ValidationError):
        export(workspace, "nodes", tmp_path / "rows.csv", run_ref="project:p")


def test_what_looks_like_a_formula_becomes_text_in_csv_only(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    with Contexta(workspace=workspace, config={"project_name": "p"}).run("=cmd") as run:
        for text in FORMULAS:
            run.event("said", message=f"x{text}", attributes={"a": text})
        run.metric("loss", -1.5, unit="-x")
        run.metric("loss", float("-inf"))
    journal = workspace / "cache" / "capture" / "record.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"message":"x', b'"message":"'))
    export(workspace, "records", tmp_path / "rows.csv")
    export(workspace, "records", tmp_path / "rows.jsonl")
    cells = [row["message"] for row in read(tmp_path / "rows.csv") if row["name"] == "said"]
    assert cells == [f"'{text}" for text in FORMULAS]
    plain = [row["message"] for row in read(tmp_path / "rows.jsonl") if row["name"] == "said"]
    assert plain == FORMULAS
    metrics = [row for row in read(tmp_path / "rows.csv") if row["type"] == "metric"]
    assert [(row["value"], row["unit"], row["value_type"]) for row in metrics] == [
        ("-1.5", "'-x", "float"),
        ("", "", "'-inf"),
    ]
    export(workspace, "nodes", tmp_path / "nodes.csv")
    assert "'=cmd" in [row["name"] for row in read(tmp_path / "nodes.csv")]


def test_separators_quotes_and_newlines_stay_in_their_cell(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    text = 'a,"b";c\r\nd\u2028e ☃ {file}'
    with Contexta(workspace=workspace, config={"project_name": "p"}).run("r") as run:
        run.event("said", message=text)
    for file_format in FORMATS:
        export(workspace, "records", tmp_path / f"rows.{file_format}")
        (row,) = read(tmp_path / f"rows.{file_format}")
        assert row["message"] == text


def test_a_file_that_was_there_is_replaced_whole(workspace: Path, tmp_path: Path) -> None:
    target = tmp_path / "it's here.csv"
    target.write_text("old" * 100_000)
    target.chmod(0o644)
    export(workspace, "nodes", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "old" not in target.read_text()


def test_a_folder_that_is_not_there_is_an_error_and_leaves_nothing(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(SurfaceError) as caught:
        export(workspace, "nodes", tmp_path / "no" / "rows.csv")
    assert caught.value.code == "export_failed"
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(SurfaceError):
        export(workspace, "nodes", tmp_path / "rows.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".contexta", "rows.csv"]


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [("people", "rows.csv", "export_unknown_kind"), ("nodes", "rows.xls", "export_unknown_format")],
)
def test_what_there_is_no_export_of_is_refused(tmp_path: Path, kind: str, name: str, code: str) -> None:
    with pytest.raises(SurfaceError) as caught:
        export(tmp_path, kind, tmp_path / name)
    assert caught.value.code == code


def test_nothing_recorded_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        export(tmp_path, "nodes", tmp_path / "rows.csv")
    assert caught.value.code == "workspace_missing"
    assert list(tmp_path.iterdir()) == []


def test_the_workspace_is_left_as_it_was(workspace: Path, tmp_path: Path) -> None:
    before = capturing.listing(workspace)
    export(workspace, "records", tmp_path / "rows.csv")
    assert capturing.listing(workspace) == before
