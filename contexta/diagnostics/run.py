"""Diagnoses a whole catalog: asks for the facts and applies the rules."""

from __future__ import annotations

import time

import duckdb

from contexta.diagnostics import process, rules
from contexta.query import health
from contexta.query.results import Issue


def diagnose(cursor: duckdb.DuckDBPyConnection, quiet_s: float | None) -> tuple[Issue, ...]:
    """All issues, errors first, the newest first among equals.

    Args:
        cursor: The reader's own connection.
        quiet_s: Seconds since the newest append to any capture, on the reader's clock; `None` when
            it is not known, and then no run is called stalled.
    """
    issues: list[Issue] = []
    for subject in health.subjects(cursor):
        issues.extend(rules.of_subject(subject))
    for name in rules.EXPECTED_STAGES:
        issues.extend(rules.missing_stage(run, name) for run in health.runs_without_stage(cursor, name))
    issues.extend(issue for found in health.signals(cursor) if (issue := rules.of_signals(found)))
    issues.extend(rules.of_damage(found) for found in health.damaged(cursor))
    if quiet_s is not None:
        for silence in health.open_runs(cursor, time.time_ns() // 1000):
            gone = process.has_ended(silence.extensions)
            if issue := rules.of_silence(silence, quiet_s, process_gone=gone):
                issues.append(issue)
    return rules.in_order(issues)
