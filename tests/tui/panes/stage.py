"""A stage for one pane: an app with this project's colours, and values to show."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual import on
from textual.app import App, ComposeResult
from textual.filter import LineFilter
from textual.message import Message
from textual.widget import Widget

from contexta.query.results import (
    ArtifactRow,
    DeploymentLink,
    Issue,
    MetricSeries,
    MetricSummary,
    NodeKind,
    NodeRow,
    Origin,
    Reason,
    RecordRow,
    RecordType,
    SeriesPoint,
    Severity,
    Status,
)
from contexta_tui.filters import UnprintableFilter
from contexta_tui.theme import THEMES, with_meanings
from contexta_tui.widgets.detail import DetailPane
from contexta_tui.widgets.issue_list import IssueList
from contexta_tui.widgets.lineage_view import LineageView

#: 2026-11-23 02:27:17.164 UTC, in microseconds.
NOW = 1_795_400_837_164_000

TRACE = """Traceback (most recent call last):
  File "/home/ml/train.py", line 212, in evaluate
    logits = model(batch)
  File "/home/ml/model.py", line 48, in forward
    return self.head(self.body(x))
RuntimeError: CUDA out of memory"""

#: Texts that a terminal or a markup parser would obey.
HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x1b]52;c;Y3VybA==\x07",
    "[red]bold[/red]",
    "[/foo]",
    "[@click=app.quit]x[/]",
    "[true, false]",
    "\u202egnp.exe",
    "한국어 배치",
    "\x9b2J",
    "a\u0301\u0301\u0301\u0301\u0301\u0301",
    "line\nbreak\ttab",
)


class Stage(App[None]):
    """Shows one widget on the whole screen and keeps the messages that bubble up."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.shown = widget
        self.got: list[object] = []
        self._second_layer = UnprintableFilter()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_css_variables(self) -> dict[str, str]:
        return with_meanings(super().get_css_variables())

    def compose(self) -> ComposeResult:
        yield self.shown

    def on_mount(self) -> None:
        self.shown.focus()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._second_layer]

    @on(DetailPane.SeriesWanted)
    @on(DetailPane.RecordsWanted)
    @on(LineageView.Chosen)
    @on(IssueList.Chosen)
    def keep(self, message: Message) -> None:
        self.got.append(message)


def screen_text(app: App[None]) -> str:
    """What is on the screen, as lines of text."""
    height = app.size.height
    return "\n".join(
        "".join(segment.text for segment in strip)
        for strip in app.screen._compositor.render_strips(app.size)[:height]
    )


def node(node_id: int = 1, name: str = "holdout", **changes: object) -> NodeRow:
    values: dict[str, object] = {
        "id": node_id,
        "kind": NodeKind.BATCH,
        "ref": f"batch:p.r.s.{node_id}",
        "name": name,
        "status": Status.FAILED,
        "origin": Origin.CAPTURED,
        "parent_id": None,
        "position": 0,
        "path": (),
        "started_at": NOW - 12_400_000,
        "ended_at": NOW,
        "first_at": NOW,
        "last_at": NOW,
        "records": 1204,
        "failed": True,
        "failed_below": 0,
        "children": (),
    }
    return NodeRow(**{**values, **changes})  # type: ignore[arg-type]


def reason(title: str = "RuntimeError: CUDA out of memory", **changes: object) -> Reason:
    values: dict[str, object] = {
        "kind": "exception",
        "title": title,
        "detail": "",
        "stacktrace": "",
        "node_id": 1,
        "node_path": ("evaluate", "holdout"),
        "at": NOW,
        "record_id": 7,
    }
    return Reason(**{**values, **changes})  # type: ignore[arg-type]


def wave(index: int, length: int = 80) -> tuple[float, ...]:
    return tuple(
        1.4 * math.exp(-step / (10 + 6 * index)) + 0.6 + 0.04 * math.sin(step * (index + 2))
        for step in range(length)
    )


def metric(key: str, values: tuple[float | None, ...], unit: str | None = None) -> MetricSummary:
    finite = [value for value in values if value is not None]
    return MetricSummary(
        key=key,
        unit=unit,
        last=finite[-1] if finite else None,
        minimum=min(finite) if finite else None,
        maximum=max(finite) if finite else None,
        mean=sum(finite) / len(finite) if finite else None,
        count=len(values),
        non_finite=len(values) - len(finite),
        trend=values[:: max(1, len(values) // 32)][:32],
    )


def points(values: tuple[float | None, ...]) -> tuple[SeriesPoint, ...]:
    return tuple(SeriesPoint(index, 1, value, value, value, NOW) for index, value in enumerate(values))


def series(key: str, values: tuple[float | None, ...]) -> MetricSeries:
    return MetricSeries(key, None, len(values), points(values))


def artifact(name: str = "model.pt", **changes: object) -> ArtifactRow:
    values: dict[str, object] = {
        "ref": f"artifact:p.r.{name}",
        "kind": "model",
        "name": name,
        "location": f"path:/{name}",
        "size_bytes": 2_900,
        "hash_value": "ab" * 32,
        "created_at": NOW,
        "run_id": 2,
        "origin": Origin.CAPTURED,
    }
    return ArtifactRow(**{**values, **changes})  # type: ignore[arg-type]


def link(deployment: NodeRow, **changes: object) -> DeploymentLink:
    values: dict[str, object] = {
        "deployment": deployment,
        "run_ref": "run:p.tiny-cnn",
        "run": node(2, "tiny-cnn", kind=NodeKind.RUN),
        "artifact_ref": "artifact:p.r.model.pt",
        "artifact": artifact(),
        "artifact_run": None,
        "reasons": (),
    }
    return DeploymentLink(**{**values, **changes})  # type: ignore[arg-type]


def issue(code: str = "failed_batch", severity: Severity = Severity.ERROR, **changes: object) -> Issue:
    values: dict[str, object] = {
        "severity": severity,
        "code": code,
        "ref": "batch:p.r.s.holdout",
        "summary": "Batch holdout of stage evaluate failed: RuntimeError: CUDA out of memory.",
        "node_id": 1,
        "node_path": ("tiny-cnn", "evaluate", "holdout"),
        "at": NOW,
    }
    return Issue(**{**values, **changes})  # type: ignore[arg-type]


def record(record_id: int, **changes: object) -> RecordRow:
    values: dict[str, object] = {
        "id": record_id,
        "ref": f"record:p.{record_id}",
        "type": RecordType.METRIC,
        "node_id": 1,
        "node_ref": "batch:p.r.s.holdout",
        "key": "loss",
        "observed_at": NOW + record_id * 1000,
        "value": record_id / 100,
        "value_type": "float",
        "unit": None,
        "level": None,
        "message": "",
        "duration_us": None,
        "attributes": None,
        "tags": '{"split":"test"}',
        "origin": Origin.CAPTURED,
    }
    return RecordRow(**{**values, **changes})  # type: ignore[arg-type]
