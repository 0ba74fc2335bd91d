"""A ledger is read from a copy: its writer never notices, and whatever is wrong in it costs only itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import duckdb
import pytest

from contexta.catalog import ledger
from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.query.results import NodeKind, NodeRow, SourceRow
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.catalog.ledgers import make, put, put_batch, put_run
from tests.lines import BATCH, RUN, Lines

STARTED = "2026-01-01T00:00:00Z"


class Ledger:
    """A workspace with a ledger, and a catalog that follows it."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / ".contexta"
        self.path = make(self.workspace)
        self.catalog = Catalog.in_memory([self.workspace])
        self.indexer = Indexer(self.catalog, [self.workspace])
        self.reader = CatalogReader(self.catalog)

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(self.path) as connection:
            yield connection
        self.look()

    def look(self) -> None:
        self.indexer.catch_up()

    @property
    def source(self) -> SourceRow:
        (source,) = (source for source in self.reader.sources() if source.kind == "ledger")
        return source

    def node(self, ref: str) -> NodeRow:
        node = self.reader.find(ref)
        assert node is not None, ref
        return node

    def check(self) -> None:
        self.look()
        expected = catalog_tables.fresh(self.workspace)
        assert catalog_tables.without_order(self.catalog) == catalog_tables.without_order(expected)
        expected.close()


