"""Who may write a ledger when, what is made on disk, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pytest

from contexta import Contexta
from contexta.contract.context import Project
from contexta.errors import (
    ConfigurationError,
    MetadataError,
    NotFoundError,
    ReadOnlyStoreError,
    SchemaVersionError,
    StoreAccessError,
)
from contexta.store import MetadataStore, MetadataStoreConfig, open_ledger
from contexta.store.ledger_engine import open_failed
from tests.store.ledger_models import START, project, run, sample, stage, store_at

PREAMBLE = """
import os, sys
from pathlib import Path
from tests.store.ledger_models import *
path = Path(sys.argv[1])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "metadata" / "ledger.db"


@pytest.fixture
def store(path: Path) -> MetadataStore:
    return store_at(path)


@contextmanager
def other_process(program: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs a program, which prints a line when it is where the test wants it."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + program, str(path)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def header_version(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[12:20], "little")


# On disk


def test_looking_makes_nothing(path: Path, store: MetadataStore) -> None:
    assert store.projects.list_projects() == ()
    assert store.projects.find_project("project:p") is None
    assert store.check_integrity().ok
    assert store.degraded_rows() == ()
    assert store.get_store_schema_version() == "1"
    store.close()
    assert not path.parent.parent.exists()


def test_a_new_ledger_is_private_and_readable_by_older_duckdb(path: Path, store: MetadataStore) -> None:
    old = os.umask(0)
    try:
        store.projects.put_project(project())
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)] == [
        0o700
    ] * 2
    assert header_version(path) == 64
    store.projects.put_project(project("q"))
    store.close()
    assert header_version(path) == 64
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]


def test_what_a_kill_left_while_a_ledger_was_made_is_removed(path: Path, store: MetadataStore) -> None:
    for name, age in (("old", 3_600), ("young", 1)):
        left = path.with_name(f".ledger-{name}")
        left.mkdir(parents=True)
        (left / "ledger.db").write_bytes(b"half")
        os.utime(left, (time.time() - age,) * 2)
    store.projects.put_project(project())
    store.close()
    assert {one.name for one in path.parent.iterdir()} == {".ledger-young", "ledger.db"}


def test_what_is_kept_in_the_log_is_as_private_as_the_file(path: Path, store: MetadataStore) -> None:
    old = os.umask(0)
    try:
        store.put_many([project(), run(), stage()])
        store.samples.put_sample_observation(sample("p.r.s.last"))
    finally:
        os.umask(old)
    log = path.with_name("ledger.db.wal")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert store_at(path, read_only=True).samples.exists_sample_observation("sample:p.r.s.last")
    store.close()
    assert not log.exists()
    assert store.samples.exists_sample_observation("sample:p.r.s.last")


def test_without_auto_create_there_must_be_a_ledger(path: Path) -> None:
    with pytest.raises(StoreAccessError, match="auto_create") as caught:
        store_at(path, auto_create=False).projects.put_project(project())
    assert caught.value.code == "metadata_store_open_failed"
    assert not path.parent.exists()


def test_a_ledger_in_memory_belongs_to_its_store() -> None:
    first, second = store_at(":memory:"), store_at(":memory:")
    first.projects.put_project(project())
    assert first.projects.list_projects() == (project(),)
    assert second.projects.list_projects() == ()
    first.close()
    assert first.projects.list_projects() == ()


def test_the_facade_makes_the_ledger_of_its_workspace(tmp_path: Path) -> None:
    ctx = Contexta(workspace=tmp_path / "ws", config={"project_name": "p"})
    assert ctx.metadata_store is ctx.metadata_store
    assert ctx.metadata_store.projects.list_projects() == ()
    assert not (tmp_path / "ws").exists()
    ctx.metadata_store.projects.put_project(project())
    assert (tmp_path / "ws" / "metadata" / "ledger.db").is_file()


def test_settings_of_the_workspace_count(tmp_path: Path) -> None:
    with pytest.raises(ReadOnlyStoreError):
        open_ledger(tmp_path, {"read_only": True}).projects.put_project(project())
    assert open_ledger(tmp_path, {"database_path": "x/y.db"}).config.database_path == tmp_path / "x" / "y.db"
    assert open_ledger(tmp_path, {"database_path": ":memory:"}).config.database_path == ":memory:"
    for wrong in ({"read_only": "yes"}, {"database_path": 3}, {"lock_timeout_seconds": -1}):
        with pytest.raises(ConfigurationError) as caught:
            open_ledger(tmp_path, wrong)
        assert caught.value.code == "invalid_config_value"
    with pytest.raises(ConfigurationError):
        MetadataStoreConfig(storage_adapter="sqlite")


