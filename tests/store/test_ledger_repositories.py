from __future__ import annotations

import pytest

from contexta.contract import (
    BatchExecution,
    DeploymentExecution,
    OperationContext,
    ProvenanceRecord,
    Run,
    SampleObservation,
)
from contexta.contract.extensions import ContractModel
from contexta.errors import NotFoundError, ValidationError
from contexta.store import MetadataStore
from tests.store.ledger_models import (
    START,
    batch,
    deployment,
    environment,
    family,
    project,
    provenance,
    relation,
    run,
    sample,
    stage,
    store_at,
)

LATER = "2025-01-01T00:00:00.500000Z"
"""A later instant than `START`, and an earlier text."""


@pytest.fixture
def store() -> MetadataStore:
    return store_at(":memory:")


def refs(models: tuple[ContractModel, ...]) -> list[str]:
    return [str(next(iter(model.to_dict().values()))).partition(":")[2] for model in models]


VERBS = [
    ("projects", "project", project()),
    ("runs", "run", run()),
    ("deployments", "deployment_execution", deployment(run_ref="run:p.r")),
    ("stages", "stage_execution", stage()),
    ("batches", "batch_execution", batch()),
    ("samples", "sample_observation", sample("p.r.s.b.x")),
    ("environments", "environment_snapshot", environment()),
    ("relations", "relation", relation()),
    ("provenance", "provenance", provenance()),
]


def test_each_kind_is_put_got_found_and_known_by_its_own_words(store: MetadataStore) -> None:
    for repository, noun, model in VERBS:
        verbs = getattr(store, repository)
        ref = next(iter(model.to_dict().values()))
        assert not getattr(verbs, f"exists_{noun}")(ref)
        assert getattr(verbs, f"find_{noun}")(ref) is None
        assert getattr(verbs, f"put_{noun}")(model) is model
        assert getattr(verbs, f"exists_{noun}")(ref)
        assert getattr(verbs, f"find_{noun}")(ref) == getattr(verbs, f"get_{noun}")(ref) == model
        assert verbs.put_many([model]) == (model,)


@pytest.mark.parametrize(("repository", "noun", "_model"), VERBS)
def test_an_unknown_reference_is_not_found(
    store: MetadataStore, repository: str, noun: str, _model: object
) -> None:
    get = getattr(getattr(store, repository), f"get_{noun}")
    for ref in ("run:no.such", "artifact:of.another.kind"):
        with pytest.raises(NotFoundError) as caught:
            get(ref)
        assert caught.value.code == "metadata_row_not_found"


@pytest.mark.parametrize(("repository", "noun", "_model"), VERBS)
def test_a_text_that_is_no_reference_is_refused(
    store: MetadataStore, repository: str, noun: str, _model: object
) -> None:
    for verb in ("get", "find", "exists"):
        with pytest.raises(ValidationError) as caught:
            getattr(getattr(store, repository), f"{verb}_{noun}")("no reference")
        assert caught.value.code == "stable_ref_invalid_text"


