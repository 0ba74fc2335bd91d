"""What a run, stage, batch or project may be called, and what happens when there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from contexta import Contexta, InterpretationError
from tests.query import ledgers


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contexta]:
    """A facade for tests that only ask."""
    with Contexta(workspace=tmp_path_factory.mktemp("asked") / ".contexta") as facade:
        fill(facade)
        yield facade


@pytest.fixture
def filled(ctx: Contexta) -> Contexta:
    """A facade for tests that put more."""
    fill(ctx)
    return ctx


def fill(ctx: Contexta) -> None:
    ledgers.fill_like_the_source_document(ctx)
    ledgers.put_run(ctx, "my-proj.run-02")
    ledgers.put_stage(ctx, "my-proj.run-02.train")
    ledgers.put_project(ctx, "other", name="Other Things")
    ledgers.put_run(ctx, "other.run-02")
    ledgers.put_deployment(ctx, "other.shipped")


Ask = Callable[[Contexta, str], object]
ANSWERS: dict[str, Ask] = {
    "get_run_snapshot": lambda ctx, run: ctx.get_run_snapshot(run),
    "diagnose_run": lambda ctx, run: ctx.diagnose_run(run),
    "compare_runs left": lambda ctx, run: ctx.compare_runs(run, "run-01"),
    "compare_runs right": lambda ctx, run: ctx.compare_runs("run-01", run),
    "compare_multiple_runs": lambda ctx, run: ctx.compare_multiple_runs(["run-01", run]),
    "get_step_series": lambda ctx, run: ctx.get_step_series(run, "loss"),
    "get_run": lambda ctx, run: ctx.repository.get_run(run),
}
LISTS: dict[str, Ask] = {
    "list_stages": lambda ctx, run: ctx.list_stages(run),
    "list_batches": lambda ctx, run: ctx.list_batches(run),
    "list_samples": lambda ctx, run: ctx.list_samples(run),
    "list_deployments": lambda ctx, run: ctx.list_deployments(run_id=run),
    "list_artifacts": lambda ctx, run: ctx.list_artifacts(run),
    "list_records": lambda ctx, run: ctx.list_records(run),
}


@pytest.mark.parametrize("run", ["run:my-proj.run-01", "run-01"])
@pytest.mark.parametrize("ask", [*ANSWERS.values(), *LISTS.values()], ids=[*ANSWERS, *LISTS])
def test_a_run_is_called_by_its_ref_or_the_end_of_one(asked: Contexta, ask: Ask, run: str) -> None:
    if ask is ANSWERS["compare_multiple_runs"]:
        ask = lambda ctx, run: ctx.compare_multiple_runs([run, "run:my-proj.run-02"])  # noqa: E731
    assert ask(asked, run) is not None


@pytest.mark.parametrize(
    "run",
    [
        "run:my-proj.nothing",
        "nothing",
        "my-proj.run-01",
        "run-0",
        "run-02",
        "deployment:my-proj.model-v1",
        "",
    ],
)
@pytest.mark.parametrize("ask", ANSWERS.values(), ids=list(ANSWERS))
def test_an_answer_about_a_run_that_is_not_found_has_a_code(asked: Contexta, ask: Ask, run: str) -> None:
    with pytest.raises(InterpretationError) as caught:
        ask(asked, run)
    assert caught.value.code == "query_run_not_found"
    assert caught.value.details["run_id"] == run


def test_an_ambiguous_run_names_its_candidates(asked: Contexta) -> None:
    with pytest.raises(InterpretationError, match="the end of 2 refs") as caught:
        asked.get_run_snapshot("run-02")
    assert caught.value.details["candidates"] == ["run:my-proj.run-02", "run:other.run-02"]


@pytest.mark.parametrize("run", ["nothing", "run-02", "my-proj.run-01", "deployment:my-proj.model-v1"])
@pytest.mark.parametrize("ask", LISTS.values(), ids=list(LISTS))
def test_a_list_of_a_run_that_is_not_found_is_a_lookup_error(asked: Contexta, ask: Ask, run: str) -> None:
    with pytest.raises(LookupError, match="Run not found: "):
        ask(asked, run)


@pytest.mark.parametrize("ask", LISTS.values(), ids=list(LISTS))
def test_a_list_of_a_ref_that_is_not_known_is_empty(asked: Contexta, ask: Ask) -> None:
    assert ask(asked, "run:my-proj.nothing") == ()


@pytest.mark.parametrize("stage", ["train", "stage:my-proj.run-01.train"])
def test_a_stage_is_called_by_its_ref_or_name(asked: Contexta, stage: str) -> None:
    assert [batch.name for batch in asked.list_batches("run-01", stage)] == ["epoch-0", "epoch-1"]


@pytest.mark.parametrize("stage", ["nothing", "batch:my-proj.run-01.train.epoch-0", "rain"])
def test_a_stage_that_is_not_found(asked: Contexta, stage: str) -> None:
    with pytest.raises(LookupError, match="Stage not found: "):
        asked.list_batches("run-01", stage)


def test_a_stage_of_another_run_has_nothing_of_this_one(asked: Contexta) -> None:
    assert asked.list_batches("run:my-proj.run-02", "stage:my-proj.run-01.train") == ()


def test_a_stage_name_is_not_searched_in_other_runs(asked: Contexta) -> None:
    with pytest.raises(LookupError, match="Stage not found: train"):
        asked.list_batches("run:my-proj.nothing", "train")


@pytest.mark.parametrize("batch", ["epoch-0", "train.epoch-0", "batch:my-proj.run-01.train.epoch-0"])
def test_a_batch_is_called_by_its_ref_or_the_end_of_one(filled: Contexta, batch: str) -> None:
    ledgers.put_sample(filled, "my-proj.run-01.train.epoch-0.one")
    assert [sample.name for sample in filled.list_samples("run-01", batch_id=batch)] == ["one"]


def test_a_batch_name_in_two_stages_needs_its_stage(filled: Contexta) -> None:
    ledgers.put_batch(filled, "my-proj.run-01.evaluate.epoch-0")
    ledgers.put_sample(filled, "my-proj.run-01.evaluate.epoch-0.one")
    with pytest.raises(LookupError, match="Batch not found: epoch-0 is the end of 2 refs"):
        filled.list_samples("run-01", batch_id="epoch-0")
    assert len(filled.list_samples("run-01", "evaluate", "epoch-0")) == 1
    assert filled.list_samples("run-01", "train", "epoch-0") == ()


@pytest.mark.parametrize("project", ["Other Things", "project:other", "other"])
def test_a_project_is_called_by_its_name_its_ref_or_the_name_in_that(asked: Contexta, project: str) -> None:
    assert [deployment.name for deployment in asked.list_deployments(project)] == ["shipped"]
    assert [run.run_id for run in asked.list_runs(project)] == ["run:other.run-02"]


@pytest.mark.parametrize("project", ["nothing", "project:nothing", "run:other.run-02"])
def test_a_project_that_is_not_known_has_nothing(asked: Contexta, project: str) -> None:
    assert asked.list_deployments(project) == ()
    assert asked.list_runs(project) == ()
    assert asked.diagnose_project(project).runs == ()


def test_a_name_that_two_projects_have_stands_for_both(filled: Contexta) -> None:
    ledgers.put_project(filled, "third", name="Other Things")
    ledgers.put_run(filled, "third.run-09")
    assert filled.list_projects() == ("Other Things", "Other Things", "my-proj")
    assert {run.run_id for run in filled.list_runs("Other Things")} == {
        "run:other.run-02",
        "run:third.run-09",
    }


def test_a_type_of_record_that_does_not_exist(asked: Contexta) -> None:
    with pytest.raises(ValueError, match="nothing"):
        asked.list_records("run-01", record_type="nothing")


def test_what_the_repository_has_besides(asked: Contexta) -> None:
    assert asked.repository.get_artifact("artifact:my-proj.run-01.model") is None
    assert asked.repository.list_relations() == ()
    assert asked.repository.list_environments("run-01") == ()
    assert asked.get_artifact_origin("artifact:my-proj.run-01.model") is None
    assert asked.get_provenance("run-01") is None
