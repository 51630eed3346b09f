"""Markdown as it streams: what is printed is right, and stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptoss_cli.ui.cells import Row, row_cells
from gptoss_cli.ui.markdown import MarkdownStream
from gptoss_cli.ui.theme import Paint, Theme
from tests.ui.screen import pieces
from tests.ui.streams import ENGLISH, KOREAN

LOOK = Theme(Paint.NONE)


def text_of(rows: list[Row]) -> str:
    return "\n".join(LOOK.paint_row(row).rstrip() for row in rows)


def rendered(source: str, width: int = 60, chunks: list[str] | None = None) -> str:
    stream = MarkdownStream(lambda: width, LOOK)
    rows: list[Row] = []
    for chunk in [source] if chunks is None else chunks:
        stream.feed(chunk)
        stream.tail()
        rows += stream.take()
    stream.finish()
    return text_of([*rows, *stream.take()])


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("# One\ntext\n## Two ##\nmore", "One\n\ntext\n\nTwo\n\nmore"),
        ("Title\n=====\ntext\nSub\n---\nx", "Title\n\ntext Sub\n\nx"),
        ("a\n\n---\n\nb", "a\n\n" + "─" * 40 + "\n\nb"),
        ("one\n\n\n\ntwo\n\n", "one\n\ntwo"),
        ("- a\n- b\n  more\n\n  para\n- c", "• a\n• b more\n\n  para\n• c"),
        ("* a\n    * b\n        * c\n* d", "• a\n  • b\n    • c\n• d"),
        ("1. a\n1. b\n1. c", "1. a\n2. b\n3. c"),
        ("3. a\n7. b\n   - x\n9. c", "3. a\n4. b\n   • x\n5. c"),
        ("9) a\n10) b\n    c", "9) a\n10) b c"),
        ("1. a\n\ntext\n\n2. b", "1. a\n\ntext\n\n2. b"),
        ("text\n2. no list", "text 2. no list"),
        ("text\n- list", "text\n• list"),
        ("-\n- a\n-", "•\n• a\n•"),
        ("- - a\n- > q", "• • a\n• │ q"),
        ("- [ ] open\n- [x] done", "• [ ] open\n• [x] done"),
        ("> a\n> b\nlazy\n\nc", "│ a b lazy\n\nc"),
        ("> a\n>\n> > b\n> - c", "│ a\n│\n│ │ b\n│ • c"),
        ("```py\nx = 1\n\n  y\n```\nz", "```py\nx = 1\n\n  y\n```\nz"),
        ("````\n```\n````", "````\n```\n````"),
        ("~~~\n**a**\n~~~", "~~~\n**a**\n~~~"),
        ("- a\n  ```\n  x\n    y\n  ```\n- b", "• a\n  ```\n  x\n    y\n  ```\n• b"),
        ("```\nnever closed", "```\nnever closed"),
        ("a\n\n    code\n      more\n\nb", "a\n\n    code\n      more\n\nb"),
        ("<div>\n  **x**\n</div>\n\ny", "<div>\n  **x**\n</div>\n\ny"),
        ("<!-- a\n\nb -->\nc", "<!-- a\n\nb -->\nc"),
        ("<b>x</b> *y*", "<b>x</b> y"),
        ("\\[\n- a = b\n= c\n\\]\nd", "\\[\n- a = b\n= c\n\\]\nd"),
        ("$$\nx_1 * y_1\n$$\n\nd", "$$\nx_1 * y_1\n$$\n\nd"),
        ("$$\nforgotten\n\n**b**", "$$\nforgotten\n\nb"),
        ("[a]: https://x.y 't'\n[b]: z\ntext", "[a]: https://x.y 't'\n[b]: z\ntext"),
        ("a | b\n--|--:\n1 | 2", "a  b\n─  ─\n1  2"),
        ("intro\n| a |\n|---|\n| 1 |\nafter", "intro\n\na\n─────\n1\nafter"),
        ("| a | b |\n|---|---|\n| \\| | `x` |\n\nc", "a  b\n─  ─\n|  x\n\nc"),
        ("| a | b |\n|---|\nno table", "| a | b | |---| no table"),
        ("```\na\tb\n```\n-\tc", "```\na   b\n```\n• c"),
    ],
)
def test_blocks(source: str, shown: str) -> None:
    assert rendered(source) == shown
    assert rendered(source, chunks=list(source)) == shown


BLOCKS = [
    ENGLISH,
    KOREAN,
    "para **bold *both* " + "long " * 60 + "bold** end *it " + "words " * 90 + "it* `code` 5 * 3\n",
    "한국어 문단이 **아주 "
    + "길게 이어지고 " * 50
    + "굵은** 글씨가 끝난다. 中文"
    + "没有空格，" * 60
    + "\n",
    "[a link](https://example.com/" + "path/" * 40 + ") and `" + "code " * 70 + "` after\n",
    "| a | b |\n|:-:|--:|\n" + "| cell **x** | 한글 셀 |\n" * 9,
    "x" * 700 + "\n",
    "hard  \n" * 20,
    "- a\n  - b\n\n    c\n",
    "1. one\n2. two\n",
    "> q\n> > r\n",
    "```python\nx = '''\n" + "y" * 300 + "\n'''\n```\n",
    "Setext\n===\n",
    "text\n---\n",
    "\n\n",
    "\\[\nx\n\\]\n",
    "**",
    "~~~",
    "| a",
]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(BLOCKS), max_size=4),
    st.sampled_from([20, 40, 80, 120]),
    st.integers(0, 9),
    st.sampled_from([3, 9, 200]),
)
def test_how_an_answer_is_cut_makes_no_difference(
    blocks: list[str], width: int, seed: int, longest: int
) -> None:
    source = "".join(blocks)
    cut = list(pieces(source, seed, longest))
    assert rendered(source, width, cut) == rendered(source, width)


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.sampled_from("ab*_`~[]()<>!|-:#.1 \n\t>한中👍$\\&"), max_size=120), st.integers(0, 3)
)
def test_any_text_is_shown_somehow(source: str, seed: int) -> None:
    whole = rendered(source, 20)
    assert rendered(source, 20, list(pieces(source, seed))) == whole
    letters = [c for c in source if c in "ab한中👍"]
    assert [c for c in whole if c in "ab한中👍"] == letters


@pytest.mark.parametrize("width", [7, 19, 39, 79, 119])
@pytest.mark.parametrize("source", [ENGLISH, KOREAN, *BLOCKS[2:10]])
def test_rows_fit_and_the_unfinished_end_is_short(source: str, width: int) -> None:
    stream = MarkdownStream(lambda: width, LOOK)
    for piece in pieces(source):
        stream.feed(piece)
        tail = stream.tail()
        assert len(tail) <= (8 if width > 20 else 10) or width < 19
        assert all(row_cells(row) <= max(width, 8) for row in tail)
        for row in stream.take():
            assert row_cells(row) <= max(width, 8) or "jmap" in text_of([row])


def test_emphasis_goes_on_over_rows_that_are_final() -> None:
    look = Theme(Paint.ATTRIBUTES)
    stream = MarkdownStream(lambda: 30, look)
    stream.feed("start **" + "bold words " * 60 + "end** plain\n")
    stream.finish()
    first, *rows, last = [look.paint_row(row) for row in stream.take()]
    assert first.startswith("start \x1b[1mbold")
    assert all(row.startswith("\x1b[1m") and row.endswith("\x1b[0m") for row in rows)
    assert last.endswith("plain")
    assert last.startswith("\x1b[1m")


def test_a_list_of_two_thousand_items_keeps_its_numbers_and_no_state() -> None:
    stream = MarkdownStream(lambda: 40, LOOK)
    count = 0
    for number in range(1, 2001):
        stream.feed(f"1. item\n   - nested {number}\n")
        rows = stream.take()
        count += len(rows)
        assert len(stream.tail()) <= 2
    stream.finish()
    rows = stream.take()
    assert count + len(rows) == 4000
    assert text_of(rows).endswith("nested 2000")


def test_a_table_prints_its_rows_as_they_come() -> None:
    stream = MarkdownStream(lambda: 60, LOOK)
    stream.feed("| n | text |\n|--:|---|\n")
    for number in range(500):
        stream.feed(f"| {number} | row **{number}** |\n")
        rows = stream.take()
        if number > 10:
            assert text_of(rows).split() == [str(number), "row", str(number)]
    stream.feed("| 500 | a cell that is a good deal longer than all the cells before it were |\n")
    stream.finish()
    rows = [LOOK.paint_row(row) for row in stream.take()]
    assert len(rows) > 1
    assert all(len(row) <= 60 for row in rows)
    assert " ".join(" ".join(rows).split()).endswith("than all the cells before it were")


@pytest.mark.parametrize("width", [20, 40, 80])
def test_columns_of_wide_characters_line_up(width: int) -> None:
    source = "| 이름 | 값 | 비고 |\n|:--|--:|:--|\n| 서울 | 1 | ✅ 좋음 |\n| b | 22 | c |\n"
    rows = rendered(source, width).split("\n")
    starts = set()
    for row, word in zip([rows[0], *rows[2:]], ["비고", "✅", "c"], strict=True):
        starts.add(row_cells([(row[: row.index(word)], 0)]))
    assert len(starts) == 1


def test_a_table_too_wide_for_the_screen_becomes_a_list() -> None:
    head = "| a | b | c | d |\n|-|-|-|-|\n"
    source = head + "| 1 | two words and more of them | 3 | 4 |\n| 5 | 6 | 7 | 8 |\n"
    assert rendered(source, 19) == (
        "a: 1\nb: two words and\n  more of them\nc: 3\nd: 4\n\na: 5\nb: 6\nc: 7\nd: 8"
    )


def test_code_is_coloured_and_reads_the_same() -> None:
    look = Theme(Paint.COLOUR)
    source = '```python\ndef f():\n    """two\n    lines"""\n    return 1  # why\n```\n'
    stream = MarkdownStream(lambda: 60, look)
    stream.feed(source)
    rows = stream.take()
    assert text_of(rows) + "\n" == source
    painted = [look.paint_row(row) for row in rows]
    assert "\x1b[35mdef\x1b[0m" in painted[1]
    assert painted[3] == '\x1b[32m    lines"""\x1b[0m'
    assert "\x1b[2m# why\x1b[0m" in painted[4]


def test_a_long_line_of_code_is_one_line() -> None:
    line = "x = " + "1 + " * 100 + "1"
    assert line in rendered(f"```py\n{line}\n```\n", 40)


@pytest.mark.parametrize(
    ("paint", "colour", "bold"),
    [(Paint.NONE, False, False), (Paint.ATTRIBUTES, False, True), (Paint.COLOUR, True, True)],
)
def test_styling_is_what_the_stream_may_carry(paint: Paint, colour: bool, bold: bool) -> None:
    look = Theme(paint)
    stream = MarkdownStream(lambda: 60, look)
    stream.feed("**b** `c`\n\n```py\ndef x\n```\n")
    stream.finish()
    painted = "".join(look.paint_row(row) for row in stream.take())
    assert ("\x1b[3" in painted) is colour
    assert ("\x1b[1m" in painted) is bold


def test_ascii_marks_stand_in() -> None:
    look = Theme(Paint.NONE, unicode=False)
    stream = MarkdownStream(lambda: 60, look)
    stream.feed("- a\n\n> b\n\n---\n")
    stream.finish()
    text = "\n".join(look.paint_row(row) for row in stream.take())
    assert text.isascii()


@pytest.mark.parametrize(
    "source",
    [
        "a paragraph\n" + " " * 130 + "TEXT\nnext\n",
        "text\n\n" + " " * 240 + "TEXT",
        "*" * 240 + " TEXT",
        "- " * 130 + "TEXT",
        ">" * 260 + " TEXT",
        "```\ncode\n" + "`" * 250 + " TEXT",
        "Title\n" + "=" * 250 + " TEXT",
        "| a |\n|---|\n| 1 |\n" + "A paragraph without a blank line. " * 150 + "TEXT\n",
    ],
)
@pytest.mark.parametrize("width", [10, 39, 79])
def test_nothing_is_lost_behind_a_long_beginning_of_a_line(source: str, width: int) -> None:
    shown = rendered(source, width)
    assert "TEXT" in shown
    assert rendered(source, width, list(source)) == shown


def test_a_table_padded_far_is_still_a_table() -> None:
    widths = (12, 200, 120)
    row = "| " + " | ".join(name.ljust(size) for name, size in zip("abc", widths, strict=True))
    rule = "|" + "|".join("-" * (size + 2) for size in widths) + "|"
    shown = rendered(f"{row} |\n{rule}\n| 1 | 2 | 3 |\n", 79)
    assert "--" not in shown
    assert "|" not in shown


def test_a_long_line_of_code_in_a_sentence_is_no_fence() -> None:
    code = "```" + "pip install something and more " * 4 + "``` then text"
    shown = rendered(f"{code}\n\nNext **paragraph**\n", 39)
    assert shown.endswith("then text\n\nNext paragraph")


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/x/y/blob/main/pkg/__init__.py",
        "https://x.y/a_b_c/*z*/q",
        "http://x.y/~~a~~/b",
        "HTTPS://example.com/?a=1&b=_2_#c_d_e",
    ],
)
def test_an_address_is_shown_as_it_is_written(address: str) -> None:
    assert rendered(f"See {address}, or **{address}** 또는 {address}에서.", 400) == (
        f"See {address}, or {address} 또는 {address}에서."
    )
    shown = rendered(f"words in front of it, and then {address} in a row. " * 20, 50)
    assert shown.replace("\n", "").count(address) == 20


def test_a_table_becomes_narrower_with_the_screen() -> None:
    width = 100
    stream = MarkdownStream(lambda: width, LOOK)
    stream.feed("| one | two |\n|---|---|\n" + "| " + "words " * 8 + "| more words |\n" * 8)
    stream.take()
    width = 40
    stream.feed("| " + "words " * 8 + "| more words |\n")
    stream.finish()
    assert max(row_cells(row) for row in stream.take()) <= width
