"""The record store among other processes, full disks and sudden ends."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contexta.errors import AppendError, RecordError, StoreAccessError
from contexta.store import disk
from contexta.store.segments import RecordStore, StoreConfig
from tests.store.building import lines, metric, run_python, segment, start_python


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "records"


@contextmanager
def lock_held(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(fd)


def failing(number: int, calls: int = 1) -> Callable[..., int]:
    """A system call that fails so many times, and then is the real one."""
    real = {"write": os.write, "fsync": os.fsync}
    left = [calls]

    def call(fd: int, *rest: object) -> int:
        if left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        return real["write" if rest else "fsync"](fd, *rest)  # type: ignore[operator]

    return call


def test_two_processes_and_two_threads_append_at_once(root: Path) -> None:
    code = """
store = RecordStore(StoreConfig(sys.argv[1], max_segment_bytes=20_000, durability_mode="flush"))
for number in range(50):
    store.append_many([metric(f"{sys.argv[2]}-{number}"), metric(f"{sys.argv[2]}-{number}-b")])
"""
    processes = [start_python(code, root, name) for name in ("one", "two")]
    store = RecordStore(StoreConfig(root, max_segment_bytes=20_000, durability_mode="flush"))

    def append(name: str) -> None:
        for number in range(25):
            store.append(metric(f"{name}-{number}"))

    threads = [threading.Thread(target=append, args=(name,)) for name in ("three", "four")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        with process:
            _, problem = process.communicate(timeout=40)
            assert process.returncode == 0, problem
    scan = store.scan(strict=True)
    stored = list(scan)
    assert [one.sequence for one in stored] == list(range(1, 251))
    assert len({one.record.envelope.record_ref for one in stored}) == 250
    report = store.check_integrity()
    assert (report.issues, report.record_count) == ((), 250)
    assert report.segment_count > 5


@pytest.mark.parametrize("mode", ["fsync", "flush"])
def test_kill_9_while_appending_loses_nothing_that_was_acknowledged(root: Path, mode: str) -> None:
    code = """
store = RecordStore(StoreConfig(sys.argv[1], max_segment_bytes=30_000, durability_mode=sys.argv[2]))
for number in range(1_000_000):
    receipts = store.append_many([metric(f"{os.getpid()}-{number}-{part}") for part in range(3)]).accepted
    os.write(1, b"%d\\n" % receipts[-1].sequence)
