"""The journal writer: whole lines, whatever happens around them."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from contexta.journal import append
from contexta.journal.append import JournalWriter
from contexta.journal.paths import (
    FAMILIES,
    capture_file,
    family_file_name,
    family_of_file,
    workspace_root,
)


def run_python(code: str, *args: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=Path(__file__).parents[2],
        **options,
    )


def test_files_are_private_and_folders_are_made_at_the_first_write(tmp_path: Path) -> None:
    path = capture_file(tmp_path / "ws", "RECORD")
    writer = JournalWriter(path)
    assert not (tmp_path / "ws").exists()
    assert writer.append(b"one\n") is None
    assert path.read_bytes() == b"one\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(p.stat().st_mode) for p in (path.parent, path.parent.parent, tmp_path / "ws")} == {
        0o700
    }


def test_lines_are_appended_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"old\n")
    JournalWriter(path).append(b"new\n")
    assert path.read_bytes() == b"old\nnew\n"


def test_a_torn_tail_of_a_killed_writer_does_not_swallow_the_next_line(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"torn')
    writer = JournalWriter(path)
    writer.append(b"a\n")
    writer.append(b"b\n")
    assert path.read_bytes() == b'{"torn\na\nb\n'


def test_a_torn_tail_left_by_a_neighbour_while_open_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    writer = JournalWriter(path)
    writer.append(b"a\n")
    with path.open("ab") as neighbour:
        neighbour.write(b"half")
    writer._next_check = 0.0
    writer.append(b"b\n")
    assert path.read_bytes() == b"a\nhalf\nb\n"


@pytest.mark.parametrize("fault", ["deleted", "renamed", "replaced", "folder removed"])
def test_a_file_that_is_gone_is_made_again(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "capture" / "j.jsonl"
    writer = JournalWriter(path)
    writer.append(b"a\n")
    if fault == "renamed":
        path.rename(tmp_path / "old.jsonl")
    else:
        path.unlink()
    if fault == "replaced":
        path.write_bytes(b"other\n")
    if fault == "folder removed":
        path.parent.rmdir()
    writer._next_check = 0.0
    assert writer.append(b"b\n") is None
    assert path.read_bytes() == (b"other\nb\n" if fault == "replaced" else b"b\n")


def test_device_full_is_returned_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "full.jsonl"
    path.symlink_to("/dev/full")
    writer = JournalWriter(path)
    failure = writer.append(b"x" * 100 + b"\n")
    assert failure is not None
    assert failure.errno == errno.ENOSPC
    assert (writer.lines_dropped, writer.bytes_dropped) == (1, 101)


def test_short_write_at_a_file_size_limit_drops_the_rest_and_the_next_line_is_whole(tmp_path: Path) -> None:
    done = run_python(
        """
        import resource, signal, sys
        from pathlib import Path
        from contexta.journal.append import JournalWriter
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        path = Path(sys.argv[1])
        writer = JournalWriter(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150, resource.RLIM_INFINITY))
        line = b"a" * 99 + b"\\n"
        print(writer.append(line))
        short = writer.append(line)
        print(short.written, short.errno)
        blocked = writer.append(line)
        print(blocked.written, blocked.errno)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(writer.append(b"whole\\n"))
        print(writer.lines_dropped)
        """,
        tmp_path / "j.jsonl",
    )
    assert done.stderr == ""
    assert done.stdout.split("\n")[:5] == ["None", "50 None", f"0 {errno.EFBIG}", "None", "2"]
    assert (tmp_path / "j.jsonl").read_bytes() == b"a" * 99 + b"\n" + b"a" * 50 + b"\nwhole\n"


def test_a_write_that_lacks_the_newline_only_is_ended_and_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(fd: int, data: bytes) -> int:
        monkeypatch.undo()
        return os.write(fd, data[:-1])

    monkeypatch.setattr(append, "_write", short)
    writer = JournalWriter(tmp_path / "j.jsonl")
    assert writer.append(b"one\n") is None
    assert writer.append(b"two\n") is None
    assert writer.path.read_bytes() == b"one\ntwo\n"


def test_a_pipe_in_place_of_the_file_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    os.mkfifo(path)
    failure = JournalWriter(path).append(b"a\n")
    assert failure is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_returned(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    failure = JournalWriter(tmp_path / "j.jsonl").append(b"a\n")
    tmp_path.chmod(0o700)
    assert failure is not None
    assert failure.errno == errno.EACCES


def test_a_file_in_place_of_a_folder_is_returned(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    failure = JournalWriter(tmp_path / "cache" / "capture" / "j.jsonl").append(b"a\n")
    assert failure is not None
    assert failure.errno == errno.ENOTDIR


def test_no_descriptors_left_is_returned_and_recovered_from(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    writer = JournalWriter(tmp_path / "j.jsonl")
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        failure = writer.append(b"a\n")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert failure is not None
    assert failure.errno == errno.EMFILE
    assert writer.append(b"b\n") is None


def test_closing_twice_and_writing_again_is_fine(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j.jsonl")
    writer.append(b"a\n")
    writer.close()
    writer.close()
    writer.append(b"b\n")
    assert writer.path.read_bytes() == b"a\nb\n"


def test_four_processes_tear_no_line_of_any_size(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    code = textwrap.dedent(
        """
        import json, sys
        from pathlib import Path
        from contexta.journal.append import JournalWriter
        writer = JournalWriter(Path(sys.argv[1]))
        who = sys.argv[2]
        for i in range(300):
            size = (20, 1_000, 9_000, 70_000)[i % 4]
            line = json.dumps({"who": who, "i": i, "fill": who * size}).encode() + b"\\n"
            assert writer.append(line) is None
        """
    )
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path), who], cwd=root) for who in "abcd"]
    assert [process.wait(50) for process in processes] == [0, 0, 0, 0]
    seen: dict[str, list[int]] = {who: [] for who in "abcd"}
    for line in path.read_bytes().split(b"\n"):
        if line:
            data = json.loads(line)
            assert set(data["fill"]) == {data["who"]}
            seen[data["who"]].append(data["i"])
    assert all(order == list(range(300)) for order in seen.values())


def test_kill_9_loses_no_acknowledged_line_and_no_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    code = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from contexta.journal.append import JournalWriter
        writer = JournalWriter(Path(sys.argv[1]))
        i = 0
        while True:
            writer.append(b'{"i":%d,"fill":"%s"}\\n' % (i, b"x" * 60_000))
            os.write(1, b"%d\\n" % i)
            i += 1
        """
    )
    root = Path(__file__).parents[2]
    acknowledged = []
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)], cwd=root, stdout=subprocess.PIPE
        ) as victim:
            assert victim.stdout is not None
            victim.stdout.readline()
            time.sleep(0.03)
            victim.send_signal(signal.SIGKILL)
            rest = victim.stdout.read()
            acknowledged.append(1 + rest.count(b"\n"))
    JournalWriter(path).append(b'{"i":"last"}\n')
    whole = 0
    last = None
    for line in path.read_bytes().split(b"\n"):
        try:
            last = json.loads(line)
            whole += 1
        except ValueError:
            continue
    assert last == {"i": "last"}
    assert whole >= sum(acknowledged) + 1


