"""Starts the explorer as a fork of a process that has it loaded: loading takes longer than what follows.

`Warm.start` gives a program that stands for `subprocess.Popen`. The fork is a session of its own with the
terminal it is given, and runs `main` with the arguments, variables and folder it is told.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, ClassVar, Final

ROOT: Final = Path(__file__).parents[1]
_LONGEST: Final = 1 << 17


class WarmProgram:
    """A program that was forked, with the part of `subprocess.Popen` that a terminal needs."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = int(connection.recv(64))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or `None` while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("contexta-tui", timeout or 0)
        return code

    def kill(self) -> None:
        """Kill it with signal 9."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            self.returncode = int(self._connection.recv(64) or -signal.SIGKILL)
            self._connection.close()
        return self.returncode


class Warm:
    """The process that has everything loaded; one for each process of tests."""

    _ours: ClassVar[tuple[int, socket.socket] | None] = None

    @classmethod
    def start(
        cls, arguments: Sequence[str], terminal: int, env: Mapping[str, str], cwd: Path | None
    ) -> WarmProgram:
        """Start an explorer.

        Args:
            arguments: What stands behind its name.
            terminal: Descriptor of the terminal that it gets.
            env: All its variables.
            cwd: Folder to start in; this process's own by default.
        """
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        told = json.dumps([list(arguments), dict(env), os.fspath(cwd or Path.cwd())])
        socket.send_fds(cls._connection(), [told.encode()], [terminal, its.fileno()])
        its.close()
        return WarmProgram(ours)

    @classmethod
    def _connection(cls) -> socket.socket:
        if cls._ours is None or cls._ours[0] != os.getpid():
            ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = [sys.executable, "-m", "tests.warm", str(its.fileno())]
            process = subprocess.Popen(
                command, cwd=ROOT, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
            )
            its.close()
            cls._ours = (os.getpid(), ours)
            atexit.register(_end, process, ours)
        return cls._ours[1]


def _end(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
    connection.close()
    process.wait(10)


def _load() -> None:
    """Load whatever an explorer may; nothing of it opens a database or starts a thread."""
    import textual.drivers.linux_driver  # noqa: F401, PLC0415

    import contexta_tui  # noqa: PLC0415

    for module in pkgutil.walk_packages(contexta_tui.__path__, "contexta_tui."):
        import_module(module.name)
    gc.collect()
    gc.freeze()


def _become(arguments: Sequence[str], env: Mapping[str, str], cwd: str, terminal: int) -> int:
    """Run the explorer in this process; its exit code."""
    import fcntl  # noqa: PLC0415
    import termios  # noqa: PLC0415

    from contexta_tui.__main__ import main as explore  # noqa: PLC0415

    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for descriptor in range(3):
        os.dup2(terminal, descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    _streams()
    sys.argv = ["contexta-tui", *arguments]
    try:
        return explore()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))


def _streams() -> None:
    streams: list[IO[str]] = [
        open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole life
        for descriptor, mode in ((0, "r"), (1, "w"), (2, "w"))
    ]
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc]


def _serve(word: bytes, terminal: int, connection: int) -> None:
    """Start one and tell how it ended; in a fork of its own."""
    arguments, env, cwd = json.loads(word)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(fileno=connection) as told:
        pid = os.fork()
        if pid == 0:
            told.close()
            code = 70
            try:
                code = _become(arguments, env, cwd, terminal)
            except BaseException:  # noqa: BLE001 - a fork must never go on as its parent
                sys.excepthook(*sys.exc_info())
            finally:
                with suppress(Exception):
                    sys.stdout.flush()
                os._exit(code)
        os.close(terminal)
        told.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        with suppress(OSError):
            told.send(str(os.waitstatus_to_exitcode(status)).encode())


def main() -> None:
    """Serve until whoever started this goes away."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _load()
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        while True:
            word, descriptors, _, _ = socket.recv_fds(asked, _LONGEST, 2)
            if not word:
                os._exit(0)
            if os.fork() == 0:
                asked.close()
                _serve(word, *descriptors)
                os._exit(0)
            for descriptor in descriptors:
                os.close(descriptor)


if __name__ == "__main__":
    main()
