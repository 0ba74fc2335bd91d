"""A position is trusted only while the bytes before it are what they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexta.watch import tail
from contexta.watch.tail import Mark, Verdict


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.jsonl"


def _read_all(path: Path, mark: Mark | None = None, **limits: int) -> tuple[bytes, Mark]:
    mark = mark or Mark()
    data = b""
    while True:
        reading = tail.read(path, mark, **limits)
        assert reading is not None
        if reading.mark.position == mark.position:
            return data, reading.mark
        data, mark = data + reading.data, reading.mark


def _verdict(path: Path, mark: Mark) -> Verdict:
    return tail.look(path, mark, path.parent)[0]


def test_only_whole_lines_are_read(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthr")
    data, mark = _read_all(path)
    assert (data, mark.position) == (b"one\ntwo\n", 8)
    with path.open("ab") as file:
        file.write(b"ee\n")
    assert _read_all(path, mark)[0] == b"three\n"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 200), st.integers(20, 60))
def test_any_limits_read_every_line_once_and_pass_over_those_that_are_too_long(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes], limit: int, longest: int
) -> None:
    path = tmp_path_factory.mktemp("tail") / "record.jsonl"
    texts = [text.replace(b"\n", b"") * 3 for text in texts]
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    mark, read, skipped = Mark(), b"", []
    for _ in range(10_000):
        reading = tail.read(path, mark, limit, longest=longest)
        assert reading is not None
        if reading.mark.position == mark.position:
            break
        read += reading.data
        skipped += [reading.skipped] if reading.skipped else []
        mark = reading.mark
        assert _verdict(path, mark) in (Verdict.GROWN, Verdict.UNCHANGED)
    assert mark.position == path.stat().st_size
    assert mark.skip_from is None
    whole = path.read_bytes()
    lost = [whole[start : start + length] for start, length in skipped]
    assert all(len(text) >= longest for text in lost)
    assert sorted(read.split(b"\n")[:-1] + lost) == sorted(texts)


@pytest.mark.parametrize("size", [1, 100, 1_024, 1_300, 5_000])
def test_another_content_is_noticed_whatever_size_inode_and_time_say(path: Path, size: int) -> None:
    path.write_bytes(b"a" * size + b"\n")
    before = path.stat()
    _, mark = _read_all(path)
    _, mark, _ = tail.look(path, mark, path.parent)
    for at in {0, size // 2 if size <= 1_280 else 0, size - 1}:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"b")
        os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
        assert _verdict(path, mark) is Verdict.REPLACED
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"a")
        assert _verdict(path, mark) is not Verdict.REPLACED


def test_a_file_that_is_replaced_between_the_look_and_the_read_is_not_read(path: Path) -> None:
    path.write_bytes(b"old\n" * 100)
    _, mark = _read_all(path)
    path.write_bytes(b"new\n" * 200)
    assert tail.read(path, mark) is None


def test_an_untouched_file_costs_one_stat(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"old\n")
    os.utime(path, (1, 1))
    _, mark = _read_all(path)
    _, mark, _ = tail.look(path, mark, path.parent)
    monkeypatch.setattr(tail.os, "open", None)
    assert _verdict(path, mark) is Verdict.UNCHANGED


def test_what_is_no_file_of_the_folder_is_not_opened(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret\n")
    (root / "link").symlink_to(outside)
    (root / "nowhere").symlink_to(tmp_path / "nothing")
    (root / "inside").symlink_to(root / "file")
    (root / "file").write_bytes(b"line\n")
    os.mkfifo(root / "pipe")
    found = {
        name: tail.look(root / name, Mark(), root) for name in ("link", "nowhere", "inside", "pipe", "gone")
    }
    assert {name: verdict for name, (verdict, _, _) in found.items()} == {
        "link": Verdict.UNREADABLE,
        "nowhere": Verdict.UNREADABLE,
        "inside": Verdict.GROWN,
        "pipe": Verdict.UNREADABLE,
        "gone": Verdict.MISSING,
    }
    assert found["pipe"][2] == "not a regular file"
    with pytest.raises(OSError, match="not a regular file"):
        tail.open_regular(root / "pipe")


def test_a_start_in_the_middle_is_a_line_start(path: Path) -> None:
    path.write_bytes(b"first\nsecond\nthird\n")
    assert [tail.line_start(path, position) for position in (-5, 0, 1, 6, 7, 13, 19)] == [
        0,
        0,
        6,
        6,
        13,
        13,
        19,
    ]
    mark = tail.mark_at(path, 6)
    assert _read_all(path, mark)[0] == b"second\nthird\n"
    assert tail.mark_at(path, 0) == Mark()
