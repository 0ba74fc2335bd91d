"""The pseudo-terminal driver, on programs small enough to know what they print."""

from __future__ import annotations

import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from tests.terminal import Terminal, is_red
from tests.waiting import wait_until


def python(source: str, **options: object) -> Terminal:
    return Terminal([sys.executable, "-u", "-c", textwrap.dedent(source)], cols=60, rows=10, **options)  # type: ignore[arg-type]


def test_shows_what_a_program_prints_and_its_exit_code() -> None:
    with Terminal(["sh", "-c", "echo hello; exit 3"]) as term:
        term.wait_for(r"^hello$")
        assert term.exit_code() == 3
        assert term.text().splitlines()[0] == "hello"
        assert term.raw == b"hello\r\n"


def test_has_its_size_before_the_program_starts() -> None:
    with Terminal(["stty", "size"], cols=77, rows=19) as term:
        term.wait_for(r"^19 77$")


def test_is_the_controlling_terminal() -> None:
    with Terminal(["sh", "-c", "echo yes > /dev/tty"]) as term:
        term.wait_for("yes")


def test_ctrl_c_interrupts_the_program() -> None:
    with Terminal(["sh", "-c", "echo ready; exec sleep 30"]) as term:
        term.wait_for("ready")
        term.press("ctrl+c")
        assert term.exit_code() == -2


def test_tells_the_program_of_a_new_size() -> None:
    source = """
        import os, signal
        def show(*_): print(os.get_terminal_size())
        signal.signal(signal.SIGWINCH, show)
        print("ready")
        while True: signal.pause()
    """
    with python(source) as term:
        term.wait_for("ready")
        term.resize(cols=100, rows=30)
        term.wait_for(r"columns=100, lines=30")
        assert len(term.text().split("\n")) == 30


def test_presses_keys_by_name_and_by_character() -> None:
    source = """
        import os, tty
        tty.setraw(0)
        print("ready")
        got = b""
        while not got.endswith(b"q"):
            got += os.read(0, 100)
        print(got)
    """
    with python(source) as term:
        term.wait_for("ready")
        term.press("j", "down", "escape", "ctrl+p", "é", "q")
        term.wait_for(r"b'j\\x1b\[B\\x1b\\x10\\xc3\\xa9q'")


@pytest.mark.parametrize(
    ("query", "reply"),
    [
        ("ab\x1b[6n", b"\x1b[1;3R"),
        ("\x1b[c", b"\x1b[?62;22c"),
        ("\x1b[?2026$p", b"\x1b[?2026;2$y"),
        ("\x1b[?2048$p", b"\x1b[?2048;0$y"),
        ("\x1b[?u", b"\x1b[?0u"),
        ("\x1b]11;?\x1b\\", b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
        ("\x1b]10;?\x07", b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
    ],
)
@pytest.mark.parametrize("split", [False, True])
def test_answers_a_query_also_when_it_arrives_in_two_parts(query: str, reply: bytes, split: bool) -> None:
    source = f"""
        import os, time, tty
        tty.setraw(0)
        first, second = ({query[:-1]!r}, {query[-1]!r}) if {split} else ({query!r}, "")
        os.write(1, first.encode())
        time.sleep(0.05)
        os.write(1, second.encode())
        got = os.read(0, 100)
        print("\\r\\n<" + got.hex() + ">")
    """
    with python(source) as term:
        shown = term.wait_for(r"<(.*)>")[1]
        assert bytes.fromhex(shown) == reply


def test_prints_no_part_of_a_sequence_the_emulator_does_not_know() -> None:
    strange = (
        "\x1b[>1u\x1b[<u\x1b[=0;1u\x1b[>4;2m\x1b[?4m\x1b[!p\x1bP+q544e\x1b\\\x1b_Gi=1;AAAA\x1b\\\x1b[2 q"
    )
    strange += "\x1b]0;title\x1b\\\x1b]22;pointer\x1b\\\x1b]52;c;AAAA\x07"
    with python(f"print('a' + {strange!r} + 'b')") as term:
        term.exit_code()
        assert term.text().strip() == "ab"
        assert term.title == "title"


def test_tells_the_colour_in_which_a_character_is_seen() -> None:
    source = r"""
        print("plain \x1b[31mnamed\x1b[0m \x1b[38;2;255;80;90mtrue\x1b[0m \x1b[38;5;34mgreen\x1b[0m")
        print("日本 \x1b[7;31;44mreversed\x1b[0m")
    """
    with python(source) as term:
        term.exit_code()
        assert term.colour_at(*term.find("plain")) == "default"
        assert term.colour_at(*term.find("named")) == "red"
        assert term.colour_at(*term.find("true")) == "ff505a"
        assert term.find("reversed") == (1, 5)
        assert term.colour_at(1, 5) == "blue"
        assert term.background_at(1, 5) == "red"
        assert [is_red(term.colour_at(*term.find(word))) for word in ("plain", "named", "true", "green")] == [
            False,
            True,
            True,
            False,
        ]


def test_a_failed_wait_shows_the_screen() -> None:
    with Terminal(["sh", "-c", "echo what there is; exec sleep 30"]) as term:
        with pytest.raises(AssertionError, match=r"(?s)no 'absent'.*running.*what there is"):
            term.wait_for("absent", timeout=0.3)
        with pytest.raises(AssertionError, match="what there is"):
            term.row_with("absent")
        with pytest.raises(AssertionError, match="still running"):
            term.exit_code(timeout=0.1)


def test_a_wait_ends_with_the_program() -> None:
    start = time.monotonic()
    with (
        Terminal(["sh", "-c", "echo last words; exit 4"]) as term,
        pytest.raises(AssertionError, match=r"(?s)ended with 4.*last words"),
    ):
        term.wait_for("absent", timeout=30)
    assert time.monotonic() - start < 10


def test_waits_until_text_is_gone_and_until_quiet() -> None:
    source = r"""
        import time
        print("busy", end="")
        time.sleep(0.2)
        print("\r\x1b[Kdone")
        time.sleep(30)
    """
    with python(source) as term:
        term.wait_for("busy")
        term.wait_gone("busy")
        term.settle(quiet=0.1)
        assert term.row_with("done") == 0


def test_a_program_that_cannot_be_started_says_so() -> None:
    with Terminal(["no-such-program-here"]) as term:
        assert term.exit_code() == 1
        term.wait_for("cannot start no-such-program-here")


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_ends_the_whole_process_group_even_when_it_ignores_a_polite_request(tmp_path: Path) -> None:
    script = "trap '' TERM HUP; sleep 300 & echo $! > child; echo ready; while :; do sleep 1; done"
    with Terminal(["sh", "-c", script], cwd=tmp_path) as term:
        term.wait_for("ready")
        pids = [term.process.pid, int((tmp_path / "child").read_text())]
    wait_until(lambda: not any(map(is_alive, pids)))


def test_a_program_that_never_stops_writing_can_be_left() -> None:
    with Terminal(["yes"]) as term:
        term.wait_for("y")
        assert "y" in term.text()


def test_leaves_no_descriptor_open() -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    with Terminal(["true"]) as term:
        assert term.exit_code() == 0
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_takes_variables_on_top_of_its_own() -> None:
    with Terminal(["sh", "-c", "echo $TERM $GREETING"], env={"GREETING": "hi"}) as term:
        term.wait_for("^xterm-256color hi$")


def test_finds_what_is_installed_beside_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with Terminal(["pytest", "--version"]) as term:
        assert term.exit_code() == 0
