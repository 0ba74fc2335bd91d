"""The command `contexta`: asks a workspace from a shell or a script.

Arguments and printing only; what a command answers stands in `contexta.commands`. The full picture, and
everything live, is `contexta-tui`; this needs no screen and never loads one. What answers and what prints is
loaded when it is needed, because `--help` and `--version` must not wait for a database.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final, TextIO

from contexta.arguments import USAGE
from contexta.commands.parser import PROGRAM, build_parser
from contexta.commands.table import COMMANDS, COMPLETE
from contexta.errors import ContextaError, SurfaceError
from contexta.sanitize import safe
from contexta.streams import abandon

if TYPE_CHECKING:
    import rich.table
    import rich.text

    from contexta.commands.answer import Answer, Cell, Part
    from contexta.commands.desk import Desk

__all__ = ["build_parser", "main"]

_INTERRUPTED: Final = 130
_PIPE_WIDTH: Final = 4096
_SHORT_S: Final = 0.5
"""Seconds that work may take without a bar."""

_OWN_FAULT: Final = "stopped by an error of its own; please report it"

Handler = Callable[["Desk", argparse.Namespace], "Answer"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    try:
        return _answer(build_parser().parse_args(argv))
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED


def _answer(options: argparse.Namespace) -> int:
    try:
        try:
            return _run(options)
        except ContextaError as error:
            if error.code != "index_damaged":
                raise
            return _run(options)  # It was removed; now everything is read again.
    except Exception as error:  # noqa: BLE001 - a script gets a code and a sentence, whatever happened
        if options.debug:
            _say_lines(traceback.format_exc().splitlines())
        _say(_sentence(error))
        return USAGE


def _run(options: argparse.Namespace) -> int:
    """Answer and print."""
    from contexta.commands.desk import Desk  # noqa: PLC0415 - loads the database, which --help need not

    progress = _Progress(is_shown=not options.quiet and not options.as_json and _is_terminal(sys.stderr))
    with Desk(options.workspace, getattr(options, "source", "all"), progress.of) as desk:
        answer = _handler(options.command)(desk, options)
        if options.as_json:
            _write_json(answer)
        elif answer.text is not None:
            _write_text([answer.text()])
        else:
            _write_parts(answer.parts(), color=not options.no_color)
        for sentence in desk.unread():
            _say(sentence)
        return answer.code


def _handler(name: str) -> Handler:
    (command,) = (each for each in (*COMMANDS, COMPLETE) if each.name == name)
    module, function = command.answer
    handler: Handler = getattr(import_module(f"contexta.commands.{module}"), function)
    return handler


def _sentence(error: Exception) -> str:
    """What a person is told of an error, in one sentence."""
    match error:
        case ContextaError():
            said = error.message
        case OSError():
            said = f"{error.filename or 'something'} cannot be read or written ({error.strerror or error})."
        case _:
            said = f"{_OWN_FAULT}: {type(error).__name__}: {error}"
    return said if said.endswith((".", "!", "?")) else f"{said}."


# Printing


class _Progress:
    """Shows how far long work is, on standard error and only on a terminal."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown

    @contextmanager
    def of(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A bar for a piece of work, while the block lasts; none for work that is done at once."""
        began = time.monotonic()
        with ExitStack() as shown:
            update: Callable[[int, int], None] | None = None

            def told(done: int, total: int) -> None:
                nonlocal update
                is_long = not total or time.monotonic() - began > _SHORT_S
                if update is None and is_long and self._is_shown:
                    update = shown.enter_context(_bar(what))
                if update is not None:
                    update(done, total)

            yield told


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console  # noqa: PLC0415 - only where a bar is shown
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - ditto

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _write_parts(parts: Iterable[Part], *, color: bool) -> None:
    """Write lines, coloured and cut on a terminal, plain and whole elsewhere."""
    from rich.console import Console  # noqa: PLC0415 - a document needs none
    from rich.text import Text  # noqa: PLC0415 - ditto

    terminal = _is_terminal(sys.stdout)
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        force_terminal=terminal,
        color_system="auto" if terminal and color else None,
        width=shutil.get_terminal_size().columns if terminal else _PIPE_WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
    )

    def text(cells: Iterable[Cell]) -> rich.text.Text:
        return Text.assemble(*((each.text, each.style) for each in cells))

    for part in parts:
        if isinstance(part, tuple):
            console.print(text(part), no_wrap=True, overflow="ellipsis", crop=True)
        else:
            table = _table(part.heads, part.right)
            for row in part.rows:
                table.add_row(*(text((each,)) for each in row))
            console.print(table, no_wrap=True, overflow="ellipsis", crop=True)
    _write_text(f"{line.rstrip()}\n" for line in buffer.getvalue().split("\n")[:-1])


def _table(heads: Sequence[str], right: Sequence[int]) -> rich.table.Table:
    from rich.table import Table  # noqa: PLC0415 - only where tables are drawn
    from rich.text import Text  # noqa: PLC0415 - ditto

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for at, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if at in right else "left", no_wrap=True)
    return table


def _write_json(answer: Answer) -> None:
    def pieces() -> Iterator[str]:
        yield f'{{"schema": {_json(answer.schema)}'
        for name, value in answer.document().items():
            yield f", {_json(name)}: "
            if isinstance(value, Iterator):
                yield "["
                for at, item in enumerate(value):
                    yield f"{', ' if at else ''}{_json(item)}"
                yield "]"
            else:
                yield _json(value)
        yield "}\n"

    _write_text(pieces())


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")


def _write_text(texts: Iterable[str]) -> None:
    if sys.stdout is None:
        raise SurfaceError("Standard output is closed, so there is no answer.", code="answer_not_written")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        for text in texts:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough.
        abandon(sys.stdout)
    except OSError as error:
        abandon(sys.stdout)
        why = (error.strerror or str(error)).lower()
        raise SurfaceError(f"The answer cannot be written ({why}).", code="answer_not_written") from error


def _say(sentence: str) -> None:
    _say_lines([f"{PROGRAM}: {safe(sentence, 1_000)}"])


def _say_lines(lines: Iterable[str]) -> None:
    with suppress(OSError, ValueError):
        if isinstance(sys.stderr, io.TextIOWrapper):
            sys.stderr.reconfigure(errors="backslashreplace")
        for line in lines:
            sys.stderr.write(f"{safe(line, 1_000)}\n")


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


if __name__ == "__main__":
    raise SystemExit(main())