def test_a_forked_child_opens_a_descriptor_of_its_own(tmp_path: Path) -> None:
    done = run_python(
        """
        import os, sys, threading
        from pathlib import Path
        from contexta.journal.append import JournalWriter
        writer = JournalWriter(Path(sys.argv[1]))
        writer.append(b"parent 1\\n")
        writer._lock.acquire()                        # as a thread would hold it that dies in the fork
        child = os.fork()
        if child == 0:
            threading.Thread(target=writer.append, args=(b"child\\n",)).start()
            sys.exit(0)
        writer._lock.release()
        assert os.waitpid(child, 0)[1] == 0
        writer.append(b"parent 2\\n")
        """,
        tmp_path / "j.jsonl",
    )
    assert done.stderr == ""
    assert (tmp_path / "j.jsonl").read_bytes() == b"parent 1\nchild\nparent 2\n"


def test_one_file_per_process_is_never_shared_even_when_the_process_id_was_used_before(
    tmp_path: Path,
) -> None:
    first = JournalWriter(tmp_path / "record.jsonl", per_process=True)
    second = JournalWriter(tmp_path / "record.jsonl", per_process=True)
    first.append(b"a\n")
    second.append(b"b\n")
    assert first.path != second.path
    assert {p.read_bytes() for p in tmp_path.iterdir()} == {b"a\n", b"b\n"}
    assert all(family_of_file(p.name) == "RECORD" for p in tmp_path.iterdir())
    assert f"-{os.getpid()}" in first.path.name


def test_threads_share_a_writer(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j.jsonl")

    def work(who: int) -> None:
        for i in range(200):
            writer.append(b'{"who":%d,"i":%d}\n' % (who, i))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in writer.path.read_bytes().splitlines()]
    assert len(lines) == 800
    assert all([x["i"] for x in lines if x["who"] == who] == list(range(200)) for who in range(4))


def test_a_signal_handler_may_write_while_its_thread_is_writing(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j.jsonl")
    old = signal.signal(signal.SIGALRM, lambda *_: writer.append(b"signal\n"))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(3000):
            writer.append(b"normal\n")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    lines = writer.path.read_bytes().split(b"\n")
    assert lines.count(b"normal") == 3000
    assert set(lines) <= {b"normal", b"signal", b""}


def test_file_names_and_families_belong_together() -> None:
    assert [family_file_name(family) for family in FAMILIES] == [
        "record.jsonl",
        "artifact.jsonl",
        "context.jsonl",
        "degradation.jsonl",
    ]
    assert [family_of_file(family_file_name(family, process="n-1")) for family in FAMILIES] == list(FAMILIES)
    assert family_of_file("notes.jsonl") is None
    assert family_of_file("record.json") is None
    with pytest.raises(ValueError, match="no payload family"):
        family_file_name("record")


def test_workspace_paths_are_resolved_as_the_working_directory_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    monkeypatch.chdir(tmp_path / "link")
    assert workspace_root(".contexta").relative_to(Path.cwd()) == Path(".contexta")
