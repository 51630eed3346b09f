"""Words are cut and written as bash does it: held against bash itself in test_shells."""

from __future__ import annotations

import subprocess

import pytest

from gptoss_cli.cli.completion.bash import Line, split, written

BREAKS = " \t\n\"'@><=;|&(:"


@pytest.mark.parametrize(
    ("text", "words", "current", "kept"),
    [
        ("gptoss run", ["gptoss"], "run", 0),
        ("gptoss  run ", ["gptoss", "run"], "", 0),
        ("gptoss show My\\ ti", ["gptoss", "show"], "My ti", 0),
        ("gptoss show 'My ti", ["gptoss", "show"], "My ti", 0),
        ('gptoss show "a\\"b\\c', ["gptoss", "show"], 'a"b\\c', 0),
        ("gptoss 'a b' c", ["gptoss", "a b"], "c", 0),
        ("gptoss '' c", ["gptoss", ""], "c", 0),
        ("gptoss -m org/x:Q4", ["gptoss", "-m"], "org/x:Q4", 6),
        ("gptoss -m org/x\\:Q4", ["gptoss", "-m"], "org/x:Q4", 0),
        ('gptoss --session="My t', ["gptoss"], "--session=My t", 10),
        ("gptoss a > out b", ["gptoss", "a"], "b", 0),
    ],
)
def test_words(text, words, current, kept):
    line = split(text, BREAKS)
    assert (line.words, line.current, line.kept) == (words, current, kept)


@pytest.mark.parametrize(("text", "is_file"), [("a >b", True), ("a < ", True), ("a > b c", False)])
def test_where_the_shell_itself_puts_a_file(text, is_file):
    assert split(text, BREAKS).is_file is is_file


@pytest.mark.parametrize("quote", ["", '"', "'"])
@pytest.mark.parametrize(
    "word",
    ["a b", "it's", '"q"', "'q'", "$HOME `x` $(x)", "a\\b\\", "a;b&c|d<e>(f)", "*?[x]{a,b}~", "#x"],
)
def test_what_is_written_is_the_word_again(word, quote):
    line = Line(quote=quote)
    text = quote + written(word, line)
    # As readline does: it closes the quotation unless its mark is there.
    text += "" if quote and text.endswith(quote) and len(text) > 1 else quote
    said = subprocess.run(
        ["bash", "-c", f"printf %s {text}"], capture_output=True, text=True, check=True
    )
    assert said.stdout == word
