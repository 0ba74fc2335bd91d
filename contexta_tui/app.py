"""Wiring: the follower's thread, the screens, the theme and the signals.

Everything that decides something lives in a screen, a widget or a view model.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final

from platformdirs import user_log_dir
from rich.console import Console
from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES

from contexta.folders import make_private
from contexta_tui.clock import SYSTEM, Clock
from contexta_tui.commands import Actions
from contexta_tui.feed import Feed
from contexta_tui.filters import AsciiFilter, UnprintableFilter
from contexta_tui.glyphs import ASCII, UNICODE
from contexta_tui.keymap import Scope, bindings
from contexta_tui.messages import FeedChanged, FeedFailed
from contexta_tui.screens.explorer import ExplorerScreen
from contexta_tui.screens.help import HelpScreen
from contexta_tui.settings import Settings
from contexta_tui.signals import go_on_only_after_a_stop, leave_on_signals, terminal_as_it_was
from contexta_tui.theme import THEMES, with_meanings
from contexta_tui.viewmodels.refresh import Job, Result, work

#: Names that `--theme` accepts.
THEME_NAMES: Final = tuple(sorted({*(theme.name for theme in THEMES), *BUILTIN_THEMES}))

#: How lines of the box begin that Rich draws around the variables of a frame.
_OF_VARIABLES: Final = ("│ ╭", "│ │", "│ ╰")


class ExplorerApp(App[None]):
    """The app.

    Args:
        settings: What the command line asked for.
        feed: Where changes come from.
        clock: What time it is.
        answer: Asks the queries; is called on threads of its own.
    """

    TITLE = "contexta"
    CSS_PATH = Path(__file__).with_name("styles") / "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.APP)
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Actions}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    # No pane has text to select, and a selection that begins on a notice on its way out would end the app.
    ALLOW_SELECT = False

    def __init__(
        self,
        settings: Settings,
        feed: Feed,
        clock: Clock = SYSTEM,
        answer: Callable[[Job], Result] = work,
    ) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = settings.theme
        self.settings = settings
        self.explorer = ExplorerScreen(settings, clock, answer)
        self._feed = feed
        self._filters_of_ours: list[LineFilter] = [UnprintableFilter()]
        if settings.ascii:
            self._filters_of_ours.append(AsciiFilter())

    def get_css_variables(self) -> dict[str, str]:
        """The theme's colours, and our meanings derived from them."""
        return with_meanings(super().get_css_variables())

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Drop what a terminal would obey, whatever way it came; draw our frames in ASCII on request."""
        return [*super().get_line_filters(), *self._filters_of_ours]

    def get_default_screen(self) -> Screen[None]:
        """The explorer, in place of an empty screen under it that would be made for nothing."""
        return self.explorer

    def on_load(self) -> None:
        """Listen for what ends the app; the terminal is still as it was."""
        leave_on_signals(self._leave)

    def on_mount(self) -> None:
        """Start following."""
        go_on_only_after_a_stop(self._draw_again)
        self._feed.connect(
            lambda: self.post_message(FeedChanged()), lambda reason: self.post_message(FeedFailed(reason))
        )
        self._feed.start()

    def on_ready(self) -> None:
        """Look for garbage from now on, but not among what was loaded: all of that stays."""
        if not gc.isenabled():
            gc.freeze()
            gc.enable()

    def on_unmount(self) -> None:
        """Stop following."""
        self._feed.stop()

    def on_feed_changed(self) -> None:
        """Take the latest change."""
        change = self._feed.take()
        if change is not None:
            self.explorer.take(change)

    def on_feed_failed(self, message: FeedFailed) -> None:
        """Say that following ended; what is on the screen stays."""
        self.explorer.tell(f"Following stopped. {message.reason}")

    def action_help(self) -> None:
        """Show all keys."""
        self.push_screen(HelpScreen(ASCII if self.settings.ascii else UNICODE))

    def action_copy_ref(self) -> None:
        """Copy the ref of the selection."""
        self.explorer.action_copy_ref()

    def _leave(self, code: int) -> None:
        self.exit(return_code=code)

    def _draw_again(self) -> None:
        self.refresh(layout=True)


def run_app(settings: Settings, feed: Feed, answer: Callable[[Job], Result] = work) -> int:
    """Show the app until the person leaves.

    Args:
        settings: What the command line asked for.
        feed: Where changes come from; may have been started.
        answer: Asks the queries.

    Returns:
        The exit code. A crash is one sentence on the terminal, and its details are in a file.
    """
    if settings.theme not in THEME_NAMES:
        _say(f"there is no theme {settings.theme!r}; themes are {', '.join(THEME_NAMES)}.")
        return 2
    # The terminal knows its size; what a shell exported may be that of another one.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    app = ExplorerApp(settings, feed, answer=answer)
    details = io.StringIO()
    app.error_console = Console(file=details, markup=False, highlight=False, width=120)
    with terminal_as_it_was():
        app.run()
    if details.getvalue():
        _say(f"stopped by an error of its own; {_keep(details.getvalue())}")
    return app.return_code or 0


def _say(sentence: str) -> None:
    sys.stderr.write(f"contexta-tui: {sentence}\n")


def _keep(details: str) -> str:
    """Write the details of a crash to a file that only its owner can read, and say where.

    The values of variables are left out: they hold recorded text, and the file is meant to be sent to others.
    """
    path = Path(user_log_dir("contexta-tui", ensure_exists=False)) / "crash.log"
    lines = (line for line in details.splitlines(keepends=True) if not line.startswith(_OF_VARIABLES))
    try:
        make_private(path.parent)
        path.unlink(missing_ok=True)
        with open(path, "x", encoding="utf-8", errors="backslashreplace", opener=_private) as file:
            file.writelines(lines)
    except OSError as error:
        return f"its details could not be written to {path} ({error.strerror})."
    return f"please report it with {path}."


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