@pytest.mark.parametrize(("repository", "noun", "_model"), VERBS)
def test_only_its_own_models_can_be_put(
    store: MetadataStore, repository: str, noun: str, _model: object
) -> None:
    operation = OperationContext("op:p.r.s.o", "run:p.r", "stage:p.r.s", "o", START)
    other = run() if repository == "projects" else project()
    for wrong in (operation, other, {"a": "map"}, None):
        with pytest.raises(ValidationError) as caught:
            getattr(getattr(store, repository), f"put_{noun}")(wrong)
        assert caught.value.code == "metadata_wrong_model"
    with pytest.raises(ValidationError, match="OperationContext"):
        store.put_many([operation])


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (run(), "metadata_missing_run_project"),
        (deployment(), "metadata_missing_deployment_project"),
        (stage(), "metadata_missing_stage_run"),
        (batch(), "metadata_missing_batch_run"),
        (sample(), "metadata_missing_sample_run"),
        (environment(), "metadata_missing_environment_run"),
        (provenance(), "metadata_missing_provenance_relation"),
        (relation(), "metadata_ref_not_found"),
        (relation(target="record:p.r.x"), "metadata_ref_not_found"),
    ],
)
def test_nothing_is_put_before_its_parents(store: MetadataStore, model: ContractModel, code: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        store.put_many([model])
    assert caught.value.code == code
    assert store.list_registered_refs() == ()


def test_a_stage_and_a_batch_are_asked_for_too(store: MetadataStore) -> None:
    store.put_many([project(), run()])
    for model, code in (
        (batch(), "metadata_missing_batch_stage"),
        (sample(), "metadata_missing_sample_stage"),
    ):
        with pytest.raises(NotFoundError) as caught:
            store.put_many([model])
        assert caught.value.code == code
    store.stages.put_stage_execution(stage())
    with pytest.raises(NotFoundError) as caught:
        store.samples.put_sample_observation(sample("p.r.s.b.x"))
    assert caught.value.code == "metadata_missing_sample_batch"
    assert caught.value.details == {"ref": "sample:p.r.s.b.x", "missing": "batch:p.r.s.b"}


def test_what_a_deployment_links_need_not_be_stored(store: MetadataStore) -> None:
    store.projects.put_project(project())
    linked = deployment(run_ref="run:p.gone")
    assert store.deployments.put_deployment_execution(linked) == linked
    assert store.deployments.list_deployment_executions(run_ref="run:p.gone") == (linked,)


def test_ends_of_kind_artifact_and_op_are_accepted_unseen(store: MetadataStore) -> None:
    store.relations.put_relation(relation(source="op:p.r.s.o", target="artifact:p.r.a"))
    owners = {entry.ref: entry.owner_kind for entry in store.list_registered_refs()}
    assert owners == {
        "op:p.r.s.o": "relation_endpoint",
        "artifact:p.r.a": "relation_endpoint",
        "relation:p.one": "relation",
    }
    assert store.relations.list_relations_for_target(
        "artifact:p.r.a"
    ) == store.relations.list_relations_for_ref("op:p.r.s.o")


def test_a_registered_reference_may_be_an_end(store: MetadataStore) -> None:
    store.relations.put_relation(
        relation("p.zero", "op:p.r.s.o", "artifact:p.r.a").replace(evidence_refs=["record:p.r.seen"])
    )
    store.relations.put_relation(relation("p.two", "record:p.r.seen", "artifact:p.r.a"))
    store.provenance.put_provenance(
        ProvenanceRecord("provenance:p.v", "relation:p.two", "inferred", START, "run:p.elsewhere")
    )
    owners = {entry.ref: (entry.ref_kind, entry.owner_kind) for entry in store.list_registered_refs()}
    assert owners["record:p.r.seen"] == ("record", "relation_evidence")
    assert owners["run:p.elsewhere"] == ("run", "formation_context")


def test_putting_again_replaces_silently(store: MetadataStore) -> None:
    store.put_many([project(), run()])
    ended = Run("run:p.r", "project:p", "r", "failed", START, LATER)
    store.runs.put_run(ended)
    store.runs.put_run(ended)
    assert store.runs.list_runs() == (ended,)
    with store.transaction():
        store.runs.put_run(run())
        store.runs.put_run(ended)
        store.runs.put_run(run())
    assert store.runs.list_runs() == (run(),)
    assert store.check_integrity().ok
    assert store.duckdb.query_one("select status from runs") == ("open",)


def test_a_batch_is_taken_in_any_order_and_the_later_of_two_counts(store: MetadataStore) -> None:
    models = [*reversed(family()), run(started_at=LATER)]
    assert store.put_many(models) == tuple(models)
    assert store.runs.get_run("run:p.r").started_at == LATER
    assert store.check_integrity().ok
    assert len(store.list_registered_refs()) == len(family()) + 1


def test_a_batch_is_all_or_nothing(store: MetadataStore) -> None:
    with pytest.raises(NotFoundError):
        store.put_many([*family(), stage("p.gone.s")])
    assert store.projects.list_projects() == ()
    store.put_many([project(), run(), stage()])
    with pytest.raises(NotFoundError):
        store.samples.put_many([sample("p.r.s.a"), sample("p.r.s.gone.b")])
    assert store.samples.list_sample_observations() == ()
    assert store.put_many([]) == ()


def test_many_are_written_and_replaced_like_few(store: MetadataStore) -> None:
    store.put_many([project(), run(), stage()])
    many = [sample(f"p.r.s.x{number:04}") for number in range(500)]
    store.samples.put_many(many)
    store.samples.put_many(model.replace(retention_class="review") for model in many[:400])
    stored = store.samples.list_sample_observations(stage_ref="stage:p.r.s")
    assert [model.retention_class for model in stored] == ["review"] * 400 + [None] * 100
    assert store.check_integrity().ok


# Orders


def test_times_order_as_instants(store: MetadataStore) -> None:
    store.put_many(
        [project(), run("p.b"), run("p.a", LATER), stage("p.b.z"), stage("p.b.a", started_at=LATER)]
    )
    store.put_many([sample("p.b.z.y"), sample("p.b.z.a", LATER)])
    store.put_many([environment("p.b.y"), environment("p.b.a", LATER)])
    assert refs(store.runs.list_runs("project:p")) == ["p.b", "p.a"]
    assert refs(store.stages.list_stage_executions("run:p.b")) == ["p.b.z", "p.b.a"]
    assert refs(store.samples.list_sample_observations(stage_ref="stage:p.b.z")) == ["p.b.z.y", "p.b.z.a"]
    assert refs(store.environments.list_environment_snapshots("run:p.b")) == ["p.b.y", "p.b.a"]


def test_projects_by_name_and_runs_by_project(store: MetadataStore) -> None:
    store.put_many([project("b").replace(name="Alpha"), project("a").replace(name="Beta")])
    store.put_many([run("b.x"), run("a.y", LATER), run("a.z")])
    assert refs(store.projects.list_projects()) == ["b", "a"]
    assert refs(store.runs.list_runs()) == ["a.z", "a.y", "b.x"]
    assert refs(store.runs.list_runs("project:b")) == ["b.x"]
    assert store.runs.list_runs("project:unknown") == ()


def test_stages_and_batches_without_an_index_come_last(store: MetadataStore) -> None:
    store.put_many([project(), run(), stage("p.r.a"), stage("p.r.b", 1), stage("p.r.c", 0)])
    store.put_many([batch("p.r.c.x", 9), batch("p.r.c.y"), batch("p.r.a.z", 5), batch("p.r.c.w", 0)])
    assert refs(store.stages.list_stage_executions("run:p.r")) == ["p.r.c", "p.r.b", "p.r.a"]
    by_stage = store.batches.list_batch_executions(stage_ref="stage:p.r.c")
    assert refs(by_stage) == ["p.r.c.w", "p.r.c.x", "p.r.c.y"]
    by_run = store.batches.list_batch_executions(run_ref="run:p.r")
    assert refs(by_run) == ["p.r.a.z", "p.r.c.w", "p.r.c.x", "p.r.c.y"]
    assert store.batches.list_batch_executions() == by_run


def test_samples_without_a_batch_come_last_in_their_stage(store: MetadataStore) -> None:
    store.put_many([project(), run(), stage("p.r.a"), stage("p.r.b"), batch("p.r.a.k")])
    store.put_many([sample("p.r.b.x"), sample("p.r.a.x"), sample("p.r.a.k.x"), sample("p.r.a.k.w", LATER)])
    everything = ["p.r.a.k.x", "p.r.a.k.w", "p.r.a.x", "p.r.b.x"]
    assert refs(store.samples.list_sample_observations()) == everything
    assert refs(store.samples.list_sample_observations(run_ref="run:p.r")) == everything


def test_deployments_by_run_and_by_project(store: MetadataStore) -> None:
    store.put_many([project("q"), project(), run()])
    store.put_many(
        [
            deployment("p.b", "run:p.r", 0),
            deployment("p.a", "run:p.r", 1),
            deployment("p.c", order_index=0),
            deployment("q.a"),
        ]
    )
    listed = store.deployments.list_deployment_executions
    assert refs(listed(run_ref="run:p.r")) == ["p.b", "p.a"]
    assert refs(listed(project_ref="project:p")) == ["p.a", "p.b", "p.c"]
    assert refs(listed()) == ["p.a", "p.b", "p.c", "q.a"]


def test_relations_and_provenance_by_time(store: MetadataStore) -> None:
    store.put_many([project(), run()])
    store.put_many([relation("p.z"), relation("p.a", recorded_at=LATER)])
    store.put_many([provenance("p.z", "relation:p.z"), provenance("p.a", "relation:p.z", LATER)])
    for listed in (
        store.relations.list_relations_for_ref("run:p.r"),
        store.relations.list_relations_for_source("run:p.r"),
        store.relations.list_relations_for_target("artifact:p.r.model"),
        store.relations.list_relations_among(["run:p.r", "run:p.x"]),
    ):
        assert refs(listed) == ["p.z", "p.a"]
    assert store.relations.list_relations_for_target("run:p.r") == ()
    assert refs(store.provenance.list_provenance_for_relation("relation:p.z")) == ["p.z", "p.a"]


# Filters


def test_only_the_narrowest_filter_counts(store: MetadataStore) -> None:
    store.put_many(family())
    other = "run:p.other"
    assert refs(store.batches.list_batch_executions(run_ref=other, stage_ref="stage:p.r.s")) == ["p.r.s.b"]
    assert refs(
        store.samples.list_sample_observations(
            run_ref=other, stage_ref="stage:p.x.y", batch_ref="batch:p.r.s.b"
        )
    ) == ["p.r.s.b.x"]
    assert len(store.samples.list_sample_observations(run_ref=other, stage_ref="stage:p.r.s")) == 2
    assert refs(store.deployments.list_deployment_executions(project_ref="project:x", run_ref="run:p.r")) == [
        "p.d"
    ]


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.runs.list_runs("run:p.r"),
        lambda store: store.stages.list_stage_executions("stage:p.r.s"),
        lambda store: store.batches.list_batch_executions(run_ref="stage:p.r.s"),
        lambda store: store.batches.list_batch_executions(stage_ref="run:p.r"),
        lambda store: store.samples.list_sample_observations(batch_ref="sample:p.r.s.b"),
        lambda store: store.deployments.list_deployment_executions(project_ref="run:p.r"),
        lambda store: store.deployments.list_deployment_executions(run_ref="project:p"),
        lambda store: store.environments.list_environment_snapshots("project:p"),
        lambda store: store.provenance.list_provenance_for_relation("run:p.r"),
    ],
)
def test_a_filter_of_the_wrong_kind_is_a_value_error(store: MetadataStore, ask: object) -> None:
    with pytest.raises(ValueError, match="the list is by"):
        ask(store)  # type: ignore[operator]


