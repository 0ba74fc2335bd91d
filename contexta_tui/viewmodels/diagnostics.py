"""What the issue list shows: every diagnosed issue, the worst first, and where the cursor stays.

Texts stay as recorded.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from contexta.query.port import Queries
from contexta.query.results import Issue, Severity

#: Code of the issue that says that an open run is silent for longer than its own pace explains.
_STALLED: Final = "stalled_run"


class IssueRows(msgspec.Struct, frozen=True):
    """The issues in the order of display, how many there are of each severity, and how many runs stalled."""

    issues: tuple[Issue, ...] = ()
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    stalled: int = 0


def load(queries: Queries) -> IssueRows:
    """Ask for all issues: errors first, the newest first among equals."""
    issues = sorted(queries.issues(), key=lambda issue: (issue.severity.rank, -(issue.at or 0)))
    by_severity = Counter(issue.severity for issue in issues)
    return IssueRows(
        tuple(issues),
        errors=by_severity[Severity.ERROR],
        warnings=by_severity[Severity.WARNING],
        infos=by_severity[Severity.INFO],
        stalled=len({issue.ref for issue in issues if issue.code == _STALLED}),
    )


def identity(issue: Issue) -> tuple[str, str]:
    """What makes an issue the same issue after its time, count or wording changed."""
    return issue.code, issue.ref


def cursor_after(before: tuple[Issue, ...], cursor: int, after: tuple[Issue, ...]) -> int:
    """Where the cursor goes when the issues change: with its issue, or else it keeps its place.

    Args:
        before: The issues until now.
        cursor: The row of the cursor among them; -1 for none.
        after: The issues from now on.
    """
    if not 0 <= cursor < len(before):
        return 0
    wanted = identity(before[cursor])
    return next((row for row, issue in enumerate(after) if identity(issue) == wanted), cursor)


def place(issue: Issue) -> tuple[str, ...]:
    """Where an issue is, as names from the stage down, or from the run when it is the run's own."""
    path = issue.node_path
    if not path:
        return (issue.ref,)
    return path[1:] if len(path) > 1 else path
