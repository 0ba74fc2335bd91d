"""Recorded text is shown, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.command import SearchIcon

from contexta_tui.filters import AsciiFilter, UnprintableFilter
from contexta_tui.text import cell_fit, safe, safe_lines

ANY_TEXT = st.text(st.characters(), max_size=300)
HOSTILE = st.text(
    st.sampled_from(
        "\x00\x1b\x9b\x07\r\n\t\u202e\u2066\u200b\ufeff\u0301\u0489\ue000\ud800\U000e0041"
        "\u1100\u1161\u11a8\u3164한a "
    )
)


def is_printable(text: str) -> bool:
    return all(
        unicodedata.category(character)[0] != "C" and character not in "\u2028\u2029" for character in text
    )


@given(st.one_of(ANY_TEXT, HOSTILE), st.integers(1, 250))
def test_any_text_becomes_one_printable_line_within_the_limit(text: str, limit: int) -> None:
    shown = safe(text, limit)
    assert is_printable(shown)
    assert len(shown) <= limit
    assert "\ufe0f" not in shown
    shown.encode("utf-8")


@given(st.one_of(ANY_TEXT, HOSTILE), st.integers(1, 250))
def test_safe_text_is_left_as_it_is(text: str, limit: int) -> None:
    shown = safe(text, limit)
    assert safe(shown, limit) == shown


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=200))
def test_korean_stays(text: str) -> None:
    assert safe(text) == text


def test_korean_written_in_letters_is_composed() -> None:
    assert safe(unicodedata.normalize("NFD", "평가 배치")) == "평가 배치"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;Y3VybA==\x07", "␛]52;c;Y3VybA==␇"),
        ("a\nb\r\n", "a␊b␍␊"),
        ("a\tb\u00a0c\u3000d", "a b c d"),
        ("\x7f\x9b31m", "␡\\x9b31m"),
        ("\u202egpj.exe\u2069", "\\u202egpj.exe\\u2069"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\ud83d", "\\ud83d"),
        ("\ue0b0", "\\ue0b0"),
        ("\U000e0041", "\\U000e0041"),
        ("\u0301x", "\\u0301x"),
        ("[red]x[/foo][@click=app.quit]", "[red]x[/foo][@click=app.quit]"),
        ("⚠\ufe0f", "⚠"),
        ("naïve café Ωμέγα привет", "naïve café Ωμέγα привет"),
    ],
)
def test_what_is_shown_for_what(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_marks_are_few_and_length_is_capped_with_an_ellipsis() -> None:
    assert safe("a" + "\u0301" * 500 + "b") == "a" + "\u0301" * 3 + "b"
    assert safe("x" * 300, 10) == "x" * 9 + "…"
    assert len(safe("\x1b[0m" * 1_000_000)) == 200


def test_lines_keep_their_indentation_and_say_how_many_are_missing() -> None:
    trace = "Traceback:\r\n\tFile 'x'\x1b\n    boom\n\n"
    assert safe_lines(trace) == ("Traceback:", "    File 'x'␛", "    boom")
    many = "\n".join(str(number) for number in range(10))
    assert safe_lines(many, max_lines=3) == ("0", "1", "… 8 more lines")
    assert safe_lines(many, max_lines=3, keep="last") == ("… 8 more lines", "8", "9")
    assert safe_lines(" \n ") == ()


@given(ANY_TEXT, st.integers(0, 60), st.sampled_from(("end", "middle")))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int, cut: str) -> None:
    assert cell_len(cell_fit(safe(text), width, cut)) == width  # type: ignore[arg-type]


def test_fitting_cuts_at_the_end_or_in_the_middle() -> None:
    assert cell_fit("batch", 7) == "batch  "
    assert cell_fit("holdout-set", 6) == "holdo…"
    assert cell_fit("run:digits.cnn.train", 11, "middle") == "run:d…train"
    assert cell_fit("한국어", 5) == "한국…"
    assert cell_fit("한국어", 4) == "한… "


BLACK = Color(0, 0, 0)


@given(st.lists(st.one_of(ANY_TEXT, HOSTILE), max_size=4))
def test_the_filter_lets_nothing_unprintable_through_and_keeps_widths(texts: list[str]) -> None:
    segments = [Segment(text) for text in texts]
    for before, after in zip(segments, UnprintableFilter().apply(segments, BLACK), strict=True):
        assert not set(after.text) & set("\x00\x1b\x9b\x07\r\n\u202e\u2066\u200b\ufeff\ud800\U000e0041")
        assert after.cell_length == before.cell_length


def test_the_filter_drops_links_and_actions_and_keeps_what_textual_needs() -> None:
    style = Style(bold=True, link="javascript:x") + Style.from_meta({"@click": "app.quit", "offset": (1, 2)})
    (segment,) = UnprintableFilter().apply([Segment("x", style)], BLACK)
    assert segment.style is not None
    assert segment.style.link is None
    assert segment.style.meta == {"offset": (1, 2)}
    assert segment.style.bold


def test_the_filter_hands_back_plain_lines_untouched() -> None:
    segments = [Segment("plain", Style(bold=True)), Segment(" text")]
    assert UnprintableFilter().apply(segments, BLACK) is segments


def test_ascii_terminals_get_frames_of_ascii_and_names_as_recorded() -> None:
    (segment,) = AsciiFilter().apply([Segment("╭─ ✖ 한국어 a…b ─╮│▌×")], BLACK)
    assert segment.text == "+- F 한국어 a~b -+||x"
    plain = [Segment("plain")]
    assert AsciiFilter().apply(plain, BLACK) is plain


def test_the_icon_of_the_palette_is_ascii_too_and_as_wide() -> None:
    icon = SearchIcon.icon._default
    assert isinstance(icon, str)
    (segment,) = AsciiFilter().apply([Segment(icon)], BLACK)
    assert segment.text.isascii()
    assert cell_len(segment.text) == cell_len(icon)
