"""The command `contexta`: asks a workspace from a shell or a script.

Arguments and printing only. The full picture, and everything live, is `contexta-tui`; this needs no screen
and never loads one.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contexta._version import __version__
from contexta.errors import ContextaError
from contexta.loading import Loaded, load
from contexta.query.results import Issue, NodeKind, NodeRow, Severity, Status
from contexta.sanitize import safe, safe_lines
from contexta.watch.workspace import nearest

PROGRAM: Final = "contexta"
FINE: Final = 0
ISSUES: Final = 1
UNREADABLE: Final = 2
_INTERRUPTED: Final = 130

_PIPE_WIDTH: Final = 4096
_MOST_RUNS: Final = 1_000
_MOST_ISSUES: Final = 1_000
_MOST_REASONS: Final = 20

_STATUS: Final = {
    Status.FAILED: "bold red",
    Status.COMPLETED: "green",
    Status.OPEN: "cyan",
    Status.UNKNOWN: "dim",
    Status.CANCELLED: "magenta",
}
_SEVERITY: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}

_EPILOG: Final = """\
examples:
  contexta runs                                     what ran, newest first
  contexta show tiny-cnn.evaluate.holdout           one batch: why it failed, what it measured
  contexta diagnose --fail-on error                 in a script: exit 1 when there is an error
  contexta runs --json --workspace /data/.contexta  for another program

exit codes: 0 fine, 1 issues at or above --fail-on, 2 usage or unreadable workspace
"""

Cells = tuple[Text, ...]


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.exit(UNREADABLE, f"{PROGRAM}: {safe(message, 500)}. See {PROGRAM} --help.\n")


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = _Parser(
        prog=PROGRAM,
        description="Ask a workspace what ran, how it went and what is wrong with it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    common = _Parser(add_help=False)
    common.add_argument(
        "--workspace",
        metavar="PATH",
        type=Path,
        help="the folder that the job records to; default: the nearest .contexta in this folder or above",
    )
    common.add_argument("--json", dest="as_json", action="store_true", help="print JSON for another program")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common], allow_abbrev=False
        )

    add("runs", "list the runs, newest first")
    add("show", "show one node: how it went, why it failed, what it measured").add_argument(
        "ref", metavar="REF", help="ref of a run, stage, batch, sample or deployment, or a unique end of it"
    )
    add("diagnose", "list what is wrong, worst first").add_argument(
        "--fail-on",
        choices=("error", "warning", "info", "never"),
        default="never",
        help="exit 1 when there is an issue of that severity or worse (default: %(default)s)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    try:
        options = build_parser().parse_args(argv)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else UNREADABLE
    commands: dict[str, Callable[[Loaded, argparse.Namespace], int]] = {
        "runs": _runs,
        "show": _show,
        "diagnose": _diagnose,
    }
    try:
        with load((options.workspace or nearest(Path.cwd()),)) as loaded:
            code = commands[options.command](loaded, options)
            for sentence in loaded.unread():
                _say(sentence)
            return code
    except ContextaError as error:
        _say(error.message)
        return UNREADABLE
    except OSError as error:
        _say(f"the answer cannot be written ({error.strerror or error}).")
        return UNREADABLE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a script gets a code and a sentence, whatever happened
        _say(f"stopped by an error of its own; please report it: {type(error).__name__}: {error}")
        return UNREADABLE


# The commands


def _runs(loaded: Loaded, options: argparse.Namespace) -> int:
    found = [row for project in loaded.reader.projects() for row in _runs_of(loaded, project)]
    if options.as_json:
        _write_json("contexta/runs/1", runs=[_fields(row) for row in found])
        return FINE
    shown = found[:_MOST_RUNS]
    table = _table(("run", "status", "started", "took", "records", "failed", "ref"), right=(3, 4, 5))
    for row in shown:
        table.add_row(
            Text(safe(row.name, 60), "bold red" if row.failed else ""),
            _status(row),
            Text(_time(row.started_at or row.first_at), "dim"),
            Text(_took(row), "dim"),
            Text(f"{row.records:,}"),
            Text(f"{row.failed_below:,}" if row.failed_below else "", "bold red"),
            Text(safe(row.ref, 300), "dim"),
        )
    _write([table] if shown else [Text("No run is recorded.")], more=len(found) - len(shown), word="runs")
    return FINE


def _runs_of(loaded: Loaded, project: NodeRow) -> Iterator[NodeRow]:
    total = sum(group.count for group in project.children if group.kind is NodeKind.RUN)
    for start in range(0, total, _MOST_RUNS):
        yield from loaded.reader.children(project.id, NodeKind.RUN, start, start + _MOST_RUNS)


def _show(loaded: Loaded, options: argparse.Namespace) -> int:
    node = loaded.find(options.ref)
    reasons = loaded.reader.reasons(node.id, _MOST_REASONS) if node.failed or node.failed_below else ()
    metrics = loaded.reader.metrics(node.id)
    if options.as_json:
        _write_json(
            "contexta/node/1",
            **_fields(node),
            children={group.kind.value: group.count for group in node.children},
            reasons=[
                {
                    "kind": reason.kind,
                    "title": reason.title,
                    "detail": reason.detail,
                    "stacktrace": reason.stacktrace,
                    "path": reason.node_path,
                    "at": _time(reason.at) or None,
                }
                for reason in reasons
            ],
            metrics=[_finite(asdict(metric)) for metric in metrics],
        )
        return FINE
    parts: list[Text | Table] = [
        Text(safe(node.ref, 300), "bold"),
        Text.assemble(_status(node), f"  {_took(node)}  {node.records:,} records  {_time(node.started_at)}"),
    ]
    if reasons:
        parts += [Text(), Text("Why it failed", "bold")]
        for reason in reasons:
            where = " > ".join(safe(name, 60) for name in reason.node_path)
            parts.append(
                Text.assemble((safe(reason.title, 300), "bold red"), f"  {safe(reason.detail, 300)}")
            )
            parts.append(Text(f"  {where}  {_time(reason.at)}", "dim"))
        trace = next((reason.stacktrace for reason in reasons if reason.stacktrace), "")
        parts += [Text(f"    {line}", "dim") for line in safe_lines(trace, 300, 30, keep="last")]
    if metrics:
        table = _table(("key", "last", "min", "max", "mean", "n", "unit"), right=(1, 2, 3, 4, 5))
        for metric in metrics:
            values = (metric.last, metric.minimum, metric.maximum, metric.mean)
            numbers = ("-" if value is None else f"{value:.6g}" for value in values)
            table.add_row(
                Text(safe(metric.key, 80)),
                *(Text(number) for number in numbers),
                Text(f"{metric.count:,}"),
                Text(safe(metric.unit or "", 20), "dim"),
            )
        parts += [Text(), table]
    _write(parts)
    return FINE


def _diagnose(loaded: Loaded, options: argparse.Namespace) -> int:
    shown = loaded.issues[:_MOST_ISSUES]
    if options.as_json:
        fields = ("severity", "code", "ref", "summary", "count")
        issues = [{name: getattr(issue, name) for name in fields} for issue in loaded.issues]
        _write_json("contexta/issues/1", issues=issues)
    else:
        table = _table(("severity", "code", "where", "summary"))
        for issue in shown:
            style = _SEVERITY[issue.severity]
            table.add_row(
                Text(issue.severity.value, style),
                Text(safe(issue.code, 60), style),
                Text(safe(issue.ref, 300)),
                Text(safe(issue.summary, 300), "dim"),
            )
        more = len(loaded.issues) - len(shown)
        _write([table] if shown else [Text("Nothing is wrong.")], more=more, word="issues")
    return ISSUES if any(_counts(issue, options.fail_on) for issue in loaded.issues) else FINE


def _counts(issue: Issue, fail_on: str) -> bool:
    return fail_on != "never" and issue.severity.rank <= Severity(fail_on).rank


# Values


def _fields(node: NodeRow) -> dict[str, object]:
    """What is said of a node in JSON."""
    return {
        "ref": node.ref,
        "kind": node.kind,
        "name": node.name,
        "status": node.status,
        "origin": node.origin.labels(),
        "started_at": _time(node.started_at) or None,
        "ended_at": _time(node.ended_at) or None,
        "records": node.records,
        "failed": node.failed,
        "failed_below": node.failed_below,
    }


def _finite(values: Mapping[str, object]) -> dict[str, object]:
    """Values of a metric for JSON, which has no infinity: sums of large numbers can become one."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
        if name != "trend"
    }


