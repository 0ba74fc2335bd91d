"""The reports of the facade: what `Contexta` tells about runs and projects as documents.

Each method hands on to `contexta.report`, which is loaded at the first report. The names and parameters are
those of public Contexta (format specification, section 6.5); `include_captured` is ours everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contexta.inquiry import Inquiry

if TYPE_CHECKING:
    from contexta.report import ReportComparison, ReportDocument


class Reporting(Inquiry):
    """Reports on a workspace, as Markdown, HTML, JSON or CSV.

    ::

        report = ctx.build_snapshot_report("run:my-proj.run-01")
        Path("report.html").write_text(report.to_html(), encoding="utf-8")
    """

    def build_snapshot_report(self, run_id: str, *, include_captured: bool | None = None) -> ReportDocument:
        """Report on a run: what it is, what belongs to it, its metrics, and why it failed.

        Raises:
            InterpretationError: ``query_run_not_found``.
        """
        from contexta import report  # noqa: PLC0415 - a job that records never reports

        return report.build_snapshot_report(self.repository, run_id, include_captured=include_captured)

    def build_run_report(
        self, left: str, right: str, *, include_captured: bool | None = None
    ) -> ReportDocument:
        """Report on how the right run differs from the left one.

        Raises:
            InterpretationError: ``query_run_not_found``.
        """
        from contexta import report  # noqa: PLC0415 - ditto

        return report.build_run_report(self.repository, left, right, include_captured=include_captured)

    def build_project_summary_report(
        self, project: str, *, include_captured: bool | None = None
    ) -> ReportDocument:
        """Report on a project, by name or ref: its runs, what was shipped, and what failed."""
        from contexta import report  # noqa: PLC0415 - ditto

        return report.build_project_summary_report(
            self.repository, project, include_captured=include_captured
        )

    def compare_report_documents(self, left: ReportDocument, right: ReportDocument) -> ReportComparison:
        """Compare two reports, section by section."""
        from contexta import report  # noqa: PLC0415 - ditto

        return report.compare_report_documents(left, right)
