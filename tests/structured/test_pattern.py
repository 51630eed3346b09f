"""Patterns mean the same where an answer is generated and where it is validated."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptoss_cli.engine.grammar import json_grammar, matches
from gptoss_cli.structured.pattern import PatternError, translated

PATTERNS = [
    r"^\d+$",
    r"\w-\W",
    r"^[\s\S]$",
    r"^\S+\s\S+$",
    r"a.b",
    r"^[^\n\d]{1,2}$",
    r"^(?:ab|c)*?d?$",
    r"^(?<year>[0-9]{4})$",
    r"^é|\u00fc$",
    r"[[\]&~-]",
    r"^\D$",
    r"^a{2,3}$",
    r"\.\/",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=40, deadline=None)
@given(text=st.text(alphabet="abcd ü é\n\r9_-.[]/&~٣\u2028\u1680\x1c😀", max_size=4))
def test_both_spellings_accept_the_same_texts(pattern, text):
    spelled = translated(pattern)
    grammar = json_grammar({"type": "string", "pattern": spelled.rust})
    generated = matches(grammar, json.dumps(text, ensure_ascii=False))
    assert generated is (re.search(spelled.python, text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        (r"^\d$", "٣", False),  # Python's own \d has it
        (r"^\w$", "é", False),
        (r"^\W$", "é", True),
        (r"^a$", "a\n", False),  # Python's own $ looks over a last line end
        (r"^.$", "\u2028", False),
        (r"^\s$", "\ufeff", True),
        (r"^\cJ$", "\n", True),
        (r"^\ud83d\ude00$", "😀", True),
        (r"^[]$", "", False),
    ],
)
def test_patterns_mean_what_ecma_262_says(pattern, text, is_match):
    assert (re.search(translated(pattern).python, text) is not None) is is_match


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=a)", "lookarounds"),
        ("(?<!a)b", "lookarounds"),
        (r"(a)\1", r"\\1"),
        (r"\bword", r"\\b"),
        (r"\p{L}", r"\\p"),
        ("(?i)a", "groups"),
        ("[b-a]", "order"),
        ("[a", "too early"),
        ("a{1000000}", "repeats"),
        ("(" * 3000, "nested too deeply|regular expression"),
        ("a**", "regular expression"),
        (r"\u12", "complete"),
    ],
)
def test_what_only_one_of_them_knows_is_refused_by_name(pattern, why):
    with pytest.raises(PatternError, match=why):
        translated(pattern)
