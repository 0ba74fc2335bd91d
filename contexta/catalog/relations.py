"""What a ledger says beside the tree: relations, how they are known, and environments.

They are read from the copy of a ledger and put into the catalog whole, in the place of what an earlier
reading left. A row whose payload cannot be read keeps what its columns say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

import duckdb
import msgspec

_Row = Mapping[str, object]

_COLUMNS: Final = {
    "relations": (
        "ref",
        "relation_type",
        "source_ref",
        "target_ref",
        "recorded_at",
        "origin_marker",
        "confidence_marker",
        "evidence_refs",
    ),
    "provenance_records": (
        "ref",
        "relation_ref",
        "assertion_mode",
        "asserted_at",
        "formation_context_ref",
        "policy_ref",
        "evidence_bundle_ref",
    ),
    "environment_snapshots": (
        "ref",
        "run_ref",
        "captured_at",
        "python_version",
        "platform",
        "packages",
        "environment_variables",
    ),
}
"""Tables of a ledger and of the catalog alike, with what is taken of each row."""


class Relations(msgspec.Struct, frozen=True):
    """Rows by table, each row in the order of `_COLUMNS`; maps and lists as JSON text."""

    rows: Mapping[str, tuple[tuple[str | None, ...], ...]]


def read(ledger: duckdb.DuckDBPyConnection, tables: Collection[str]) -> Relations:
    """Reads the tables of an opened ledger.

    Args:
        ledger: Connection to the copy of a ledger.
        tables: The tables it has.
    """
    return Relations(
        {
            table: tuple(tuple(_text(row.get(column)) for column in columns) for row in _rows(ledger, table))
            for table, columns in _COLUMNS.items()
            if table in tables
        }
    )


def replace(connection: duckdb.DuckDBPyConnection, workspace: int, relations: Relations) -> None:
    """Puts what was read of a workspace's ledger in the place of what was read before."""
    for table, columns in _COLUMNS.items():
        connection.execute(f"delete from {table} where workspace = $workspace", {"workspace": workspace})
        rows = relations.rows.get(table, ())
        if rows:
            marks = ", ".join("?" for _ in columns)
            connection.executemany(
                f"insert into {table} values (?, {marks})", [[workspace, *row] for row in rows]
            )


def _rows(ledger: duckdb.DuckDBPyConnection, table: str) -> Iterator[_Row]:
    found = ledger.execute(f"select * from main.{table} order by ref")
    names = [column[0] for column in found.description or ()]
    for values in found.fetchall():
        row = dict(zip(names, values, strict=True))
        try:
            payload = msgspec.json.decode(row.get("payload_json") or "", type=dict[str, object])
        except (msgspec.MsgspecError, TypeError, RecursionError, UnicodeError):
            payload = {}
        yield {**row, **{name: value for name, value in payload.items() if value is not None}}


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return None