def test_importing_the_facade_loads_no_database() -> None:
    program = "import sys; from contexta import Contexta; print({'duckdb', 'pydantic'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


# Files that are no ledger


@pytest.mark.parametrize("content", [b"", b"no database" * 999, bytes(12) + b"\xff" * 99])
def test_a_file_that_is_no_database_is_refused_and_kept(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    store = store_at(path)
    for attempt in (store.projects.list_projects, lambda: store.projects.put_project(project())):
        with pytest.raises(StoreAccessError) as caught:
            attempt()
        assert caught.value.code == "metadata_store_open_failed"
        assert caught.value.details == {"database_path": str(path)}
        assert isinstance(caught.value.cause, duckdb.Error)
        assert not caught.value.retryable
    assert path.read_bytes() == content


def test_a_folder_or_pipe_in_its_place_is_refused_at_once(path: Path, tmp_path: Path) -> None:
    path.mkdir(parents=True)
    pipe = tmp_path / "pipe.db"
    os.mkfifo(pipe)
    for odd in (path, pipe):
        with pytest.raises(StoreAccessError, match="no regular file"):
            store_at(odd).projects.list_projects()
        with pytest.raises(StoreAccessError, match="no regular file"):
            store_at(odd).projects.put_project(project())


@pytest.mark.parametrize(
    "change",
    [
        "update schema_metadata set store_schema_version = '2'",
        "delete from schema_metadata",
        "insert into schema_metadata values ('2', '')",
        "drop table schema_metadata",
    ],
)
def test_a_foreign_schema_version_is_refused_and_nothing_written(
    path: Path, store: MetadataStore, change: str
) -> None:
    store.projects.put_project(project())
    with duckdb.connect(path) as connection:
        connection.execute(change)
    before = path.read_bytes()
    for attempt in (
        store.projects.list_projects,
        store.get_store_schema_version,
        lambda: store.projects.put_project(project()),
    ):
        with pytest.raises(SchemaVersionError) as caught:
            attempt()
        assert caught.value.code == "metadata_store_schema_version_unsupported"
    assert path.read_bytes() == before


def test_an_empty_database_becomes_a_ledger(path: Path) -> None:
    path.parent.mkdir(parents=True)
    duckdb.connect(path).close()
    store = store_at(path)
    assert store.projects.list_projects() == ()
    store.projects.put_project(project())
    assert store.projects.list_projects() == (project(),)


# Read-only


def test_a_read_only_store_reads_and_refuses_to_write(path: Path, store: MetadataStore) -> None:
    store.projects.put_project(project())
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    reader = store_at(path, read_only=True)
    assert reader.projects.list_projects() == (project(),)
    for attempt in (
        lambda: reader.projects.put_project(project("q")),
        lambda: reader.put_many([project("q")]),
        lambda: reader.duckdb.execute("delete from projects"),
        lambda: reader.transaction().__enter__(),
    ):
        with pytest.raises(ReadOnlyStoreError) as caught:
            attempt()
        assert caught.value.code == "metadata_store_read_only"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    store.projects.put_project(project("q"))
    assert len(reader.projects.list_projects()) == 2


def test_a_read_only_folder_can_be_read(path: Path, store: MetadataStore) -> None:
    store.projects.put_project(project())
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        assert store.projects.list_projects() == (project(),)
    finally:
        path.parent.chmod(0o700)


def test_a_question_by_sql_changes_nothing(store: MetadataStore) -> None:
    store.projects.put_project(project())
    with pytest.raises(MetadataError) as caught:
        store.duckdb.query_all("delete from projects")
    assert caught.value.code == "metadata_statement_failed"
    assert store.duckdb.query_all("select ref from projects where name = ?", ["p"]) == [("project:p",)]
    assert store.duckdb.query_one("select ref from projects where name = 'q'") is None
    store.duckdb.execute("delete from projects where name = ?", ["p"])
    assert store.projects.list_projects() == ()
    assert store.duckdb.get_schema_version() == "1"


# Transactions


def test_a_transaction_is_all_or_nothing(store: MetadataStore) -> None:
    def stop() -> None:
        with store.transaction():
            store.projects.put_project(project())
            assert store.projects.list_projects() == (project(),)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop()
    assert store.projects.list_projects() == ()
    with store.duckdb.transaction():
        store.projects.put_project(project())
        with store.transaction():
            store.runs.put_run(run())
    assert store.runs.list_runs() == (run(),)


def test_a_failed_inner_block_dooms_the_outer_one(store: MetadataStore) -> None:
    def go_on() -> None:
        with store.transaction():
            store.projects.put_project(project())
            with suppress(RuntimeError), store.transaction():
                raise RuntimeError("swallowed")

    with pytest.raises(MetadataError) as caught:
        go_on()
    assert caught.value.code == "metadata_transaction_failed"
    assert store.projects.list_projects() == ()
    store.projects.put_project(project())


def test_a_put_that_is_refused_leaves_the_transaction_usable(store: MetadataStore) -> None:
    with store.transaction():
        store.projects.put_project(project())
        with pytest.raises(NotFoundError):
            store.stages.put_stage_execution(stage())
        store.runs.put_run(run())
    assert store.runs.list_runs() == (run(),)


def test_a_statement_that_fails_costs_the_whole_transaction(store: MetadataStore) -> None:
    def go_on() -> None:
        with store.transaction():
            store.projects.put_project(project())
            with pytest.raises(MetadataError, match="refused a statement"):
                store.duckdb.execute("insert into projects select * from projects")
            store.runs.put_run(run())

    with pytest.raises(MetadataError) as caught:
        go_on()
    assert caught.value.code in {"metadata_statement_failed", "metadata_transaction_failed"}
    assert store.projects.list_projects() == ()


# Threads and processes


def test_threads_share_a_store(store: MetadataStore) -> None:
    store.put_many([project(), run(), stage()])
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for index in range(5):
                store.samples.put_sample_observation(sample(f"p.r.s.t{number}-{index}"))
                assert store.samples.exists_sample_observation(f"sample:p.r.s.t{number}-{index}")
                assert store.samples.list_sample_observations(run_ref="run:p.r")
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(store.samples.list_sample_observations()) == 20


def test_two_stores_of_one_process_share_the_file(path: Path, store: MetadataStore) -> None:
    other = store_at(path.parent / ".." / "metadata" / "ledger.db")
    with store.transaction():
        store.projects.put_project(project())
        other.runs.put_run(run())
    assert other.runs.list_runs() == store.runs.list_runs() == (run(),)


def test_a_thread_that_waits_too_long_says_so(path: Path, store: MetadataStore) -> None:
    impatient = store_at(path, lock_timeout_seconds=0.05)
    caught: list[StoreAccessError] = []

    def work() -> None:
        try:
            impatient.projects.list_projects()
        except StoreAccessError as error:
            caught.append(error)

    with store.transaction():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [error.details["holder_pid"] for error in caught] == [os.getpid()]
    assert caught[0].retryable


def test_a_ledger_held_by_another_process_is_read_but_not_written(path: Path, store: MetadataStore) -> None:
    store.projects.put_project(project())
    hold = """
import duckdb
connection = duckdb.connect(str(path))
connection.execute("insert into projects select 'project:q', 'q', created_at,"
    " replace(payload_json, ':p\\"', ':q\\"') from projects")
print("held", flush=True)
sys.stdin.read()
"""
    impatient = store_at(path, lock_timeout_seconds=0.2)
    with other_process(hold, path) as process:
        assert first_line(process) == "held"
        assert [str(each.project_ref) for each in impatient.projects.list_projects()] == [
            "project:p",
            "project:q",
        ]
        begin = time.monotonic()
        with pytest.raises(StoreAccessError, match=f"process {process.pid} holds it") as caught:
            impatient.projects.put_project(project("z"))
        assert 0.2 <= time.monotonic() - begin < 5
    assert caught.value.code == "metadata_store_open_failed"
    assert caught.value.details == {"database_path": str(path), "holder_pid": process.pid}
    assert caught.value.retryable
    assert isinstance(caught.value.cause, duckdb.IOException)
    impatient.projects.put_project(project("z"))


def test_two_processes_that_put_at_once_wait_for_each_other(path: Path, store: MetadataStore) -> None:
    store.put_many([project(), run(), stage()])
    puts = """
store = store_at(path, lock_timeout_seconds=30.0)
print("ready", flush=True)
sys.stdin.readline()
for number in range(12):
    store.samples.put_sample_observation(sample(f"p.r.s.{os.getpid()}-{number}"))
print("done", flush=True)
"""
    with other_process(puts, path) as one, other_process(puts, path) as two:
        for process in (one, two):
            assert first_line(process) == "ready"
        for process in (one, two):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in (one, two):
            assert first_line(process) == "done"
            process.wait()
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]
    assert len(store.samples.list_sample_observations()) == 24
    assert store.check_integrity().ok


