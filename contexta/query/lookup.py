"""From what a person calls a run, stage, batch or project to its ref.

The rules are those of the format specification, section 6.5. A ref is taken as it is, whether or not it is
known; anything else must be the end of exactly one. What is not found raises the built-in `LookupError` where
a list was asked for, and an `InterpretationError` where an answer about one run was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb

from contexta.catalog.schema import KINDS
from contexta.errors import InterpretationError
from contexta.query.results import NodeKind

_RUN, _STAGE, _BATCH, _PROJECT = (
    KINDS.index(kind) for kind in (NodeKind.RUN, NodeKind.STAGE, NodeKind.BATCH, NodeKind.PROJECT)
)
_SHOWN: Final = 3


def run_of_list(cursor: duckdb.DuckDBPyConnection, run_id: object) -> str:
    """The ref of a run whose things are to be listed; a ref that is not known is answered too.

    Raises:
        LookupError: No run, or more than one, has a ref that ends in `.run_id`.
    """
    found = _runs(cursor, _asked(run_id))
    if len(found) != 1:
        raise LookupError(_complaint("Run", run_id, found))
    return found[0]


def run_of_answer(cursor: duckdb.DuckDBPyConnection, run_id: object) -> str:
    """The ref of a run that is to be looked into.

    Raises:
        InterpretationError: `query_run_not_found`: none is known, or the end of a ref fits several.
    """
    found = _runs(cursor, _asked(run_id))
    known = cursor.execute(
        "select count(*) from nodes where ref = $ref and kind = $kind",
        {"ref": found[0] if len(found) == 1 else "", "kind": _RUN},
    ).fetchone()
    if not known or not known[0]:
        raise InterpretationError(
            _complaint("Run", run_id, found if len(found) > 1 else ()),
            code="query_run_not_found",
            details={"run_id": str(run_id), "candidates": list(found) if len(found) > 1 else []},
        )
    return found[0]


def stage(cursor: duckdb.DuckDBPyConnection, run_ref: str | None, stage_id: object) -> str:
    """The ref of a stage of a run; of any run where none is given.

    Raises:
        LookupError: No stage of the run, or more than one, is called so.
    """
    return _inside(cursor, _STAGE, _asked(stage_id), NodeKind.RUN, run_ref)


def batch(
    cursor: duckdb.DuckDBPyConnection, run_ref: str | None, stage_ref: str | None, batch_id: object
) -> str:
    """The ref of a batch of a run, or of a stage of it; `train.epoch-1` is an end of a ref too.

    Raises:
        LookupError: No batch there, or more than one, is called so.
    """
    if stage_ref is not None:
        return _inside(cursor, _BATCH, _asked(batch_id), NodeKind.STAGE, stage_ref)
    return _inside(cursor, _BATCH, _asked(batch_id), NodeKind.RUN, run_ref)


def projects(cursor: duckdb.DuckDBPyConnection, name: object) -> tuple[str, ...]:
    """The refs of the projects that a text stands for: a ref, a name, or the name in a ref; often none.

    A name that several projects have stands for all of them. A project's name is free text; only where no
    project is called so, the name in the ref counts.
    """
    text = _asked(name)
    for condition in ("ref = $text", "name = $text", "ref = 'project:' || $text"):
        rows = cursor.execute(
            f"select ref from nodes where kind = {_PROJECT} and {condition} order by position", {"text": text}
        ).fetchall()
        if rows:
            return tuple(row[0] for row in rows)
    return ()


def _asked(name: object) -> str:
    """What was asked for, as text that a database takes: half a surrogate pair is in no ref."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def _runs(cursor: duckdb.DuckDBPyConnection, run_id: str) -> tuple[str, ...]:
    if run_id.startswith("run:"):
        return (run_id,)
    rows = cursor.execute(
        f"select ref from nodes where kind = {_RUN} and ends_with(ref, '.' || $id) order by ref",
        {"id": run_id},
    ).fetchall()
    return tuple(row[0] for row in rows)


def _inside(
    cursor: duckdb.DuckDBPyConnection, kind: int, name: str, owner: NodeKind, owner_ref: str | None
) -> str:
    what = KINDS[kind].capitalize()
    if name.startswith(f"{KINDS[kind]}:"):
        return name
    rows = cursor.execute(
        f"""
        select n.ref from nodes n join nodes o on o.id = n.{owner}_id and ($owner is null or o.ref = $owner)
        where n.kind = {kind} and ends_with(n.ref, '.' || $name) order by n.ref""",
        {"owner": owner_ref, "name": name},
    ).fetchall()
    if len(rows) != 1:
        raise LookupError(_complaint(what, name, [row[0] for row in rows]))
    return str(rows[0][0])


def _complaint(what: str, name: object, candidates: Sequence[str]) -> str:
    if not candidates:
        return f"{what} not found: {name}"
    shown = ", ".join(candidates[:_SHOWN]) + (", …" if len(candidates) > _SHOWN else "")
    return f"{what} not found: {name} is the end of {len(candidates)} refs ({shown}); give the whole ref."
