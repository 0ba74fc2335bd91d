"""`promote`, `export`, `verify`: what is stored, handed on or checked.

The work is done elsewhere in the library; here it gets its arguments and its words.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Final

from contexta.capture.config import Config
from contexta.commands.answer import (
    BAD,
    FINE,
    FOUND,
    QUIET,
    Answer,
    Part,
    Table,
    cell,
    line,
    members,
    severity_cell,
)
from contexta.commands.desk import Desk
from contexta.export import export as write_rows
from contexta.promotion import PromotionResult, promote_captured
from contexta.verify import Verification
from contexta.verify import verify as check
from contexta.watch.workspace import path_text

_MOST_LINES: Final = 1_000


def promote(desk: Desk, options: argparse.Namespace) -> Answer:
    """Carry what was captured into the canonical store."""
    workspace = desk.workspace()
    run_ref = None
    if options.run is not None:
        run_ref = options.run if options.run.startswith("run:") else desk.run_ref(options.run)
        desk.close()
    with desk.progress("promoting") as on_progress:
        result = promote_captured(
            workspace,
            run_ref,
            dry_run=options.dry_run,
            assume_completed=options.assume_completed,
            settings=_settings(),
            on_progress=on_progress,
        )
    return Answer("contexta/promotion/1", lambda: members(result), lambda: _promoted(result))


def _promoted(result: PromotionResult) -> Iterator[Part]:
    yield line(result.summary)
    if result.left_out:
        rows = [(cell(item.code), cell(item.ref), cell(item.reason, QUIET)) for item in result.left_out]
        yield line()
        yield Table(("left out", "what", "why"), rows)
        more = result.left_out_count - len(result.left_out)
        if more > 0:
            yield line(f"... and {more:,} more", QUIET)


def export(desk: Desk, options: argparse.Namespace) -> Answer:
    """Write rows to a file."""
    run_ref = None if options.run is None else desk.run_ref(options.run)
    if run_ref is None:
        # Reads what is new, showing how far that is; the export then finds it read.
        _ = desk.loaded
    desk.close()
    done = write_rows(desk.folder, options.what, options.output, file_format=options.format, run_ref=run_ref)
    return Answer(
        "contexta/export/1",
        lambda: {"path": path_text(done.path), "what": done.kind, "format": done.format, "rows": done.rows},
        lambda: [line(f"Wrote {done.rows:,} {_counted(done.kind, done.rows)} to {path_text(done.path)}.")],
    )


def _counted(word: str, count: int) -> str:
    return word.removesuffix("s") if count == 1 else word


def verify(desk: Desk, options: argparse.Namespace) -> Answer:
    """Check everything; the code says whether anything worse than a remark was found."""
    workspace = desk.workspace()
    with desk.progress("verifying") as on_progress:
        on_progress(0, 0)
        found = check(workspace, settings=_settings(), bodies=not options.no_bodies)
    return Answer(
        "contexta/verification/1",
        lambda: {**members(found), "ok": found.ok},
        lambda: _verified(found),
        code=FINE if found.ok else FOUND,
    )


def _verified(found: Verification) -> Iterator[Part]:
    yield line(found.summary, "" if found.ok else BAD)
    if found.findings:
        rows = [
            (
                severity_cell(finding.severity.value, finding.severity),
                severity_cell(finding.code, finding.severity),
                cell(finding.path),
                cell(finding.position),
                cell(finding.sentence, QUIET),
            )
            for finding in found.findings[:_MOST_LINES]
        ]
        yield line()
        yield Table(("severity", "code", "file", "where", "what"), rows)
        more = len(found.findings) - len(rows)
        if more > 0:
            yield line(f"... and {more:,} more findings; --json has them all", QUIET)


def _settings() -> dict[str, object]:
    """What the environment configures of the stores."""
    return dict(Config.from_patch(None, os.environ).patch)
