"""Fault: the file of a catalog is not what was written: flipped bits, other versions, foreign databases.

Everything in it can be read again from the files, so it is built anew, and nobody sees a wrong number.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.generate import generate
from contexta.errors import StoreAccessError
from contexta.loading import INDEX_DAMAGED, load
from tests.faults import Seen, fault, sizes
from tests.faults.flips import Flips
from tests.faults.questions import answers

NEVER: Final = (
    "wrong answers",
    "rebuilt otherwise than before",
    "errors",
    "left damaged",
)


@sizes(short=1, full=200)
def test_a_bit_is_flipped(size: int, tmp_path: Path) -> None:
    """Every third time it is an explorer that opens what is there, else a program that prints."""
    generate(tmp_path, 1_000, lifecycle=True)
    with (
        fault("a bit of the catalog is flipped", "flips", never=NEVER) as seen,
        Flips(tmp_path / ".contexta", tmp_path) as flips,
    ):
        assert flips.whole.shown != flips.built.shown
        assert not flips.whole.rebuilt, "what is whole is kept"
        for number in range(size):
            outcome = flips.flip("load" if number % 3 else "follow", number)
            seen.inject()
            right = {*flips.whole.shown, *flips.built.shown}
            seen.wrong("wrong answers", len(set(outcome.shown) - right), outcome)
            seen.wrong("errors", bool(outcome.error), outcome)
            if outcome.rebuilt:
                seen.also("rebuilt")
                seen.wrong("wrong answers", outcome.shown[-1:] != flips.built.shown, outcome)
                seen.wrong("rebuilt otherwise than before", outcome.tables != flips.built.tables, outcome)
            seen.also("noticed while asking", outcome.refused > 0)
            seen.wrong("left damaged", outcome.refused > 0 and not outcome.rebuilt, outcome)


def _sql(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with duckdb.connect(path) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


def _a_ledger(path: Path) -> None:
    path.unlink()
    with duckdb.connect(path) as connection:
        connection.execute("create table projects as select range as ref from range(1000)")


def _a_log_of_another(path: Path) -> None:
    with duckdb.connect(path.with_name("other.db")) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown")
        connection.execute("create table t as select range from range(10)")
        shutil.copyfile(path.with_name("other.db.wal"), path.with_name(path.name + ".wal"))


#: What somebody may have done to the file of a catalog.
STRANGE: Final[dict[str, Callable[[Path], object]]] = {
    "an older schema": _sql("update meta set value = '1' where key = 'schema'"),
    "a newer schema": _sql("update meta set value = '999' where key = 'schema'"),
    "an older DuckDB": _sql("update meta set value = '1.4.0' where key = 'duckdb'"),
    "a newer DuckDB": _sql("update meta set value = '99.0.0' where key = 'duckdb'"),
    "another workspace": _sql("update meta set value = 'ff' where key = 'workspaces'"),
    "no version": _sql("delete from meta"),
    "a column less": _sql("alter table records drop column message"),
    "a column more": _sql("alter table nodes add column extra integer"),
    "a table less": _sql("drop table signals"),
    "a table that is a view": _sql(
        "alter table records rename to r", "create view records as select * from r limit 10"
    ),
    "a ledger": _a_ledger,
    "nothing": lambda path: path.write_bytes(b""),
    "half of it": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "text": lambda path: path.write_text("{}\n" * 5_000, encoding="utf-8"),
    "the log of another": _a_log_of_another,
    "a log of noise": lambda path: path.with_name(path.name + ".wal").write_bytes(b"\x00\xff" * 5_000),
}


@sizes(short=2, full=16)
def test_a_catalog_is_of_another_version_or_none(size: int, tmp_path: Path) -> None:
    generate(tmp_path, 300, lifecycle=True)
    workspace = tmp_path / ".contexta"
    with load([workspace], cache_dir=tmp_path / "whole") as loaded:
        owed = answers(loaded.reader)
    with fault("a catalog of another version, or another database", "files", never=NEVER) as seen:
        for name, change in list(STRANGE.items())[:: len(STRANGE) // size]:
            cache = tmp_path / name
            shutil.copytree(tmp_path / "whole", cache)
            (path,) = cache.rglob("*.duckdb")
            change(path)
            for _ in range(2):
                seen.wrong("wrong answers", _loaded(workspace, cache, seen) != owed, name)
                seen.wrong("left damaged", list(path.parent.glob("*.duckdb")) != [path], name)
            seen.inject()


def _loaded(workspace: Path, cache: Path, seen: Seen) -> str:
    """What is answered, asking once more where that is asked for, as the programs do."""
    try:
        with load([workspace], cache_dir=cache) as loaded:
            seen.wrong("left damaged", loaded._catalog.path is None, loaded._catalog.notice)
            return answers(loaded.reader)
    except StoreAccessError as error:
        seen.also("noticed while asking", error.code == INDEX_DAMAGED)
    with load([workspace], cache_dir=cache) as loaded:
        return answers(loaded.reader)