def test_a_filter_that_is_no_reference_is_refused(store: MetadataStore) -> None:
    with pytest.raises(ValidationError):
        store.runs.list_runs("p")
    with pytest.raises(ValidationError):
        store.relations.list_relations_for_ref("p")


# The seed document


def test_the_snippets_of_the_documentation(store: MetadataStore) -> None:
    store.put_many(
        [
            project("my-proj"),
            run("my-proj.run-01"),
            stage("my-proj.run-01.train"),
            stage("my-proj.run-01.evaluate"),
        ]
    )
    epoch = BatchExecution(
        batch_execution_ref="batch:my-proj.run-01.train.epoch-0",
        run_ref="run:my-proj.run-01",
        stage_execution_ref="stage:my-proj.run-01.train",
        batch_name="epoch-0",
        status="completed",
        started_at="2025-01-01T00:01:00Z",
        ended_at="2025-01-01T00:02:00Z",
        order_index=0,
    )
    store.batches.put_batch_execution(epoch)
    failed = epoch.replace(
        batch_execution_ref="batch:my-proj.run-01.train.epoch-1",
        batch_name="epoch-1",
        status="failed",
        started_at="2025-01-01T00:02:00Z",
        ended_at="2025-01-01T00:03:00Z",
        order_index=1,
    )
    store.batches.put_batch_execution(failed)
    store.batches.put_batch_execution(batch("my-proj.run-01.evaluate.holdout-split"))
    owned_by_stage = SampleObservation(
        sample_observation_ref="sample:my-proj.run-01.evaluate.s-0001",
        run_ref="run:my-proj.run-01",
        stage_execution_ref="stage:my-proj.run-01.evaluate",
        sample_name="s-0001",
        observed_at="2025-01-01T00:03:30Z",
        retention_class="review",
        redaction_profile="pii-masked",
    )
    store.samples.put_sample_observation(owned_by_stage)
    owned_by_batch = SampleObservation(
        sample_observation_ref="sample:my-proj.run-01.evaluate.holdout-split.s-0001",
        run_ref="run:my-proj.run-01",
        stage_execution_ref="stage:my-proj.run-01.evaluate",
        batch_execution_ref="batch:my-proj.run-01.evaluate.holdout-split",
        sample_name="s-0001",
        observed_at="2025-01-01T00:03:30Z",
    )
    store.samples.put_sample_observation(owned_by_batch)
    shipped = DeploymentExecution(
        deployment_execution_ref="deployment:my-proj.model-v1",
        project_ref="project:my-proj",
        deployment_name="model-v1",
        status="completed",
        started_at="2025-01-01T00:09:00Z",
        ended_at="2025-01-01T00:10:00Z",
        run_ref="run:my-proj.run-01",
        artifact_ref="artifact:my-proj.run-01.model",
    )
    store.deployments.put_deployment_execution(shipped)
    assert store.batches.list_batch_executions(stage_ref="stage:my-proj.run-01.train") == (epoch, failed)
    assert store.samples.list_sample_observations(run_ref="run:my-proj.run-01") == (
        owned_by_batch,
        owned_by_stage,
    )
    assert store.deployments.list_deployment_executions(project_ref="project:my-proj") == (shipped,)
    assert store.check_integrity().ok
