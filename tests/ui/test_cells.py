"""Rows must fit: a row that is counted wrong eats what was printed above it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptoss_cli.ui.cells import cells, clip, display_cells, fold, row_cells, split_at, wrap

ALPHABET = st.sampled_from("ab, -한글中。「」、e\u0301👍❤\ufe0f\u200d\n ")
SPANS = st.lists(st.tuples(st.text(ALPHABET, max_size=12), st.integers(0, 2)), max_size=6)


def joined(rows: list[list[tuple[str, int]]]) -> str:
    return "".join(text for row in rows for text, _ in row)


@pytest.mark.parametrize(
    ("text", "bound", "drawn"),
    [("abc", 3, 3), ("한글", 4, 4), ("e\u0301", 1, 1), ("👍", 2, 2), ("👨‍👩‍👧", 6, 2), ("❤️", 2, 2)],
)
def test_widths(text: str, bound: int, drawn: int) -> None:
    assert cells(text) == bound
    assert display_cells(text) == drawn


@given(SPANS, st.integers(2, 20))
def test_wrapped_rows_fit_and_lose_no_word(spans: list[tuple[str, int]], width: int) -> None:
    rows = wrap(spans, width)
    assert all(row_cells(row) <= width for row in rows)
    assert "".join(joined(rows).split()) == "".join("".join(text for text, _ in spans).split())


@given(SPANS, st.integers(2, 20), st.text(ALPHABET, max_size=12))
def test_text_at_the_end_changes_the_last_rows_only(
    spans: list[tuple[str, int]], width: int, more: str
) -> None:
    before = wrap([*spans, ("x", 0)], width)
    after = wrap([*spans, ("x" + more, 0)], width)
    assert after[: len(before) - 1] == before[:-1]


@given(SPANS, st.integers(2, 20))
def test_folded_rows_fit_and_lose_nothing(spans: list[tuple[str, int]], width: int) -> None:
    spans = [(text.replace("\n", ""), style) for text, style in spans]
    rows = fold(spans, width)
    assert all(row_cells(row) <= width for row in rows)
    assert joined(rows) == "".join(text for text, _ in spans)


@given(SPANS, st.integers(0, 20))
def test_clipped_rows_fit(spans: list[tuple[str, int]], limit: int) -> None:
    assert row_cells(clip(spans, limit)) <= limit


def test_marks_stay_with_their_letters() -> None:
    assert split_at("ae\u0301o", 2) == 3


def test_korean_breaks_at_spaces_and_chinese_anywhere_but_before_a_stop() -> None:
    korean = [joined([row]) for row in wrap([("아주 긴 문장이 있다", 0)], 8)]
    assert korean == ["아주 긴", "문장이", "있다"]
    chinese = [joined([row]) for row in wrap([("没有空格，换行。", 0)], 8)]
    assert chinese == ["没有空", "格，换", "行。"]
