"""The line of everything in a TOML file, however it is written."""

from __future__ import annotations

import pytest

from gptoss_cli.config.statements import lines_of

TEXT = '''\ufeff# a comment
model = "20b"
system = """
[sampling]
seed = 3
"""
sampling.seed = 1
"a b".'c.d' = [
  1, # one
]

  [ profiles . "x.y" ]  # a header
  effort = "low"
  sampling = { seed = 1,
    top_k = 2 }
[[list]]
a = 1
[[list]]
b = 2'''


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n")], ids=["lf", "crlf"])
def test_each_key_and_table_has_the_line_it_begins_in(text):
    lines = lines_of(
        text.replace("seed = 1,\n    top", "seed = 1, top").replace("1,\r\n    top", "1, top")
    )
    assert lines["model",] == 2
    assert lines["system",] == 3
    assert lines["sampling",] == 7
    assert lines["sampling", "seed"] == 7
    assert lines["a b", "c.d"] == 8
    assert lines["profiles", "x.y"] == 12
    assert lines["profiles", "x.y", "effort"] == 13
    assert lines["profiles", "x.y", "sampling", "top_k"] == 14
    assert lines["list", "a"] == 16
    assert lines["list", "b"] == 18


def test_a_file_that_says_nothing_has_no_lines():
    assert lines_of("") == lines_of("\n# only this\n") == {}


def test_a_long_text_is_passed_in_a_moment():
    text = (
        'system = """\n' + "a line, with [brackets] and 'quotes'\n" * 6000 + '"""\nstats = true\n'
    )
    assert lines_of(text)["stats",] == 6003
