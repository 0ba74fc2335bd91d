"""Lines end at a newline byte and nowhere else, and what is glued is cut where lines begin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.journal.read import Line, apart, complaint, lines


@given(st.lists(st.binary(min_size=1, max_size=20)), st.binary(max_size=10))
def test_lines_are_what_stands_between_newlines_without_blanks(pieces: list[bytes], rest: bytes) -> None:
    data = b"".join(piece + b"\n" for piece in pieces) + rest.replace(b"\n", b"")
    for line in lines(data):
        assert data[line.offset : line.offset + len(line.data)] == line.data
        assert b"\n" not in line.data
        assert line.data.strip(b" \t\r\v\f") == line.data != b""
    kept = [line.data for line in lines(data)]
    assert all(text in data for text in kept)
    assert len(kept) <= data.count(b"\n")


def test_what_follows_the_last_newline_is_no_line() -> None:
    assert lines(b"one\n two \r\n\n\xef\xbb\xbfthree\nrest") == [
        Line(0, b"one"),
        Line(5, b"two"),
        Line(15, b"three"),
    ]


def test_unicode_separators_end_no_line() -> None:
    text = "a\u2028b\u2029c\u0085d".encode()
    assert lines(text + b"\n") == [Line(0, text)]


def test_a_damaged_line_is_cut_wherever_a_line_begins_in_it() -> None:
    start = b'{"captured_at":"'
    assert apart(Line(7, b"torn" + start + b"1" + start + b"2")) == [
        Line(7, b"torn"),
        Line(11, start + b"1"),
        Line(28, start + b"2"),
    ]
    assert apart(Line(0, start + b"torn")) == [Line(0, start + b"torn")]


def test_a_whole_line_behind_a_torn_one_is_not_cut_at_an_object_in_it_that_begins_like_a_line() -> None:
    begins = b'{"captured_at":"'
    torn = begins + b'now","payload":{"attributes":' + begins + b'then"},"m'
    whole = (
        begins + b'now","payload":{"attributes":[' + begins + b'a"},' + begins + b'\xc3\xa9"}],"n":1e999}}'
    )
    found = apart(Line(0, torn + whole + whole + b"rest"))
    assert b"".join(line.data for line in found) == torn + whole + whole + b"rest"
    assert [line.data for line in found if line.data == whole] == [whole, whole]
    assert found[-1].data == b"rest"


def test_a_line_that_begins_a_million_times_is_cut_in_bounded_time() -> None:
    nested = b'{"captured_at":"","a":' * 100_000
    assert len(apart(Line(0, nested))) == 100_000
    numbers = (b'{"captured_at":"","a":[' + b"1," * 5_000) * 200
    assert len(apart(Line(0, numbers))) == 200


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"\xff", "not UTF-8 at byte 0"),
        (b"[" * 100_000, "not JSON: nested too deeply"),
        (b"[1]", "not a JSON object"),
        (b"{}", "no record, artifact or context with well-formed refs in it"),
    ],
)
def test_a_complaint_says_what_is_wrong(line: bytes, why: str) -> None:
    assert complaint(line) == why


def test_a_complaint_about_json_says_where() -> None:
    assert complaint(b"garbage").startswith("not JSON: ")
    assert complaint(b'{"a":').startswith("not JSON: ")
