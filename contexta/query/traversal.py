"""What a thing came from and what came from it: the stored relations, followed breadth first.

The rules are those of the format specification, section 7.4. Beyond them, the run and the artifact that a
deployment names are followed too, for which that system needs a relation put by hand: what was shipped leads
back to the run that made it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import duckdb

from contexta.contract.refs import StableRef
from contexta.errors import LineageError
from contexta.query import listing, relations
from contexta.query.findings import CompletenessNote, LineageEdge, LineageTraversal
from contexta.query.views import DeploymentRecord, EvidenceLink, ProvenanceView, RelationRecord

DIRECTIONS: Final = ("inbound", "outbound", "both")
DEFAULT_DEPTH: Final = 2
_DEPLOYED_FROM: Final = "deployed_from"


def traverse(
    cursor: duckdb.DuckDBPyConnection, subject_ref: object, direction: str | None, max_depth: int | None
) -> LineageTraversal:
    """Follows relations from a subject.

    Args:
        cursor: The reader's own connection.
        subject_ref: Ref of any kind; it need not be known.
        direction: `inbound`, `outbound` or `both`, which is the default.
        max_depth: How many steps away the last node may be that is looked at; 2 by default.

    Raises:
        LineageError: `lineage_invalid_direction` or `lineage_invalid_max_depth`.
        ValidationError: The ref is malformed.
    """
    way = "both" if direction is None else direction
    if way not in DIRECTIONS:
        raise LineageError(
            f"A direction is {', '.join(DIRECTIONS)}, not {direction!r}.", code="lineage_invalid_direction"
        )
    depth = DEFAULT_DEPTH if max_depth is None else max_depth
    if not isinstance(depth, int) or isinstance(depth, bool) or depth < 0:
        raise LineageError(
            f"max_depth is a whole number from 0, not {max_depth!r}.", code="lineage_invalid_max_depth"
        )
    root = subject_ref if isinstance(subject_ref, StableRef) else StableRef.parse(str(subject_ref))
    return _Graph(cursor).walk(root.text, way, depth)


class _Graph:
    """All edges of a workspace, by the refs at their ends."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        deployments = listing.deployments(cursor)
        stored = relations.relations(cursor)
        said = {(relation.source_ref, relation.target_ref) for relation in stored}
        links = (link for link in _links(deployments) if (link.source_ref, link.target_ref) not in said)
        self._edges: dict[str, list[RelationRecord]] = defaultdict(list)
        for relation in (*stored, *links):
            self._edges[relation.source_ref].append(relation)
            self._edges[relation.target_ref].append(relation)
        self._deployments = deployments
        known = relations.provenance(cursor, [relation.relation_ref for relation in stored])
        self._provenance = {view.relation_ref: view for view in known}

    def walk(self, root: str, way: str, max_depth: int) -> LineageTraversal:
        found: dict[str, LineageEdge] = {}
        visited = {root: 0}
        waiting = deque([root])
        while waiting:
            node = waiting.popleft()
            depth = visited[node]
            for edge in self._met_at(node, way, depth):
                known = found.setdefault(edge.relation_ref, edge)
                other = known.target_ref if known.direction == "outbound" else known.source_ref
                if depth < max_depth and other not in visited:
                    visited[other] = depth + 1
                    waiting.append(other)
        edges = tuple(found[ref] for ref in sorted(found))
        nothing = CompletenessNote("info", "lineage_root_has_no_relations")
        return LineageTraversal(
            root_ref=root,
            edges=edges,
            visited_refs=tuple(visited),
            completeness_notes=() if edges else (nothing,),
            evidence_links=tuple(_link(ref) for ref in visited),
        )

    def _met_at(self, node: str, way: str, depth: int) -> Iterator[LineageEdge]:
        members = {node, *self._members(node)}
        for member in sorted(members, key=lambda ref: (ref != node, ref)):
            for relation in self._edges.get(member, ()):
                if member != node and node in (relation.source_ref, relation.target_ref):
                    continue  # Met at the node itself, where its direction is told.
                direction = "outbound" if relation.source_ref == member else "inbound"
                if way in ("both", direction):
                    yield _edge(relation, direction, depth, self._provenance.get(relation.relation_ref))

    def _members(self, node: str) -> Iterator[str]:
        """What a run or stage stands for besides itself."""
        kind = node.partition(":")[0]
        if kind == "run":
            yield from (stage.stage_id for stage in listing.stages(self._cursor, run_ref=node))
            yield from (found.artifact_ref for found in listing.artifacts(self._cursor, run_ref=node))
            yield from (found.deployment_id for found in self._deployments if found.run_id == node)
        elif kind == "stage":
            yield from (found.artifact_ref for found in listing.artifacts(self._cursor, stage_ref=node))


def _links(deployments: Iterable[DeploymentRecord]) -> Iterator[RelationRecord]:
    """The run and the artifact that deployments name, in the form of relations."""
    for deployment in deployments:
        for name, target in (("run_ref", deployment.run_id), ("artifact_ref", deployment.artifact_ref)):
            if target is not None:
                yield RelationRecord(
                    relation_ref=f"{deployment.deployment_id}#{name}",
                    relation_type=_DEPLOYED_FROM,
                    source_ref=deployment.deployment_id,
                    target_ref=target,
                    recorded_at=deployment.started_at,
                    origin_marker=None,
                    confidence_marker=None,
                )


def _edge(relation: RelationRecord, direction: str, depth: int, known: ProvenanceView | None) -> LineageEdge:
    edge = LineageEdge(
        relation_ref=relation.relation_ref,
        source_ref=relation.source_ref,
        target_ref=relation.target_ref,
        relation_type=relation.relation_type,
        recorded_at=relation.recorded_at,
        direction=direction,
        depth=depth,
        provenance=known,
        evidence_links=tuple(_link(ref) for ref in relation.evidence_refs),
    )
    return replace(edge, is_link=True) if "#" in relation.relation_ref else edge


def _link(ref: str) -> EvidenceLink:
    return EvidenceLink(ref.partition(":")[0], ref, ref)
