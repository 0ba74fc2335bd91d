"""A catalog is a function of the files: whatever happens to them, it ends as a fresh one of what is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.lines import BATCH, RUN, Lines


class Following:
    """A workspace with captures, and a catalog that follows it."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / ".contexta"
        self.folder = self.workspace / "cache" / "capture"
        self.folder.mkdir(parents=True)
        self.catalog = Catalog.in_memory([self.workspace])
        self.indexer = Indexer(self.catalog, [self.workspace])
        self.reader = CatalogReader(self.catalog)
        self.lines = Lines()
        self._number = 0

    def path(self, name: str = "record.jsonl") -> Path:
        return self.folder / name

    def some(self, count: int = 3) -> bytes:
        """Lines that nothing before was like."""
        data = b""
        for _ in range(count):
            self._number += 1
            data += self.lines.metric(
                BATCH, "loss", 100_000 + self._number, record_hex=f"{self._number:012x}"
            )
        return data

    def write(self, data: bytes, name: str = "record.jsonl", mode: str = "ab") -> None:
        with self.path(name).open(mode) as file:
            file.write(data)

    def settle(self) -> None:
        """Follow until a missing file is believed to be gone."""
        for item in self.indexer._followed.values():
            item.grace = 0.0
        self.indexer.catch_up()

    def check(self) -> None:
        """The catalog equals a fresh one over the same files."""
        self.settle()
        expected = catalog_tables.fresh(self.workspace)
        try:
            assert catalog_tables.without_order(self.catalog) == catalog_tables.without_order(expected)
        finally:
            expected.close()


@pytest.fixture
def following(tmp_path: Path) -> Following:
    found = Following(tmp_path)
    found.write(found.some(5))
    found.indexer.catch_up()
    return found


def _truncate(to: Following) -> None:
    os.truncate(to.path(), 0)
    to.write(to.some(1))


def _truncate_in_a_line(to: Following) -> None:
    os.truncate(to.path(), to.path().stat().st_size - 10)


def _copytruncate_to_the_same_size(to: Following) -> None:
    shutil.copyfile(to.path(), to.path("record.jsonl.1"))
    size = to.path().stat().st_size
    data = to.some(5)
    assert len(data) == size
    to.write(data, mode="r+b")


def _copytruncate_to_a_larger_size(to: Following) -> None:
    shutil.copyfile(to.path(), to.path("record.jsonl.1"))
    os.truncate(to.path(), 0)
    to.write(to.some(9))


def _replace_with_the_same_inode_and_size(to: Following) -> None:
    before = to.path().stat()
    data = to.some(5)
    with to.path().open("r+b") as file:
        file.write(data)
    os.utime(to.path(), ns=(before.st_mtime_ns, before.st_mtime_ns))
    after = to.path().stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)


def _replace_by_rename(to: Following) -> None:
    to.write(to.some(4), "new.tmp")
    to.path("new.tmp").replace(to.path())


def _delete(to: Following) -> None:
    to.path().unlink()


def _delete_and_recreate(to: Following) -> None:
    to.path().unlink()
    to.write(to.some(2))


def _rotate(to: Following) -> None:
    to.path().rename(to.path("record.jsonl.1"))
    to.write(to.some(2))


def _rename_while_it_is_written(to: Following) -> None:
    with to.path().open("ab") as writer:
        to.path().rename(to.path("record.old.jsonl"))
        to.indexer.catch_up()
        writer.write(to.some(2))
        writer.flush()
        to.write(to.some(1))
        to.indexer.catch_up()
        writer.write(to.some(1))


def _remove_the_folder_and_make_it_again(to: Following) -> None:
    shutil.rmtree(to.folder)
    to.folder.mkdir()
    to.write(to.some(2))


def _rotate_twice(to: Following) -> None:
    _rotate(to)
    to.indexer.catch_up()
    to.path("record.jsonl.1").rename(to.path("record.jsonl.2"))
    _rotate(to)


@pytest.mark.parametrize(
    "change",
    [
        _truncate,
        _truncate_in_a_line,
        _copytruncate_to_the_same_size,
        _copytruncate_to_a_larger_size,
        _replace_with_the_same_inode_and_size,
        _replace_by_rename,
        _delete,
        _delete_and_recreate,
        _rotate,
        _rename_while_it_is_written,
        _remove_the_folder_and_make_it_again,
        _rotate_twice,
    ],
    ids=lambda change: change.__name__.strip("_").replace("_", " "),
)
def test_nothing_is_lost_doubled_or_left_over(
    following: Following, change: Callable[[Following], None]
) -> None:
    change(following)
    following.check()
    following.write(following.some(2))
    following.check()


def test_a_rotated_file_keeps_the_order_in_which_it_was_written(following: Following) -> None:
    _rotate(following)
    expected = catalog_tables.fresh(following.workspace)
    values = expected.connection.execute("select value from records order by id").fetchall()
    assert values == sorted(values)
    expected.close()


