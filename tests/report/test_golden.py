"""A whole report in every format, as it was last looked at."""

from __future__ import annotations

import json
import re

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from contexta.report import ReportDocument
from tests.report.example import demo, report


class TextFile(SingleFileSnapshotExtension):
    """One file a report, so that a difference can be read."""

    _write_mode = WriteMode.TEXT
    _file_extension = "txt"


def written(document: ReportDocument, form: str) -> str:
    match form:
        case "html":  # the style sheet is looked at, not read
            return re.sub(r"<style>.*</style>|sha256-[\w+/=]+", "", document.to_html(), flags=re.DOTALL)
        case "json":
            return json.dumps(document.to_json(), indent=1, ensure_ascii=False)
        case "csv":
            return document.to_csv()
        case _:
            return document.to_markdown()


@pytest.mark.parametrize("form", ["markdown", "html", "json", "csv"])
def test_the_report_is_as_it_was(form: str, snapshot: SnapshotAssertion) -> None:
    assert written(report(demo()), form) == snapshot(extension_class=TextFile)
