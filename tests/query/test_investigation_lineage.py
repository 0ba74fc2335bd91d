"""What things came from: stored relations, and what deployments say of themselves."""

from __future__ import annotations

import pytest

from contexta import Contexta, ValidationError
from contexta.errors import LineageError
from contexta.query.findings import LineageTraversal
from tests.query import ledgers

RUN, SHIPPED = "run:my-proj.run-01", "deployment:my-proj.model-v1"
MODEL, DATA = "artifact:my-proj.run-01.model", "artifact:my-proj.data.set"


@pytest.fixture(autouse=True)
def _filled(ctx: Contexta) -> None:
    ledgers.fill_like_the_source_document(ctx)


def edges(found: LineageTraversal) -> list[tuple[str, str, int]]:
    return [(edge.relation_ref, edge.direction, edge.depth) for edge in found.edges]


def test_a_deployment_leads_to_its_run_and_artifact(ctx: Contexta) -> None:
    found = ctx.traverse_lineage(SHIPPED)
    assert edges(found) == [(f"{SHIPPED}#artifact_ref", "outbound", 0), (f"{SHIPPED}#run_ref", "outbound", 0)]
    assert all(edge.is_link and edge.relation_type == "deployed_from" for edge in found.edges)
    assert set(found.visited_refs) == {SHIPPED, RUN, MODEL}


def test_and_from_there_back(ctx: Contexta) -> None:
    (edge,) = ctx.traverse_lineage(MODEL, max_depth=0).edges
    assert (edge.source_ref, edge.direction) == (SHIPPED, "inbound")
    of_run = ctx.traverse_lineage(RUN, max_depth=0)
    assert edges(of_run) == [(f"{SHIPPED}#artifact_ref", "outbound", 0), (f"{SHIPPED}#run_ref", "inbound", 0)]


def test_a_link_that_is_stored_as_a_relation_too_is_told_once(ctx: Contexta) -> None:
    ledgers.put_relation(ctx, "d1", "deployed_from", SHIPPED, RUN)
    found = ctx.traverse_lineage(SHIPPED, max_depth=0)
    assert edges(found) == [(f"{SHIPPED}#artifact_ref", "outbound", 0), ("relation:d1", "outbound", 0)]
    assert [edge.is_link for edge in found.edges] == [True, False]


def test_steps_directions_and_depth(ctx: Contexta) -> None:
    ledgers.put_relation(ctx, "r1", "produced_by", MODEL, "stage:my-proj.run-01.train")
    ledgers.put_relation(ctx, "r2", "derived_from", MODEL, DATA)
    ledgers.put_relation(ctx, "r3", "derived_from", DATA, "artifact:my-proj.data.raw")
    assert edges(ctx.traverse_lineage(MODEL, direction="outbound", max_depth=0)) == [
        ("relation:r1", "outbound", 0),
        ("relation:r2", "outbound", 0),
    ]
    assert ("relation:r3", "outbound", 1) in edges(
        ctx.traverse_lineage(MODEL, direction="outbound", max_depth=1)
    )
    inbound = edges(ctx.traverse_lineage("artifact:my-proj.data.raw", direction="inbound"))
    assert inbound == [
        (f"{SHIPPED}#artifact_ref", "inbound", 2),
        ("relation:r2", "inbound", 1),
        ("relation:r3", "inbound", 0),
    ]


def test_a_run_stands_for_its_stages_artifacts_and_deployments(ctx: Contexta) -> None:
    ledgers.put_relation(ctx, "r1", "used", "stage:my-proj.run-01.train", DATA)
    found = ctx.traverse_lineage(RUN, direction="outbound", max_depth=0)
    assert ("relation:r1", "outbound", 0) in edges(found)
    assert (f"{SHIPPED}#run_ref", "outbound", 0) not in edges(found)


def test_a_circle_ends(ctx: Contexta) -> None:
    ledgers.put_relation(ctx, "r1", "derived_from", MODEL, DATA)
    ledgers.put_relation(ctx, "r2", "derived_from", DATA, MODEL)
    assert len(ctx.traverse_lineage(MODEL, max_depth=50).edges) >= 2


def test_provenance_goes_with_the_edge_and_the_snapshot(ctx: Contexta) -> None:
    ledgers.put_relation(ctx, "r1", "produced_by", MODEL, RUN)
    ledgers.put_provenance(ctx, "p1", "r1")
    ledgers.put_provenance(ctx, "p2", "r1", minute="22:00")
    edge = next(edge for edge in ctx.traverse_lineage(MODEL).edges if edge.relation_ref == "relation:r1")
    assert edge.provenance is not None
    assert edge.provenance.provenance_ref == "provenance:p2"
    view = ctx.get_provenance("run-01")
    assert view is not None
    assert (view.run_id, view.provenance_ref, view.assertion_mode) == (RUN, "provenance:p2", "explicit")
    snapshot = ctx.get_run_snapshot("run-01")
    assert [relation.relation_ref for relation in snapshot.relations] == ["relation:r1"]
    assert "provenance_missing" not in snapshot.completeness_notes
    assert ctx.repository.list_relations(RUN) == snapshot.relations


@pytest.mark.parametrize("ref", ["stage:my-proj.run-01.train", "run:nobody.knows", "relation:x"])
def test_nothing_is_related(ctx: Contexta, ref: str) -> None:
    found = ctx.traverse_lineage(ref)
    assert (found.edges, found.visited_refs) == ((), (ref,))
    assert [(note.severity, note.summary) for note in found.completeness_notes] == [
        ("info", "lineage_root_has_no_relations")
    ]


@pytest.mark.parametrize("direction", ["upstream", "downstream", "", "Both"])
def test_directions_that_do_not_exist(ctx: Contexta, direction: str) -> None:
    with pytest.raises(LineageError) as caught:
        ctx.traverse_lineage(RUN, direction=direction)
    assert caught.value.code == "lineage_invalid_direction"


@pytest.mark.parametrize("depth", [-1, True, 1.5, "2"])
def test_depths_that_do_not_exist(ctx: Contexta, depth: int) -> None:
    with pytest.raises(LineageError) as caught:
        ctx.traverse_lineage(RUN, max_depth=depth)
    assert caught.value.code == "lineage_invalid_max_depth"


@pytest.mark.parametrize("ref", ["run-01", "run:A", "a:b:c"])
def test_a_malformed_ref(ctx: Contexta, ref: str) -> None:
    with pytest.raises(ValidationError):
        ctx.traverse_lineage(ref)
