"""Reports on runs and projects, as Markdown, HTML, JSON and CSV.

`build` asks for the facts and puts the sections together; `render` and `render_html` make text of them.
Nothing here reads a file or a database.
"""

from __future__ import annotations

from contexta.report.blocks import Block, Chart, Facts, Failure, Line, ReportSection, Table
from contexta.report.build import (
    ReportComparison,
    ReportQueries,
    SectionChange,
    build_project_summary_report,
    build_run_report,
    build_snapshot_report,
    compare_report_documents,
    run_report,
    snapshot_report,
)
from contexta.report.document import ReportDocument

__all__ = [
    "Block",
    "Chart",
    "Facts",
    "Failure",
    "Line",
    "ReportComparison",
    "ReportDocument",
    "ReportQueries",
    "ReportSection",
    "SectionChange",
    "Table",
    "build_project_summary_report",
    "build_run_report",
    "build_snapshot_report",
    "compare_report_documents",
    "run_report",
    "snapshot_report",
]
