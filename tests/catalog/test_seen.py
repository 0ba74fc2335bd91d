"""A filter of keys never denies one that is in its table."""

from __future__ import annotations

import random

import duckdb

from contexta.catalog.lines import key, key_of
from contexta.catalog.seen import SeenKeys


def _table(keys: list[int]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create table t (id bigint, key ubigint)")
    _append(connection, keys)
    return connection


def _append(connection: duckdb.DuckDBPyConnection, keys: list[int]) -> int:
    (last,) = connection.execute("select coalesce(max(id), 0) from t").fetchone() or (0,)
    connection.execute(
        "insert into t select $last + unnest($n), unnest($keys)",
        {"last": last, "n": list(range(1, len(keys) + 1)), "keys": keys},
    )
    return int(last) + len(keys)


def _keys(seed: int, count: int) -> list[int]:
    return [random.Random(f"{seed}/{number}").getrandbits(64) for number in range(count)]


def test_a_key_is_the_same_here_and_in_the_database() -> None:
    refs = ["run:demo.r1", "record:demo.r1.metric-é", "", "sample:" + "x" * 300]
    connection = duckdb.connect()
    for workspace in (0, 7):
        digest = key_of("ref")
        found = connection.execute(
            f"select {digest} from (select unnest($refs) as ref)",  # noqa: S608 - SQL of ours
            {"workspace": workspace, "refs": refs},
        ).fetchall()
        assert [row[0] for row in found] == [key(workspace, ref) for ref in refs]


def test_what_is_there_may_be_there_and_nearly_nothing_else() -> None:
    keys = [*_keys(1, 3_000), 0, 2**64 - 1]
    connection = _table(keys)
    seen = SeenKeys("t")
    seen.follow(connection, len(keys))
    assert seen.among(keys) == keys
    assert len(seen.among(_keys(2, 3_000))) < 30


def test_an_empty_table_has_nothing() -> None:
    seen = SeenKeys("t")
    seen.follow(_table([]), 0)
    assert seen.among(_keys(1, 100)) == []


def test_what_came_since_is_read_whoever_wrote_it() -> None:
    first, ours, theirs, many = _keys(1, 100), _keys(2, 50), _keys(3, 50), _keys(4, 30_000)
    connection = _table(first)
    seen = SeenKeys("t")
    seen.follow(connection, 100)
    last = _append(connection, ours)
    seen.add(ours)
    seen.committed(connection, last)
    seen.follow(connection, _append(connection, theirs))
    assert seen.among([*first, *ours, *theirs]) == [*first, *ours, *theirs]
    seen.follow(connection, _append(connection, many))
    assert seen.among([*theirs, *many]) == [*theirs, *many]
    assert len(seen.among(_keys(5, 3_000))) < 30


def test_what_was_not_committed_is_read_again_under_its_later_id() -> None:
    connection = _table(_keys(1, 10))
    seen = SeenKeys("t")
    seen.follow(connection, 10)
    seen.add(_keys(2, 5))
    seen.follow(connection, 10)
    later = _keys(3, 5)
    seen.follow(connection, _append(connection, later))
    assert seen.among(later) == later


def test_rows_that_have_gone_are_told_to_it() -> None:
    connection = _table(_keys(1, 10))
    seen = SeenKeys("t")
    seen.follow(connection, 10)
    connection.execute("delete from t")
    others = _keys(2, 20)
    last = _append(connection, others)
    seen.forget()
    seen.follow(connection, last)
    assert seen.among(others) == others


def test_it_grows_with_what_is_added_to_it() -> None:
    connection = _table([])
    seen = SeenKeys("t")
    seen.follow(connection, 0)
    for number in range(6):
        keys = _keys(number, 10_000)
        last = _append(connection, keys)
        seen.add(keys)
        seen.committed(connection, last)
    assert seen.among(keys) == keys
    assert len(seen.among(_keys(99, 3_000))) < 30
