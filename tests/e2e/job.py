"""A job that does what it is told on standard input, one command a line, and answers `ok`.

Started by tests as another process, so that what they see is a live job and no clock decides the outcome.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from contexta import Contexta


class Obeying:
    """The job itself: keeps the scopes that are open and records on the innermost one."""

    def __init__(self, workspace: str) -> None:
        self.ctx = Contexta(workspace=workspace, config={"project_name": "e2e"})
        self.scopes: list[Any] = []
        self.run_ref: str | None = None

    def do(self, command: str) -> None:
        verb, _, rest = command.partition(" ")
        getattr(self, f"do_{verb}")(rest)

    def do_run(self, name: str) -> None:
        run = self.ctx.run(name)
        self.run_ref = run.ref
        self.scopes.append(run)

    def do_stage(self, name: str) -> None:
        self.scopes.append(self.scopes[-1].stage(name))

    def do_batch(self, name: str) -> None:
        self.scopes.append(self.scopes[-1].batch(name))

    def do_metric(self, rest: str) -> None:
        key, value = rest.split()
        self.scopes[-1].metric(key, float(value))

    def do_event(self, message: str) -> None:
        self.scopes[-1].event("note", message=message.encode().decode("unicode_escape"))

    def do_sample(self, rest: str) -> None:
        name, value = rest.split()
        with self.scopes[-1].sample(name) as sample:
            sample.metric("correct", float(value))

    def do_samples(self, count: str) -> None:
        for number in range(int(count)):
            with self.scopes[-1].sample(f"s-{number}") as sample:
                sample.metric("correct", 1.0)

    def do_fail(self, message: str) -> None:
        """The innermost scope ends in an exception; the ones around it go on."""
        message = message.encode("latin-1", "backslashreplace").decode("unicode_escape")
        with suppress(RuntimeError), self.scopes.pop():
            raise RuntimeError(message)

    def do_deploy(self, message: str) -> None:
        """A deployment that fails; runs must be closed before."""
        with suppress(RuntimeError), self.ctx.deployment("canary", run_ref=self.run_ref):
            raise RuntimeError(message)

    def do_close(self, _rest: str) -> None:
        self.scopes.pop().close()


class Job:
    """The test's side of it.

    Args:
        workspace: Where the job records.
    """

    def __init__(self, workspace: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.job", str(workspace)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._process)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._stack.close()

    def tell(self, *commands: str) -> None:
        """Has commands done, in order; returns when all are."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for command in commands:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            assert answer == "ok\n", f"the job said {answer!r} to {command!r}"

    def kill(self) -> None:
        """`kill -9`: the job gets no chance to say anything."""
        self._process.kill()
        self._process.wait(timeout=10)


def main() -> None:
    job = Obeying(sys.argv[1])
    for line in sys.stdin:
        job.do(line.rstrip("\n"))
        print("ok", flush=True)


if __name__ == "__main__":
    main()