@pytest.fixture
def stored(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


@contextmanager
def holder(path: Path) -> Iterator[tuple[subprocess.Popen[str], IO[str], IO[str]]]:
    """Another process that has the ledger open for writing."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.catalog.hold_ledger", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process, process.stdin, process.stdout
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


def test_a_ledger_that_another_process_holds_is_read_and_its_holder_goes_on_writing(stored: Ledger) -> None:
    with holder(stored.path) as (process, questions, answers):
        stored.look()
        assert stored.node(RUN).status == "open"
        assert stored.source.state == "locked"
        assert stored.source.detail == f"held by process {process.pid}; read from a copy"
        for number in range(2, 6):
            questions.write("\n")
            questions.flush()
            assert answers.readline() == "written\n"
            stored.look()
            assert stored.node(f"run:demo.r{number}").status == "completed"
        with pytest.raises(duckdb.IOException):
            duckdb.connect(stored.path)
        assert process.poll() is None
    assert process.returncode == 0
    stored.look()
    assert (stored.source.state, stored.reader.counts().runs) == ("ok", 5)


def test_what_is_only_in_the_log_after_a_kill_is_read_and_neither_file_is_touched(stored: Ledger) -> None:
    with holder(stored.path) as (process, _, _):
        process.kill()
        process.wait()
    log = stored.path.with_name("ledger.db.wal")
    assert log.exists()
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in (stored.path, log)]
    stored.look()
    assert stored.node(RUN).status == "open"
    assert [(path.stat().st_mtime_ns, path.read_bytes()) for path in (stored.path, log)] == before


def test_a_process_that_holds_the_ledger_itself_keeps_its_lock(stored: Ledger) -> None:
    with duckdb.connect(stored.path) as connection:
        put_run(connection, RUN, "open", STARTED)
        stored.look()
        assert (stored.node(RUN).status, stored.source.state) == ("open", "ok")
        attempt = f"import duckdb; duckdb.connect({str(stored.path)!r})"
        other = subprocess.run([sys.executable, "-c", attempt], capture_output=True, check=False)
        assert b"lock" in other.stderr


def test_states_follow_the_ledger(stored: Ledger) -> None:
    with stored.writing() as connection:
        put_run(connection, RUN, "open", STARTED)
        put_batch(connection, BATCH, "open", order=1)
    assert (stored.node(RUN).status, stored.node(BATCH).status) == ("open", "open")
    with stored.writing() as connection:
        put_run(connection, RUN, "failed", STARTED, "2026-01-01T00:05:00Z")
        put_batch(connection, BATCH, "failed", order=1, ended_at="2026-01-01T00:04:00Z")
    assert (stored.node(RUN).status, stored.node(BATCH).status) == ("failed", "failed")
    assert (stored.node(RUN).failed_below, stored.node(RUN).ended_at) == (1, 1_767_225_900_000_000)
    stored.check()


def test_a_ledger_that_takes_back_what_it_said_is_believed(stored: Ledger) -> None:
    with stored.writing() as connection:
        put_run(connection, RUN, "completed", STARTED, "2026-01-01T00:05:00Z")
        put_run(connection, "run:demo.r2", "open", STARTED)
    with stored.writing() as connection:
        put_run(connection, RUN, "open", STARTED)
    assert stored.node(RUN).status == "open"
    with stored.writing() as connection:
        connection.execute("delete from runs where ref = 'run:demo.r2'")
        put_run(connection, "run:demo.r3", "open", STARTED)
    assert stored.reader.find("run:demo.r2") is None
    stored.check()


@pytest.mark.parametrize(("captured_at", "status"), [(1, "completed"), (-(10**8), "failed")])
def test_the_later_statement_wins_whether_captured_or_stored(
    stored: Ledger, captured_at: float, status: str
) -> None:
    capture = stored.workspace / "cache" / "capture"
    capture.mkdir(parents=True)
    line = Lines().at(captured_at).scope("Run", RUN, "completed")
    with duckdb.connect(stored.path) as connection:
        put_run(connection, RUN, "failed", "2024-01-01T00:00:00Z", "2025-06-01T00:00:00Z")
    (capture / "context.jsonl").write_bytes(line)
    stored.look()
    assert stored.node(RUN).status == status
    assert stored.node(RUN).origin.labels() == ("captured", "stored")
    other = Catalog.in_memory([stored.workspace])
    indexer = Indexer(other, [stored.workspace])
    away = stored.path.rename(stored.path.with_name("away"))
    indexer.catch_up()
    away.rename(stored.path)
    indexer.catch_up()
    found = CatalogReader(other).find(RUN)
    assert found is not None
    assert found.status == status
    other.close()


def test_rows_whose_payload_cannot_be_read_are_told_once_and_shown_by_their_columns(stored: Ledger) -> None:
    with stored.writing() as connection:
        put_run(connection, "run:demo.good", "completed", STARTED)
        for number, payload in enumerate(("{bad", "[1]", "5", "", None, "null")):
            put(
                connection,
                "runs",
                ref=f"run:demo.r{number}",
                project_ref="project:demo",
                name="shown",
                started_at=STARTED,
                status="failed",
                payload_json=payload,
            )
        put(connection, "runs", ref="run:x; drop", status="failed", payload_json="{}")
        foreign = {"run_ref": 5, "status": {"a": 1}, "started_at": [1], "extensions": {"x": 1}, "name": None}
        put(connection, "runs", ref="run:demo.odd", name="odd", payload_json=json.dumps(foreign))
    assert stored.node("run:demo.good").status == "completed"
    assert {stored.node(f"run:demo.r{number}").status for number in range(6)} == {"failed"}
    assert stored.node("run:demo.odd").status == "unknown"
    assert (stored.source.state, stored.source.lines, stored.source.damaged_lines) == ("ok", 9, 7)
    (issue,) = (issue for issue in stored.reader.issues() if issue.code == "damaged_line")
    assert issue.summary.startswith("7 rows cannot be read, the first of them: run:demo.r0 in runs: ")
    stored.check()


def test_columns_that_are_missing_cost_only_what_they_held(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    (workspace / "metadata").mkdir(parents=True)
    with duckdb.connect(workspace / "metadata" / "ledger.db") as connection:
        connection.execute("create table runs (ref varchar, status varchar)")
        connection.execute("insert into runs values (?, 'failed')", [RUN])
        connection.execute("create view projects as select 1 as ref")
    catalog = catalog_tables.fresh(workspace)
    found = CatalogReader(catalog).find(RUN)
    assert found is not None
    assert found.status == "failed"
    catalog.close()


def _another_version(path: Path) -> None:
    with duckdb.connect(path) as connection:
        connection.execute("update schema_metadata set store_schema_version = '2'")


def _damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8:400] = bytes(byte ^ 0xFF for byte in data[8:400])
    path.write_bytes(data)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link_outside(path: Path) -> None:
    outside = path.parents[2] / "outside.db"
    shutil.move(path, outside)
    path.symlink_to(outside)


def _endless_log(path: Path) -> None:
    path.with_name("ledger.db.wal").symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_another_version, "its schema version is 2, this explorer reads version 1"),
        (_damaged, "DuckDB says: "),
        (lambda path: path.write_bytes(b""), "DuckDB says: "),
        (lambda path: path.write_bytes(b"garbage" * 9_000), "DuckDB says: "),
        (_pipe, "not a regular file"),
        (_folder, "not a regular file"),
        (_link_outside, "a link that leads out of the workspace"),
        (_endless_log, "not a regular file"),
    ],
)
def test_a_ledger_that_cannot_be_read_says_why_and_costs_nothing_else(
    stored: Ledger, change: object, says: str
) -> None:
    change(stored.path)  # type: ignore[operator]
    capture = stored.workspace / "cache" / "capture"
    capture.mkdir(parents=True)
    (capture / "record.jsonl").write_bytes(Lines().metric(RUN, "loss", 1))
    stored.look()
    assert stored.source.state == "unreadable"
    assert stored.source.detail.startswith(says)
    assert "\n" not in stored.source.detail
    assert stored.reader.counts().records == 1


def test_a_ledger_that_becomes_unreadable_leaves_what_was_read(stored: Ledger) -> None:
    with stored.writing() as connection:
        put_run(connection, RUN, "open", STARTED)
    _damaged(stored.path)
    os.utime(stored.path, (1, 1))
    stored.look()
    assert stored.source.state == "unreadable"
    assert stored.node(RUN).status == "open"


def test_a_ledger_that_is_always_being_written_is_tried_again_later(
    stored: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with duckdb.connect(stored.path) as connection:
        put_run(connection, RUN, "open", STARTED)
    copy = ledger._duplicate

    def restless(source: Path, target: Path) -> None:
        copy(source, target)
        os.utime(source)

    monkeypatch.setattr(ledger, "_duplicate", restless)
    stored.look()
    assert stored.reader.find(RUN) is None
    monkeypatch.undo()
    stored.look()
    assert stored.node(RUN).status == "open"


def test_stored_batches_stand_in_their_stated_order_before_captured_ones(stored: Ledger) -> None:
    capture = stored.workspace / "cache" / "capture"
    capture.mkdir(parents=True)
    lines = Lines()
    stage = "demo.r1.train"
    (capture / "record.jsonl").write_bytes(
        b"".join(lines.metric(f"batch:{stage}.{name}", "loss", 1) for name in ("seen-1", "b", "seen-2"))
    )
    stored.look()
    with stored.writing() as connection:
        for name, order in (("c", 2), ("a", 0), ("b", 1), ("last", None)):
            put_batch(connection, f"batch:{stage}.{name}", "completed", order=order)
    names = ["a", "b", "c", "last", "seen-1", "seen-2"]
    parent = stored.node(f"stage:{stage}")
    rows = stored.reader.children(parent.id, NodeKind.BATCH, 0, 10)
    assert [row.name for row in rows] == names
    assert [row.position for row in rows] == list(range(6))
    expected = CatalogReader(catalog_tables.fresh(stored.workspace))
    again = expected.find(f"stage:{stage}")
    assert again is not None
    assert [row.name for row in expected.children(again.id, NodeKind.BATCH, 0, 10)] == names
    expected.close()


def test_times_are_instants_whatever_their_offset(stored: Ledger) -> None:
    with stored.writing() as connection:
        put_run(connection, RUN, "completed", "2026-01-01T02:00:00+02:00", "2026-01-01T00:00:01Z")
    assert (stored.node(RUN).started_at, stored.node(RUN).ended_at) == (
        1_767_225_600_000_000,
        1_767_225_601_000_000,
    )
