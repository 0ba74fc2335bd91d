"""A report as one HTML page: styles and charts inside, no scripts, nothing fetched from anywhere.

Recorded text passes `_text`, which makes it safe and escapes it, and stands between tags only; the one
place for it in an attribute is a link inside the page, made of a number. Should a mistake be made here all
the same, the page's own security policy forbids scripts, foreign styles, images, frames and forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from contexta.query.views import EvidenceLink
from contexta.report import svg_chart
from contexta.report.blocks import Block, Cell, Chart, Facts, Failure, ReportSection, Table
from contexta.report.page_style import HASH, STYLE
from contexta.report.render import body_lines, glyph, is_numeric
from contexta.report.wording import cell_text, number
from contexta.sanitize import safe
from contexta.vocabulary import Severity

_POLICY: Final = f"default-src 'none'; style-src 'sha256-{HASH}'; base-uri 'none'; form-action 'none'"
_PILLS: Final = frozenset({"status", "severity", "result", "change"})
_PILL_WORDS: Final = frozenset(
    {
        *("failed", "completed", "open", "cancelled", "unknown"),
        *("error", "warning", "info"),
        *("added", "removed", "changed", "ambiguous"),
    }
)
_REF_COLUMNS: Final = frozenset({"ref", "subject", "location", "left ref", "right ref"})
_MAX_TEXT: Final = 4_000
_LONG: Final = 16
"""A table of more rows scrolls by itself, so that the page stays one that can be looked over."""


def page(title: str, sections: Sequence[ReportSection]) -> str:
    """The page as text, to be written as UTF-8."""
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n',
            f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
            *_header(title, sections),
            '<main class="wide">\n',
            *(part for number_, each in enumerate(sections, start=1) for part in _section(each, number_)),
            "</main>\n</body>\n</html>\n",
        )
    )


def _text(text: str) -> str:
    return escape(safe(text, _MAX_TEXT))


def _header(title: str, sections: Sequence[ReportSection]) -> Iterator[str]:
    kind, colon, subject = title.partition(": ")
    yield '<header class="wide">\n'
    if colon:
        yield f'<h1><span class="kind">{_text(kind)}<i>: </i></span>{_text(subject)}</h1>\n'
    else:
        yield f"<h1>{_text(title)}</h1>\n"
    serious = [
        (number_, block)
        for number_, section in enumerate(sections, start=1)
        for block in section.blocks
        if isinstance(block, Failure) and block.severity == Severity.ERROR
    ]
    if serious:
        number_, newest = serious[0]
        count = "1 failure" if len(serious) == 1 else f"{len(serious)} failures"
        yield f'<a class="alarm" href="#s{number_}"><b>✖ {count}</b>{_text(newest.title)}'
        yield f" – {_text(' › '.join((newest.kind, *newest.path)))}</a>\n"
    yield '<nav aria-label="Sections">'
    for number_, section in enumerate(sections, start=1):
        bad = ' class="bad"' if any(number_ == each for each, _ in serious) else ""
        yield f'<a href="#s{number_}"{bad}>{_text(section.title)}</a>'
    yield "</nav>\n</header>\n"


def _section(section: ReportSection, number_: int) -> Iterator[str]:
    empty = not section.blocks and "\n" not in section.body and section.body.startswith("No ")
    yield f'<section id="s{number_}"{" class=none" if empty else ""}>\n<h2>{_text(section.title)}'
    rows = [
        len(each.rows) + each.left_out
        for each in section.blocks
        if isinstance(each, Table) and each.in_words and not each.title
    ]
    failures = sum(isinstance(each, Failure) for each in section.blocks)
    if rows or failures:
        yield f" <small>{rows[0] if rows else failures}</small>"
    yield "</h2>\n"
    if section.blocks:
        yield from _blocks(section.blocks, number_)
    else:
        look = "line soft" if empty else "line"
        yield from (f'<p class="{look}">{escape(line)}</p>\n' for line in body_lines(section.body))
    if section.evidence_links and not empty:
        yield from _evidence(section.evidence_links)
    yield "</section>\n"


def _blocks(blocks: Sequence[Block], number_: int) -> Iterator[str]:
    charts = [block for block in blocks if isinstance(block, Chart)]
    if charts:  # above the tables: the course first, then its numbers
        yield '<div class="charts">\n'
        for index, chart in enumerate(charts, start=1):
            yield from _chart(chart, f"s{number_}-c{index}")
        yield "</div>\n"
    for block in blocks:
        match block:
            case Facts():
                yield from _facts(block)
            case Table():
                yield from _table(block)
            case Failure():
                yield from _failure(block)


def _facts(facts: Facts) -> Iterator[str]:
    yield "<dl>\n"
    for name, value in facts.rows:
        look = ' class="ref"' if _is_ref(name) else ""
        shown = _shown(name, value)
        yield f"<div><dt>{_label(name)}</dt><dd{look}>{shown}</dd></div>\n"
    yield "</dl>\n"


def _is_ref(name: str) -> bool:
    return name in _REF_COLUMNS or name.endswith(("_id", "_ref"))


def _pill(value: str) -> str:
    word = value.partition(":")[0]
    look = f" {word}" if word in _PILL_WORDS else ""
    return f'<span class="pill{look}">{_text(f"{glyph(value)} {value}".strip())}</span>'


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"<h3>{_text(table.title)}</h3>\n"
    numeric = [is_numeric(table, index) for index in range(len(table.columns))]
    # A region that scrolls by itself must be reachable by keyboard.
    look = 'class="scroll long" tabindex="0"' if len(table.rows) > _LONG else 'class="scroll"'
    yield f"<div {look}><table>\n<thead><tr>"
    for name, right in zip(table.columns, numeric, strict=True):
        yield f'<th scope="col"{" class=num" if right else ""}>{_label(name)}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for row in table.rows:
        cells = zip(table.columns, row, numeric, strict=True)
        yield f"<tr>{''.join(_cell(name, value, right=right) for name, value, right in cells)}</tr>\n"
    yield "</tbody></table></div>\n"
    if table.left_out:
        yield f'<p class="more">… and {table.left_out} more.</p>\n'


def _cell(column: str, value: Cell, *, right: bool) -> str:
    looks = [
        name for name, on in (("num", right), ("ref", _is_ref(column)), ("none-cell", value is None)) if on
    ]
    look = f' class="{" ".join(looks)}"' if looks else ""
    return f"<td{look}>{_shown(column, value)}</td>"


def _shown(name: str, value: Cell) -> str:
    if isinstance(value, str):
        if name.rpartition(" ")[2] in _PILLS:
            return _pill(value)
        if name.endswith("_at"):
            return _time(value)
    return _text(cell_text(value))


def _time(moment: str) -> str:
    """A timestamp without the letters between its parts, to the millisecond; any other text as it is."""
    date, _, time = moment.removesuffix("Z").partition("T")
    return _text(f"{date} {time[:12]} UTC" if time and moment.endswith("Z") else moment)


def _label(name: str) -> str:
    return _text(name.replace("_", " "))


def _failure(failure: Failure) -> Iterator[str]:
    severity = "warning" if failure.severity == Severity.WARNING else "error"
    where = " › ".join(failure.path) or failure.ref
    yield f'<article class="failure {severity}">\n<p class="head"><span class="sign">{glyph(severity)}'
    yield f" {_text(failure.kind)}</span><span>{_text(where)}</span>"
    yield f'<span class="at">{_time(failure.at)}</span></p>\n' if failure.at else "</p>\n"
    yield f'<p class="title">{_text(failure.title)}</p>\n'
    if failure.evidence:
        yield "<ul>\n"
        yield from (f"<li>{_text(line)}</li>\n" for line in failure.evidence)
        if failure.left_out:
            yield f"<li>… and {failure.left_out} more.</li>\n"
        yield "</ul>\n"
    if failure.stacktrace:
        yield f'<pre tabindex="0">{chr(10).join(map(_text, failure.stacktrace))}</pre>\n'
    yield "</article>\n"


def _chart(chart: Chart, key: str) -> Iterator[str]:
    yield f"<figure>\n<figcaption><b>{_text(chart.title)}</b><span>{_text(chart.subtitle)}</span>"
    lines = chart.lines[: svg_chart.MAX_LINES]
    if len(lines) == 1 and not lines[0].label:
        unit = f" {chart.unit}" if chart.unit else ""
        yield f'<span class="last">{_text(number(lines[0].last) + unit)}</span>'
    else:
        for index, line in enumerate(lines, start=1):
            if line.count:
                yield f'<span class="key key-{index}">{_text(f"{line.label} {number(line.last)}")}</span>'
    yield f"</figcaption>\n{svg_chart.draw(chart, key)}\n</figure>\n"


def _evidence(links: Sequence[EvidenceLink]) -> Iterator[str]:
    yield f"<details><summary>Evidence ({len(links)})</summary>\n<ul>\n"
    for link in links:
        yield f'<li>{_text(link.kind)}: {_text(link.label)} <span class="ref">{_text(link.ref)}</span></li>\n'
    yield "</ul>\n</details>\n"
