"""Records newest first, and why something failed."""

from __future__ import annotations

from contexta.query.results import Reason
from contexta.reader import CatalogReader
from tests.catalogs import finder, reader_of
from tests.lines import BATCH, DEPLOYMENT, RUN, SAMPLE, STAGE, Lines

TRACE = 'Traceback (most recent call last):\n  File "a.py", line 1\nRuntimeError: CUDA out of memory'


def test_records_come_newest_first_page_by_page() -> None:
    lines = Lines()
    reader = reader_of(b"".join(lines.metric(BATCH, "loss", number) for number in range(10)))
    node = finder(reader)(RUN).id
    seen: list[float | None] = []
    before = None
    while page := reader.records(node, before=before, limit=3):
        seen += [record.value for record in page]
        before = page[-1].id
    assert seen == [float(number) for number in range(9, -1, -1)]
    assert reader.records(node, limit=0) == ()


def test_a_record_says_all_that_was_recorded() -> None:
    lines = Lines()
    reader = reader_of(
        lines.metric(BATCH, "loss", 0.5, unit="nats", tags={"split": "dev"})
        + lines.event(BATCH, "note", "hello", level="warning", attributes={"a": 1})
        + lines.span(BATCH, "load data")
        + lines.degraded(BATCH)
    )
    degraded, span, event, metric = reader.records(finder(reader)(BATCH).id)
    assert (metric.type, metric.value, metric.unit, metric.tags) == ("metric", 0.5, "nats", '{"split":"dev"}')
    assert (event.type, event.level, event.message, event.attributes) == (
        "event",
        "warning",
        "hello",
        '{"a":1}',
    )
    assert (span.type, span.key, span.duration_us, span.level) == ("span", "load data", 1_000_000, "ok")
    assert (degraded.type, degraded.key, degraded.level) == ("degraded", "gap.rows", "warning")
    assert reader.record(metric.id) == metric
    assert {record.node_ref for record in (degraded, span, event, metric)} == {BATCH}


def test_a_repeated_ref_counts_once() -> None:
    line = Lines().metric(BATCH, "loss", 1)
    for data in ((line * 3,), (line, line, line)):
        reader = reader_of(*data)
        assert reader.counts().records == 1
        assert finder(reader)(RUN).records == 1


def _reasons(reader: CatalogReader, ref: str, limit: int = 50) -> tuple[Reason, ...]:
    return reader.reasons(finder(reader)(ref).id, limit)


def _exception(lines: Lines, subject: str) -> bytes:
    attributes = {
        "exception.type": "RuntimeError",
        "exception.message": "CUDA out of memory",
        "exception.stacktrace": TRACE,
    }
    return lines.event(subject, "exception", "boom", level="error", attributes=attributes)


def test_why_a_batch_failed_newest_first() -> None:
    lines = Lines()
    reader = reader_of(
        lines.metric(SAMPLE, "correct", 0)
        + lines.event(SAMPLE, "answer.wrong", "expected B got C", level="error")
        + lines.metric(BATCH, "loss", float("nan"))
        + lines.degraded(BATCH)
        + _exception(lines, BATCH)
        + lines.scope("BatchExecution", BATCH, "failed")
    )
    for ref in (BATCH, STAGE, RUN, "project:demo"):
        reasons = _reasons(reader, ref)
        assert [(reason.kind, reason.title) for reason in reasons] == [
            ("exception", "RuntimeError: CUDA out of memory"),
            ("degraded", "gap.rows"),
            ("metric", "loss = nan"),
            ("event", "answer.wrong"),
            ("metric", "correct = 0"),
        ]
        assert reasons[0].stacktrace == TRACE
        assert reasons[0].node_path == ("train", "epoch-1")
        assert reasons[-1].node_path == ("train", "epoch-1", "q-1")
        assert reasons[3].detail == "expected B got C"
    assert len(_reasons(reader, RUN, limit=2)) == 2


def test_what_did_not_fail_has_no_reasons() -> None:
    lines = Lines()
    assert _reasons(reader_of(lines.event(RUN, "note", "x", level="error")), RUN) == ()


def test_a_scope_that_failed_without_a_word_says_so() -> None:
    lines = Lines()
    reader = reader_of(lines.scope("BatchExecution", BATCH, "failed"))
    (reason,) = _reasons(reader, BATCH)
    assert (reason.kind, reason.title) == ("status", "batch epoch-1 was closed as failed")


def test_a_deployment_without_a_run_carries_its_exception_in_its_closing_line() -> None:
    lines = Lines()
    extensions = {"contexta.exception": {"type": "OSError", "message": "no route", "stacktrace": TRACE}}
    reader = reader_of(lines.scope("DeploymentExecution", DEPLOYMENT, "failed", extensions))
    (reason,) = _reasons(reader, DEPLOYMENT)
    assert (reason.kind, reason.title, reason.stacktrace) == ("exception", "OSError: no route", TRACE)
    (link,) = reader.lineage(None).deployments
    assert link.reasons == (reason,)


def test_foreign_attributes_and_extensions_do_no_harm() -> None:
    lines = Lines()
    data = lines.scope("Run", RUN, "failed")
    for number, attributes in enumerate(
        (b"[]", b'"text"', b"5", b'{"exception.type":5}', b"[" * 5_000 + b"]" * 5_000)
    ):
        line = lines.event(RUN, "exception", "boom", level="error", record_hex=f"{number:012x}")
        data += line.replace(b'"attributes":{}', b'"attributes":' + attributes)
    data += lines.scope("DeploymentExecution", DEPLOYMENT, "failed").replace(
        b'"extensions":[]', b'"extensions":[{"namespace":"contexta.exception","fields":[1]},5]'
    )
    reader = reader_of(data)
    assert {reason.title for reason in _reasons(reader, RUN)} == {"boom"}
    assert [reason.kind for reason in _reasons(reader, DEPLOYMENT)] == ["status"]
    reader.issues()
