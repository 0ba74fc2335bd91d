"""Answers what a script asks of a workspace: lists, snapshots, comparisons, diagnoses, lineage.

`workspace` knows where to ask, `lists` lists, `answers` looks into runs; `Investigation` is all of them.
There is no SQL here.
"""

from __future__ import annotations

from contexta.investigation.answers import Investigation
from contexta.investigation.workspace import SOURCES, Captured, Source

__all__ = ["SOURCES", "Captured", "Investigation", "Source"]
