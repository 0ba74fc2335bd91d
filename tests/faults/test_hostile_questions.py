"""Fault: what is asked is hostile: refs, filters, searches, options, paths and settings.

Whatever is typed, the answer is one, or one clear sentence: no stack trace, nothing of SQL, nothing that a
terminal would obey, and no wait without end.
"""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import pytest

from contexta import Contexta
from contexta.cli import main as ask
from contexta.errors import ContextaError
from contexta.journal import paths
from contexta_tui.__main__ import main as explore
from tests.faults import Seen, fault, sizes
from tests.faults.opened import opened_once
from tests.faults.sequences import unprintable
from tests.faults.texts import HOSTILE
from tests.lines import BATCH, RUN, Lines

#: On top of what is hostile to a terminal: what is to a database, a matcher, or a file system.
TYPED: Final = (
    *HOSTILE,
    "' or 1=1 --",
    '"; drop table nodes; --',
    "%", "_", "%%%%", "\\", "*", "?", "[", "(", "{", "$1", "?1", ":x", "::json", "#", "--", "/*",
    "(a+)+$" + "a" * 5_000,
    "(" * 5_000,
    "%a" * 5_000,
    "a " * 5_000,
    "status:", "status:nothing", "kind:", ":", "status:failed status:open", "records:>1", "key:a:b",
    "run:", "run:demo", "run:" + "a" * 10_000, "run:demo.r1" + ".x" * 1_000, "batch:demo.r1.train.epoch-1\n",
    "../../etc/passwd", "/proc/self/mem", "/dev/zero", "~", "$HOME", "file:///etc/passwd", "a\0b",
    "https://x/.contexta", "s3://x", "\udcff\udcfe", "-1", "1e400", "NaN", "9" * 400, " ", "",
)  # fmt: skip

#: Where something is typed: a program, and its arguments with the place for it.
PLACES: Final = (
    (ask, ("show", "{}")),
    (explore, ("{workspace}", "--once", "--no-cache", "--filter={}")),
    (explore, ("{workspace}", "--json", "--no-cache", "--select={}")),
    (ask, ("records", "r1", "--batch={}")),
    (ask, ("records", "r1", "--key={}")),
    (ask, ("runs", "--project={}")),
    (ask, ("compare", "r1", "{}")),
    (ask, ("lineage", "{}")),
    (ask, ("diagnose", "{}")),
    (ask, ("runs", "--limit={}")),
    (ask, ("report", "{}")),
    (ask, ("_complete", "{}")),
    (ask, ("samples", "--stage={}")),
    (explore, ("{}", "--once", "--no-cache")),
    (explore, ("{workspace}", "--once", "--cache-dir={}")),
    (explore, ("{workspace}", "--once", "--no-cache", "--theme={}")),
)

_SQL: Final = re.compile(r"[Dd]uck(DB|db)|Binder|Catalog Error|(Parser|Conversion) Error|LINE 1|Traceback")
_LONGEST_S: Final = 20


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = paths.capture_dir(tmp_path / ".contexta")
    folder.mkdir(parents=True)
    lines = Lines()
    (folder / "record.jsonl").write_bytes(
        lines.metric(BATCH, "loss", 1.0) + lines.event(RUN, "note", "hello")
    )
    return tmp_path / ".contexta"


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` out of what takes longer than some seconds."""

    def lapse(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, lapse)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@sizes(short=25, full=len(PLACES) * len(TYPED))
def test_questions(
    size: int, workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.parent)
    cases = list(itertools.product(TYPED, PLACES))
    never = ("stack traces or SQL", "foreign sequences", "wrong exit codes", "unclear sentences", "hangs")
    with (
        fault("hostile refs, filters, searches and options", "questions", never=never, to_reach=size) as seen,
        opened_once(workspace),
    ):
        for text, (program, arguments) in cases[:: len(cases) // size]:
            words = [word.replace("{workspace}", str(workspace)).replace("{}", text) for word in arguments]
            if program is ask:
                words += ["--workspace", str(workspace)]
            seen.inject()
            try:
                with deadline(_LONGEST_S):
                    code = program(words)
            except TimeoutError:
                seen.wrong("hangs", 1, ascii(words)[:200])
                continue
            _check(seen, code, capsys.readouterr(), ascii(words)[:200])


def _check(seen: Seen, code: int, printed: tuple[str, str], words: str) -> None:
    out, err = printed
    where = f"{words}: {code} {err[:300]!r}"
    seen.wrong("wrong exit codes", code not in (0, 1, 2), where)
    seen.wrong("stack traces or SQL", _SQL.search(err) is not None, where)
    seen.wrong("foreign sequences", len(unprintable(out)) + len(unprintable(err)), where)
    # Once a sentence says that something is wrong, it is one, and its length can be read.
    seen.wrong("unclear sentences", code == 2 and (err.count("\n") != 1 or len(err) > 1_500), where)


@sizes(short=15, full=5 * len(TYPED))
def test_settings_and_names(size: int, tmp_path: Path) -> None:
    """What a job's author hands to the library: refused with a code, or taken."""
    ways: tuple[Callable[[str], object], ...] = (
        lambda text: Contexta(workspace=tmp_path / "w", config={"project_name": text}).close(),
        lambda text: Contexta(workspace=tmp_path / "w", config={text: text}).close(),
        lambda text: Contexta(workspace=tmp_path / "w", config={"metadata": {"database_path": text}}).close(),
        lambda text: _record(tmp_path / "w", text),
        lambda text: _find(tmp_path / "w", text),
    )
    cases = list(itertools.product(TYPED, ways))
    with fault("hostile settings and names", "calls", never=("other errors",), to_reach=size) as seen:
        for text, way in cases[:: len(cases) // size]:
            seen.inject()
            try:
                way(text)
            except ContextaError as error:
                seen.wrong("other errors", not error.code or not error.message, repr(error))
            except LookupError as error:
                # As documented of lists, for what is not there.
                seen.wrong("other errors", "not found" not in str(error), repr(error))
            except Exception as error:  # noqa: BLE001 - counted, with all others
                seen.wrong("other errors", 1, f"{type(error).__name__}: {error} for {ascii(text)[:80]}")


def _record(workspace: Path, text: str) -> None:
    with (
        Contexta(workspace=workspace, config={"project_name": "demo"}) as ctx,
        ctx.run(text, tags={text: text}) as run,
        run.stage(text) as stage,
    ):
        stage.metric("loss", 1.0, unit=text or None, tags={text: text})
        stage.event("note", message=text, attributes={text: text})
        stage.metric(text, 1.0)


def _find(workspace: Path, text: str) -> None:
    with Contexta(workspace=workspace, config={"project_name": "demo"}, source="all") as ctx:
        ctx.list_batches(text)