def test_a_kill_in_a_transaction_leaves_the_old_state(path: Path, store: MetadataStore) -> None:
    store.put_many([project(), run(), stage()])
    writes = """
store = store_at(path)
with store.transaction():
    store.samples.put_many(sample(f"p.r.s.x{number}") for number in range(300))
    store.runs.put_run(run(started_at="2026-01-01T00:00:00Z"))
    print("written", flush=True)
    sys.stdin.read()
"""
    with other_process(writes, path) as process:
        assert first_line(process) == "written"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert store.samples.list_sample_observations() == ()
    assert store.runs.list_runs() == (run(),)
    assert store.check_integrity().ok
    store.samples.put_sample_observation(sample())
    assert store.samples.list_sample_observations() == (sample(),)


def test_a_kill_after_a_put_loses_nothing(path: Path, store: MetadataStore) -> None:
    writes = """
store = store_at(path)
store.put_many([project(), run(), stage()])
for number in range(100):
    store.samples.put_sample_observation(sample(f"p.r.s.x{number}"))
    print(number, flush=True)
"""
    with other_process(writes, path) as process:
        lines = [first_line(process) for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        process.wait()
    acknowledged = [f"sample:p.r.s.x{line}" for line in lines]
    stored = {str(each.sample_observation_ref) for each in store.samples.list_sample_observations()}
    assert set(acknowledged) <= stored


def in_child(work: Callable[[], None]) -> int:
    """Run something in a forked child and return its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_its_own_turn(store: MetadataStore) -> None:
    store.projects.put_project(project())
    assert store.projects.list_projects() == (project(),)
    assert in_child(lambda: store.put_many([run(), stage()]) and None) == 0
    store.projects.put_project(project("q"))
    assert store.stages.list_stage_executions("run:p.r") == (stage(),)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_in_a_transaction_leaves_it_to_its_parent(store: MetadataStore) -> None:
    def leave(block: Iterator[None]) -> None:
        with pytest.raises(StopIteration):
            next(block)

    def block() -> Iterator[None]:
        with store.transaction():
            store.projects.put_project(project())
            yield

    running = block()
    next(running)
    assert in_child(lambda: leave(running)) == 0
    store.runs.put_run(run())
    leave(running)
    assert store.runs.list_runs() == (run(),)


def test_nothing_is_written_when_the_disk_is_full(path: Path, store: MetadataStore) -> None:
    store.put_many([project(), run(), stage()])
    writes = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
store = store_at(path)
try:
    store.samples.put_many(sample(f"p.r.s.x{number}") for number in range(500))
except Exception as error:
    print(type(error).__name__, getattr(error, "code", ""), flush=True)
else:
    print("written", flush=True)
"""
    with other_process(writes, path) as process:
        assert first_line(process) == "MetadataError metadata_transaction_failed"
        process.wait()
    assert store.samples.list_sample_observations() == ()
    assert store.check_integrity().ok


def test_an_engine_that_answers_nothing_any_more_is_replaced(
    path: Path, store: MetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(engine: duckdb.DuckDBPyConnection, path: Path) -> None:
        # As DuckDB leaves an engine when a file could not be forced to the disk.
        engine.close()
        raise open_failed(path, "the disk failed.")

    with monkeypatch.context() as patch:
        patch.setattr("contexta.store.ledger_file.create", fail)
        with pytest.raises(StoreAccessError, match="the disk failed"):
            store.projects.put_project(project())
    store.projects.put_project(project())
    assert store.projects.exists_project("project:p")


def test_a_context_manager_closes(path: Path) -> None:
    with store_at(path) as store:
        store.projects.put_project(Project("project:p", "p", START))
    assert store.projects.exists_project("project:p")
