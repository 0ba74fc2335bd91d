"""What was shipped from what: deployments, their run and their artifact, as recorded."""

from __future__ import annotations

from tests.catalogs import finder, reader_of
from tests.lines import BATCH, DEPLOYMENT, RUN, Lines

ARTIFACT = "artifact:demo.r1.model"


def test_a_deployment_is_linked_to_its_run_and_artifact() -> None:
    lines = Lines()
    reader = reader_of(
        lines.artifact("model")
        + lines.scope("DeploymentExecution", DEPLOYMENT, "completed", run_ref=RUN, artifact_ref=ARTIFACT)
    )
    find = finder(reader)
    for node in (None, find(RUN).id, find("project:demo").id, find(DEPLOYMENT).id):
        lineage = reader.lineage(node)
        (link,) = lineage.deployments
        assert (link.run_ref, link.artifact_ref, link.artifact_run) == (RUN, ARTIFACT, None)
        assert link.run == find(RUN)
        assert link.artifact == lineage.artifacts[0]


def test_the_artifact_may_be_of_another_run_and_links_may_lead_nowhere() -> None:
    lines = Lines()
    reader = reader_of(
        lines.artifact("model")
        + lines.scope("DeploymentExecution", DEPLOYMENT, "open", run_ref="run:demo.r2", artifact_ref=ARTIFACT)
        + lines.scope("DeploymentExecution", "deployment:demo.lost", "open", run_ref="run:demo.no")
        + lines.metric("run:demo.r2", "loss", 1)
    )
    find = finder(reader)
    links = {link.deployment.name: link for link in reader.lineage(None).deployments}
    assert links["canary"].run == find("run:demo.r2")
    assert links["canary"].artifact_run == find(RUN)
    assert (links["lost"].run_ref, links["lost"].run, links["lost"].artifact) == ("run:demo.no", None, None)
    assert [link.deployment.name for link in reader.lineage(find(RUN).id).deployments] == ["canary"]


def test_a_deployment_known_from_its_records_is_linked_by_them() -> None:
    reader = reader_of(Lines().event(DEPLOYMENT, "ship", "it", run_ref=RUN))
    (link,) = reader.lineage(finder(reader)(RUN).id).deployments
    assert link.run_ref == RUN


def test_a_node_below_a_run_shows_the_run_s_own() -> None:
    lines = Lines()
    reader = reader_of(
        lines.metric(BATCH, "loss", 1) + lines.artifact("model") + lines.artifact("other", "run:demo.r2")
    )
    (artifact,) = reader.lineage(finder(reader)(BATCH).id).artifacts
    assert (artifact.ref, artifact.name) == (ARTIFACT, "model.bin")
    assert len(reader.lineage(None).artifacts) == 2


def test_locations_are_text() -> None:
    lines = Lines()
    reader = reader_of(
        lines.artifact("a", location_ref="path:/x/y/")
        + lines.artifact("b", location_ref=None)
        + lines.artifact("c", location_ref="../../etc/passwd\x1b[31m")
    )
    names = {artifact.ref[-1]: artifact.name for artifact in reader.lineage(None).artifacts}
    assert names == {"a": "y", "b": "b", "c": "passwd\x1b[31m"}
