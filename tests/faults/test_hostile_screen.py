"""Fault: what was recorded is what a terminal or a markup parser would obey. The explorer shows it literally.

The real program runs in a pseudo-terminal on a workspace whose every text is hostile. What it writes is read
byte by byte: nothing but the sequences that it needs itself may be in it.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contexta_tui.text import safe
from tests.faults import Seen, fault, hostile_workspace, sizes
from tests.faults.sequences import foreign
from tests.faults.texts import HOSTILE
from tests.terminal import Terminal

NEVER: Final = ("foreign sequences", "not shown literally", "actions run", "crashes")

#: Width and height, and which texts are walked through there, every so many.
SIZES: Final = ((120, 36, 1), (200, 60, 25), (80, 24, 25), (40, 12, 25))

#: Enough of a text to know it by.
_KNOWN_BY: Final = 12

#: For those who have time for one text only.
_ALL_IN_ONE: Final = "[/x][@click=app.quit]x[/] \x1b]0;stolen title\x07\u202e"

#: Seconds that anything may take, also on a machine that is busy with something else.
_PATIENCE_S: Final = 180.0

#: Columns from which on all panes are on the screen.
_ROOMY: Final = 120

#: What copying puts on the clipboard: a ref and nothing else.
_REF: Final = re.compile(r"[a-z]+:[a-z0-9.-]+")


def click(column: int, row: int, button: int = 0) -> str:
    """Press and release a button over a cell, counted from 1, as terminals report it."""
    return f"\x1b[<{button};{column};{row}M\x1b[<{button};{column};{row}m"


class Walk:
    """A person who looks at everything of one text."""

    def __init__(self, term: Terminal, seen: Seen, texts: Sequence[str]) -> None:
        self._term = term
        self._seen = seen
        self._texts = texts
        self._roomy = term.cols >= _ROOMY

    def look_at(self, number: int) -> None:
        """Go through panes, records, palette, help and copying, on the run of a text."""
        term, text = self._term, self._texts[number]
        term.press("1", f"/run:hostile.t{number:02d} kind:run\r")
        self._sees("1 found")
        term.press("G")
        self._shows(text, "tree")
        for pane, key, head in (
            ("detail", "2", "Metrics"),
            ("lineage", "3", "←"),
            ("issues", "4", "Diagnostics"),
        ):
            term.press(key, "j", "z")
            self._shows(text, pane, head)
            term.press("z")
        term.press("1", "r")
        self._shows(text, "records", "enter fields")
        term.press("enter", "j")
        self._shows(text, "fields", r"type +\w+")
        self._leave("enter fields")
        term.press("y")
        self._sees("Copied")
        term.press("ctrl+p")
        self._sees("🔎")
        term.press("copy")
        self._sees("Copy the ref")
        self._leave("🔎")
        term.press("?")
        self._sees("esc close")
        self._leave("esc close")
        self._leave("1 found")

    def click_everywhere(self) -> None:
        """Click all over, but not on the row of the keys; links and actions would be obeyed."""
        term = self._term
        for column, row in itertools.product(range(3, term.cols, 39), range(2, term.rows, 2)):
            term.press(click(column, row))
        term.settle(timeout=_PATIENCE_S)
        self._seen.inject()

    def _shows(self, text: str, place: str, head: str = "") -> None:
        """Wait for a place on the screen, which holds the text as it is."""
        self._seen.inject()
        if not self._roomy:
            self._term.settle(timeout=_PATIENCE_S)
            return
        known = known_by(text)
        with contextlib.suppress(AssertionError):
            self._term.wait_until(lambda: known in self._term.text() and self._has(head), _PATIENCE_S)
            return
        self._seen.wrong("not shown literally", 1, f"{ascii(text)[:40]} in the {place}\n{self._term.text()}")

    def _has(self, pattern: str) -> bool:
        return re.search(pattern, self._term.text()) is not None

    def _sees(self, pattern: str) -> None:
        if self._roomy:
            self._term.wait_until(lambda: self._has(pattern), _PATIENCE_S, what=pattern)
        else:
            self._term.settle(timeout=_PATIENCE_S)

    def _leave(self, pattern: str) -> None:
        self._term.press("escape")
        self._term.settle(
            quiet=0.1, timeout=_PATIENCE_S
        )  # together with the next key it would be another one
        if self._roomy:
            self._term.wait_gone(pattern, _PATIENCE_S)
        self._term.settle(quiet=0.1, timeout=_PATIENCE_S)  # what is going away may still take a key


def known_by(text: str) -> str:
    """The beginning of a text as it is shown, as far as the emulator draws it as this terminal does."""
    shown = safe(text)[:_KNOWN_BY].rstrip()
    plain = "".join(itertools.takewhile(lambda character: ord(character) < 0x300, shown))
    if unicodedata.combining(shown[len(plain) :][:1] or " "):
        plain = plain[:-1].rstrip()  # The emulator draws a letter and its marks as one.
    return plain or shown[:1]


@sizes(short=1, full=len(HOSTILE))
def test_the_explorer_on_hostile_texts(size: int, tmp_path: Path) -> None:
    everything = size == len(HOSTILE)
    texts = HOSTILE if everything else (_ALL_IN_ONE,)
    workspace = tmp_path / hostile_workspace.file_name("\x1b]0;w\x07[/x]\u202e\n") / ".contexta"
    hostile_workspace.build(workspace, texts)
    with fault("hostile text on the screen", "texts in places", never=NEVER) as seen:
        for cols, rows, step in SIZES if everything else ((120, 36, size),):
            with Terminal(["contexta-tui", workspace, "--no-cache"], cols=cols, rows=rows, warm=True) as term:
                term.wait_for("2 proj.+ended", timeout=120)
                walk = Walk(term, seen, texts)
                for number in range(0, len(texts), step):
                    if hostile_workspace.is_recordable(texts[number]):
                        walk.look_at(number)
                if everything:
                    walk.click_everywhere()
                    term.press("escape")
                    term.settle(timeout=_PATIENCE_S)
                seen.wrong("crashes", term.process.poll() is not None, term.text())
                term.press("q")
                seen.wrong("actions run", term.exit_code() != 0, term.text())
            strange = [each for each in foreign(term.raw) if not copies_a_ref(each)]
            seen.wrong("foreign sequences", len(strange), sorted(set(strange))[:10])


@sizes(short=1, full=len(HOSTILE))
def test_hostile_words_given_to_the_explorer(size: int, tmp_path: Path) -> None:
    """A ref, a filter, a pasted filter and a missing workspace; the answer is a notice or nothing found."""
    texts = HOSTILE if size > 1 else (_ALL_IN_ONE,)
    workspace = tmp_path / ".contexta"
    hostile_workspace.capture(workspace, texts[:3])
    with fault("hostile words given to the explorer", "starts", never=NEVER) as seen:
        for number, text in enumerate(texts):
            word = hostile_workspace.file_name(text)
            asked = [workspace, f"--select={word}", f"--filter={word}"]
            for arguments in (asked, [tmp_path / word / "none"])[: 2 if number % 10 == 1 else 1]:
                with Terminal(["contexta-tui", *arguments, "--no-cache"], warm=True) as term:
                    seen.inject()
                    term.wait_for("Runs|waiting", timeout=120)
                    term.settle(timeout=_PATIENCE_S)
                    term.press(f"1/\x1b[200~{word.encode('utf-8', 'replace').decode()}\x1b[201~")
                    term.settle(quiet=0.1, timeout=_PATIENCE_S)  # a cursor blinks there
                    term.press("enter")
                    term.settle(quiet=0.1, timeout=_PATIENCE_S)
                    seen.wrong("crashes", term.process.poll() is not None, ascii(text))
                    strange = [each for each in foreign(term.raw) if not copies_a_ref(each)]
                    seen.wrong("foreign sequences", len(strange), (ascii(text)[:40], sorted(set(strange))))


def copies_a_ref(sequence: str) -> bool:
    """Whether a sequence puts a ref on the clipboard, and nothing else."""
    found = re.fullmatch(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", sequence)
    return found is not None and _REF.fullmatch(base64.b64decode(found[1]).decode()) is not None
