r"""Reports as Markdown, CSV and plain data. HTML is in `render_html`.

Whatever stands in a section was recorded by somebody: in Markdown it is escaped until no character of it
means anything, in CSV no cell of it is a formula. Texts pass `safe` first, which shows what cannot be
printed, so that what is escaped here is one line of printable text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Final

import msgspec

from contexta.query.views import EvidenceLink
from contexta.report.blocks import Block, Cell, Failure, ReportSection, Table
from contexta.report.wording import cell_text
from contexta.sanitize import safe

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]

MAX_LINE: Final = 4_000
"""Most characters of a line; longer ones are not ours."""

#: Characters that mean something wherever they stand. An underscore inside a word does not.
_MEANING = re.compile(r"[\\`*\[\]<>|~!$&]|(?<![^\W_])_|_(?![^\W_])")
#: What renderers turn into links by themselves.
_AUTOLINK = re.compile(
    r"(?<=[A-Za-z]):(?=//)|(?<=mailto):|(?<=xmpp):|(?<=www)\.|@(?=[\w.-]+\.\w)|(?<!\w)@(?=\w)",
    re.IGNORECASE,
)
#: What starts a heading, list, rule, quote or setext underline at the beginning of a line.
_START = re.compile(r"^(?:([#=]|[+-](?=\s|$|-))|(\d+)([.)](?=\s|$)))")
_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_FORMULA: Final = ("=", "+", "-", "@")


def to_dict(title: str, sections: Sequence[ReportSection]) -> dict[str, JsonValue]:
    """Plain data, finite numbers only, so that it is JSON everywhere."""
    return {"title": safe(title, MAX_LINE), "sections": [_section_data(each) for each in sections]}


def _section_data(section: ReportSection) -> dict[str, JsonValue]:
    data: dict[str, JsonValue] = {
        "title": safe(section.title, MAX_LINE),
        "body": "\n".join(body_lines(section.body)),
        "evidence_links": [
            {name: safe(value, MAX_LINE) for name, value in asdict(each).items()}
            for each in section.evidence_links
        ],
    }
    if section.blocks:
        data["blocks"] = [_block_data(block) for block in section.blocks]
    return data


def _block_data(block: Block) -> dict[str, JsonValue]:
    data = _plain(asdict(block))
    kind = type(block).__name__.lower()
    return {"type": kind, **data} if isinstance(data, dict) else {"type": kind}


def _plain(value: object) -> JsonValue:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if value - value == 0 else None
        case str():
            return safe(value, MAX_LINE)
        case dict() | msgspec.Struct():
            items = (value if isinstance(value, dict) else msgspec.structs.asdict(value)).items()
            return {str(name): _plain(item) for name, item in items}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return safe(str(value), MAX_LINE)


def body_lines(body: str) -> list[str]:
    """The lines of a body, each safe to print."""
    return [safe(line, MAX_LINE) for line in body.split("\n")]


def to_csv(sections: Sequence[ReportSection]) -> str:
    """`section_title,body`, a row for each section; no cell starts like a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("section_title", "body"))
    for section in sections:
        body = "\n".join(map(_no_formula, body_lines(section.body)))
        writer.writerow((_no_formula(safe(section.title, MAX_LINE)), body))
    return out.getvalue()


def _no_formula(text: str) -> str:
    # Every line, because some programs split a cell at its line feeds when it is pasted.
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def to_markdown(title: str, sections: Sequence[ReportSection]) -> str:
    """Markdown as GitHub and CommonMark understand it."""
    return "\n".join((f"# {markdown(title)}", "", *(line for each in sections for line in _section(each))))


def _section(section: ReportSection) -> Iterator[str]:
    yield from (f"## {markdown(section.title)}", "")
    tables = [block for block in section.blocks if isinstance(block, Table) and not block.in_words]
    failures = [block for block in section.blocks if isinstance(block, Failure)]
    if tables:
        for table in tables:
            yield from _table(table)
    elif failures:
        for failure in failures:
            yield from _failure(failure)
    else:
        lines = body_lines(section.body)
        # Two spaces at the end break the line; there is nothing to break after the last.
        yield from (f"{markdown(line)}  " for line in lines[:-1])
        yield from (markdown(lines[-1]), "")
    if section.evidence_links:
        yield from ("Evidence:", "", *map(_evidence, section.evidence_links), "")


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield from (f"### {markdown(table.title)}", "")
    numeric = [is_numeric(table, index) for index in range(len(table.columns))]
    yield _row(table.columns)
    yield "|" + "|".join(" ---: " if each else " --- " for each in numeric) + "|"
    yield from map(_row, table.rows)
    yield ""
    if table.left_out:
        yield from (f"... and {table.left_out} more.", "")


def is_numeric(table: Table, column: int) -> bool:
    """Whether a column holds numbers, and some."""
    cells = [row[column] for row in table.rows if row[column] is not None]
    return bool(cells) and not any(isinstance(cell, str) for cell in cells)


def _row(cells: Iterable[Cell]) -> str:
    return "| " + " | ".join(markdown(cell_text(cell)) for cell in cells) + " |"


def _failure(failure: Failure) -> Iterator[str]:
    where = " › ".join(failure.path) or failure.ref
    yield f"### {glyph(failure.severity)} {markdown(f'{failure.kind} {where}')}"
    yield from (
        "",
        f"**{markdown(failure.title)}**" + (f" at {markdown(failure.at)}" if failure.at else ""),
        "",
    )
    if failure.evidence:
        yield from (f"- {markdown(line)}" for line in failure.evidence)
        if failure.left_out:
            yield f"- ... and {failure.left_out} more."
        yield ""
    if failure.stacktrace:
        # An indented block has no fence that a recorded line could close.
        yield from ("    " + safe(line, MAX_LINE) for line in failure.stacktrace)
        yield ""


def glyph(word: str) -> str:
    """The sign of a status or severity, so that colour is never the only one; empty for other words."""
    return _GLYPHS.get(word.partition(":")[0], "")


_GLYPHS: Final = {
    "failed": "✖",
    "error": "✖",
    "completed": "✔",
    "open": "●",
    "cancelled": "⊘",
    "unknown": "◌",
    "warning": "▲",
    "info": "ℹ",
}


def _evidence(link: EvidenceLink) -> str:
    return f"- {markdown(link.kind)}: {markdown(link.label)} ({markdown(link.ref)})"


def markdown(text: str) -> str:
    """Escape text so that Markdown shows it as it is: no markup, links, HTML, table cells or lists."""
    text = safe(text, MAX_LINE)
    text = _AUTOLINK.sub(lambda found: "\0" + found.group(), text)
    text = _MEANING.sub(lambda found: _ENTITIES.get(found.group(), "\\" + found.group()), text)
    text = text.replace("\0", "\\")
    return _START.sub(_escaped_start, text.strip())


def _escaped_start(found: re.Match[str]) -> str:
    sign, digits, end = found.groups()
    return f"\\{sign}" if sign else f"{digits}\\{end}"
