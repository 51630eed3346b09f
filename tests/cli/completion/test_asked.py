"""Which words, and whose values, a line asks for: the grammar is the real one."""

from __future__ import annotations

import json

import pytest

from gptoss_cli.cli.completion.answer import GRAMMAR
from gptoss_cli.cli.completion.asked import asked

REAL = json.loads(GRAMMAR.read_text(encoding="utf-8"))
TO_RUN = "gptoss_cli.cli.models.completion:names_to_run"
SESSIONS = "gptoss_cli.cli.sessions.completion:session_names"


def names(line: str) -> list[str]:
    *words, current = line.split(" ")
    return [word for word, _ in asked(REAL, words, current).words]


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("-m ", TO_RUN),  # of run, which is implied
        ("hello -m ", TO_RUN),
        ("run --model ", TO_RUN),
        ("run --model=d", TO_RUN),
        ("run --force -m ", TO_RUN),
        ("run -e ", "low|medium|high|none"),
        ("run --system ", "text"),
        ("run -- -m ", "text"),  # all words of a prompt
        ("run -m demo ", "text"),
        ("chat --session ", SESSIONS),
        ("chat -c -m ", TO_RUN),
        ("chat -cm ", TO_RUN),
        ("chat -mdemo ", ""),  # the value is in the word: chat has no arguments
        ("chat ", ""),
        ("sessions show ", SESSIONS),
        ("sessions show --thinking ", SESSIONS),
        ("sessions show x ", ""),
        ("sessions rm a b c ", SESSIONS),
        ("sessions export x ", "md|json|txt|html"),
        ("sessions export x -o ", "files"),
        ("sessions export x --output=", "files"),
        ("models import ", "files"),
        ("sessions import a b ", "files"),
        ("completion install ", "bash|zsh|fish|powershell"),
        ("nonsense --what ", "text"),
    ],
)
def test_the_value_that_is_asked_for(line, offers):
    *words, current = line.split(" ")
    assert asked(REAL, words, current).offers == offers


def test_the_prefix_of_a_value_in_the_same_word():
    found = asked(REAL, ["run"], "--effort=h")
    assert (found.prefix, found.beginning) == ("--effort=", "h")


def test_commands():
    assert names("") == list(REAL["commands"])
    assert "export" in names("sessions ")
    assert names("sessions ls ") == []


def test_options_of_the_implied_command_come_with_those_of_the_program():
    assert {"--version", "--model", "--effort"} <= set(names("-"))


def test_an_option_is_not_offered_again_in_any_of_its_names():
    assert not {"--model", "-m"} & set(names("run -m demo -"))
    assert "--no-save" not in names("chat --save --")


def test_short_options_are_offered_only_where_one_is_typed():
    assert "-m" not in names("run -")
    assert "-m" in names("run -m")
