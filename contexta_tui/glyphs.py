"""The characters that mean something on the screen, in Unicode and in plain ASCII.

No colour and no Textual here, so that view models may use them. Colour is never the only sign.
"""

from __future__ import annotations

from typing import Final

import msgspec

from contexta.query.results import Severity, Status


class Glyphs(msgspec.Struct, frozen=True):
    """The characters with a meaning, each one cell wide unless said otherwise.

    Attributes:
        failed: Status.
        completed: Status.
        open: Status.
        unknown: Status: known from its records only.
        cancelled: Status.
        error: Severity.
        warning: Severity.
        info: Severity.
        expanded: Row whose children are shown.
        collapsed: Row whose children are hidden.
        arrow: "was made from", in lineage.
        bar: Beginning of a reason.
        separator: Between the names of a path.
        dot: Between facts on one line.
        live: The capture is being written to.
        done: Part of a progress bar.
        todo: Part of a progress bar.
        trend: Eight levels, lowest first.
        ascii: Whether this is the set for terminals without more than ASCII.
    """

    failed: str
    completed: str
    open: str
    unknown: str
    cancelled: str
    error: str
    warning: str
    info: str
    expanded: str
    collapsed: str
    arrow: str
    bar: str
    separator: str
    dot: str
    live: str
    done: str
    todo: str
    trend: str
    ascii: bool

    def status(self, status: Status) -> str:
        """The sign of a status."""
        return {
            Status.FAILED: self.failed,
            Status.COMPLETED: self.completed,
            Status.OPEN: self.open,
            Status.UNKNOWN: self.unknown,
            Status.CANCELLED: self.cancelled,
        }[status]

    def severity(self, severity: Severity) -> str:
        """The sign of a severity."""
        return {Severity.ERROR: self.error, Severity.WARNING: self.warning, Severity.INFO: self.info}[
            severity
        ]


UNICODE: Final = Glyphs(
    failed="✖",
    completed="✔",
    open="●",
    unknown="◌",
    cancelled="⊘",
    error="✖",
    warning="▲",
    info="•",
    expanded="▾",
    collapsed="▸",
    arrow="←",
    bar="▌",
    separator="›",
    dot="·",
    live="●",
    done="▰",
    todo="▱",
    trend="▁▂▃▄▅▆▇█",
    ascii=False,
)

ASCII: Final = Glyphs(
    failed="F",
    completed="C",
    open="O",
    unknown="?",
    cancelled="X",
    error="E",
    warning="W",
    info="I",
    expanded="-",
    collapsed="+",
    arrow="<",
    bar="|",
    separator=">",
    dot="-",
    live="*",
    done="#",
    todo=".",
    trend="_.,-=+*#",
    ascii=True,
)
