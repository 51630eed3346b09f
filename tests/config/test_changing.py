"""A value of a TOML file is changed, and not a byte of anything else."""

from __future__ import annotations

import difflib
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptoss_cli.config.changing import with_value, without_value
from gptoss_cli.config.file import ConfigError

TEXT = """\
# mine, do not touch
model = "20b"   # the small one
effort   = 'low'

# how it samples
[sampling]   # s
  temperature = 0.5 # warm
  top_p = 1.0

[profiles.a]
sampling.top_k = 3 # d
system = '''
짧게.
# no comment'''
[profiles]
b = { effort = "low", sampling = { seed = 1 } } # inline
# the end"""


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that are gone and those that are new."""
    lines = list(difflib.ndiff(before.split("\n"), after.split("\n")))
    return [x[2:] for x in lines if x[0] == "-"], [x[2:] for x in lines if x[0] == "+"]


@pytest.mark.parametrize(
    ("path", "value", "gone", "new"),
    [
        (
            ("model",),
            "120b",
            ['model = "20b"   # the small one'],
            ['model = "120b"   # the small one'],
        ),
        (("effort",), "high", ["effort   = 'low'"], ['effort   = "high"']),
        (("context",), 4096, [], ["context = 4096"]),
        (
            ("sampling", "temperature"),
            0.0,
            ["  temperature = 0.5 # warm"],
            ["  temperature = 0.0 # warm"],
        ),
        (("sampling", "seed"), 7, [], ["  seed = 7"]),
        (("ui", "theme"), "clear", [], ["", "[ui]", 'theme = "clear"', ""]),
        (("profiles", "a", "effort"), "low", [], ['effort = "low"']),
        (
            ("profiles", "a", "sampling", "top_k"),
            9,
            ["sampling.top_k = 3 # d"],
            ["sampling.top_k = 9 # d"],
        ),
        (("profiles", "a", "sampling", "seed"), 9, [], ["sampling.seed = 9"]),
        (
            ("profiles", "가 나", "effort"),
            "low",
            [],
            ["", '[profiles."가 나"]', 'effort = "low"', ""],
        ),
    ],
)
@pytest.mark.parametrize("form", ["lf", "crlf", "bom"])
def test_only_the_line_of_the_value_changes(path, value, gone, new, form):
    text = {"lf": TEXT, "crlf": TEXT.replace("\n", "\r\n"), "bom": f"\ufeff{TEXT}"}[form]
    changed = with_value(text, path, value)
    if form == "crlf":
        assert changed.count("\n") == changed.count("\r\n")
        text, changed = text.replace("\r\n", "\n"), changed.replace("\r\n", "\n")
    if form == "bom":
        assert changed.startswith("\ufeff")
    assert changed_lines(text, changed) == (gone, new)


def test_a_value_in_braces_is_changed_between_them():
    changed = with_value(TEXT, ("profiles", "b", "sampling", "seed"), 5)
    assert 'b = { effort = "low", sampling = { seed = 5 } } # inline\n# the end' in changed
    changed = with_value(TEXT, ("profiles", "b", "ui", "theme"), "mono")
    assert len(changed_lines(TEXT, changed)[1]) == 1
    assert changed.endswith(" # inline\n# the end")


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        (("model",), ['model = "20b"   # the small one']),
        (("sampling", "temperature"), ["  temperature = 0.5 # warm"]),
        (("profiles", "a", "system"), ["system = '''", "짧게.", "# no comment'''"]),
    ],
)
def test_what_is_taken_out_leaves_its_line_and_no_other(path, gone):
    assert changed_lines(TEXT, without_value(TEXT, path)) == (gone, [])


def test_the_last_key_in_braces_can_go_too():
    changed = without_value(TEXT, ("profiles", "b", "sampling", "seed"))
    assert tomllib.loads(changed)["profiles"]["b"] == {"effort": "low", "sampling": {}}
    with pytest.raises(KeyError):
        without_value(changed, ("profiles", "b", "sampling", "seed"))


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("", "stats = true\n"),
        ("# only this", "# only this\nstats = true\n"),
        ("# of s\n[sampling]\nseed = 1", "stats = true\n\n# of s\n[sampling]\nseed = 1"),
        ("# file\n\n# of s\n[sampling]\n", "# file\n\nstats = true\n\n# of s\n[sampling]\n"),
    ],
)
def test_a_first_key_stands_above_the_tables_and_what_is_said_of_them(text, changed):
    assert with_value(text, ("stats",), True) == changed


def test_a_text_of_several_lines_stays_readable():
    changed = with_value("", ("system",), '첫 줄\n"둘째" \\ 줄')
    assert changed == 'system = """\n첫 줄\n"둘째" \\\\ 줄"""\n'


@settings(deadline=None, max_examples=50)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_as_it_was(text):
    changed = with_value(TEXT, ("system",), text)
    again = with_value(changed, ("profiles", text or "x", "system"), text)
    assert tomllib.loads(again)["system"] == text
    assert without_value(changed, ("system",)) == TEXT


@pytest.mark.parametrize("text", ["sampling = 3", "[[sampling]]\nseed = 1", "sampling = [1]"])
def test_what_cannot_be_changed_is_refused(text):
    with pytest.raises(ConfigError):
        with_value(text, ("sampling", "seed"), 1)
