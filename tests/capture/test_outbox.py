"""What happens to payloads that a sink refuses: tried again, kept, counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contexta import ConfigurationError, Contexta
from contexta.capture import MemorySink, PayloadFamily, RuntimeSession
from contexta.capture.dispatch import Dispatcher, Retry
from contexta.capture.runtime import Runtime
from contexta.testing import FailingSink, FrozenClock, payloads


class FlakySink(FailingSink):
    """Fails a number of times, then writes."""

    def __init__(self, failures: int) -> None:
        super().__init__("flaky")
        self.left = failures
        self.tries = 0

    def write(self, *args: Any) -> str | None:
        self.tries += 1
        self.left -= 1
        self.failing = self.left >= 0
        return super().write(*args)


def session(sink: FailingSink, retry: Retry) -> tuple[RuntimeSession, list[float]]:
    slept: list[float] = []
    dispatcher = Dispatcher([sink], clock=FrozenClock(step=1), retry=retry, sleep=slept.append)
    return RuntimeSession(Runtime("demo", dispatcher)), slept


def outbox_lines(workspace: Path) -> list[dict[str, Any]]:
    text = (workspace / "cache" / "outbox" / "failed_deliveries.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_a_write_is_tried_again_as_often_as_configured() -> None:
    sink = FlakySink(0)
    runtime, slept = session(sink, Retry(3, 0.5))
    run = runtime.run("r")
    sink.left = 2
    before = sink.tries
    assert run.metric("a", 1).succeeded
    assert (sink.tries - before, slept) == (3, [0.5, 0.5])


def test_an_outage_costs_its_waiting_time_once_and_again_only_after_a_success() -> None:
    sink = FlakySink(10_000)
    runtime, slept = session(sink, Retry(2, 0.25))
    run = runtime.run("r")
    for _ in range(100):
        assert run.metric("a", 1).failed
    assert slept == [0.25, 0.25]
    sink.left = 0
    assert run.metric("a", 1).succeeded
    sink.left = 10_000
    assert run.metric("a", 1).failed
    assert slept == [0.25] * 4


def test_without_a_backoff_nothing_waits() -> None:
    sink = FlakySink(10_000)
    runtime, slept = session(sink, Retry(5))
    runtime.run("r").metric("a", 1)
    assert slept == []
    assert sink.tries > 6


def test_what_a_sink_refused_is_kept_in_the_outbox(tmp_path: Path) -> None:
    failing, memory = FailingSink("remote"), MemorySink()
    config = {"project_name": "demo", "capture": {"dispatch_failure_mode": "outbox", "retry_attempts": 2}}
    ctx = Contexta(workspace=tmp_path, config=config, sinks=[memory, failing], clock=FrozenClock(step=1))
    with ctx, ctx.run("r1") as run:
        result = run.event("note", message="한글")
    assert result.degraded
    assert result.degradation_reasons == ("dispatch_partial_failure", "dispatch_kept_in_outbox")
    lines = outbox_lines(tmp_path)
    assert len(lines) == len(memory.lines)
    (line,) = [item for item in lines if item["family"] == "RECORD"]
    payload = line.pop("payload")
    assert [payload] == payloads(memory)
    assert line.pop("failed_at").startswith("2026-01-02T03:04:05.678")
    assert line == {
        "attempts": 1,
        "error": "no space left on device",
        "error_code": "local_jsonl_sink_write_failed",
        "family": "RECORD",
        "payload_ref": payload["envelope"]["record_ref"],  # type: ignore[index, call-overload]
        "payload_type": "StructuredEventRecord",
        "replay_ref": line["replay_ref"],
        "sink_name": "remote",
    }
    assert line["replay_ref"].startswith("replay:record.1767323045678.")
    assert lines[0]["attempts"] == 3
    assert len({item["replay_ref"] for item in lines}) == len(lines)
    text = (tmp_path / "cache" / "outbox" / "failed_deliveries.jsonl").read_text(encoding="utf-8")
    assert "한글" in text
    first = text.partition("\n")[0]
    assert first == json.dumps(json.loads(first), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def test_what_is_kept_is_not_reported_as_lost_when_the_sink_recovers(tmp_path: Path) -> None:
    failing = FailingSink("remote")
    config = {"capture": {"dispatch_failure_mode": "outbox"}}
    ctx = Contexta(workspace=tmp_path, config=config, sinks=[failing])
    run = ctx.run("r1")
    result = run.metric("a", 1)
    assert result.degraded
    assert result.degradation_reasons == ("dispatch_all_eligible_sinks_failed", "dispatch_kept_in_outbox")
    assert result.deliveries[0].error_message == "no space left on device"
    failing.failing = False
    run.metric("a", 2)
    run.close()
    assert [line["envelope"]["record_type"] for line in payloads(failing)] == ["metric"]  # type: ignore[index, call-overload]


def test_a_sink_of_ones_own_that_raises_goes_to_the_outbox_too(tmp_path: Path) -> None:
    class Broken:
        name = "broken"

        def capture(self, *, family: PayloadFamily, payload: object) -> object:
            raise ConnectionError(f"no {family} {type(payload).__name__}")

    folder = tmp_path / "elsewhere"
    config = {"capture": {"dispatch_failure_mode": "outbox"}, "recovery": {"outbox_root": str(folder)}}
    ctx = Contexta(workspace=tmp_path / "ws", config=config, sinks=[Broken()])
    with ctx.run("r1") as run:
        run.register_artifact("model", tmp_path / "no", allow_missing=True)
    lines = [json.loads(line) for line in (folder / "failed_deliveries.jsonl").read_bytes().splitlines()]
    assert [line["family"] for line in lines] == ["CONTEXT", "CONTEXT", "ARTIFACT", "CONTEXT"]
    assert lines[2]["error"] == "ConnectionError: no ARTIFACT dict"
    assert lines[2]["payload_ref"] is None
    assert not (tmp_path / "ws").exists()


def test_when_the_outbox_cannot_be_written_either_the_loss_is_counted(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    failing = FailingSink("remote")
    ctx = Contexta(
        workspace=tmp_path, config={"capture": {"dispatch_failure_mode": "outbox"}}, sinks=[failing]
    )
    run = ctx.run("r1")
    assert run.metric("a", 1).failed
    failing.failing = False
    run.metric("a", 2)
    kinds = [payload["envelope"]["record_type"] for payload in payloads(failing)]  # type: ignore[index, call-overload]
    assert sorted(kinds) == ["degraded", "metric"]


@pytest.mark.parametrize(
    "capture",
    [
        {"retry_attempts": -1},
        {"retry_attempts": 1.5},
        {"retry_attempts": True},
        {"retry_attempts": 10**6},
        {"retry_backoff_seconds": -1},
        {"retry_backoff_seconds": float("nan")},
        {"retry_backoff_seconds": 1e9},
        {"retry_backoff_seconds": "1"},
        {"dispatch_failure_mode": "ignore"},
        {"dispatch_failure_mode": []},
    ],
    ids=str,
)
def test_delivery_settings_that_cannot_be_used_are_refused(capture: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Contexta(config={"capture": capture})
    assert caught.value.code == "invalid_config_value"


def test_an_outbox_folder_is_a_text_or_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Contexta(config={"recovery": {"outbox_root": 5}})
    assert Contexta(config={"recovery": {"outbox_root": tmp_path}}).config.outbox_root == str(tmp_path)
