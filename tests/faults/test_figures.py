"""The machinery that counts faults counts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import fault, figures


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(figures.FOLDER_VARIABLE, str(tmp_path / "figures"))
    return tmp_path / "figures"


def document(rows: str = "") -> str:
    return f"before\n{figures.BEGIN}\n{rows}{figures.END}\nafter\n"


def test_a_fault_becomes_a_row(folder: Path) -> None:
    with fault("paper | jam", "jams", never=("lost",), to_reach=2) as seen:
        seen.inject(2)
        seen.wrong("lost", 0)
        seen.also("torn", 7)
    (figure,) = figures.collect(folder)
    assert figure.cells()[:5] == ("figures", "paper | jam", "2 jams", "0 lost, 7 torn", "2 jams, 0 lost")


def test_two_tests_of_one_fault_are_one_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for test in ("test_disk_full.py::test_x[a]", "test_disk_full.py::test_x[b]"):
        monkeypatch.setenv("PYTEST_CURRENT_TEST", f"tests/faults/{test} (call)")
        for _ in range(2):  # a repeated test replaces its figures
            with fault("no space", "writes", never=("lost",)) as seen:
                seen.inject(3)
    (figure,) = figures.collect(folder)
    assert figure.cells()[:3] == ("disk", "no space", "6 writes")


def test_what_must_not_happen_fails_after_everything_was_injected(folder: Path) -> None:
    def inject() -> None:
        with fault("loss", "tries", never=("lost", "doubled")) as seen:
            for number in range(5):
                seen.inject()
                seen.wrong("lost", number == 3, f"record {number}")

    with pytest.raises(AssertionError, match="lost: record 3"):
        inject()
    (figure,) = figures.collect(folder)
    assert figure.cells()[2:4] == ("5 tries", "**failed:** 1 lost, 0 doubled")


@pytest.mark.parametrize("injected", [0, 2])
def test_a_fault_that_was_not_injected_fails(injected: int) -> None:
    with (
        pytest.raises(AssertionError, match=f"{injected} tries injected"),
        fault("nothing", "tries", never=(), to_reach=injected and 3) as seen,
    ):
        seen.inject(injected)


def test_a_part_keeps_the_rows_of_the_others(folder: Path) -> None:
    with fault("a | b", "tries", never=("lost",)) as seen:
        seen.inject(1_000)
    first = figures.collect(folder)
    for path in folder.iterdir():
        path.unlink()
    with fault("c", "tries", never=()) as seen:
        seen.inject()
    second = figures.collect(folder)

    both = figures.written(figures.written(document(), first, keep=False), second, keep=True)
    assert [row[1:3] for row in figures.rows_of(both)] == [("a | b", "1,000 tries"), ("c", "1 tries")]
    assert "2 faults" in both
    assert figures.written(both, second, keep=True) == both
    assert [row[1] for row in figures.rows_of(figures.written(both, second, keep=False))] == ["c"]
    assert both.startswith("before\n")
    assert both.endswith(f"{figures.END}\nafter\n")


def test_a_document_without_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="markers"):
        figures.written("no table here", [], keep=False)
