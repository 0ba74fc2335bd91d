"""Fault: lines that no program wrote: cut, changed, made up; a capture that ends at any of its bytes."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from tests import catalog_tables
from tests.faults import Seen, fault, sizes
from tests.faults.accounts import NEVER, check
from tests.faults.mutations import lines_of
from tests.lines import RUN, Lines

_LARGE: Final = 4_096
_FILES: Final = 400
_AT_ONCE: Final = 20_000
_SHARES: Final = (0.5, 0.02, 1.0, 0.2)


@contextmanager
def _capture(folder: Path, number: int) -> Iterator[Path]:
    """A workspace of its own with an empty capture; the path of its file."""
    path = folder / str(number) / ".contexta" / "cache" / "capture" / "record.jsonl"
    path.parent.mkdir(parents=True)
    path.touch()
    yield path
    path.unlink()


def _follow(path: Path, pieces: list[bytes], seen: Seen) -> None:
    """Take in a file as it grows, piece by piece, and look whether all of it is accounted for."""
    workspace = path.parents[2]
    catalog = Catalog.in_memory([workspace])
    indexer = Indexer(catalog, [workspace])
    try:
        with path.open("ab", buffering=0) as file:
            for piece in pieces:
                file.write(piece)
                indexer.step(hinted=True)
        indexer.catch_up()
        check(catalog, path, seen)
    except Exception as error:  # noqa: BLE001 - counted
        seen.wrong("crashes", example=repr(error))
    finally:
        catalog.close()


@sizes(short=4_000, full=1_000_000)
def test_lines_are_changed_at_random(size: int, tmp_path: Path) -> None:
    with fault("lines are changed at random", "lines", never=NEVER, to_reach=size) as seen:
        for number in itertools.count():
            count = min(_AT_ONCE, size - seen.injected)
            if not count:
                break
            lines = list(itertools.islice(lines_of(number, _SHARES[number % len(_SHARES)]), count))
            randomly = random.Random(number)
            data = b"".join(lines)
            cuts = sorted(randomly.randrange(len(data)) for _ in range(3))
            pieces = [data[a:b] for a, b in itertools.pairwise([0, *cuts, len(data)])]
            with _capture(tmp_path, number) as path:
                _follow(path, pieces, seen)
            seen.inject(count)


@sizes(short=4, full=100)
def test_changed_lines_in_files_that_are_taken_in_one_piece(size: int, tmp_path: Path) -> None:
    """Those with damage go through the slices, the others do not; both are accounted for."""
    with fault("lines of large files are changed at random", "files", never=NEVER) as seen:
        folder = tmp_path / ".contexta" / "cache" / "capture"
        folder.mkdir(parents=True)
        catalog = Catalog.open([tmp_path / ".contexta"], tmp_path / "cache")
        indexer = Indexer(catalog, [tmp_path / ".contexta"], large=_LARGE)
        paths = [folder / f"record.part-{number}.jsonl" for number in range(size)]
        for number, path in enumerate(paths):
            path.write_bytes(b"".join(itertools.islice(lines_of(number + 1, 0.02), 30)))
        indexer.catch_up()
        everything = b"".join(path.read_bytes() for path in paths)
        whole = folder / "record.everything.jsonl"
        whole.write_bytes(everything)
        indexer.catch_up()
        for path in (*paths, whole):
            check(catalog, path, seen, alone=path == whole)
        seen.inject(size)
        indexer.close()
        catalog.close()


def _cuts(data_dir: Path, every: int) -> Iterator[tuple[bytes, int]]:
    """Captures of public Contexta, and where to cut them."""
    folder = data_dir / "workspaces" / "iris-capture-only" / "contexta" / "cache" / "capture"
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for cut in range(0, len(data) + 1, every):
            yield data, cut


def _check_cut(row: tuple[Any, ...], data: bytes, cut: int, glued: bytes, seen: Seen) -> None:
    start = data.rfind(b"\n", 0, cut) + 1
    torn = data[start:cut]
    lines = data.count(b"\n", 0, cut) + bool(glued)
    position = cut + len(glued) if glued else start
    is_damaged = bool(glued and torn) and data[cut : cut + 1] != b"\n"
    owed = (
        position,
        lines,
        int(is_damaged),
        start if is_damaged else None,
        len(torn) if is_damaged else None,
    )
    seen.wrong("bytes that nobody accounts for", row != owed, (cut, bool(glued), row, owed))


@sizes(short=40, full=1)
def test_a_capture_ends_at_any_of_its_bytes(size: int, data_dir: Path, tmp_path: Path) -> None:
    """What is behind its last newline is pending; once somebody writes behind it, it is damaged."""
    with fault("a capture ends at any of its bytes", "cuts", never=NEVER) as seen:
        for batch in itertools.count():
            cuts = list(itertools.islice(_cuts(data_dir, size), batch * _FILES, (batch + 1) * _FILES))
            if not cuts:
                break
            workspace = tmp_path / str(batch) / ".contexta"
            folder = workspace / "cache" / "capture"
            folder.mkdir(parents=True)
            line = Lines().metric(RUN, "behind", 1)
            for number, (data, cut) in enumerate(cuts):
                (folder / f"record.{number:05d}.jsonl").write_bytes(data[:cut])
                (folder / f"record.{number:05d}-glued.jsonl").write_bytes(data[:cut] + line)
            catalog = catalog_tables.fresh(workspace)
            rows = catalog.connection.execute(
                "select s.position, s.lines, s.damaged, d.position, d.length"
                " from sources s left join damage d on d.source_id = s.id order by s.path"
            ).fetchall()
            catalog.close()
            assert len(rows) == 2 * len(cuts)
            for number, (data, cut) in enumerate(cuts):
                _check_cut(rows[2 * number + 1], data, cut, b"", seen)
                _check_cut(rows[2 * number], data, cut, line, seen)
            seen.inject(2 * len(cuts))
            shutil.rmtree(workspace)
