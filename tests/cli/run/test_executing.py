"""``--execute``: a command is shown, and run on an explicit key only."""

from __future__ import annotations

import pytest

from gptoss_cli.chat.proposing import hides_something, proposed
from gptoss_cli.errors import GptossError
from tests.support.program import gptoss
from tests.support.screen import Terminal

EXECUTE = ("run", "-m", "demo", "--temperature", "0", "--execute")
ASKS = "[q]uit"


@pytest.fixture
def terminal(tmp_path):
    env = {"SHELL": "/bin/sh", "HOME": str(tmp_path)}
    with Terminal(*EXECUTE, "What is 47 + 85?", env=env) as terminal:
        terminal.wait_for(ASKS)
        yield terminal


def edit(terminal, command: str) -> None:
    """Replace what is proposed."""
    terminal.send("e\r")
    terminal.wait_for("47 + 85 = 132", count=2)
    terminal.send("\x05\x15" + command)
    terminal.wait_for(command)
    terminal.send("\r")


def test_what_is_proposed_is_shown_and_nothing_runs_without_a_key(terminal):
    assert "47 + 85 = 132" in terminal.text
    terminal.send("\r")
    terminal.wait_for(ASKS, count=2)
    terminal.send("q\r")
    assert terminal.wait_for_end() == 130


def test_what_is_edited_runs_and_its_exit_code_is_ours(terminal):
    edit(terminal, "echo 'it r''uns'; exit 3")
    terminal.wait_for(ASKS, count=2)
    terminal.send("r\r")
    assert terminal.wait_for_end() == 3
    assert "it runs" in terminal.text


def test_the_korean_layout_has_the_same_keys(terminal):
    terminal.send("ㅂ\r")
    assert terminal.wait_for_end() == 130


def test_it_is_explained_and_asked_again(terminal):
    terminal.send("x\r")
    terminal.wait_for(ASKS, count=2)
    terminal.send("\x04")
    assert terminal.wait_for_end() == 130


def test_a_command_that_is_interrupted_tells_so(terminal):
    edit(terminal, "echo be''gun; sleep 60")
    terminal.wait_for(ASKS, count=2)
    terminal.send("r\r")
    terminal.wait_for("begun")
    terminal.send("\x03")
    assert terminal.wait_for_end() == 130


@pytest.mark.parametrize("options", [("--json",), ("-o", "answer")])
def test_programs_get_nothing_to_run(options):
    assert gptoss(*EXECUTE, "list files").exit_code == 2
    assert "nobody is at a terminal" in gptoss(*EXECUTE, "list files").stderr
    assert gptoss(*EXECUTE, *options, "list files").exit_code == 2


@pytest.mark.parametrize(
    ("answer", "command"),
    [
        ("ls -l\n", "ls -l"),
        ("$ ls -l", "ls -l"),
        ("`ls -l`", "ls -l"),
        ("Run:\n```sh\nls -l |\n  wc\n```\nThat is all.", "ls -l |\n  wc"),
        ("echo `date` and `pwd`", "echo `date` and `pwd`"),
    ],
)
def test_the_command_in_an_answer(answer, command):
    assert proposed(answer) == command


def test_no_command_at_all():
    with pytest.raises(GptossError, match="proposes no command"):
        proposed(" \n")


@pytest.mark.parametrize(
    "hidden",
    [
        "\u00a0",
        "\u2800",
        "\u115f",
        "\ufe0f",
        "\u3164",
        "\U000e0041",
        "\r",
        "\u202e",
        "\x1b[2K",
        "\x08",
    ],
)
def test_what_hides_is_found(hidden):
    assert hides_something(f"ls{hidden} -l")


@pytest.mark.parametrize("command", ["ls -l", "echo '한글 日本 é'", "a |\n\tb"])
def test_what_is_seen_is_not(command):
    assert not hides_something(command)
