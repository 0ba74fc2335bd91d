"""Fault: hostile text is recorded, and printed, reported, exported or photographed.

What is printed to a terminal or a pipe, every form of report, every export and every picture of the screen
holds it as text: nothing that a terminal, a browser, a spreadsheet or an XML reader would obey.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from contexta.cli import main as ask
from contexta.live import Follower
from contexta_tui.__main__ import main as explore
from contexta_tui.app import ExplorerApp
from contexta_tui.feed import Feed
from contexta_tui.settings import Settings
from tests.faults import Seen, fault, hostile_workspace, sizes
from tests.faults.opened import opened_once
from tests.faults.sequences import foreign, unprintable
from tests.faults.texts import HOSTILE
from tests.report.test_hostile import check_html
from tests.terminal import Terminal
from tests.waiting import pilot_until

NEVER: Final = ("foreign sequences", "formulas", "foreign markup", "crashes")

#: Questions about everything, and about the run of a text.
ALL: Final = (("runs",), ("deployments",), ("diagnose",), ("verify",), ("records",))
OF_A_RUN: Final = (
    ("show", "RUN"),
    ("batches", "RUN"),
    ("samples", "RUN"),
    ("records", "RUN"),
    ("lineage", "RUN"),
    ("compare", "RUN", "RUN"),
    ("diagnose", "RUN"),
    ("report", "RUN"),
)
REPORTS: Final = ("markdown", "html", "json", "csv")

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Printed:
    """Runs programs in this process and looks at what they print."""

    def __init__(self, workspace: Path, capsys: pytest.CaptureFixture[str], seen: Seen) -> None:
        self._workspace = workspace
        self._capsys = capsys
        self._seen = seen

    def ask(self, *words: str) -> str:
        return self._run(ask, [*words, "--workspace", str(self._workspace)])

    def explore(self, *words: str) -> str:
        return self._run(explore, [str(self._workspace), "--no-cache", *words])

    def _run(self, program: Callable[[Sequence[str]], int], words: list[str]) -> str:
        code = program(words)
        out, err = self._capsys.readouterr()
        strange = unprintable(out) + unprintable(err)
        self._seen.inject()
        self._seen.wrong("foreign sequences", len(strange), (words, sorted(set(strange))[:5]))
        self._seen.wrong("crashes", code == 2, (words, err[:300]))
        return out


def formulas(text: str) -> list[str]:
    """The cells of a CSV file that a spreadsheet would run."""
    csv.field_size_limit(1 << 30)
    return [
        cell
        for row in csv.reader(io.StringIO(text))
        for cell in row
        if cell.startswith(_FORMULA) and not is_number(cell)
    ]


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@sizes(short=2, full=len(HOSTILE))
def test_output(size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = HOSTILE[:: len(HOSTILE) // size]
    everything = size == len(HOSTILE)
    workspace = tmp_path / ".contexta"
    hostile_workspace.build(workspace, texts)
    with (
        fault("hostile text in what is printed and written", "outputs", never=NEVER) as seen,
        opened_once(workspace),
    ):
        printed = Printed(workspace, capsys, seen)
        json.loads(printed.explore("--json", "--depth=sample"))
        printed.explore("--once", "--depth=sample")
        for question in ALL if everything else ():
            printed.ask(*question)
            json.loads(printed.ask(*question, "--json"))
        for number in range(len(texts) if everything else 1):
            if hostile_workspace.is_recordable(texts[number]):
                _ask_about(
                    f"run:hostile.t{number:02d}", printed, seen, OF_A_RUN if everything else OF_A_RUN[:1]
                )
        for what in ("nodes", "metrics", "records")[0 if everything else 2 :]:
            _check_exports(seen, printed, what, tmp_path)


def _ask_about(run: str, printed: Printed, seen: Seen, questions: Iterable[Sequence[str]]) -> None:
    for question in questions:
        words = [word.replace("RUN", run) for word in question]
        printed.ask(*words)
        if question[0] != "report":
            json.loads(printed.ask(*words, "--json"))
    for form in REPORTS:
        _check_report(seen, form, printed.ask("report", run, "--format", form), run)


def _check_report(seen: Seen, form: str, text: str, run: str) -> None:
    try:
        match form:
            case "html":
                check_html(text)
            case "json":
                json.loads(text)
            case "csv":
                seen.wrong("formulas", len(formulas(text)), (run, formulas(text)[:3]))
    except (AssertionError, ValueError) as error:
        seen.wrong("foreign markup", 1, (run, form, str(error)[:300]))


def _check_exports(seen: Seen, printed: Printed, what: str, folder: Path) -> None:
    table, lines = folder / f"{what}.csv", folder / f"{what}.jsonl"
    for file in (table, lines):
        printed.ask("export", "--what", what, "--output", str(file))
    seen.wrong(
        "formulas", len(formulas(table.read_text("utf-8"))), (what, formulas(table.read_text("utf-8"))[:3])
    )
    # Python's `splitlines` would also break a text at what only looks like the end of a line.
    for line in lines.read_text("utf-8").removesuffix("\n").split("\n"):
        json.loads(line)


@sizes(short=1, full=len(OF_A_RUN))
def test_output_on_a_terminal(size: int, tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    texts = HOSTILE if size > 1 else HOSTILE[::10]
    hostile_workspace.build(workspace, texts)
    with fault("hostile text printed on a terminal", "outputs", never=NEVER) as seen:
        questions = (*ALL, *OF_A_RUN) if size > 1 else OF_A_RUN[:1]
        answers = [("contexta", *words, "--workspace", str(workspace)) for words in questions]
        once = ("contexta-tui", str(workspace), "--once", "--no-cache")
        for words in (once, *answers) if size > 1 else answers:
            with Terminal([word.replace("RUN", "run:hostile.t00") for word in words]) as term:
                code = term.exit_code(timeout=60)
            seen.inject()
            seen.wrong("crashes", code not in (0, 1), (words, term.raw[-300:]))
            # A bar that shows how far work is comes and goes; the lines of an answer end with both.
            strange = foreign(term.raw, ("\x1b[?25h", "\x1b[?25l", "\x1b[2K", "\x1b[1A"))
            seen.wrong("foreign sequences", len(strange), (words, sorted(set(strange))[:5]))


@sizes(short=2, full=len(HOSTILE))
async def test_pictures_of_the_screen(size: int, tmp_path: Path) -> None:
    texts = HOSTILE[:: len(HOSTILE) // size]
    workspace = tmp_path / ".contexta"
    hostile_workspace.capture(workspace, texts)
    settings = Settings(workspaces=(workspace,), use_cache=False)
    app = ExplorerApp(settings, Feed(lambda: Follower((workspace,), use_cache=False)))
    with fault(
        "hostile text in pictures of the screen", "pictures", never=("not XML", "foreign links")
    ) as seen:
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot_until(pilot, lambda: app.explorer.at_rest, 20, what="an app at rest")
            for _ in range(size):
                for keys in ("n", "r"):
                    await pilot.press(keys)
                    await pilot.pause(0.1)
                    picture = app.export_screenshot()
                    try:
                        root = ET.fromstring(picture)  # noqa: S314 - our own
                    except ET.ParseError as error:
                        seen.wrong("not XML", 1, (error, picture[:200]))
                    else:
                        links = [
                            node for node in root.iter() if node.tag.endswith(("}a", "}script", "}image"))
                        ]
                        seen.wrong("foreign links", len(links), links)
                    seen.inject()
                await pilot.press("escape")
                await pilot.pause(0.1)
