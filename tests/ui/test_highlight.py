"""Code in colour: what Pygments sees in a file is seen line by line, and any text is shown."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments import lexers

from gptoss_cli.ui import highlight, theme
from gptoss_cli.ui.cells import Row
from gptoss_cli.ui.highlight import Highlighter

NAMES = {
    theme.KEYWORD: "k",
    theme.STRING: "s",
    theme.COMMENT: "c",
    theme.NUMBER: "n",
    theme.CODE: "f",
    theme.FAINT: "d",
}


def coloured(language: str, source: str) -> str:
    """The lines with their styles: ``<k>def</k>``."""
    highlighter = Highlighter(language)
    rows = [highlighter.line(line) for line in source.split("\n")]
    return "\n".join("".join(marked(*span) for span in row) for row in rows)


def marked(text: str, style: int) -> str:
    name = NAMES.get(style)
    return text if name is None or not text.strip() else f"<{name}>{text}</{name}>"


def text_of(row: Row) -> str:
    return "".join(text for text, _ in row)


@pytest.mark.parametrize(
    ("language", "source", "shown"),
    [
        ("python", "def f(): # d", "<k>def</k> <f>f</f>(): <c># d</c>"),
        ("py", "a = '''x\ny'''; 1", "a = <s>'''x</s>\n<s>y'''</s>; <n>1</n>"),
        ("js", "/* a\n b */ let x", "<c>/* a</c>\n<c> b */</c> <k>let</k> x"),
        ("js", "/**\n * @a\n */ 1", "<c>/**</c>\n<c> * @a</c>\n<c> */</c> <n>1</n>"),
        ("js", "// '/*'\nlet", "<c>// '/*'</c>\n<k>let</k>"),
        ("js", "g('/*')\nlet", "g(<s>'/*'</s>)\n<k>let</k>"),
        ("js", "`a ${1}\nb` + 2", "<s>`a </s>${<n>1</n>}\n<s>b`</s> + <n>2</n>"),
        ("css", "a { /*\n*/ }", "<k>a</k> { <c>/*</c>\n<c>*/</c> }"),
        ("html", "<!-- a\nb --><p>", "<c><!-- a</c>\n<c>b --></c><<k>p</k>>"),
        ("lua", "--[[ a\nb ]] x", "<c>--[[ a</c>\n<c>b ]]</c> x"),
        ("go", "x := `a\nb`", "x := <s>`a</s>\n<s>b`</s>"),
        ("rust", "/* a\n*/ fn", "<c>/* a</c>\n<c>*/</c> <k>fn</k>"),
        ("c", "#include <a.h>", "<k>#include</k> <s><a.h></s>"),
        ("bash", 'echo "a\nb"', '<f>echo</f> <s>"a</s>\n<s>b"</s>'),
        ("sql", "select 1 -- c", "<k>select</k> <n>1</n> <c>-- c</c>"),
        ("json", '{"a": true}', '{<k>"a"</k>: <k>true</k>}'),
        ("yml", "a: 1 # c", "<k>a</k>: 1 <c># c</c>"),
        ("diff", "@@ 1\n-a\n+b", "<d>@@ 1</d>\n<k>-a</k>\n<s>+b</s>"),
        ("{.Python}", "None", "<k>None</k>"),
        ("python:a.py", "None", "<k>None</k>"),
        ("nonesuch", "None", "None"),
        ("", "None", "None"),
        ("../*", "None", "None"),
    ],
)
def test_colours(language: str, source: str, shown: str) -> None:
    assert coloured(language, source) == shown


LANGUAGES = "python js tsx bash rust json yaml c html css sql lua ruby go php diff make console"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(LANGUAGES.split()),
    st.lists(st.text(st.sampled_from("ab1 \"'`/*<>!-[]{}()$#@:=\\\t한👍"), max_size=30)),
)
def test_any_text_reads_the_same(language: str, lines: list[str]) -> None:
    highlighter = Highlighter(language)
    for line in lines:
        assert text_of(highlighter.line(line)) == line


def test_a_look_ahead_changes_nothing() -> None:
    highlighter = Highlighter("js")
    highlighter.line("let a = `x")
    look = copy.copy(highlighter)
    look.line("b` /*")
    assert highlighter.line("1`") == [("1`", theme.STRING)]


def test_a_very_long_line_is_plain() -> None:
    line = "1 " * 600
    assert Highlighter("python").line(line) == [(line, theme.PLAIN)]


def test_a_broken_lexer_leaves_the_code_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(lexers.get_lexer_by_name("python").__class__):  # type: ignore[misc]
        def get_tokens_unprocessed(self, text: str) -> None:
            raise RuntimeError(text)

        _tokens = property(get_tokens_unprocessed)

    monkeypatch.setattr(highlight, "_lexer_class", lambda _: Broken)
    assert Highlighter("python").line("None") == [("None", theme.PLAIN)]


def test_escapes_do_not_make_a_lexer_think_for_ever() -> None:
    for line in ('val re = "' + "\\d" * 40, '"' + "\\" * 400, "x = '" + "\\\\" * 40):
        assert "".join(text for text, _ in Highlighter("scala").line(line)) == line
