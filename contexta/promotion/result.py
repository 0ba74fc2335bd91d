"""What a promotion did, and what it left out and why. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MOST_LEFT_OUT: Final = 1000
"""So many things that were left out are named; all are counted."""

UNKNOWN_STATUS: Final = "unknown_status"
PARENT_MISSING: Final = "parent_missing"
NOT_IN_LEDGER: Final = "no_ledger_table"
INVALID_CONTEXT: Final = "invalid_context"
INVALID_RECORD: Final = "invalid_record"
INVALID_ARTIFACT: Final = "invalid_artifact"
STORED_UNREADABLE: Final = "stored_unreadable"
PARTLY: Final = "partly_left_out"
UNREADABLE_LINE: Final = "unreadable_line"
BODY_UNKNOWN: Final = "artifact_body_unknown"
BODY_MISSING: Final = "artifact_body_missing"
BODY_CHANGED: Final = "artifact_body_changed"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something captured that is not in the canonical store, or not whole.

    Attributes:
        ref: The record, artifact or scope; for lines that cannot be read, the file and the byte.
        code: ``unknown_status`` (a scope of which only records are known), ``parent_missing``,
            ``no_ledger_table`` (operations), ``invalid_context``, ``invalid_record`` or
            ``invalid_artifact`` (the contract refuses it), ``stored_unreadable`` (the ledger has a row that
            cannot be read), ``partly_left_out`` (stored, but for what the reason names),
            ``unreadable_line``, ``artifact_body_unknown`` (no hash was recorded),
            ``artifact_body_missing``, ``artifact_body_changed``, or a code of the store that refused it.
        reason: Why, as a clause.
    """

    ref: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class PromotionResult:
    """What a promotion did; in a dry run, what it would do.

    Attributes:
        workspace: The folder.
        runs: The runs of which anything is captured, in order of appearance.
        context_written: Scopes that the ledger did not have, or not as they are now.
        context_unchanged: Scopes that it had, or of which it knows something later.
        records_written: Records that were appended.
        records_skipped: Records that were stored already, or that were captured twice.
        artifacts_written: Artifacts whose body came into the vault.
        artifacts_skipped: Artifacts that were there.
        left_out: What is missing in the store, at most `MOST_LEFT_OUT` of it.
        left_out_count: How much that is altogether.
        dry_run: Whether nothing was written.
    """

    workspace: str
    runs: tuple[str, ...] = ()
    context_written: int = 0
    context_unchanged: int = 0
    records_written: int = 0
    records_skipped: int = 0
    artifacts_written: int = 0
    artifacts_skipped: int = 0
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0
    dry_run: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything was written, or would be."""
        return bool(self.context_written or self.records_written or self.artifacts_written)

    @property
    def summary(self) -> str:
        """One sentence."""
        if not self.runs and not self.changed:
            said = "Nothing is captured here"
        elif not self.changed:
            said = f"Nothing is new in {_count(len(self.runs), 'run')}"
        else:
            what = (
                _count(self.context_written, "scope"),
                _count(self.records_written, "record"),
                _count(self.artifacts_written, "artifact"),
            )
            verb = "Would promote" if self.dry_run else "Promoted"
            said = f"{verb} {what[0]}, {what[1]} and {what[2]} of {_count(len(self.runs), 'run')}"
        left = f"; {self.left_out_count:,} left out" if self.left_out_count else ""
        return f"{said}{left}."


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


@dataclass(slots=True)
class Tally:
    """Counts while a promotion runs."""

    context_written: int = 0
    context_unchanged: int = 0
    records_written: int = 0
    records_skipped: int = 0
    artifacts_written: int = 0
    artifacts_skipped: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    left_out_count: int = 0

    def leave_out(self, ref: str, code: str, reason: str) -> None:
        """Note something that is not in the store."""
        self.left_out_count += 1
        if len(self.left_out) < MOST_LEFT_OUT:
            self.left_out.append(LeftOut(ref, code, reason))

    def result(self, workspace: str, runs: tuple[str, ...], *, dry_run: bool) -> PromotionResult:
        """Return what came of it."""
        return PromotionResult(
            workspace,
            runs,
            self.context_written,
            self.context_unchanged,
            self.records_written,
            self.records_skipped,
            self.artifacts_written,
            self.artifacts_skipped,
            tuple(self.left_out),
            self.left_out_count,
            dry_run,
        )
