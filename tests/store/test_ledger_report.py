"""Rows that cannot be read, and ledgers that contradict themselves."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexta.contract import ExtensionFieldSet, ExtensionRegistry
from contexta.errors import IntegrityError, NotFoundError
from contexta.store import MetadataStore, MetadataStoreConfig
from tests.store.ledger_models import (
    batch,
    deployment,
    environment,
    family,
    project,
    provenance,
    relation,
    run,
    sample,
    stage,
    store_at,
)


@pytest.fixture
def store() -> MetadataStore:
    return store_at(":memory:")


def poison(store: MetadataStore, payload: str, ref: str = "run:p.bad") -> None:
    store.put_many([project(), run(), run("p.bad")])
    store.duckdb.execute("update runs set payload_json = ? where ref = ?", [payload, ref])


def payload_of(**changes: object) -> str:
    return json.dumps({**run("p.bad").to_dict(), **changes})


POISON = [
    ("", "deserialize_blank_input"),
    ("{", "deserialize_invalid_json"),
    ("[1]", "deserialize_invalid_shape"),
    ("{}", "deserialize_invalid_payload"),
    (payload_of(run_ref="no ref"), "deserialize_invalid_ref"),
    (payload_of(colour="red"), "deserialize_unknown_field"),
    (payload_of(status="sleeping"), "context_invalid_status"),
    (payload_of(schema_version="9.0.0"), "validation_failed"),
    (payload_of(extensions=[{"namespace": "acme.job", "fields": {"a": 1}}]), "validation_failed"),
]


@pytest.mark.parametrize(("payload", "code"), POISON)
def test_a_row_that_cannot_be_read_costs_itself_only(
    store: MetadataStore, payload: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    poison(store, payload)
    with caplog.at_level(logging.WARNING):
        assert store.runs.list_runs() == (run(),)
    assert "1 rows of runs cannot be read (run:p.bad)" in caplog.text
    assert [(row.table, row.ref, row.code) for row in store.degraded_rows()] == [("runs", "run:p.bad", code)]
    for read in (store.runs.get_run, store.runs.find_run, store.build_run_snapshot):
        with pytest.raises(IntegrityError) as caught:
            read("run:p.bad")
        assert caught.value.code == "metadata_row_unreadable"
        assert caught.value.details == {"table": "runs", "ref": "run:p.bad", "reason": code}
    assert store.runs.exists_run("run:p.bad")
    store.put_many([stage("p.bad.s")])
    store.runs.put_run(run("p.bad"))
    assert store.runs.list_runs() == (run("p.bad"), run())


@settings(max_examples=30, deadline=None)
@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_payload_whatsoever_is_fatal(payload: str) -> None:
    store = SHARED
    store.duckdb.execute(
        "update runs set payload_json = ? where ref = 'run:p.bad'",
        [payload.encode("utf-8", "replace").decode()],
    )
    assert store.runs.list_runs() == (run(),)
    assert [row.ref for row in store.degraded_rows()] == ["run:p.bad"]


SHARED = store_at(":memory:")
SHARED.put_many([project(), run(), run("p.bad")])


def test_an_extension_that_was_declared_is_read() -> None:
    store = MetadataStore(
        MetadataStoreConfig(database_path=":memory:"), registry=ExtensionRegistry(["acme.job"])
    )
    extended = run().replace(extensions=(ExtensionFieldSet("acme.job", {"queue": "gpu"}),))
    store.put_many([project(), extended])
    assert store.runs.list_runs() == (extended,)
    assert store.degraded_rows() == ()


def test_an_extension_that_was_not_declared_can_be_put_and_is_told(store: MetadataStore) -> None:
    extended = run().replace(extensions=(ExtensionFieldSet("acme.job", {"queue": "gpu"}),))
    store.put_many([project(), extended, run("p.good")])
    assert store.runs.list_runs() == (run("p.good"),)
    assert "acme.job" in store.degraded_rows()[0].message


def test_a_whole_ledger_has_no_faults(store: MetadataStore) -> None:
    store.put_many(family())
    report = store.check_integrity()
    assert report.ok
    assert report.rows == 2 * len(family()) + 1
    assert store.plan_repairs() == ()


@pytest.mark.parametrize(
    ("damage", "code", "table", "ref"),
    [
        ("update runs set payload_json = 'x'", "row_unreadable", "runs", "run:p.r"),
        ("update runs set status = 'failed'", "row_mismatch", "runs", "run:p.r"),
        ("update stage_executions set order_index = 3", "row_mismatch", "stage_executions", "stage:p.r.s"),
        ("delete from relations", "parent_missing", "provenance_records", "provenance:p.one"),
        (
            "delete from structural_ref_registry where ref_kind = 'batch'",
            "ref_not_registered",
            "batch_executions",
            "batch:p.r.s.b",
        ),
        (
            "delete from provenance_records",
            "registered_owner_missing",
            "structural_ref_registry",
            "provenance:p.one",
        ),
    ],
)
def test_faults_are_found_and_a_repair_is_planned(
    store: MetadataStore, damage: str, code: str, table: str, ref: str
) -> None:
    store.put_many(family())
    store.duckdb.execute(damage)
    issues = {(issue.code, issue.table, issue.ref) for issue in store.check_integrity().issues}
    assert (code, table, ref) in issues
    before = store.duckdb.query_all("from structural_ref_registry")
    assert {repair.issue.code for repair in store.plan_repairs()} == {found for found, _, _ in issues}
    assert all(repair.action for repair in store.plan_repairs())
    assert store.duckdb.query_all("from structural_ref_registry") == before


def test_a_snapshot_of_a_run_holds_all_that_hangs_on_it(store: MetadataStore) -> None:
    store.put_many([*family(), run("p.other"), stage("p.other.s"), deployment("p.unlinked")])
    store.put_many([relation("p.far", "run:p.other", "artifact:p.other.m"), provenance("p.two")])
    snapshot = store.build_run_snapshot("run:p.r")
    assert snapshot.project == project()
    assert snapshot.run == run()
    assert snapshot.deployments == (deployment(run_ref="run:p.r"),)
    assert snapshot.stages == (stage(),)
    assert snapshot.batches == (batch(),)
    assert snapshot.samples == (sample("p.r.s.b.x"), sample())
    assert snapshot.environments == (environment(),)
    assert snapshot.relations == (relation(),)
    assert snapshot.provenance == (provenance(), provenance("p.two"))
    assert [str(ref) for ref in snapshot.scoped_refs] == [
        "run:p.r",
        "deployment:p.d",
        "stage:p.r.s",
        "batch:p.r.s.b",
        "sample:p.r.s.b.x",
        "sample:p.r.s.x",
        "environment:p.r.e",
    ]


def test_there_is_no_snapshot_of_an_unknown_run(store: MetadataStore) -> None:
    with pytest.raises(NotFoundError) as caught:
        store.build_run_snapshot("run:p.r")
    assert caught.value.code == "metadata_row_not_found"