"""
    acknowledged = 0
    for moment in (1, 40):
        with start_python(code, root, mode) as process:
            assert process.stdout is not None
            for _ in range(moment):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().split("\n")
            # The last number may itself be torn.
            acknowledged = max([acknowledged, *(int(one) for one in rest[:-1])])
        store = RecordStore(StoreConfig(root, durability_mode="flush"))
        sequences = [one.sequence for one in store.scan()]
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) >= acknowledged
    store.append(metric())
    assert len(list(store.scan())) == len(sequences) + 1
    store.repair_truncated_tails()
    store.rebuild_indexes()
    assert not [issue for issue in store.check_integrity().issues if issue.severity == "warning"]


def test_a_file_size_limit_is_told_and_the_next_record_is_whole(root: Path) -> None:
    out = run_python(
        """
        import resource, signal
        from contexta.errors import AppendError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = RecordStore(StoreConfig(sys.argv[1]))
        store.append(metric("m-1"))
        size = (Path(sys.argv[1]) / "segments" / "segment-000001.jsonl").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * size + 100, resource.RLIM_INFINITY))
        for attempt in range(2):
            try:
                store.append_many([metric(f"m-{number}") for number in range(2, 8)])
            except AppendError as error:
                print(error.code, type(error.cause).__name__, error.details["records_in_file"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print([receipt.sequence for receipt in store.append(metric("m-9")).accepted])
        """,
        root,
    )
    assert out.splitlines() == [
        "record_append_failed OSError 1",
        "record_append_failed OSError 0",
        "[3]",
    ]
    scan = RecordStore(root).scan()
    assert [one.record.envelope.record_ref.name for one in scan] == ["m-1", "m-2", "m-9"]
    assert [one.code for one in scan.warnings] == ["invalid_json_line"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_write_that_fails_acknowledges_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store = RecordStore(root)
    store.append(metric("m-1"))
    monkeypatch.setattr(disk, "write", failing(number))
    with pytest.raises(AppendError) as caught:
        store.append_many([metric("m-2"), metric("m-3")])
    assert caught.value.code == "record_append_failed"
    assert isinstance(caught.value.cause, OSError)
    assert caught.value.cause.errno == number
    assert caught.value.details["records_in_file"] == 0
    assert store.append(metric("m-4")).accepted[0].sequence == 2
    assert store.check_integrity().issues == ()


def test_a_sync_that_fails_acknowledges_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RecordStore(root)
    store.append(metric("m-1"))
    monkeypatch.setattr(disk, "sync", failing(errno.EIO))
    with pytest.raises(AppendError) as caught:
        store.append(metric("m-2"))
    assert caught.value.code == "record_append_not_durable"
    assert caught.value.details["records_in_file"] == 1
    assert store.append(metric("m-3")).accepted[0].sequence == 3
    assert [line["sequence"] for line in lines(root)] == [1, 2, 3]


def test_a_failure_behind_the_records_is_a_warning(root: Path) -> None:
    store = RecordStore(root)
    store.append(metric("m-1"))
    (root / "indexes" / "record_type" / "metric.jsonl").unlink()
    (root / "indexes" / "record_type" / "metric.jsonl").mkdir()
    (root / "manifest.json").unlink()
    (root / "manifest.json").mkdir()
    result = store.append(metric("m-2"))
    assert result.durable_count == 1
    assert [warning.split()[0] for warning in result.warnings] == ["manifest.json", "the"]
    (root / "manifest.json").rmdir()
    assert store.append(metric("m-3")).accepted[0].sequence == 3


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(AppendError) as caught:
        RecordStore(tmp_path / "file" / "records").append(metric())
    assert caught.value.code == "record_append_failed"
    assert isinstance(caught.value.cause, OSError)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_nothing_is_written_through_a_link_or_into_a_pipe(root: Path, tmp_path: Path, kind: str) -> None:
    store = RecordStore(root)
    store.append(metric())
    target = tmp_path / "outside"
    target.write_bytes(b"precious")
    segment(root).unlink()
    if kind == "link":
        segment(root).symlink_to(target)
    else:
        os.mkfifo(segment(root))
    with pytest.raises(AppendError):
        store.append(metric())
    assert target.read_bytes() == b"precious"


def test_a_lock_that_is_held_is_waited_for_a_bounded_time(root: Path) -> None:
    store = RecordStore(StoreConfig(root, lock_timeout_seconds=0.05))
    with lock_held(root / ".append.lock"):
        for call in (
            lambda: store.append(metric()),
            store.rebuild_indexes,
            store.repair_truncated_tails,
        ):
            with pytest.raises(StoreAccessError) as caught:
                call()
            assert caught.value.code == "record_store_locked"
            assert caught.value.retryable
        assert list(store.scan()) == []
    assert store.append(metric()).accepted[0].sequence == 1


def test_the_lock_of_a_killed_process_is_free(root: Path) -> None:
    code = """
import signal
from contexta.store.disk import Folder, locked
with Folder.open(Path(sys.argv[1]), create=True) as folder:
    with locked(folder, ".append.lock", timeout_seconds=1, code="x"):
        os.write(1, b"held\\n")
        signal.pause()
"""
    with start_python(code, root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
    assert RecordStore(StoreConfig(root, lock_timeout_seconds=5)).append(metric()).accepted


def test_indexes_that_cannot_be_rebuilt_stay(root: Path) -> None:
    store = RecordStore(root)
    store.append(metric())
    before = (root / "indexes" / "run_ref" / "run__p.r.jsonl").read_bytes()
    (root / ".tmp-indexes").write_text("in the way")
    with pytest.raises(RecordError) as caught:
        store.rebuild_indexes()
    assert caught.value.code == "record_repair_failed"
    assert (root / "indexes" / "run_ref" / "run__p.r.jsonl").read_bytes() == before


def test_lines_that_another_library_appended_meanwhile_are_counted(root: Path) -> None:
    store = RecordStore(root)
    store.append(metric("m-1"))
    line = {**lines(root)[0], "sequence": 2}
    with segment(root).open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")
    receipt = store.append(metric("m-3")).accepted[0]
    assert (receipt.sequence, receipt.offset) == (3, 3)


def test_a_store_that_was_removed_is_made_again(root: Path) -> None:
    store = RecordStore(root)
    store.append_many([metric("m-1"), metric("m-2")])
    segment(root).unlink()
    # The manifest still knows which numbers were given.
    assert store.append(metric("m-3")).accepted[0].sequence == 3
    assert len(list(store.scan())) == 1
