"""What a catalog holds, table by table, in a form that can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer

Tables = dict[str, list[tuple[Any, ...]]]

#: What `stat` says of a file is not said by its lines.
_OF_THE_FILE: Final = {"sources": {"inode", "mtime_ns"}}

#: Numbers that follow from the order in which files were read, not from what is in them.
_NODE_IDS: Final = {"node_id", "parent_id", "project_id", "run_id", "stage_id", "batch_id"}
_OF_THE_ORDER: Final = {
    "sources": {"id"},
    "damage": {"source_id"},
    "nodes": {"id", "position", "max_gap", "note", *_NODE_IDS},
    "records": {"id", *_NODE_IDS},
    "signals": {"record_id", "node_id"},
    "artifacts": {"id", *_NODE_IDS},
}

#: What stands for these numbers instead.
_BY_NAME: Final = {
    "damage": ("s.path", "join sources s on s.id = t.source_id"),
    "nodes": ("p.ref", "left join nodes p on p.id = t.parent_id"),
    "records": ("n.ref", "join nodes n on n.id = t.node_id"),
    "signals": ("r.ref", "join records r on r.id = t.record_id"),
    "artifacts": ("n.ref", "join nodes n on n.id = t.node_id"),
}


def exactly(catalog: Catalog) -> Tables:
    """Every row of every table with its ids."""
    return _tables(catalog, {}, {})


def without_order(catalog: Catalog) -> Tables:
    """Every row, told by names where numbers depend on the order in which files were read."""
    return _tables(catalog, _OF_THE_ORDER, _BY_NAME)


def fresh(*workspaces: Path) -> Catalog:
    """A new catalog of everything that is in some workspaces now."""
    catalog = Catalog.in_memory(workspaces)
    Indexer(catalog, workspaces).catch_up()
    return catalog


def _tables(catalog: Catalog, left_out: dict[str, set[str]], by_name: dict[str, tuple[str, str]]) -> Tables:
    found: Tables = {}
    listed = "select table_name from duckdb_tables() where not temporary and table_name <> 'meta'"
    for (table,) in catalog.connection.execute(listed).fetchall():
        names = [row[0] for row in catalog.connection.execute(f"describe {table}").fetchall()]
        without = _OF_THE_FILE.get(table, set()) | left_out.get(table, set())
        shown = ", ".join([f"t.{name}" for name in names if name not in without])
        name, join = by_name.get(table, ("", ""))
        columns = ", ".join(filter(None, (name, shown)))
        rows = catalog.connection.execute(f"from {table} t {join} select {columns} order by all")
        found[table] = rows.fetchall()
    return found
