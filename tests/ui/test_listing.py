"""Lists fit the terminal whatever stands in them, and are whole in a pipe."""

from __future__ import annotations

import pytest

from gptoss_cli.ui.cells import cells
from gptoss_cli.ui.listing import Column, aligned, labelled, separated, shortened

COLUMNS = [Column("NAME"), Column("SIZE", right=True), Column("KIND", rank=1), Column("X", rank=2)]
ROWS = [("20b", "12.1 GB", "MXFP4", "hub"), ("내모델", "1.3 MB", "", "imported")]


def test_columns_are_aligned_by_cells():
    assert aligned(COLUMNS, ROWS, 80) == [
        "NAME       SIZE  KIND   X",
        "20b     12.1 GB  MXFP4  hub",
        "내모델   1.3 MB         imported",
    ]


def test_the_least_important_columns_go_first():
    assert aligned(COLUMNS, ROWS, 24)[0] == "NAME       SIZE  KIND"
    assert aligned(COLUMNS, ROWS, 16)[0] == "NAME       SIZE"


def test_a_sentence_is_cut_before_a_column_is_left_out():
    columns = [Column("ID"), Column("TITLE", least=10), Column("X", rank=1)]
    rows = [("ab12", "여름 휴가 계획을 세우자", "20b"), ("cd34", "short", "20b")]
    assert aligned(columns, rows, 80)[1] == "ab12  여름 휴가 계획을 세우자  20b"
    assert aligned(columns, rows, 25) == [
        "ID    TITLE           X",
        "ab12  여름 휴가 계…   20b",
        "cd34  short           20b",
    ]
    assert aligned(columns, rows, 17) == ["ID    TITLE", "ab12  여름 휴가…", "cd34  short"]
    assert all(
        cells(line) <= width for width in range(16, 60) for line in aligned(columns, rows, width)
    )


def test_texts_have_rows_of_their_own_where_it_is_narrow():
    facts = [("experts", "32"), ("sliding window", "128 tokens in every other layer")]
    assert labelled(facts, 20) == [
        "experts  32",
        "sliding window",
        "  128 tokens in",
        "  every other layer",
    ]
    assert labelled([("  runs on", "CPU, 8 threads of it")], 16) == [
        "  runs on",
        "    CPU, 8",
        "    threads of",
        "    it",
    ]


@pytest.mark.parametrize("width", range(24, 90, 3))
def test_no_line_is_wider_than_the_terminal(width):
    long = [("org/한국어-모델-" * 8 + "GGUF", "12.1 GB", "MXFP4", "hub")]
    assert max(map(cells, aligned(COLUMNS, long, width))) <= width


def test_a_long_name_keeps_both_ends():
    assert shortened("ggml-org/gpt-oss-20b-GGUF", 13) == "ggml-o…b-GGUF"
    assert cells(shortened("한국어" * 10, 9)) <= 9
    assert shortened("short", 13) == "short"


def test_a_pipe_gets_everything():
    assert separated(ROWS) == ["20b\t12.1 GB\tMXFP4\thub", "내모델\t1.3 MB\t\timported"]


def test_names_cannot_move_the_cursor_or_make_columns():
    hostile = [("a\x1b[2J\tb\nc", "1", "", "")]
    (line,) = separated(hostile)
    assert line == "a␛[2J b c\t1\t\t"
    assert "\x1b" not in "".join(aligned(COLUMNS, hostile, 80))


def test_a_path_in_a_pipe_keeps_its_blanks():
    assert separated([("내  모델", "/a/내  모델 .gguf")]) == ["내  모델\t/a/내  모델 .gguf"]


def test_labels_and_texts_wrap_below_themselves():
    facts = [("name", "demo"), ("from", "one two three four five")]
    assert labelled(facts, 80) == ["name  demo", "from  one two three four five"]
    assert labelled(facts, 20) == ["name  demo", "from  one two three", "      four five"]


@pytest.mark.parametrize("width", [5, 10, 20, 40])
def test_labelled_lines_fit_narrow_terminals(width):
    lines = labelled([("x", "한국어 설명이 여기에 있습니다 " * 3)], width)
    assert max(map(cells, lines)) <= max(width, 5)
