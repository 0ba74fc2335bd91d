"""What a capture says of its scopes: what was stated about each, and when its records were observed.

Only collects; what may be written of it is for `context` to say. Of each scope the latest statement is kept,
as the catalog does: the later fact wins, and of two at the same moment the one that stands later in the
files. Statements are kept as bytes, because a capture may state a million samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from contexta.captured import CapturedLine
from contexta.contract.refs import StableRef, parent_refs
from contexta.contract.times import parse_zulu, timestamp_text
from contexta.errors import ContextaError

SCOPE_MEMBERS: Final = (
    "run_ref",
    "deployment_execution_ref",
    "stage_execution_ref",
    "batch_execution_ref",
    "sample_observation_ref",
)
"""Members of an envelope or manifest that name scopes which the ledger has tables for."""

_TIMES: Final = ("created_at", "started_at", "observed_at", "captured_at", "ended_at")
_MOST_CHAINS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Statement:
    """The latest that was said about a scope.

    Attributes:
        payload_type: The name of its model.
        told_at: When, sortable as text.
        payload: The model's plain data as JSON.
        owner: The run it belongs to, else the project.
    """

    payload_type: str
    told_at: str
    payload: bytes
    owner: str

    def plain(self) -> dict[str, object]:
        """Return the model's plain data."""
        data: dict[str, object] = msgspec.json.decode(self.payload)
        return data


@dataclass(slots=True)
class Observed:
    """When anything at or under a scope was observed, as texts without the ``Z``, which sort.

    Attributes:
        first: The first time.
        last: The last.
        link: Of a deployment: the run that its records name.
    """

    first: str
    last: str
    link: str | None = None

    def extend(self, first: str, last: str) -> None:
        """Take in another stretch of time."""
        self.first = min(self.first, first)
        self.last = max(self.last, last)


class Scopes:
    """All scopes of a capture.

    Args:
        run_ref: The only run to look at; all when None.

    Attributes:
        statements: By reference, in order of appearance.
        observed: Every scope that anything is known of, by reference, in order of appearance.
    """

    def __init__(self, run_ref: str | None = None) -> None:
        self.run_ref = run_ref
        self.statements: dict[str, Statement] = {}
        self.observed: dict[str, Observed] = {}
        self._born: dict[str, str] = {}
        self._chains: dict[tuple[str | None, ...], tuple[str, ...]] = {}

    def state(self, line: CapturedLine) -> bool:
        """Take in a context line; tell whether it belongs to what is looked at.

        A project belongs to all of its runs, so it is taken whatever the run.
        """
        payload = line.payload
        owner = _owner(line.ref, payload)
        if line.payload_type != "Project" and not self.wants(owner):
            return False
        told_at = _sortable(line.written_at)
        known = self.statements.get(line.ref)
        if known is None or told_at >= known.told_at:
            body = msgspec.json.encode(payload)
            self.statements[line.ref] = Statement(line.payload_type, told_at, body, owner)
        times = sorted(filter(None, (_sortable(payload.get(name)) for name in _TIMES)))
        if times:
            if line.payload_type == "Project":
                self._born[line.ref] = min(times[0], self._born.get(line.ref, times[0]))
            else:
                self._observe(self._chain((line.ref,)), times[0], times[-1])
        return True

    def observe(self, members: Mapping[str, object]) -> None:
        """Note that something was observed in the scopes that an envelope or manifest names."""
        time = _sortable(members.get("observed_at") or members.get("created_at"))
        if not time:
            return
        key = tuple(ref if isinstance(ref, str) else None for ref in map(members.get, SCOPE_MEMBERS))
        chain = self._chains.get(key) or self._chain(key)
        self._observe(chain, time, time)
        deployment, run = members.get("deployment_execution_ref"), members.get("run_ref")
        if isinstance(deployment, str) and isinstance(run, str):
            seen = self.observed.get(deployment)
            if seen is not None and seen.link is None:
                seen.link = run

    def wants(self, owner: object) -> bool:
        """Tell whether what belongs to a run is looked at."""
        return self.run_ref is None or owner == self.run_ref

    def born(self, project_ref: str) -> str | None:
        """Return when a project was first known: by its own statements, else by what is in it."""
        told = self._born.get(project_ref)
        seen = self.observed.get(project_ref)
        return told or (None if seen is None else seen.first)

    def runs(self) -> tuple[str, ...]:
        """Return the runs, in order of appearance."""
        return tuple(ref for ref in self.observed if ref.startswith("run:"))

    def _observe(self, chain: tuple[str, ...], first: str, last: str) -> None:
        for ref in chain:
            seen = self.observed.get(ref)
            if seen is None:
                self.observed[ref] = Observed(first, last)
            else:
                seen.extend(first, last)

    def _chain(self, refs: tuple[str | None, ...]) -> tuple[str, ...]:
        """Return references and all their ancestors, each once, outer ones first."""
        found = dict.fromkeys(text for ref in refs for text in _with_ancestors(ref))
        chain = tuple(found)
        if len(self._chains) >= _MOST_CHAINS:
            self._chains.clear()
        self._chains[refs] = chain
        return chain


def _sortable(moment: object) -> str:
    """Return a time as a text that sorts as the instants do; empty for what is no time."""
    try:
        if isinstance(moment, str) and parse_zulu(moment) is not None:
            return timestamp_text(moment, "time").removesuffix("Z")
    except (ContextaError, OverflowError):
        pass
    return ""


def _with_ancestors(ref: str | None) -> Iterator[str]:
    if ref is None:
        return
    try:
        parsed = StableRef.parse(ref)
    except ContextaError:
        return
    for parent in parent_refs(parsed):
        yield parent.text
    if parsed.kind != "environment":
        yield parsed.text


def _owner(ref: str, payload: Mapping[str, object]) -> str:
    """Return the run that a statement belongs to, the project when it has none."""
    run = payload.get("run_ref")
    if isinstance(run, str) and run:
        return run
    return f"project:{ref.partition(':')[2].partition('.')[0]}"
