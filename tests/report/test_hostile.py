"""Recorded text stays text in every format, whatever it is."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from contexta.contract.frozen import FrozenMap
from contexta.query.findings import DiagnosticsIssue, DiagnosticsResult
from contexta.query.results import SeriesPoint
from contexta.query.views import EvidenceLink, RunSnapshot
from contexta.report import (
    Chart,
    Facts,
    Failure,
    Line,
    ReportDocument,
    ReportSection,
    Table,
    build_run_report,
    snapshot_report,
)
from contexta.report.render import markdown
from contexta.report.svg_chart import draw
from contexta.sanitize import safe
from tests.report.example import RUN, FakeQueries, Recorder, comparison_report, demo, run_record

HOSTILE = [
    "\x1b]52;c;aGk=\x07\x1b[2J",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- --><![CDATA[x]]>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "[red]bold[/red]",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "](javascript:alert(1))",
    "[a]: javascript:alert(1)",
    "<https://evil.example>",
    "https://evil.example/x",
    "www.evil.example",
    "mailto:someone@evil.example",
    "someone@evil.example",
    "@maintainers look",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "| a | b |",
    "`code` ``` ~~~",
    "# heading",
    "> quote",
    "- item",
    "1. item",
    "---",
    "===",
    "***bold*** __under__ ~~gone~~",
    "\\`still\\*",
    "&lt;b&gt; &#106;avascript &amp;",
    "$x$ {{ y }} {% z %}",
    "손글씨 7 (부산 우체국)",
    "\ud800 lone",
    "a\0b\x01\x0c\x7f\x85\ufffe\uffff",
    "\u202egnp.exe\u2066",
    "line\nbreak\r\nand\u2028more\u2029",
    "    indented",
    "]]>&nosuch;",
    "x" * 20_000,
    "",
]


def shortly(text: str) -> str:
    return ascii(text)[:40]


def hostile_snapshot(text: str) -> RunSnapshot:
    """The demo with the text wherever somebody can record text."""
    recorder = Recorder()
    for value in (1.0, 2.0, float("nan")):
        recorder.metric("train.epoch-1", text, value, text)
    recorder.event("train.epoch-1", text, text, "error", {"note": text})
    recorder.exception("evaluate.holdout", text, text, f"{text}\n  {text}\n{text}")
    snapshot = demo()
    return replace(
        snapshot,
        run=replace(
            run_record(status=text),
            name=text,
            project_name=text,
            tags=FrozenMap({text: text}),
            metadata=FrozenMap({"dataset_ref": text, "config_snapshot": FrozenMap({text: text})}),
            started_at=text,
        ),
        stages=tuple(replace(each, name=text) for each in snapshot.stages),
        batches=tuple(replace(each, name=text, status=text) for each in snapshot.batches),
        samples=tuple(
            replace(each, name=text, failed=True, note=text, retention_class=text, redaction_profile=text)
            for each in snapshot.samples
        ),
        artifacts=tuple(replace(each, kind=text, location=text) for each in snapshot.artifacts),
        deployments=tuple(
            replace(each, name=text, artifact_ref=text, started_at=text, status=text)
            for each in snapshot.deployments
        ),
        records=tuple(recorder.records),
        completeness_notes=(text,),
    )


def report(text: str) -> ReportDocument:
    issue = DiagnosticsIssue("error", text, text, FrozenMap(), text, (EvidenceLink("run", text, text),))
    return snapshot_report(hostile_snapshot(text), DiagnosticsResult(RUN, (issue,)))


def by_hand(text: str) -> ReportDocument:
    """A document that no builder made safe."""
    line = Line(text, 2, (SeriesPoint(0, 1, 1.0, 1.0, 1.0, None), SeriesPoint(1, 1, 2.0, 2.0, 2.0, None)))
    blocks = (
        Facts(((text, text), ("status", text), ("started_at", text))),
        Table((text, "status", "ref", "run_id"), ((text, text, text, text),), text),
        Chart(text, text, text, (line, line)),
        Failure("error", text, (text,), text, text, text, (text,), (text,)),
    )
    link = EvidenceLink(text, text, text)
    return ReportDocument(
        text, (ReportSection(text, text, (link,), blocks), ReportSection(text, f"{text}\n{text}", (link,)))
    )


def documents(text: str) -> list[ReportDocument]:
    return [report(text), by_hand(text)]


class Page(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.strange: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.strange.append(data)

    def unknown_decl(self, data: str) -> None:
        self.strange.append(data)

    handle_pi = handle_comment


OURS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "nav", "section", "article"),
    *("h1", "h2", "h3", "p", "a", "b", "i", "span", "small", "div", "pre", "ul", "li", "dl", "dt", "dd"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary", "figure", "figcaption"),
    *("svg", "desc", "line", "polyline", "polygon", "circle", "path", "text", "g"),
}
UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def check_html(html: str) -> None:
    page = Page(html)
    assert page.open == []
    assert page.strange == []
    assert {tag for tag, _ in page.tags} <= OURS
    for tag, attributes in page.tags:
        assert not [
            name for name in attributes if name.startswith("on") or name in {"style", "src", "srcset"}
        ]
        if tag == "a":
            assert re.fullmatch(r"#s\d+", attributes["href"] or "")
    assert not UNPRINTABLE.search(html)
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ET.fromstring(svg)  # noqa: S314 - we drew it
    html.encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE, ids=shortly)
def test_html_holds_our_elements_only(text: str) -> None:
    for document in documents(text):
        check_html(document.to_html())


@pytest.mark.parametrize("text", HOSTILE, ids=shortly)
def test_markdown_renders_to_text_only(text: str) -> None:
    # As liberal as renderers come: raw HTML, tables, strikethrough, and links made of anything like one.
    renderer = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable(
        ["table", "strikethrough", "linkify"]
    )
    foreign = {"link_open", "image", "html_inline", "html_block", "fence", "code_inline", "hr", "s_open"}
    foreign |= {"blockquote_open", "ordered_list_open", "em_open", "lheading_open"}
    for document in documents(text):
        source = document.to_markdown()
        assert not UNPRINTABLE.search(source)
        tokens = renderer.parse(source)
        found = {token.type for block in tokens for token in (block, *(block.children or ()))}
        assert not found & foreign, source[:2000]
        headings = [
            after.content
            for token, after in pairwise(tokens)
            if token.type == "heading_open" and token.tag in {"h1", "h2"}
        ]
        assert len(headings) == 1 + len(document.sections)


@pytest.mark.parametrize("text", HOSTILE, ids=shortly)
def test_csv_has_no_formula(text: str) -> None:
    for document in documents(text):
        rows = list(csv.reader(io.StringIO(document.to_csv())))
        assert rows[0] == ["section_title", "body"]
        assert len(rows) == 1 + len(document.sections)
        for row in rows:
            for cell in row:
                for line in cell.split("\n"):
                    assert not line.lstrip().startswith(("=", "+", "-", "@"))
                    assert not UNPRINTABLE.search(line)


@pytest.mark.parametrize("text", HOSTILE, ids=shortly)
def test_json_is_json_and_prints_safely(text: str) -> None:
    for document in documents(text):
        data = document.to_json()
        assert json.loads(json.dumps(data, allow_nan=False)) == data
        assert not UNPRINTABLE.search(json.dumps(data, ensure_ascii=False))


@pytest.mark.parametrize("text", HOSTILE, ids=shortly)
def test_a_comparison_of_hostile_runs_is_a_page_too(text: str) -> None:
    other = replace(hostile_snapshot(text), run=run_record("run:digits-cnn.base"))
    queries = FakeQueries(hostile_snapshot(text), other)
    check_html(build_run_report(queries, RUN, other.run.run_id).to_html())
    check_html(comparison_report(hostile_snapshot(text), other).to_html())


@pytest.mark.parametrize("text", HOSTILE, ids=shortly)
def test_a_chart_is_xml_by_itself(text: str) -> None:
    (_, _, chart, _) = by_hand(text).sections[0].blocks
    assert isinstance(chart, Chart)
    ET.fromstring(draw(chart, "c1"))  # noqa: S314 - we drew it


@given(st.text())
def test_markdown_of_any_text_is_that_text(text: str) -> None:
    renderer = MarkdownIt("commonmark", {"linkify": True}).enable(["table", "strikethrough", "linkify"])
    tokens = renderer.parse(markdown(text))
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    children = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in children} <= {"text"}
    shown = "".join(child.content for child in children)
    assert shown == safe(text, 4_000).strip()


def test_korean_stays_readable_everywhere() -> None:
    document = report("손글씨 7 (부산 우체국)")
    for text in (document.to_html(), document.to_markdown(), document.to_csv()):
        assert "손글씨 7 (부산 우체국)" in text


def test_the_page_forbids_what_it_does_not_need() -> None:
    page = Page(report("x").to_html())
    (policy,) = [
        attributes["content"]
        for tag, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
