"""What is in the file is what public Contexta has in its own."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contexta.contract import (
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    ExtensionFieldSet,
    Project,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.extensions import ContractModel
from contexta.store import MetadataStore
from tests.store.ledger_models import project, run, stage, store_at

PUBLIC = ["batch-demo-ledger-and-segments", "ranking-deployments"]

Shape = dict[str, list[tuple[object, ...]]]


def shape(path: Path) -> Shape:
    """Columns, types, nullability, order and keys of every table."""
    with duckdb.connect(path, read_only=True) as connection:
        columns = connection.execute(
            "select table_name, column_name, data_type, is_nullable, column_default from duckdb_columns()"
            " where not internal order by table_name, column_index"
        ).fetchall()
        keys = connection.execute(
            "select table_name, constraint_type, constraint_column_names from duckdb_constraints()"
            " order by all"
        ).fetchall()
        others = connection.execute(
            "select view_name from duckdb_views() where not internal union all"
            " select index_name from duckdb_indexes() union all select sequence_name from duckdb_sequences()"
        ).fetchall()
    return {"columns": columns, "keys": keys, "others": others}


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the tables with a payload, and of the registry but for its times."""
    with duckdb.connect(path, read_only=True) as connection:
        tables = [
            name
            for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
            if name not in {"schema_metadata", "structural_ref_registry"}
        ]
        rows = {name: connection.table(name).order("all").fetchall() for name in tables}
        rows["registry"] = connection.execute(
            "select ref, ref_kind, owner_kind from structural_ref_registry order by ref"
        ).fetchall()
    return rows


def everything(store: MetadataStore) -> list[ContractModel]:
    runs = store.runs.list_runs()
    return [
        *store.projects.list_projects(),
        *runs,
        *store.deployments.list_deployment_executions(),
        *(each for run in runs for each in store.stages.list_stage_executions(run.run_ref)),
        *store.batches.list_batch_executions(),
        *store.samples.list_sample_observations(),
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_ledgers_are_read_and_written_again_alike(
    name: str, public_workspace: Callable[[str], Path], data_dir: Path, tmp_path: Path
) -> None:
    theirs = public_workspace(name) / "metadata" / "ledger.db"
    before = theirs.read_bytes()
    source = store_at(theirs)
    expected = json.loads((data_dir / "workspaces" / "expected.json").read_text())[name]
    models = everything(source)
    assert source.check_integrity().ok
    assert source.degraded_rows() == ()
    assert theirs.read_bytes() == before

    ours = tmp_path / "ours.db"
    with store_at(ours) as copy:
        copy.put_many(models)
    assert shape(ours) == shape(theirs)
    assert content(ours) == content(theirs)
    counts = {table: len(rows) for table, rows in content(ours).items()}
    assert expected["counts"].items() <= counts.items()


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_ledger_can_be_added_to(name: str, public_workspace: Callable[[str], Path]) -> None:
    path = public_workspace(name) / "metadata" / "ledger.db"
    before = shape(path)
    with store_at(path) as store:
        models = everything(store)
        store.put_many([project("added"), run("added.r"), stage("added.r.s")])
        assert len(everything(store)) == len(models) + 3
        for known in store.runs.list_runs():
            assert store.build_run_snapshot(known.run_ref).run == known
    assert shape(path) == before


def test_a_payload_is_compact_sorted_text_without_nulls() -> None:
    store = store_at(":memory:")
    named = Project("project:p", "프로젝트 \x1b[31m", "2025-01-01T00:00:00Z", None, {"b": "2", "a": "é"})
    store.projects.put_project(named)
    payload = (
        '{"created_at":"2025-01-01T00:00:00Z","extensions":[],"name":"프로젝트 \\u001b[31m",'
        '"project_ref":"project:p","schema_version":"1.0.0","tags":{"a":"é","b":"2"}}'
    )
    stored = store.duckdb.query_one("select payload_json, name from projects")
    assert stored == (payload, "프로젝트 \x1b[31m")
    assert store.projects.get_project("project:p") == named


def test_a_new_ledger_states_its_version_once() -> None:
    store = store_at(":memory:")
    store.projects.put_project(project())
    ((version, applied_at),) = store.duckdb.query_all("from schema_metadata")
    assert version == "1"
    assert applied_at.endswith("Z")
    assert store.duckdb.query_all("from migration_history") == []


names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
times = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
orders = st.none() | st.integers(0, 2**31 - 1)
maps = st.dictionaries(texts, texts, max_size=3)
values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
).filter(lambda value: "\\ud" not in repr(value))


@st.composite
def families(draw: st.DrawFn) -> list[ContractModel]:
    """A project, and one of everything in it, with odd texts, times and extensions."""
    p, r, s, b, x = (draw(names) for _ in range(5))
    at = draw(times)
    own = draw(st.dictionaries(st.sampled_from(["one", "two"]), values, max_size=2))
    extensions = (ExtensionFieldSet("contexta.run", own),) if own else ()
    ended = ("failed", at, at)
    stage_ref, batch_ref = f"stage:{p}.{r}.{s}", f"batch:{p}.{r}.{s}.{b}"
    run_ref, project_ref = f"run:{p}.{r}", f"project:{p}"
    return [
        Project(project_ref, draw(texts), at, draw(st.none() | texts), draw(maps)),
        Run(run_ref, project_ref, draw(texts), *ended, draw(st.none() | texts), extensions=extensions),
        StageExecution(stage_ref, run_ref, s, *ended, draw(orders)),
        BatchExecution(batch_ref, run_ref, stage_ref, b, "open", at, None, draw(orders)),
        SampleObservation(
            f"sample:{p}.{r}.{s}.{x}", run_ref, stage_ref, x, at, None, draw(st.none() | texts)
        ),
        SampleObservation(f"sample:{p}.{r}.{s}.{b}.{x}", run_ref, stage_ref, x, at, batch_ref),
        DeploymentExecution(f"deployment:{p}.{x}", project_ref, x, *ended, draw(orders), run_ref),
        EnvironmentSnapshot(f"environment:{p}.{r}.{x}", run_ref, at, "3", draw(texts), draw(maps)),
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(family=families(), order=st.randoms(use_true_random=False))
def test_what_is_put_is_what_is_got(family: list[ContractModel], order: object) -> None:
    store = STORE
    shuffled = list(family)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    store.put_many(shuffled)
    run_ref = family[1].run_ref  # type: ignore[attr-defined]
    snapshot = store.build_run_snapshot(run_ref)
    assert snapshot.project == family[0]
    assert snapshot.run == family[1]
    assert family[2] in snapshot.stages
    assert family[3] in snapshot.batches
    assert family[4] in snapshot.samples
    assert family[5] in snapshot.samples
    assert family[6] in snapshot.deployments
    assert family[7] in snapshot.environments
    assert store.degraded_rows() == ()


STORE = store_at(":memory:")
"""One ledger for all examples; what they put replaces what others put under the same names."""
