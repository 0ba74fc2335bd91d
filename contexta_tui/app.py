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
from typing import Any, ClassVar, Final

from platformdirs import user_log_dir
from rich.console import Console, RenderableType
from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.events import Event, InputEvent, Paste
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES

from contexta.folders import make_private
from contexta_tui.clock import SYSTEM, Clock
from contexta_tui.commands import Actions
from contexta_tui.feed import Feed
from contexta_tui.filters import AsciiFilter, UnprintableFilter
from contexta_tui.first_view import FirstView
from contexta_tui.glyphs import ASCII, UNICODE
from contexta_tui.keymap import Scope, bindings
from contexta_tui.messages import FeedChanged, FeedFailed
from contexta_tui.screens.explorer import ExplorerScreen
from contexta_tui.screens.help import HelpScreen
from contexta_tui.settings import Settings
from contexta_tui.signals import leave_on_signals, stop_between_steps
from contexta_tui.terminal import Terminal
from contexta_tui.theme import THEMES, with_meanings
from contexta_tui.viewmodels.refresh import Job, Result, work

#: Names that `--theme` accepts.
THEME_NAMES: Final = tuple(sorted({*(theme.name for theme in THEMES), *BUILTIN_THEMES}))

#: Seconds after which, and how often, it is seen whether the first screen can be kept.
_KEEP_AFTER_S: Final = 1.0
_KEEP_TRIES: Final = 10

#: Seconds that a picture may stand in place of the screen.
_LONGEST_WAIT_S: Final = 3.0

#: Seconds after which a thread gives Python's lock to another one that waits: the follower needs it for a
#: moment again and again, also while a frame is drawn.
_SWITCH_S: Final = 0.001

#: How lines of the box begin that Rich draws around the variables of a frame.
_OF_VARIABLES: Final = ("│ ╭", "│ │", "│ ╰")


class ExplorerApp(App[None]):
    """The app.

    Args:
        settings: What the command line asked for.
        feed: Where changes come from.
        clock: What time it is.
        answer: Asks the queries; is called on threads of its own.
        terminal: What it is shown on.
        view: What is shown there already, or what to keep of this start for the next.
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
        *,
        terminal: Terminal | None = None,
        view: FirstView | None = None,
    ) -> None:
        super().__init__()
        self._terminal = terminal or Terminal()
        self._view = view
        self._waits = bool(view and view.rows)
        self._touched = False
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
        self._terminal.hand_over()

    def on_compose(self) -> None:
        """Draw what was drawn before the terminal was taken, which may have wiped it."""
        stop_between_steps(self._draw_again)
        self._terminal.is_taken()
        if self._waits and self._view is not None and self._driver is not None:
            self._driver.write(self._view.drawn())

    def on_mount(self) -> None:
        """Start following."""
        self._feed.connect(
            lambda: self.post_message(FeedChanged()), lambda reason: self.post_message(FeedFailed(reason))
        )
        self._feed.start()
        if self._waits:
            self.set_timer(_LONGEST_WAIT_S, self._show)
        if self._view is not None:
            self.set_interval(_KEEP_AFTER_S, self._keep, repeat=_KEEP_TRIES)

    def on_ready(self) -> None:
        """Look for garbage from now on, but not among what was loaded; share the processor more finely."""
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
            sys.setswitchinterval(_SWITCH_S)

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

    async def on_event(self, event: Event) -> None:
        """Note whether anybody has done anything yet."""
        self._touched |= isinstance(event, (InputEvent, Paste))
        await super().on_event(event)

    def on_settled(self) -> None:
        """Show the screen in place of its picture."""
        self._show()

    def _show(self) -> None:
        if self._waits:
            self._waits = False
            self.refresh(layout=True)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        # What comes first is less than the picture shows already.
        if not self._waits:
            super()._display(screen, renderable)

    def _keep(self) -> None:
        """Keep a picture of the first screen, once everything is on it, and if it will last."""
        picture = None if self._touched else self.explorer.picture()
        if picture is None or self._view is None:
            return
        view, self._view = self._view, None
        rows = [strip.render(self.console) for strip in picture]
        self.run_worker(lambda: view.keep(self.settings, rows), thread=True, exit_on_error=False)

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


def run_app(
    settings: Settings,
    feed: Feed,
    answer: Callable[[Job], Result] = work,
    terminal: Terminal | None = None,
    view: FirstView | None = None,
) -> int:
    """Show the app until the person leaves.

    Args:
        settings: What the command line asked for.
        feed: Where changes come from; may have been started.
        answer: Asks the queries.
        terminal: What it is shown on.
        view: What is shown there already, or what to keep of this start for the next.

    Returns:
        The exit code. A crash is one sentence on the terminal, and its details are in a file.
    """
    if settings.theme not in THEME_NAMES:
        _say(f"there is no theme {settings.theme!r}; themes are {', '.join(THEME_NAMES)}.")
        return 2
    # The terminal knows its size; what a shell exported may be that of another one.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    terminal = terminal or Terminal()
    app = ExplorerApp(settings, feed, answer=answer, terminal=terminal, view=view)
    details = io.StringIO()
    app.error_console = Console(file=details, markup=False, highlight=False, width=120)
    try:
        app.run()
    finally:
        terminal.restore()
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
