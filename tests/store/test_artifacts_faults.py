"""The artifact vault among other processes, full disks and sudden ends."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from contexta.errors import ContextaError, StoreAccessError
from contexta.store import disk
from contexta.store.artifacts import ArtifactStore, VaultConfig
from tests.store.building import manifest, run_python, start_python


@pytest.fixture
def vault(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    return path


def files(vault: ArtifactStore) -> list[Path]:
    return [path for path in vault.root_path.rglob("*") if path.is_file() and path.name != ".vault.lock"]


def fails_at(turn: int, real: Callable[..., object], number: int = errno.ENOSPC) -> Callable[..., object]:
    """A system call that fails from a turn on."""
    turns = [0]

    def call(*arguments: object) -> object:
        turns[0] += 1
        if turns[0] > turn:
            raise OSError(number, os.strerror(number))
        return real(*arguments)

    return call


def attempt(call: Callable[[], object]) -> ContextaError | None:
    try:
        call()
    except ContextaError as error:
        return error
    return None


@pytest.mark.parametrize("mode", ["copy", "move"])
@pytest.mark.parametrize("name", ["write", "sync"])
def test_a_disk_that_fails_at_any_moment_leaves_all_or_nothing(
    vault: ArtifactStore, source: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: str
) -> None:
    vault.put_artifact(manifest("fine"), source)
    before = sorted(files(vault))
    real = getattr(disk, name)
    codes = set()
    for turn in range(20):
        monkeypatch.setattr(disk, name, fails_at(turn, real))
        outcome = attempt(lambda: vault.put_artifact(manifest(), source, mode=mode))
        if outcome is None or vault.artifact_exists("artifact:p.r.model"):
            # The binding may be in its place before its folder could be synced.
            break
        codes.add((outcome.code, type(outcome.cause)))
        assert source.read_bytes() == b"weights"
        assert sorted(files(vault)) == before
    assert codes == {("artifact_store_write_failed", OSError)}
    assert vault.verify_all().healthy
    monkeypatch.setattr(disk, name, real)
    if source.exists():
        vault.put_artifact(manifest(), source)
    assert vault.verify_all().healthy
    assert len(vault.list()) == 2


def test_a_file_size_limit_stores_nothing(vault: ArtifactStore, source: Path) -> None:
    source.write_bytes(b"x" * 100_000)
    out = run_python(
        """
        import resource, signal
        from contexta.errors import ArtifactError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
        try:
            ArtifactStore(sys.argv[1]).put_artifact(manifest(), sys.argv[2])
        except ArtifactError as error:
            print(error.code, error.cause.errno)
        """,
        vault.root_path,
        source,
    )
    assert out.split() == ["artifact_store_write_failed", str(errno.EFBIG)]
    assert files(vault) == []
    assert vault.put_artifact(manifest(), source).bytes_written == 100_000


def test_kill_9_in_the_middle_of_a_copy_leaves_no_artifact(
    vault: ArtifactStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
import signal
from contexta.store import disk
real = disk.write
def stop(fd, data):
    real(fd, data[:3])
    os.write(1, b"writing\\n")
    signal.pause()
disk.write = stop
ArtifactStore(sys.argv[1]).put_artifact(manifest(), sys.argv[2], mode="copy")
"""
    with start_python(code, vault.root_path, source) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        (part,) = files(vault)
        os.utime(part, (time.time() - 7200, time.time() - 7200))
        # As long as its put lives, a staged file stays, however old it is.
        assert vault.remove_abandoned_staging() == ()
        process.send_signal(signal.SIGKILL)
    assert vault.list_refs() == ()
    foreign = part.with_name("ingest-x.part")
    foreign.write_bytes(b"of another library")
    os.utime(foreign, (0, 0))
    assert vault.remove_abandoned_staging() == (part.name,)
    assert foreign.exists()
    vault.put_artifact(manifest(), source)
    assert vault.verify_all().healthy


def test_many_processes_put_the_same_artifact_at_once(vault: ArtifactStore, tmp_path: Path) -> None:
    code = """
from contexta.errors import ConflictError
path = Path(sys.argv[2]); path.write_bytes(sys.argv[3].encode() * 1000)
for number in range(20):
    try:
        ArtifactStore(sys.argv[1]).put_artifact(manifest(f"m-{number}"), path)
        print("put")
    except ConflictError:
        print("conflict")
"""
    processes = [
        start_python(code, vault.root_path, tmp_path / str(number), text)
        for number, text in enumerate(["same", "same", "else"])
    ]
    outcomes = []
    for process in processes:
        with process:
            out, problem = process.communicate(timeout=40)
            assert process.returncode == 0, problem
            outcomes.append(out.split())
    sweep = vault.verify_all()
    assert sweep.healthy
    assert len(sweep.reports) == 20
    for first, second, third in zip(*outcomes, strict=True):
        assert first == second != third


def test_a_lock_that_is_held_is_waited_for_a_bounded_time(tmp_path: Path, source: Path) -> None:
    vault = ArtifactStore(VaultConfig(tmp_path / "artifacts", lock_timeout_seconds=0.05))
    vault.put_artifact(manifest("fine"), source)
    fd = os.open(vault.root_path / ".vault.lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        with pytest.raises(StoreAccessError) as caught:
            vault.put_artifact(manifest(), source, mode="move")
    finally:
        os.close(fd)
    assert caught.value.code == "artifact_store_locked"
    assert caught.value.retryable
    assert source.exists()
    assert list((vault.root_path / "staging").iterdir()) == []


def test_a_source_that_may_not_be_read_is_told(
    vault: ArtifactStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*arguments: object, **options: object) -> int:
        raise PermissionError(errno.EACCES, "denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        with pytest.raises(ContextaError) as caught:
            vault.put_artifact(manifest(), source)
    assert caught.value.code == "artifact_store_source_unreadable"
    assert isinstance(caught.value.cause, PermissionError)


def test_a_source_that_cannot_be_removed_is_a_warning(
    vault: ArtifactStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(errno.EACCES, "denied", str(path))

    monkeypatch.setattr(Path, "unlink", denied)
    receipt = vault.put_artifact(manifest(), source, mode="move")
    assert receipt.bytes_written == 7
    assert "could not be removed" in receipt.warnings[0]
    assert vault.verify_all().healthy


def test_a_history_that_cannot_be_written_is_a_warning(vault: ArtifactStore, source: Path) -> None:
    vault.root_path.mkdir(parents=True)
    (vault.root_path / "history").write_text("in the way")
    receipt = vault.put_artifact(manifest(), source)
    assert "history" in receipt.warnings[0]
    assert vault.verify_all().healthy
