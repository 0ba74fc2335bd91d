"""A catalog file is a cache: whatever is wrong with it, there is a catalog, and a word for the screen."""

from __future__ import annotations

import gc
import os
import random
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pytest

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.folders import cache_directory
from contexta.reader import CatalogReader
from tests.lines import RUN, Lines

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    journal = tmp_path / ".contexta" / "cache" / "capture" / "record.jsonl"
    journal.parent.mkdir(parents=True)
    lines = Lines()
    journal.write_bytes(b"".join(lines.metric(RUN, "loss", n) for n in range(200)))
    return tmp_path / ".contexta"


def _indexed(workspace: Path, cache: Path) -> Path:
    catalog = Catalog.open([workspace], cache)
    assert (catalog.notice, catalog.path is None) == ("", False)
    Indexer(catalog, [workspace]).catch_up()
    assert CatalogReader(catalog).counts().records == 200
    catalog.close()
    assert catalog.path
    return catalog.path


def test_what_was_indexed_is_there_again(workspace: Path, tmp_path: Path) -> None:
    _indexed(workspace, tmp_path / "cache")
    catalog = Catalog.open([workspace], tmp_path / "cache")
    assert CatalogReader(catalog).counts().records == 200
    step = Indexer(catalog, [workspace]).step(hinted=True)
    assert (step.records, step.changed) == (0, False)
    catalog.close()


def test_it_is_for_its_owner_alone(workspace: Path, tmp_path: Path) -> None:
    path = _indexed(workspace, tmp_path / "cache")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert cache_directory().is_relative_to(home)
    monkeypatch.setenv("CTUI_CACHE_DIR", "/some/where")
    assert cache_directory() == Path("/some/where")


@pytest.mark.parametrize(
    "statement",
    [
        "update meta set value = '0' where key = 'schema'",
        "update meta set value = '1.0' where key = 'duckdb'",
        "delete from meta",
        "drop table meta",
        "drop table nodes",
        "alter table records rename column id to other",
    ],
)
def test_one_of_another_version_is_built_anew(workspace: Path, tmp_path: Path, statement: str) -> None:
    path = _indexed(workspace, tmp_path / "cache")
    with duckdb.connect(path) as connection:
        connection.execute(statement)
    assert _indexed(workspace, tmp_path / "cache") == path


def test_garbage_is_put_aside_and_built_anew(workspace: Path, tmp_path: Path) -> None:
    path = _indexed(workspace, tmp_path / "cache")
    for _ in range(3):
        path.write_bytes(b"garbage" * 1_000)
        _indexed(workspace, tmp_path / "cache")
        (aside,) = path.parent.glob("*.damaged-*")
        assert aside.read_bytes().startswith(b"garbage")
    path.write_bytes(b"")
    _indexed(workspace, tmp_path / "cache")
    path.unlink()
    path.mkdir()
    _indexed(workspace, tmp_path / "cache")


