"""What the lineage pane shows: deployments and what they were made from, then other artifacts.

Rows are lines in the order of display. Texts stay as recorded; what is missing is said in words.
"""

from __future__ import annotations

from typing import Final

import msgspec

from contexta.query.port import Queries
from contexta.query.results import ArtifactRow, DeploymentLink, NodeKind, NodeRow, Reason

#: Evidence lines under one failed deployment.
MOST_REASONS: Final = 3


class DeploymentLine(msgspec.Struct, frozen=True):
    """A deployment and its chain.

    Attributes:
        link: The deployment and what it is linked to.
        own: Whether it belongs to the run of the selected node; without a selected run all do.
        selected: Whether it is the selected node.
    """

    link: DeploymentLink
    own: bool
    selected: bool


class ReasonOfDeployment(msgspec.Struct, frozen=True):
    """Why the deployment above failed.

    Attributes:
        reason: The evidence.
        deployment_id: The deployment.
    """

    reason: Reason
    deployment_id: int


class ArtifactLine(msgspec.Struct, frozen=True):
    """An artifact that no listed deployment was made from."""

    artifact: ArtifactRow


Line = DeploymentLine | ReasonOfDeployment | ArtifactLine


class LineageRows(msgspec.Struct, frozen=True):
    """The lines of the pane, and a sentence when there are none."""

    lines: tuple[Line, ...] = ()
    sentence: str = "No deployments or artifacts recorded."


def load(queries: Queries, node: NodeRow | None) -> LineageRows:
    """Ask for what the pane shows.

    The deployments of the selected node's run come first; those of other runs follow, so that the pane
    is never empty while something was shipped.

    Args:
        queries: Where to ask.
        node: The selected node.
    """
    everything = queries.lineage(None)
    if node is None or node.kind is NodeKind.PROJECT:
        own, artifacts = {link.deployment.id for link in everything.deployments}, everything.artifacts
        first = everything.deployments
    else:
        ours = queries.lineage(node.id)
        first, artifacts = ours.deployments, ours.artifacts
        own = {link.deployment.id for link in first}
    others = tuple(link for link in everything.deployments if link.deployment.id not in own)
    return LineageRows(_lines((*first, *others), own, artifacts, node.id if node else None))


def _lines(
    links: tuple[DeploymentLink, ...], own: set[int], artifacts: tuple[ArtifactRow, ...], selected: int | None
) -> tuple[Line, ...]:
    lines: list[Line] = []
    for link in links:
        node = link.deployment
        lines.append(DeploymentLine(link, node.id in own, node.id == selected))
        lines += [ReasonOfDeployment(reason, node.id) for reason in link.reasons[:MOST_REASONS]]
    deployed = {link.artifact_ref for link in links}
    lines += [ArtifactLine(artifact) for artifact in artifacts if artifact.ref not in deployed]
    return tuple(lines)


def missing_artifact(link: DeploymentLink) -> str:
    """What to say where the artifact would stand; empty when it is known."""
    if link.artifact is not None:
        return ""
    return "no artifact linked" if link.artifact_ref is None else "artifact not recorded here"


def missing_run(link: DeploymentLink) -> str:
    """What to say where the run would stand; empty when it is known."""
    if link.run is not None or link.artifact_run is not None:
        return ""
    return "no run linked" if link.run_ref is None else "run not recorded here"


def target(line: Line) -> int | None:
    """The node that a line leads to."""
    if isinstance(line, DeploymentLine):
        return line.link.deployment.id
    if isinstance(line, ReasonOfDeployment):
        return line.reason.node_id
    return line.artifact.run_id
