"""A reader answers on any thread, while another one writes, and after its catalog is gone."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from contexta import reader as reading
from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.diagnostics.run import lasting
from contexta.query.port import Queries
from contexta.query.results import Issue, NodeKind, Status
from contexta.reader import CatalogReader
from tests.catalogs import finder, reader_of
from tests.lines import BATCH, RUN, SAMPLE, Lines


def test_it_is_what_an_explorer_asks() -> None:
    queries: Queries = reader_of(Lines().metric(RUN, "loss", 1))
    assert queries.counts().records == 1


def test_every_question_is_answered_empty_once_the_catalog_is_closed() -> None:
    lines = Lines()
    reader = reader_of(lines.metric(SAMPLE, "correct", 0))
    node = finder(reader)(RUN).id
    reader.close()
    assert reader.counts().records == 0
    assert reader.runs_with(Status.OPEN) == 0
    assert reader.sources() == reader.projects() == reader.children(node, NodeKind.STAGE, 0, 9) == ()
    assert (
        reader.node(node) is reader.find(RUN) is reader.next_failure(None) is reader.newest_activity() is None
    )
    assert reader.nodes((node,)) == {}
    assert reader.matches("r1").total == 0
    assert reader.metrics(node) == reader.reasons(node) == reader.records(node) == reader.issues() == ()
    assert reader.series(node, ("correct",), 9)[0].points == ()
    assert reader.record(1) is None
    assert reader.lineage(None).deployments == reader.lineage(node).artifacts == ()
    assert reader.snapshot(NodeKind.SAMPLE).projects == []


def test_each_answer_is_of_one_moment_while_another_thread_writes(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    journal = workspace / "cache" / "capture" / "record.jsonl"
    journal.parent.mkdir(parents=True)
    catalog = Catalog.in_memory([workspace])
    indexer = Indexer(catalog, [workspace])
    reader = CatalogReader(catalog)
    done = threading.Event()
    wrong: list[object] = []

    def ask() -> None:
        while not done.is_set():
            counts = reader.counts()
            if counts.records != counts.metrics or counts.records % 5:
                wrong.append(counts)
            node = reader.find(BATCH)
            if node is not None and len(reader.records(node.id, limit=1_000)) % 5:
                wrong.append(node)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    lines = Lines()
    for number in range(12):
        with journal.open("ab") as file:
            file.write(b"".join(lines.metric(BATCH, "loss", number) for _ in range(5)))
        indexer.catch_up()
    done.set()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert reader.counts().records == 60
    catalog.close()


def test_a_snapshot_goes_as_deep_as_asked() -> None:
    lines = Lines()
    reader = reader_of(
        lines.metric(SAMPLE, "correct", 0)
        + lines.scope("BatchExecution", BATCH, "failed")
        + lines.artifact("model")
        + lines.scope("DeploymentExecution", "deployment:demo.canary", "failed", run_ref=RUN)
    )
    found = {
        depth: reader.snapshot(depth).model_dump(by_alias=True, mode="json")
        for depth in NodeKind
        if depth in ("run", "stage", "batch", "sample")
    }
    for depth, snapshot in found.items():
        assert snapshot["schema"] == "contexta-tui/snapshot/1"
        assert snapshot["counts"]["samples"] == 1
        (project,) = snapshot["projects"]
        (run,) = project["runs"]
        assert run["artifacts"][0]["ref"] == "artifact:demo.r1.model"
        assert project["deployments"][0]["run_ref"] == RUN
        assert bool(run["stages"]) is (depth != "run")
        if run["stages"]:
            (stage,) = run["stages"]
            assert stage["sample_count"] == 1
            assert bool(stage["batches"]) is (depth in ("batch", "sample"))
            for batch in stage["batches"]:
                assert (batch["status"], batch["sample_count"]) == ("failed", 1)
                assert bool(batch["samples"]) is (depth == "sample")
        assert {"failed_batch", "failed_deployment", "failed_sample"} <= {
            i["code"] for i in snapshot["issues"]
        }


def test_a_diagnosis_stands_for_as_long_as_patience_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(reading, "lasting", lambda _cursor: asked.append(1) or ())
    monkeypatch.setattr(reading, "Effort", lambda: SimpleNamespace(seconds=10.0))
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    catalog = Catalog.in_memory(())
    patient = CatalogReader(catalog, patience=2.0)
    patient.issues()  # For 10 seconds until 0, so it stands until 20.
    for at, expected in ((10, 1), (20, 2)):
        with catalog.transaction():
            pass
        patient.issues()
        assert len(asked) == expected, at
    patient.settle()
    patient.issues()
    assert len(asked) == 3
    catalog.close()


def test_the_first_diagnosis_of_many_records_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MANY_RECORDS", 0)
    reader = reader_of(Lines().scope("BatchExecution", BATCH, "failed") + Lines().metric(BATCH, "loss", 1))
    asked = threading.Event()
    go_on = threading.Event()

    def slow(cursor: duckdb.DuckDBPyConnection) -> tuple[Issue, ...]:
        asked.set()
        go_on.wait(30)
        return lasting(cursor)

    monkeypatch.setattr(reading, "lasting", slow)
    assert reader.issues_at_once() is None
    assert asked.wait(30)
    assert reader.issues_at_once() is None
    go_on.set()
    issues = reader.issues()
    assert [issue.code for issue in issues] == ["failed_batch"]
    assert reader.issues_at_once() == issues
