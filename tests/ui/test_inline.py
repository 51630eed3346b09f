"""Marks inside a line mean what CommonMark says, except where a terminal or Korean needs more."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row
from gptoss_cli.ui.inline import parse, split

NAMES = {
    theme.STRONG: "b",
    theme.EMPHASIS: "i",
    theme.STRUCK: "s",
    theme.CODE: "c",
    theme.LINK: "l",
    theme.URL: "u",
}


def marked(source: str, **options: object) -> str:
    """The visible text with its styles: ``<b>bold</b>``."""
    return shown(parse(source, **options))  # type: ignore[arg-type]


def shown(row: Row) -> str:
    found = ""
    for text, style in row:
        names = [name for bit, name in NAMES.items() if style & bit]
        found += "".join(f"<{n}>" for n in names) + text + "".join(f"</{n}>" for n in names[::-1])
    for name in NAMES.values():
        found = found.replace(f"</{name}><{name}>", "")
    return found


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("a **b** *i* `c` ~~s~~", "a <b>b</b> <i>i</i> <c>c</c> <s>s</s>"),
        ("***both***", "<b><i>both</i></b>"),
        ("**a *b* c**", "<b>a <i>b</i> c</b>"),
        ("snake_case_name and __init__", "snake_case_name and <b>init</b>"),
        ("2*3*4 and a * b * c", "2<i>3</i>4 and a * b * c"),
        ("footnote* and *open", "footnote* and *open"),
        (r"\*not\* \\ \a", r"*not* \ \a"),
        ("`` a`b ``", "<c>a`b</c>"),
        ("`**c**`", "<c>**c**</c>"),
        ("one `tick", "one `tick"),
        ("[t](https://x.y)", "<l>t</l><u> (https://x.y)</u>"),
        ('[t](<https://x y> "title")', "<l>t</l><u> (https://x y)</u>"),
        ("[a **b**](u)", "<l>a </l><b><l>b</l></b><u> (u)</u>"),
        ("[https://x.y](https://x.y)", "<l>https://x.y</l>"),
        ("![alt](i.png)", "image: <l>alt</l><u> (i.png)</u>"),
        ("<https://x.y/a_b_c>", "<l>https://x.y/a_b_c</l>"),
        ("[1] and [ref][x]", "[1] and [ref][x]"),
        ("&lt;b&gt; &amp; &nope; <b>x</b>", "<b> & &nope; <b>x</b>"),
        ("&#x202e;&#x9b;&#10;", "<U+202E>� "),
        ("[t](x&#x202e;y)", "<l>t</l><u> (x<U+202E>y)</u>"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("hard  \nbreak\nsoft\\\nbreak", "hard\nbreak soft\nbreak"),
        (r"\(x_1 * y_2 * z\) \[a_b_c\]", r"\(x_1 * y_2 * z\) \[a_b_c\]"),
        ("$a_1 + b_2$ and $$x*y*z$$", "$a_1 + b_2$ and $$x*y*z$$"),
        (r"open \( and \) \[x\](u)", r"open \( and \) \[x\](u)"),
        ("costs $5 or *about* $6", "costs $5 or <i>about</i> $6"),
        ('**"이것"**은 **API(함수)**를', '<b>"이것"</b>은 <b>API(함수)</b>를'),
    ],
)
def test_marks(source: str, shown: str) -> None:
    assert marked(source) == shown


def test_unfinished_marks_are_taken_for_what_they_become() -> None:
    assert marked("so **bol", whole=False, hopeful=True) == "so <b>bol</b>"
    assert marked("so *ital", whole=False, hopeful=True) == "so <i>ital</i>"
    assert marked("so `co", whole=False, hopeful=True) == "so <c>co</c>"
    assert marked("so **bold*", whole=False, hopeful=True) == "so <b>bold</b>"
    assert marked("so **", whole=False, hopeful=True) == "so "


@pytest.mark.parametrize(
    ("source", "first", "carried", "rest"),
    [
        ("some words and more", "some words ", "", "and more"),
        ("a **bold word and more", "a <b>bold </b>", "**", "word and more"),
        ("a *b **cd ef** g* h", "a <i>b </i><b><i>cd </i></b>", "***", "ef** g* h"),
        ("some `code in it` x y z", "some ", "", "`code in it` x y z"),
        ("`code that is long` and", "<c>code that is long</c> ", "", "and"),
        ("is $a_1 + b_1 + c$ so", "is ", "", "$a_1 + b_1 + c$ so"),
        ("[a link of words](u v) x", "[a link of ", "", "words](u v) x"),
        ("[a link of words](u) x", "<l>a link of words</l><u> (u)</u> ", "", "x"),
        ("没有空格，没有空格，没有空格", "没有空格，没有空格，没有", "", "空格"),
        ("a ~~struck word and~~ z", "a <s>struck </s>", "~~", "word and~~ z"),
    ],
)
def test_a_cut_divides_text_only(source: str, first: str, carried: str, rest: str) -> None:
    row, found, position = split(source, 12)
    assert (shown(row), found, source[position:]) == (first, carried, rest)
    whole = "".join(text for text, _ in parse(source, whole=False))
    after = parse(source[position:], carried=found, whole=False)
    assert "".join(text for text, _ in [*row, *after]) == whole


def test_what_a_cut_carries_is_bounded() -> None:
    _, carried, _ = split("**a _b " * 60, 200)
    assert len(carried) <= 6
    assert marked("x", carried="**_") == "<b><i>x</i></b>"
    assert marked("x** y", carried="**") == "<b>x</b> y"
    assert marked("", carried="**") == ""


def visible(tokens: list[Token]) -> str:
    """What markdown-it shows of a paragraph, with bold and emphasis marked."""
    found = ""
    for token in tokens:
        for child in token.children or []:
            if child.type in {"strong_open", "em_open", "strong_close", "em_close"}:
                found += "<" + "/" * child.type.endswith("close") + child.tag[0] + ">"
            found += " " if child.type == "softbreak" else child.content
    return found


@settings(deadline=None)
@given(st.text(st.sampled_from("ab *_`.("), max_size=24))
@example("**a*b**c*")
@example("*a **b* c**")
@example("a*b`c*d`")
def test_emphasis_is_commonmarks(source: str) -> None:
    source = " ".join(source.split())
    tokens = MarkdownIt("commonmark").parse(source)
    if not tokens or tokens[0].type != "paragraph_open":
        return
    ours = "".join(text for text, _ in parse(source))
    theirs = visible(tokens)
    for tag in ("<s>", "</s>", "<e>", "</e>"):
        theirs = theirs.replace(tag, "")
    assert ours == theirs
