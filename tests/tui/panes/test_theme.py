"""Colours and glyphs by meaning."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from contexta.query.results import Severity, Status
from contexta_tui.theme import ASCII, DARK, THEMES, UNICODE, Glyphs, with_meanings
from contexta_tui.widgets.inks import COLOURS

MEANINGS = sorted(set(COLOURS.values()))


@pytest.mark.parametrize("theme", [*THEMES, *BUILTIN_THEMES.values()], ids=lambda theme: theme.name)
def test_every_theme_has_every_meaning(theme: Theme) -> None:
    variables = variables_of(theme)
    for meaning in MEANINGS:
        Color.parse(variables[meaning])


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_our_themes_can_be_read(theme: Theme) -> None:
    """Contrast of text after WCAG 2.1: 4.5 to 1, of the frames of charts 2.5 to 1."""
    variables = variables_of(theme)
    background = Color.parse(variables["background"])
    for name in MEANINGS:
        least = {"chart-axis": 2.5, "chart-band": 1.5}.get(name, 4.5)
        assert contrast(Color.parse(variables[name]), background) >= least, name


def variables_of(theme: Theme) -> dict[str, str]:
    return with_meanings({**theme.to_color_system().generate(), **theme.variables})


def contrast(one: Color, other: Color) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_sign_is_one_cell_and_no_two_states_share_one(glyphs: Glyphs) -> None:
    signs = [getattr(glyphs, field.name) for field in msgspec.structs.fields(glyphs) if field.name != "ascii"]
    assert all(cell_len(sign) == (8 if sign == glyphs.trend else 1) for sign in signs)
    assert len({glyphs.status(status) for status in Status}) == len(Status)
    assert len({glyphs.severity(severity) for severity in Severity}) == len(Severity)
    assert glyphs.ascii == all(sign.isascii() for sign in signs)


def test_a_theme_keeps_the_meanings_that_it_defines() -> None:
    variables = variables_of(DARK)
    assert variables["status-failed"] == DARK.variables["status-failed"]