def test_flipped_bits_in_the_header_or_the_log_never_stop_it(workspace: Path, tmp_path: Path) -> None:
    path = _indexed(workspace, tmp_path / "cache")
    whole = path.read_bytes()
    flips = random.Random(3)
    for _ in range(6):
        data = bytearray(whole)
        data[flips.randrange(12_288)] ^= 1 << flips.randrange(8)
        path.write_bytes(data)
        # In a process of its own: DuckDB may take such a file for something that ends it.
        check = (
            "import sys; from pathlib import Path; from contexta.catalog.catalog import Catalog;"
            "c = Catalog.open([Path(sys.argv[1])], Path(sys.argv[2]));"
            "c.connection.execute('select count(*) from nodes').fetchall(); print('fine')"
        )
        done = subprocess.run(
            [sys.executable, "-c", check, str(workspace), str(tmp_path / "cache")],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.stdout == "fine\n", done.stderr
    path.with_name(path.name + ".wal").write_bytes(b"garbage")
    path.write_bytes(whole)
    catalog = Catalog.open([workspace], tmp_path / "cache")
    Indexer(catalog, [workspace]).catch_up()
    assert CatalogReader(catalog).counts().records == 200
    catalog.close()


def test_a_second_explorer_keeps_its_own_in_memory(workspace: Path, tmp_path: Path) -> None:
    first = Catalog.open([workspace], tmp_path / "cache")
    second = Catalog.open([workspace], tmp_path / "cache")
    assert second.path is None
    assert second.notice == "The index is kept in memory: another explorer has this workspace open."
    Indexer(second, [workspace]).catch_up()
    assert CatalogReader(second).counts().records == 200
    assert CatalogReader(first).counts().records == 0
    second.close()
    first.close()
    third = Catalog.open([workspace], tmp_path / "cache")
    assert third.path is not None
    third.close()


def test_an_explorer_in_another_process_has_it(workspace: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.catalog.index_once", str(workspace), str(tmp_path / "cache")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "\n"
        catalog = Catalog.open([workspace], tmp_path / "cache")
        assert "another explorer" in catalog.notice
        catalog.close()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("where", ["file", "file/below", "/dev/null", "/proc/nowhere"])
def test_a_folder_that_cannot_be_used_leads_into_memory(workspace: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    catalog = Catalog.open([workspace], tmp_path / where)
    assert catalog.path is None
    assert catalog.notice.startswith("The index is kept in memory: ")
    catalog.close()


def test_a_catalog_in_memory_puts_nothing_into_the_current_folder(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    catalog = Catalog.in_memory([workspace])
    (spill,) = catalog.connection.execute("select current_setting('temp_directory')").fetchone() or ("",)
    assert Path(spill).is_absolute()
    catalog.connection.execute("set memory_limit = '60MB'")
    catalog.connection.execute(
        "create temp table t as select range as a, hash(range) as b from range(9_000_000)"
    )
    catalog.close()
    assert not list(folder.iterdir())
    assert not Path(spill).exists()


def test_what_fails_in_the_middle_leaves_the_catalog_as_it_was(workspace: Path) -> None:
    catalog = Catalog.in_memory([workspace])
    Indexer(catalog, [workspace]).catch_up()

    def fails() -> None:
        with catalog.transaction():
            catalog.clear()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert CatalogReader(catalog).counts().records == 200
    with catalog.transaction():
        catalog.clear()
    assert CatalogReader(catalog).counts().records == 0
    catalog.close()


def test_names_of_workspaces_need_not_be_utf8(tmp_path: Path) -> None:
    workspace = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe/.contexta"))
    (workspace / "cache" / "capture").mkdir(parents=True)
    (workspace / "cache" / "capture" / "record.jsonl").write_bytes(Lines().metric(RUN, "loss", 1))
    catalog = Catalog.open([workspace], tmp_path / "cache")
    Indexer(catalog, [workspace]).catch_up()
    assert CatalogReader(catalog).counts().records == 1
    catalog.close()


def test_a_catalog_in_memory_leaves_no_folder_behind_when_nobody_closes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    catalog = Catalog.in_memory(())
    assert len(list(tmp_path.iterdir())) == 1
    del catalog
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_refs_that_are_nearly_the_same_have_keys_of_their_own(tmp_path: Path) -> None:
    """Numbers in two places eight characters apart: what a fast hash takes for the same."""
    workspace = tmp_path / ".contexta"
    journal = workspace / "cache" / "capture" / "record.jsonl"
    journal.parent.mkdir(parents=True)
    lines = Lines()
    refs = [f"{first:04x}{second:07x}6" for first in range(1, 250) for second in range(1, 30)]
    line = lines.metric(RUN, "loss", 1, record_hex="0" * 12)
    assert line.count(b"metric-000000000000") == 2
    journal.write_bytes(
        b"".join(line.replace(b"metric-000000000000", b"gap-" + ref.encode()) for ref in refs)
    )
    catalog = Catalog.in_memory([workspace])
    Indexer(catalog, [workspace]).catch_up()
    assert CatalogReader(catalog).counts().records == len(refs)
    catalog.close()


def test_no_progress_is_printed_in_a_shell_of_python(workspace: Path, tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from contexta.catalog.catalog import Catalog
for catalog in (Catalog.in_memory([]), Catalog.open([Path(sys.argv[1])], Path(sys.argv[2]))):
    print(catalog.connection.execute("select current_setting('enable_progress_bar')").fetchone())
"""
    command = [sys.executable, "-c", script, str(workspace), str(tmp_path / "cache")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["(False,)", "(False,)"]
