"""`report`: a document on a run, on standard output or in a file.

What stands in it is for `contexta.report` to say; here it is only put where it was asked for.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from contexta.commands.answer import Answer, line
from contexta.commands.desk import Desk
from contexta.commands.investigation import LoadedInvestigation
from contexta.errors import SurfaceError
from contexta.report import ReportDocument, build_snapshot_report
from contexta.watch.workspace import path_text

_ENDINGS: Final = {".html": "html", ".htm": "html", ".json": "json", ".csv": "csv"}


def report(desk: Desk, options: argparse.Namespace) -> Answer:
    """A report on a run, on standard output or in a file."""
    ending = "" if options.output is None else options.output.suffix.lower()
    chosen = options.format or ("json" if options.as_json else _ENDINGS.get(ending, "markdown"))
    document = build_snapshot_report(LoadedInvestigation(desk.loaded), desk.run_ref(options.run))
    if options.output is None:
        return Answer("contexta/report/1", document.to_dict, text=lambda: _REPORTS[chosen](document))
    written = _write(options.output, _REPORTS[chosen](document))
    return Answer(
        "contexta/written/1",
        lambda: {"path": path_text(written), "format": chosen},
        lambda: [line(f"Wrote {path_text(written)}.")],
    )


def _report_json(document: ReportDocument) -> str:
    data = {"schema": "contexta/report/1", **document.to_dict()}
    return json.dumps(data, allow_nan=False, indent=2).replace("\x7f", "\\u007f")


_REPORTS: Final[dict[str, Callable[[ReportDocument], str]]] = {
    "markdown": ReportDocument.to_markdown,
    "html": ReportDocument.to_html,
    "csv": ReportDocument.to_csv,
    "json": _report_json,
}


def _write(path: Path, text: str) -> Path:
    """Write a file whole or not at all, for this user only: it holds what was recorded.

    Raises:
        SurfaceError: ``report_not_written``.
    """
    target = path.expanduser().absolute()
    data = text if text.endswith("\n") else f"{text}\n"
    try:
        if target.exists() and not target.is_file():
            target.write_text(data, encoding="utf-8", newline="")
            return target
        with NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=target.parent, prefix=".contexta-", delete=False
        ) as temporary:
            try:
                temporary.write(data)
                temporary.flush()
                Path(temporary.name).replace(target)
            except BaseException:
                with suppress(OSError):
                    Path(temporary.name).unlink()
                raise
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise SurfaceError(
            f"{path_text(target)} cannot be written ({why}).", code="report_not_written"
        ) from error
    return target
