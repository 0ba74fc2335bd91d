"""The command `contexta-tui`: arguments only.

What an option does lives elsewhere; here it gets its name, its help and its value.
Nothing heavy is imported before the arguments are known to be right.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contexta._version import __version__
from contexta.arguments import USAGE, Parser
from contexta_tui.starting import end, following, let_go, nothing_is_open, others_are_at_work

if TYPE_CHECKING:
    from contexta_tui.settings import Settings

PROGRAM = "contexta-tui"
_PRIVATE = 0o077
_INTERRUPTED = 130
_IMPATIENCE_S = 0.3
"""Seconds for what is open when nothing was shown yet; it may wait for a module that is being loaded here."""

_NO_SCREEN = ("dumb", "unknown")
"""Terminals that print what others obey; they get a snapshot."""

_DESCRIPTION = "See what an ML job is doing, and why it failed, without leaving the terminal."
_EPILOG = """\
exit codes: 0 fine, 1 issues at or above --fail-on, 2 usage or unreadable workspace
The workspace is only ever read: cache/capture, records/segments, metadata/ledger.db, artifacts/bindings.
"""


def build_parser() -> argparse.ArgumentParser:
    """The options, each named once."""
    parser = Parser(prog=PROGRAM, description=_DESCRIPTION, epilog=_EPILOG)
    add = parser.add_argument
    add(
        "workspaces",
        metavar="WORKSPACE",
        nargs="*",
        type=Path,
        help="folders to open; default: the nearest .contexta in this folder or above",
    )
    add("--demo", action="store_true", help="a realistic live job in a temporary workspace")
    add("--once", action="store_true", help="print a snapshot and exit; the default without a terminal")
    add("--json", dest="as_json", action="store_true", help="print the snapshot as JSON")
    add("--depth", choices=("run", "stage", "batch", "sample"), default="batch", help="depth of the snapshot")
    add(
        "--fail-on",
        choices=("error", "warning", "info", "never"),
        default="never",
        help="with --once: exit 1 when an issue of that severity or worse exists",
    )
    add("--select", metavar="REF", help="node to select, by ref or a unique end of it")
    add("--filter", metavar="QUERY", default="", help="show only what matches, e.g. 'holdout status:failed'")
    add("--no-live", dest="live", action="store_false", help="do not follow what is being written")
    add("--cache-dir", metavar="DIR", type=Path, help="folder of the derived catalogs")
    add("--no-cache", dest="use_cache", action="store_false", help="keep nothing between invocations")
    add("--theme", metavar="NAME", default="contexta-dark", help="colour theme (default: %(default)s)")
    add("--ascii", action="store_true", help="draw with ASCII characters only")
    add("--version", action="version", version=f"{PROGRAM} {__version__}", help="print the version and exit")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    # The database makes its log by the umask, again and again; nothing that is made here is for others.
    umask = os.umask(_PRIVATE)
    try:
        return _run(argv)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        os.umask(umask)


def _run(argv: Sequence[str] | None) -> int:
    """Do what the arguments say."""
    with nothing_is_open():
        settings = _settings(vars(build_parser().parse_args(argv)))
        program = _program(settings)
    return program(settings)


def _program(settings: Settings) -> Callable[[Settings], int]:
    """What does it; only that is loaded."""
    if settings.demo:
        from contexta_tui.demo import run_demo  # noqa: PLC0415 - heavy

        return run_demo
    if settings.once:
        from contexta_tui.once import run_once  # noqa: PLC0415 - heavy

        return run_once
    return explore


def explore(settings: Settings) -> int:
    """Show the app until the person leaves."""
    with nothing_is_open():
        from contexta_tui.first_view import FirstView  # noqa: PLC0415 - not for a question about the version
        from contexta_tui.terminal import Terminal  # noqa: PLC0415 - ditto

        terminal = Terminal()
        view = FirstView.find(settings, terminal.size)

    with following(terminal.restore):
        if view is not None and view.rows:
            terminal.show(view.drawn())
        from contexta_tui.feed import Feed  # noqa: PLC0415 - heavy
        from contexta_tui.opening import Opening, follower_of  # noqa: PLC0415 - ditto

    # Nothing of what is loaded now is garbage, and looking through it again and again takes its time.
    gc.disable()
    opening = Opening(lambda: follower_of(settings))
    feed = Feed(lambda: opening)

    def stop() -> None:
        feed.stop(_IMPATIENCE_S)
        terminal.restore()

    with following(stop):
        feed.start()
        try:
            from contexta_tui.app import run_app  # noqa: PLC0415 - heavy: the workspace is opened meanwhile

            code = run_app(settings, feed, opening.answer, terminal, view)
        finally:
            terminal.restore()
    feed.stop()
    if others_are_at_work():
        end(code)
    # The interpreter takes modules down by looking for garbage, and what is left of DuckDB complains.
    gc.unfreeze()
    let_go()
    return code


def _settings(options: dict[str, Any]) -> Settings:
    """The options as settings, with what depends on the surroundings filled in."""
    from contexta_tui.settings import Settings, nearest_workspace  # noqa: PLC0415 - heavy

    workspaces = tuple(options.pop("workspaces")) or (nearest_workspace(Path.cwd()),)
    # Textual draws on stderr, so all three must be the terminal.
    interactive = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    # The demo without a terminal is a snapshot of the demo; whether it is one is the demo's to see.
    once = options.pop("once") or options["as_json"] or not interactive
    if not once and os.environ.get("TERM") in _NO_SCREEN:
        sys.stderr.write(f"{PROGRAM}: this terminal (TERM={os.environ['TERM']}) has no screen to draw on.\n")
        once = True
    return Settings(workspaces=workspaces, once=once, **options)


if __name__ == "__main__":
    raise SystemExit(main())