def test_a_file_that_is_missing_for_a_moment_loses_nothing(following: Following) -> None:
    following.path().rename(following.folder / "away")
    for _ in range(3):
        following.indexer.step(hinted=True)
    (source,) = following.reader.sources()
    assert source.state == "missing"
    assert following.reader.counts().records == 5
    (following.folder / "away").rename(following.path())
    following.check()
    assert following.reader.counts().records == 5


def test_a_workspace_that_is_gone_is_shown_as_it_was(following: Following) -> None:
    shutil.rmtree(following.workspace)
    following.settle()
    assert following.reader.counts().records == 5
    following.folder.mkdir(parents=True)
    following.write(following.some(1))
    following.check()
    assert following.reader.counts().records == 1


def test_a_catalog_from_before_forgets_at_once_what_was_deleted_meanwhile(tmp_path: Path) -> None:
    first = Following(tmp_path)
    first.write(first.some(3))
    first.write(first.some(4), "record.other.jsonl")
    catalog = Catalog.open([first.workspace], tmp_path / "cache")
    Indexer(catalog, [first.workspace]).catch_up()
    catalog.close()
    first.path().unlink()
    catalog = Catalog.open([first.workspace], tmp_path / "cache")
    assert not catalog.notice
    Indexer(catalog, [first.workspace]).catch_up()
    assert CatalogReader(catalog).counts().records == 4
    catalog.close()


def test_while_everything_is_read_again_nobody_sees_an_empty_catalog(following: Following) -> None:
    _truncate(following)
    step = following.indexer.step(hinted=True)
    assert step.rebuilt
    assert following.reader.counts().records == 1


def test_a_record_that_is_captured_and_stored_counts_once_with_both_origins(tmp_path: Path) -> None:
    to = Following(tmp_path)
    line = to.some(1)
    to.write(line)
    record = line[line.index(b'"payload":') + 10 : line.index(b',"payload_ref"')]
    segments = to.workspace / "records" / "segments"
    segments.mkdir(parents=True)
    stored = b'{"appended_at":"2026-01-02T03:04:06Z","record":' + record + b',"sequence":1}\n'
    (segments / "segment-000001.jsonl").write_bytes(stored)
    for _ in range(2):
        to.check()
        assert to.reader.counts().records == 1
        assert to.catalog.connection.execute("select origin from records").fetchall() == [(3,)]
        to.write(line)
        (segments / "segment-000002.jsonl").write_bytes(stored)


def test_a_thousand_small_files_are_taken_together(tmp_path: Path) -> None:
    to = Following(tmp_path)
    for number in range(1_000):
        to.write(to.some(1), f"record.node-{number}.jsonl")
    to.check()
    assert to.reader.counts().records == 1_000
    to.write(to.some(1), "record.node-77.jsonl")
    step = to.indexer.step(touched={to.path("record.node-77.jsonl")})
    assert step.records == 1


def test_a_name_that_is_not_utf8_is_read_and_shown(tmp_path: Path) -> None:
    to = Following(tmp_path)
    name = os.fsdecode(b"record.\xff\xfe.jsonl")
    to.write(to.some(2) + b"bad\n", name)
    to.check()
    (source,) = to.reader.sources()
    assert source.path.endswith(r"record.\xff\xfe.jsonl")
    (issue,) = to.reader.issues()
    assert issue.ref == source.path


def test_what_is_no_file_of_the_workspace_is_never_opened(tmp_path: Path) -> None:
    to = Following(tmp_path)
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(to.some(3))
    to.path("link.jsonl").symlink_to(outside)
    os.mkfifo(to.path("pipe.jsonl"))
    to.path("folder.jsonl").mkdir()
    to.path("zero.jsonl").symlink_to("/dev/zero")
    to.path("gone.jsonl").symlink_to(tmp_path / "nowhere")
    to.path("loop.jsonl").symlink_to(to.path("loop.jsonl"))
    to.write(to.some(1))
    to.path("inner.jsonl").symlink_to(to.path())
    to.check()
    assert to.reader.counts().records == 1
    states = {Path(source.path).name: source.state for source in to.reader.sources()}
    assert states.pop("record.jsonl") == states.pop("inner.jsonl") == "ok"
    states.pop("gone.jsonl", None)
    assert set(states.values()) == {"unreadable"}


def test_a_file_that_goes_away_between_the_look_and_the_read_is_looked_at_again(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    following.write(following.some(1))
    read = following.indexer._read

    def away(*arguments: object) -> None:
        following.path().rename(following.folder / "away")
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(following.indexer, "_read", away)
    following.indexer.step(hinted=True)
    monkeypatch.undo()
    (following.folder / "away").rename(following.path())
    following.check()
    assert following.reader.counts().records == 6


def test_a_folder_that_appears_later_is_found(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    (workspace / "metadata").mkdir(parents=True)
    catalog = Catalog.in_memory([workspace])
    indexer = Indexer(catalog, [workspace])
    indexer.catch_up()
    (workspace / "cache" / "capture").mkdir(parents=True)
    (workspace / "cache" / "capture" / "record.jsonl").write_bytes(Lines().metric(RUN, "loss", 1))
    indexer.catch_up()
    assert CatalogReader(catalog).counts().records == 1
