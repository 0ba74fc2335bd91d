"""A report: a title and sections, and the formats it can be had in."""

from __future__ import annotations

from dataclasses import dataclass

from contexta.report import render, render_html
from contexta.report.blocks import ReportSection
from contexta.report.render import JsonValue


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """A report.

    Every format holds recorded text as text only: none of it can become markup, a link, a script or a
    formula.
    """

    title: str
    sections: tuple[ReportSection, ...]

    def to_dict(self) -> dict[str, JsonValue]:
        """Plain data: `title`, `sections`; each with `title`, `body`, `evidence_links`, maybe `blocks`."""
        return render.to_dict(self.title, self.sections)

    def to_json(self) -> dict[str, JsonValue]:
        """The same as `to_dict`, for `json.dumps`; public Contexta answers a dictionary here too."""
        return self.to_dict()

    def to_markdown(self) -> str:
        """Markdown with a heading for each section, its body, and its evidence as a list."""
        return render.to_markdown(self.title, self.sections)

    def to_csv(self) -> str:
        """CSV with the columns `section_title` and `body`."""
        return render.to_csv(self.sections)

    def to_html(self) -> str:
        """One HTML page that needs nothing else: styles and charts are in it, scripts are not."""
        return render_html.page(self.title, self.sections)
