"""The detail pane on a screen."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from contexta.query.results import Status
from contexta_tui.theme import ASCII, THEMES
from contexta_tui.viewmodels.detail import DetailView, ReasonLine
from contexta_tui.widgets.detail import DetailPane
from tests.tui.panes.stage import NOW, TRACE, Stage, metric, node, reason, screen_text, series, wave

KEYS = ("accuracy", "f1", "grad_norm", "loss", "lr", "throughput")
VALUES = {key: wave(index) for index, key in enumerate(KEYS)}

FAILED = DetailView(
    node=node(),
    path=("evaluate", "holdout"),
    reasons=(
        ReasonLine(reason(stacktrace=TRACE), ()),
        ReasonLine(reason("answer.wrong", kind="event", detail="expected B got C", at=NOW - 1), ("q-4",)),
    ),
    trace=TRACE,
    metrics=tuple(metric(key, VALUES[key]) for key in KEYS),
    series=tuple(series(key, VALUES[key]) for key in KEYS),
    selected="accuracy",
)


def stage(**options: object) -> tuple[Stage, DetailPane]:
    pane = DetailPane(today=lambda: NOW, **options)  # type: ignore[arg-type]
    return Stage(pane), pane


@pytest.mark.parametrize("size", [(40, 12), (58, 8), (80, 24), (120, 36), (200, 60), (20, 4)])
async def test_the_reason_is_within_the_first_two_lines_at_any_size(size: tuple[int, int]) -> None:
    app, pane = stage()
    async with app.run_test(size=size) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.pause()
        assert "RuntimeErr" in "".join(screen_text(app).splitlines()[:2])


async def test_reason_frames_charts_and_table_fit_together() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 30)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.pause()
        lines = screen_text(app).splitlines()
    assert lines[0].rstrip().endswith("02:27:17.164")
    assert 'File "/home/ml/model.py", line 48, in forward' in "\n".join(lines[1:6])
    assert any("answer.wrong  q-4  expected B got C" in line for line in lines)
    assert any(line.startswith("key") and "mean" in line and "trend" in line for line in lines)
    assert sum(line.startswith(KEYS) for line in lines) >= len(KEYS)


async def test_a_node_without_metrics_has_a_quiet_sentence() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 10)) as pilot:
        quiet = DetailView(
            node(failed=False, status=Status.COMPLETED), ("x",), sentence="No metrics recorded here."
        )
        pane.show(quiet.node, quiet)
        await pilot.pause()
        assert "No metrics recorded here." in screen_text(app)


async def test_single_values_are_a_table_without_empty_charts() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 20)) as pilot:
        view = DetailView(
            node(failed=False, status=Status.COMPLETED),
            ("q-0",),
            metrics=(metric("correct", (1.0,)), metric("latency", (10.19,))),
            selected="correct",
        )
        pane.show(view.node, view)
        await pilot.press("]")
        await pilot.pause()
        lines = screen_text(app).splitlines()
        assert lines[0].startswith("key")
        assert lines[2].startswith("latency")
        assert pane.selected_key == "latency"
        assert not any(0x2800 < ord(character) < 0x2900 for character in screen_text(app))
        assert not app.got


async def test_the_title_says_where_and_how_it_ended() -> None:
    app, pane = stage()
    pane.styles.border = ("round", "white")
    async with app.run_test(size=(70, 12)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.pause()
        lines = screen_text(app).splitlines()
        assert "✖ evaluate › holdout  failed · 12.4s" in lines[0]
        assert "batch · 02:27:04 · 1,204 records · captured" in lines[-1]
        pane.show(None, DetailView(None, sentence="Nothing is selected."))
        await pilot.pause()
        assert "evaluate" not in screen_text(app)


async def test_keys_choose_the_charted_metric_and_ask_for_its_series() -> None:
    app, pane = stage()
    asked: list[str] = []
    async with app.run_test(size=(60, 14)) as pilot:
        few = replace(FAILED, series=FAILED.series[:1], reasons=(), trace="")
        pane.show(few.node, few)
        await pilot.pause()
        assert pane.selected_key == "accuracy"
        app.got.clear()
        for key in ("]", "right", "["):
            await pilot.press(key)
        await pilot.press("left", "left")
        assert pane.selected_key == "throughput"
        asked = [message.key for message in app.got if isinstance(message, DetailPane.SeriesWanted)]
    assert "throughput" in asked
    assert len(asked) == len(set(asked))


async def test_missing_series_are_asked_for_once_and_drawn_from_the_trend_meanwhile() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 20)) as pilot:
        bare = replace(FAILED, series=())
        pane.show(bare.node, bare)
        pane.show(bare.node, replace(bare, selected="accuracy", trace=TRACE + " "))
        await pilot.pause()
        assert len([message for message in app.got if isinstance(message, DetailPane.SeriesWanted)]) == 1
        assert any(0x2800 < ord(character) < 0x2900 for character in screen_text(app))


async def test_the_choice_survives_other_nodes() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 20)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.press("]")
        other = replace(FAILED, node=node(2), metrics=FAILED.metrics[3:], selected="loss")
        pane.show(other.node, other)
        await pilot.pause()
        assert pane.selected_key == "f1"
        pane.show(FAILED.node, FAILED)
        assert pane.selected_key == "f1"


async def test_the_end_of_the_document_has_all_evidence_and_the_whole_trace() -> None:
    app, pane = stage()
    many = replace(
        FAILED,
        reasons=tuple(ReasonLine(reason(f"Error: {number}", stacktrace=TRACE), ()) for number in range(30)),
    )
    async with app.run_test(size=(60, 24)) as pilot:
        pane.show(many.node, many)
        await pilot.press("G")
        await pilot.pause()
        assert "Traceback (most recent call last)" in screen_text(app)
        assert "Error: 29" in screen_text(app)
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert "Error: 8" in screen_text(app)
        await pilot.press("g")
        await pilot.pause()
        assert "Error: 0" in screen_text(app).splitlines()[0]


async def test_streaming_values_change_neither_layout_nor_scroll_position() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 16)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.press("ctrl+d")
        await pilot.pause()
        before = screen_text(app).splitlines()
        scrolled = pane.scroll_offset
        longer = {key: (*VALUES[key], VALUES[key][-1]) for key in KEYS}
        pane.show(
            FAILED.node,
            replace(
                FAILED,
                metrics=tuple(metric(key, longer[key]) for key in KEYS),
                series=tuple(series(key, longer[key]) for key in KEYS),
            ),
        )
        await pilot.pause()
        after = screen_text(app).splitlines()
        assert pane.scroll_offset == scrolled
        assert [line[:5] for line in before] == [line[:5] for line in after]


async def test_the_same_view_again_is_not_drawn_again() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 16)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.pause()
        refreshed: list[object] = []
        pane.refresh = lambda *args, **options: refreshed.append(args)  # type: ignore[method-assign, assignment]
        pane.show(FAILED.node, replace(FAILED))
        assert not refreshed


async def test_a_click_in_the_table_chooses_the_metric() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 40)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.pause()
        row = max(
            index for index, line in enumerate(screen_text(app).splitlines()) if line.startswith("loss")
        )
        await pilot.click(DetailPane, offset=(2, row))
        assert pane.selected_key == "loss"


async def test_enter_asks_for_the_records() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 16)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.press("enter")
        await pilot.pause()
        assert [message.node_id for message in app.got if isinstance(message, DetailPane.RecordsWanted)] == [
            1
        ]


async def test_another_theme_and_another_width_draw_anew() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 16)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.pause()
        dark = pane.render_line(0)
        app.theme = THEMES[1].name
        await pilot.pause()
        assert pane.render_line(0) != dark
        await pilot.resize_terminal(90, 20)
        await pilot.pause()
        assert pane.render_line(0).cell_length == pane.area.width > 80


async def test_ascii_terminals_get_nothing_else() -> None:
    app, pane = stage(glyphs=ASCII)
    async with app.run_test(size=(80, 30)) as pilot:
        pane.show(FAILED.node, FAILED)
        await pilot.pause()
        drawn = "".join(segment.text for y in range(28) for segment in pane.render_line(y))
        assert drawn.isascii()


async def test_a_pane_that_grows_asks_for_finer_series() -> None:
    app, pane = stage()
    async with app.run_test(size=(40, 12)) as pilot:
        coarse = replace(FAILED, buckets=16)
        pane.show(coarse.node, coarse)
        await pilot.pause()
        app.got.clear()
        await pilot.resize_terminal(140, 40)
        await pilot.pause()
        assert [message for message in app.got if isinstance(message, DetailPane.SeriesWanted)]


async def test_a_short_reason_leaves_its_rows_to_the_charts() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 24)) as pilot:
        pane.show(FAILED.node, replace(FAILED, metrics=FAILED.metrics[:2]))
        await pilot.pause()
        assert all(line.strip() for line in screen_text(app).splitlines()[:-1])
