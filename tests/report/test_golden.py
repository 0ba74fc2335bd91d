"""A whole report in every format, as it was last looked at."""

from __future__ import annotations

import json
import re

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from contexta.report import ReportDocument, build_snapshot_report
from tests.report.example import RUN, FakeQueries, demo


class TextFile(SingleFileSnapshotExtension):
    """One file a report, so that a difference can be read."""

    _write_mode = WriteMode.TEXT
    _file_extension = "txt"


def written(report: ReportDocument, form: str) -> str:
    match form:
        case "html":  # the style sheet is looked at, not read
            return re.sub(r"<style>.*</style>|sha256-[\w+/=]+", "", report.to_html(), flags=re.DOTALL)
        case "json":
            return json.dumps(report.to_json(), indent=1, ensure_ascii=False)
        case "csv":
            return report.to_csv()
        case _:
            return report.to_markdown()


@pytest.mark.parametrize("form", ["markdown", "html", "json", "csv"])
def test_the_report_is_as_it_was(form: str, snapshot: SnapshotAssertion) -> None:
    report = build_snapshot_report(FakeQueries(demo()), RUN)
    assert written(report, form) == snapshot(extension_class=TextFile)
