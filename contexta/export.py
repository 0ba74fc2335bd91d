"""Writes what a workspace holds to a file that other programs read: JSON lines, CSV or Parquet.

The catalog is brought up to date and copied from by DuckDB itself, row by row, so that a million records need
no more memory than a thousand. A file is complete or not there, and readable by the user only: what was
recorded may be anybody's data.

A CSV file is mostly opened with a spreadsheet, and a spreadsheet runs what looks like a formula. A text that
begins like one therefore gets an apostrophe in front, which spreadsheets take for "this is text". The other
formats hold everything as it was recorded. Times are in UTC everywhere.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.contract.refs import StableRef, validate_stable_ref_kind
from contexta.errors import NotFoundError, SurfaceError
from contexta.query import tree
from contexta.query.flat import ROWS, Column, Flat
from contexta.watch.workspace import path_text, workspaces_in

FORMATS: Final = ("jsonl", "csv", "parquet")
KINDS: Final = tuple(ROWS)

_FILE_MODE: Final = 0o600
_ISO: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_FORMULA: Final = r"^[\s\p{Z}\p{C}]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n]"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: The file.
        kind: ``nodes``, ``records`` or ``metrics``.
        format: ``jsonl``, ``csv`` or ``parquet``.
        rows: How many.
    """

    path: Path
    kind: str
    format: str
    rows: int


def export(
    workspace: str | os.PathLike[str],
    kind: str,
    destination: str | os.PathLike[str],
    *,
    file_format: str | None = None,
    run_ref: str | StableRef | None = None,
    cache_dir: Path | None = None,
    use_cache: bool = True,
) -> Exported:
    """Write all rows of a kind to a file; one that was there is replaced.

    Args:
        workspace: A workspace, or a folder that holds one or several.
        kind: ``nodes``, ``records`` or ``metrics``.
        destination: The file.
        file_format: ``jsonl``, ``csv`` or ``parquet``; by the end of the file's name when None.
        run_ref: The only run whose rows are written; nodes include the deployments that came from it.
        cache_dir: Folder for catalogs; the user's cache directory by default.
        use_cache: Whether to keep the catalog on disk at all.

    Raises:
        SurfaceError: ``export_unknown_kind``, ``export_unknown_format``; ``export_failed`` when the file
            cannot be written, what was there before is there still.
        NotFoundError: ``workspace_missing``, ``node_not_found`` for an unknown run.
        ValidationError: ``stable_ref_…``: ``run_ref`` is no reference of a run.
    """
    target = Path(destination).expanduser().absolute()
    flat = ROWS.get(kind)
    if flat is None:
        raise SurfaceError(
            f"There are rows of {', '.join(KINDS)}, not of {kind!r}.", code="export_unknown_kind"
        )
    chosen = file_format or target.suffix.removeprefix(".").lower()
    if chosen not in FORMATS:
        raise SurfaceError(
            f"A file is written as {', '.join(FORMATS)}, not as {chosen!r}; say which.",
            code="export_unknown_format",
        )
    roots = [found.resolve() for found in workspaces_in(Path(workspace).expanduser().resolve())]
    if not roots:
        raise NotFoundError(
            f"{path_text(Path(workspace))} holds no workspace: nothing was recorded there.",
            code="workspace_missing",
        )
    with (
        closing(_catalog(roots, cache_dir, use_cache=use_cache)) as catalog,
        closing(catalog.cursor()) as cursor,
    ):
        statement = flat.statement(lambda sql, kind: _spelt(sql, kind, chosen), _run_id(cursor, run_ref))
        rows = _write(cursor, f"copy ({statement}) to {{file}} ({_options(flat, chosen)})", target)
    return Exported(target, kind, chosen, rows)


def _catalog(roots: Sequence[Path], cache_dir: Path | None, *, use_cache: bool) -> Catalog:
    """Return a catalog that has everything that is there now."""
    catalog = Catalog.open(roots, cache_dir) if use_cache else Catalog.in_memory(roots)
    try:
        Indexer(catalog, roots).catch_up()
    except duckdb.Error:
        # Whatever is wrong with one that was kept, it can be made anew.
        catalog.discard()
        catalog = Catalog.in_memory(roots)
        Indexer(catalog, roots).catch_up()
    return catalog


def _run_id(cursor: duckdb.DuckDBPyConnection, run_ref: str | StableRef | None) -> int | None:
    if run_ref is None:
        return None
    parsed = run_ref if isinstance(run_ref, StableRef) else StableRef.parse(run_ref)
    ref = validate_stable_ref_kind(parsed, "run", "run_ref").text
    node = tree.find(cursor, ref)
    if node is None:
        raise NotFoundError(f"Nothing is known of {ref}.", code="node_not_found")
    return node.id


def _spelt(sql: str, kind: Column, file_format: str) -> str:
    """Return the SQL of a column as a format spells it."""
    if kind is Column.TIME:
        # Without a zone, because DuckDB for Python reads zones only where another package is installed.
        return sql if file_format == "parquet" else f"strftime({sql}, '{_ISO}')"
    if kind is Column.JSON and file_format == "jsonl":
        return f"try_cast({sql} as json)"
    if kind in (Column.TEXT, Column.JSON) and file_format == "csv":
        return f"if(regexp_matches({sql}, '{_FORMULA}'), chr(39) || {sql}, {sql})"
    return sql


def _options(flat: Flat, file_format: str) -> str:
    if file_format == "jsonl":
        return "format json"
    if file_format == "parquet":
        return "format parquet, compression zstd"
    texts = (name for name, kind in flat.columns.items() if kind in (Column.TEXT, Column.JSON))
    # Quoted whatever is in it, so that no separator of any country's spreadsheet begins another cell.
    return f"format csv, header, force_quote ({', '.join(texts)})"


def _write(cursor: duckdb.DuckDBPyConnection, statement: str, target: Path) -> int:
    """Copy rows to a file beside the target and give it its name; return how many there were."""
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
            fresh = Path(folder) / "rows"
            quoted = "'" + str(fresh).replace("'", "''") + "'"
            (rows,) = cursor.execute(statement.replace("{file}", quoted)).fetchone() or (0,)
            fresh.chmod(_FILE_MODE)
            fresh.replace(target)
    except (OSError, duckdb.Error) as error:
        why = (isinstance(error, OSError) and error.strerror) or str(error).splitlines()[0]
        raise SurfaceError(
            f"{path_text(target)} was not written: {why}.",
            code="export_failed",
            details={"path": str(target)},
            cause=error,
        ) from error
    return int(rows)
