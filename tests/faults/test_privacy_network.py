"""Nothing is sent anywhere: no program of ours opens a connection, or lets its database fetch anything.

Connections of Python are seen by an audit hook, those of other code as sockets of the running process.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT
from tests.terminal import Terminal

#: Fails whatever would look up a name, listen, or talk to another machine.
_WATCHED: Final = """
import os, sys

CALLS = {"getaddrinfo", "gethostbyname", "bind", "connect", "sendto", "sendmsg"}

def watch(event, args):
    if event.startswith("socket.") and event[7:] in CALLS:
        os.write(2, f"NETWORK {event} {args[1:]}\\n".encode())
        os._exit(99)

sys.addaudithook(watch)
from {program} import main
raise SystemExit(main(sys.argv[1:]))
"""

PROGRAMS: Final = (
    ("contexta_tui.__main__", "{workspace}", "--json", "--no-cache"),
    ("contexta.cli", "report", "run-01", "--format=html", "--workspace", "{workspace}"),
    ("contexta.cli", "verify", "--workspace", "{workspace}"),
)


@pytest.fixture
def workspace(data_dir: Path) -> Path:
    return data_dir / "workspaces" / "batch-demo-ledger-and-segments" / "contexta"


def command(program: str, *arguments: str, workspace: Path) -> list[str]:
    words = (word.replace("{workspace}", str(workspace)) for word in arguments)
    return [sys.executable, "-c", _WATCHED.replace("{program}", program), *words]


@pytest.mark.parametrize("words", PROGRAMS, ids=lambda words: " ".join(words[:2]))
def test_answers_need_no_network(words: tuple[str, ...], workspace: Path) -> None:
    done = subprocess.run(
        command(*words, workspace=workspace), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_the_explorer_has_no_socket_to_anywhere(workspace: Path) -> None:
    with Terminal(command("contexta_tui.__main__", "{workspace}", "--no-cache", workspace=workspace)) as term:
        term.wait_for("ended", timeout=30)
        term.press("r", "y")
        term.settle()
        process = Path("/proc") / str(term.process.pid)
        links = [str(entry.readlink()) for entry in (process / "fd").iterdir()]
        ours = {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
        tables = [process / "net" / name for name in ("tcp", "tcp6", "udp", "udp6", "raw")]
        theirs = {line.split()[9] for table in tables if table.exists() for line in _rows(table)}
        assert not ours & theirs
        assert term.process.poll() is None


def _rows(table: Path) -> list[str]:
    return table.read_text().splitlines()[1:]


def test_no_database_fetches_extensions() -> None:
    connecting = [
        path
        for package in ("contexta", "contexta_tui")
        for path in (ROOT / package).rglob("*.py")
        if "duckdb.connect(" in path.read_text(encoding="utf-8")
    ]
    assert len(connecting) >= 3
    for path in connecting:
        text = path.read_text(encoding="utf-8")
        for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
            assert re.search(rf'"{setting}": (False|"false")', text), path
