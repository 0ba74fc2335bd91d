"""Diagnoses a whole catalog: asks for the facts and applies the rules.

What a commit says stays true until the next one; that a run has become silent is a matter of time alone. The
first costs, the second does not, so that an explorer of a quiet job asks only for the second.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import duckdb

from contexta.diagnostics import process, rules
from contexta.query import health
from contexta.query.health import OpenRun
from contexta.query.results import Issue


def lasting(cursor: duckdb.DuckDBPyConnection) -> tuple[Issue, ...]:
    """The issues that only a commit makes or ends, errors first, the newest first among equals.

    Args:
        cursor: The reader's own connection.
    """
    facts = health.facts(cursor, rules.EXPECTED_STAGES)
    issues: list[Issue] = []
    for subject in facts.subjects:
        issues.extend(rules.of_subject(subject))
    for name, runs in facts.missing.items():
        issues.extend(rules.missing_stage(run, name) for run in runs)
    issues.extend(issue for found in facts.signals if (issue := rules.of_signals(found)))
    issues.extend(rules.of_damage(found) for found in facts.damaged)
    return rules.in_order(issues)


def with_silences(
    issues: Iterable[Issue], open_runs: Iterable[OpenRun], quiet_s: float | None
) -> tuple[Issue, ...]:
    """Issues, and among them the open runs that are silent by now, in the same order.

    Args:
        issues: What `lasting` found.
        open_runs: The runs that may be silent.
        quiet_s: Seconds since the newest append to any capture, on the reader's clock; `None` when
            it is not known, and then no run is called stalled.
    """
    if quiet_s is None:
        return tuple(issues)
    now_us = time.time_ns() // 1000
    stalled = (
        rules.of_silence(run, now_us, quiet_s, process_gone=process.has_ended(run.extensions))
        for run in open_runs
    )
    return rules.in_order([*issues, *(issue for issue in stalled if issue)])
