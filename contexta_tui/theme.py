"""Colours by meaning: what failed, what is open, what is only known from its records.

Widgets name a meaning (`$status-failed`), never a colour. `with_meanings` derives the meanings for
Textual's own themes, so that any theme a user picks works. The glyphs of a meaning are in `glyphs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

from contexta_tui.glyphs import ASCII, UNICODE, Glyphs

__all__ = ["ASCII", "DARK", "HIGH_CONTRAST", "LIGHT", "THEMES", "UNICODE", "Glyphs", "with_meanings"]

DARK: Final = Theme(
    name="contexta-dark",
    primary="#6ea8dc",
    secondary="#7d93ab",
    accent="#e0b465",
    warning="#e0b465",
    error="#f2777a",
    success="#86b98a",
    foreground="#d3d9e0",
    background="#0f1317",
    surface="#0f1317",
    panel="#1a2027",
    variables={
        "border": "#33404d",
        "border-blurred": "#27313b",
        "status-failed": "#ff7b7e",
        "status-completed": "#7fae84",
        "status-open": "#6cb6ff",
        "status-unknown": "#8c97a3",
        "status-cancelled": "#b09bd1",
        "severity-warning": "#e0b465",
        "severity-info": "#8c97a3",
        "chart-line": "#7cc0e4",
        "chart-band": "#3f7190",
        "chart-axis": "#5d6975",
        "chart-gap": "#ff7b7e",
        "quiet": "#8c97a3",
        "scrollbar": "#2c3742",
        "scrollbar-hover": "#44525f",
        "scrollbar-active": "#6ea8dc",
        "scrollbar-background": "#0f1317",
        "scrollbar-background-hover": "#0f1317",
        "scrollbar-background-active": "#0f1317",
        "scrollbar-corner-color": "#0f1317",
        "footer-background": "#0f1317",
        "footer-description-background": "#0f1317",
        "footer-key-background": "#0f1317",
    },
)

LIGHT: Final = Theme(
    name="contexta-light",
    primary="#2563a8",
    secondary="#54677a",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#b42328",
    success="#2f7a3b",
    foreground="#1f2830",
    background="#f7f8f9",
    surface="#f7f8f9",
    panel="#e9ecef",
    dark=False,
    variables={
        "border": "#b6c0ca",
        "border-blurred": "#cfd6dd",
        "status-failed": "#b42328",
        "status-completed": "#2f7a3b",
        "status-open": "#1d62b5",
        "status-unknown": "#5f6b77",
        "status-cancelled": "#6b4fa0",
        "severity-warning": "#8a5a00",
        "severity-info": "#5f6b77",
        "chart-line": "#1d6fa5",
        "chart-band": "#9cc3dd",
        "chart-axis": "#7c8894",
        "chart-gap": "#b42328",
        "quiet": "#5f6b77",
        "scrollbar": "#c5cdd5",
        "scrollbar-hover": "#a7b2bd",
        "scrollbar-active": "#2563a8",
        "scrollbar-background": "#f7f8f9",
        "scrollbar-background-hover": "#f7f8f9",
        "scrollbar-background-active": "#f7f8f9",
        "scrollbar-corner-color": "#f7f8f9",
        "footer-background": "#f7f8f9",
        "footer-description-background": "#f7f8f9",
        "footer-key-background": "#f7f8f9",
    },
)

HIGH_CONTRAST: Final = Theme(
    name="contexta-contrast",
    primary="#5fd7ff",
    secondary="#ffffff",
    accent="#ffd75f",
    warning="#ffd75f",
    error="#ff8787",
    success="#87ff87",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    text_alpha=1.0,
    variables={
        "border": "#ffffff",
        "border-blurred": "#9e9e9e",
        "status-failed": "#ff8787",
        "status-completed": "#87ff87",
        "status-open": "#5fd7ff",
        "status-unknown": "#d0d0d0",
        "status-cancelled": "#d7afff",
        "severity-warning": "#ffd75f",
        "severity-info": "#d0d0d0",
        "chart-line": "#5fd7ff",
        "chart-band": "#5f87af",
        "chart-axis": "#d0d0d0",
        "chart-gap": "#ff8787",
        "quiet": "#d0d0d0",
        "text-muted": "#d0d0d0",
    },
)

THEMES: Final = (DARK, LIGHT, HIGH_CONTRAST)

#: Meaning to the variable of Textual's colour system that stands in where a theme does not define it.
_FALLBACKS: Final = {
    "status-failed": "error",
    "status-completed": "success",
    "status-open": "primary",
    "status-cancelled": "secondary",
    "severity-warning": "warning",
    "chart-line": "primary",
    "chart-band": "primary-darken-2",
    "chart-gap": "error",
}

#: Meanings that stand back, and how much of the foreground they keep. Solid colours: lines that are drawn
#: by hand know no transparency.
_QUIET: Final = {"status-unknown": 0.6, "severity-info": 0.6, "quiet": 0.6, "chart-axis": 0.4}


def with_meanings(variables: Mapping[str, str]) -> dict[str, str]:
    """CSS variables with every meaning of this app defined; for `App.get_css_variables`.

    Args:
        variables: The variables of the current theme as Textual generated them.
    """
    stand_ins = {name: variables[source] for name, source in _FALLBACKS.items() if source in variables}
    stand_ins.update({name: _mixed(variables, share) for name, share in _QUIET.items()})
    return {**stand_ins, **variables}


def _mixed(variables: Mapping[str, str], share: float) -> str:
    """Foreground and background of a theme, mixed."""
    try:
        front, back = Color.parse(variables["foreground"]), Color.parse(variables["background"])
    except (KeyError, ColorParseError):
        return "ansi_bright_black"
    if front.ansi is not None or back.ansi is not None:
        return "ansi_bright_black"
    return back.blend(front, share, alpha=1.0).hex
