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
    facts = health.facts(cursor, rules.EXPECTED_STAGES, time.time_ns() // 1000)
    issues: list[Issue] = []
    for subject in facts.subjects:
        issues.extend(rules.of_subject(subject))
    for name, runs in facts.missing.items():
        issues.extend(rules.missing_stage(run, name) for run in runs)
    issues.extend(issue for found in facts.signals if (issue := rules.of_signals(found)))
    issues.extend(rules.of_damage(found) for found in facts.damaged)
    if quiet_s is not None:
        for silence in facts.silences:
            gone = process.has_ended(silence.extensions)
            if issue := rules.of_silence(silence, quiet_s, process_gone=gone):
                issues.append(issue)
    return rules.in_order(issues)
