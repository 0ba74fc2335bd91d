"""Faults, injected on purpose: how often, and what was lost.

Each fault has one test, in two sizes. `make test` runs the short form, a second or so; `make soak` runs the
full one, and writes what was injected and what was seen into the table of `docs/reliability.md`.

    @sizes(short=3, full=1_000)
    def test_a_writer_is_killed_between_two_records(size: int, tmp_path: Path) -> None:
        with fault("a writer is killed between two records", "kills", never=("lost", "doubled")) as seen:
            for number in range(size):
                …
                seen.inject()
                seen.wrong("lost", len(expected - found), number)
                seen.also("torn tails", torn)

A count of `never` that is not zero fails the test at the end of the block, after everything was injected, and
its examples say where to look. Outside `make soak` nothing is written.
"""

from tests.faults.figures import Seen, fault, sizes

__all__ = ["Seen", "fault", "sizes"]