def _status(node: NodeRow) -> Text:
    status = Status.FAILED if node.failed else node.status
    return Text(status.value, _STATUS[status])


def _time(micros: int | None) -> str:
    """A time in UTC, or nothing when it is not known or no calendar has it."""
    if micros is None:
        return ""
    try:
        moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{micros % 1_000_000 // 1000:03}Z"


def _took(node: NodeRow) -> str:
    """How long a node took, or its records span where its end is not known."""
    start = node.first_at if node.started_at is None else node.started_at
    end = node.last_at if node.ended_at is None else node.ended_at
    if start is None or end is None:
        return ""
    seconds = max(0, end - start) / 1e6
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


# Printing


def _table(heads: Sequence[str], right: Sequence[int] = ()) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for at, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if at in right else "left", no_wrap=True)
    return table


def _write(parts: Iterable[Text | Table], *, more: int = 0, word: str = "") -> None:
    """Write lines, coloured and cut on a terminal, plain and whole elsewhere."""
    terminal = sys.stdout.isatty()
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        force_terminal=terminal,
        color_system="auto" if terminal else None,
        width=shutil.get_terminal_size().columns if terminal else _PIPE_WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
    )
    for part in parts:
        console.print(part, no_wrap=True, overflow="ellipsis", crop=True)
    if more:
        console.print(f"... and {more:,} more {word}; --json has them all")
    _write_text("".join(f"{line.rstrip()}\n" for line in buffer.getvalue().split("\n")[:-1]))


def _write_json(schema: str, **fields: object) -> None:
    text = json.dumps({"schema": schema, **fields}, allow_nan=False)
    _write_text(text.replace("\x7f", "\\u007f") + "\n")


def _write_text(text: str) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; Python would complain once more when it closes the stream.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(sentence: str) -> None:
    with suppress(OSError, ValueError):
        if isinstance(sys.stderr, io.TextIOWrapper):
            sys.stderr.reconfigure(errors="backslashreplace")
        sys.stderr.write(f"{PROGRAM}: {safe(sentence, 500)}\n")


if __name__ == "__main__":
    raise SystemExit(main())
