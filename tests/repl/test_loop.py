"""The chat in a real terminal, on a small model with random weights: keys, stops, the way out."""

from __future__ import annotations

import os
import shlex
import signal
import stat
import sys
from pathlib import Path

import pytest

from tests.support.chat import ChatTerminal
from tests.support.program import COMMAND
from tests.support.screen import Terminal
from tests.support.waiting import wait_until

PROMPT = "\n>"


def chat(model: Path, *arguments: str, **size: int) -> Terminal:
    return Terminal("chat", "-m", str(model), "--seed", "1", *arguments, **size)


def test_ctrl_d_leaves(random_model):
    with chat(random_model) as terminal:
        terminal.wait_for("Ctrl-D leaves")
        terminal.wait_for(PROMPT)
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0


def test_ctrl_c_on_an_empty_line_leaves_the_second_time(random_model):
    with chat(random_model) as terminal:
        terminal.wait_for(PROMPT)
        terminal.send("\x03")
        terminal.wait_for("Ctrl-C again")
        terminal.send("\x03")
        assert terminal.wait_for_end() == 0


def test_ctrl_c_stops_an_answer_and_the_chat_goes_on(random_model):
    # Taking the likeliest token always, random weights go round in circles up to the window.
    with chat(random_model, "--temperature", "0") as terminal:
        terminal.wait_for(PROMPT)
        terminal.line("go on for ever")
        terminal.read(0.3)
        terminal.send("\x03")
        terminal.wait_for("[stopped]")
        terminal.wait_for(PROMPT, count=2)
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0


def test_hangul_and_lines_pasted_at_once_are_one_message(random_model, home):
    with chat(random_model, "--max-tokens", "4") as terminal:
        terminal.wait_for(PROMPT)
        terminal.send("\x1b[200~첫째 줄\r둘째 줄\r셋째\x1b[201~")
        terminal.wait_for("셋째")
        terminal.send("\r")
        terminal.wait_for("token limit")
        terminal.wait_for(PROMPT, count=2)
        terminal.send("\x04")
        terminal.wait_for_end()
    (history,) = home.rglob("history")
    assert history.read_text(encoding="utf-8").count("\n+") == 3
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_alt_enter_is_a_new_line_and_history_is_kept_between_runs(random_model):
    for run in range(2):
        with chat(random_model, "--max-tokens", "3") as terminal:
            terminal.wait_for(PROMPT)
            if run == 0:
                terminal.send("one\x1b\rtwo")
                terminal.wait_for("two")
                terminal.send("\r")
                terminal.wait_for("token limit")
            else:
                terminal.send("\x1b[A")
                terminal.wait_for("> one\n  two")
            terminal.send("\x03\x04")
            terminal.read(0.3)


@pytest.mark.parametrize("columns", [20, 40])
def test_narrow_terminals(random_model, columns):
    with chat(random_model, "--max-tokens", "30", columns=columns) as terminal:
        terminal.wait_for(PROMPT)
        terminal.line("안녕")
        terminal.wait_for(PROMPT, count=2)
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0


def test_a_question_too_long_is_refused_and_the_chat_goes_on(random_model):
    with chat(random_model, "--context", "512", "--max-tokens", "3") as terminal:
        terminal.wait_for(PROMPT)
        terminal.send("\x1b[200~" + "word " * 400 + "\x1b[201~\r")
        terminal.wait_for("the context window 512")
        terminal.line("hi")
        terminal.wait_for("token limit")
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0


def test_bare_gptoss_at_a_terminal_is_a_chat(random_model):
    with Terminal("-m", str(random_model)) as terminal:
        terminal.wait_for("Ctrl-D leaves")


def test_the_model_speaks_no_escape_sequences_to_the_terminal(random_model):
    """Random bytes hold control characters; only the renderer's own sequences may get through."""
    with chat(random_model, "--max-tokens", "300", "--temperature", "2") as terminal:
        terminal.wait_for(PROMPT)
        terminal.read(0.3)
        before = len(terminal.raw)
        terminal.line("noise")
        terminal.wait_for(PROMPT, count=2)
        answer = terminal.raw[before:]
        for forbidden in (b"\x07", b"\x0e", b"\x0f", b"\x7f", b"\x1b]", b"\x1bP"):
            assert forbidden not in answer


def test_lines_pasted_during_an_answer_are_one_message_later(random_model, home):
    with chat(random_model, "--temperature", "0") as terminal:
        terminal.wait_for(PROMPT)
        terminal.line("go on for ever")
        terminal.read(0.3)
        # What is read may end within a drawing, which turns the marks off and on again.
        wait_until(lambda: terminal.raw.endswith(b"\x1b[?25h"), meanwhile=terminal.read_soon)
        assert terminal.raw.rindex(b"?2004h") > terminal.raw.rindex(b"?2004l")
        terminal.send("\x1b[200~첫째 줄\r둘째 줄\x1b[201~")
        terminal.send("\x03")
        terminal.wait_for("둘째 줄")
        terminal.send("\r")
        terminal.read(0.3)
        terminal.send("\x03")
        terminal.wait_for(PROMPT, count=3)
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0
    (history,) = home.rglob("history")
    assert "+첫째 줄\n+둘째 줄\n" in history.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_at_the_prompt_leaves_the_terminal_as_a_shell_wants_it(random_model, number):
    with chat(random_model) as terminal:
        before = terminal.modes()
        terminal.wait_for(PROMPT)
        assert terminal.modes() != before
        terminal.kill(number)
        terminal.wait_until_gone()
        assert terminal.modes() == before
        assert terminal.raw.rindex(b"?2004l") > terminal.raw.rindex(b"?2004h")


def test_a_question_that_is_stopped_while_it_is_read_is_left_out():
    with Terminal("chat", "-m", "demo", "--context", "65536") as terminal:
        terminal.wait_for(PROMPT)
        terminal.send("\x1b[200~" + "가나 " * 8000 + "\x1b[201~")
        terminal.wait_for("[pasted #1: 24,000 characters]")
        terminal.send("\r")
        terminal.wait_for("reading")
        terminal.send("\x03")
        terminal.wait_for("is left out")
        terminal.line("What is 47 + 85?")
        terminal.wait_for("132")
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0


SCARCE_MEMORY = """
import dataclasses, os
from pathlib import Path
from gptoss_cli import machine
plenty = machine.memory
def memory():
    is_scarce = Path(os.environ["SCARCE"]).exists()
    return dataclasses.replace(plenty(), available=1000) if is_scarce else plenty()
machine.memory = memory
"""


def test_a_question_there_is_no_memory_for_is_left_out_and_the_chat_goes_on(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SCARCE_MEMORY)
    scarce = tmp_path / "scarce"
    env = {"PYTHONPATH": f"{tmp_path}:.", "SCARCE": str(scarce)}
    with ChatTerminal("--temperature", "0", columns=120, rows=50, env=env) as chat:
        assert "132" in chat.ask("47 + 85")
        scarce.touch()
        chat.send("\x1b[200~" + "가나 " * 700 + "\x1b[201~\r")
        chat.wait_for("there is no memory for a context of 8,192 tokens")
        chat.wait_for("close other programs")
        chat.wait_until_idle()
        assert "is left out" in chat.text
        assert "133" in chat.ask("47 + 86")
        scarce.unlink()
        chat.send("\x1b[200~" + "가나 " * 700 + "\x1b[201~\r")
        chat.wait_for("thought for", count=3)
        chat.wait_until_idle()
        assert chat.text.count("there is no memory") == 1


def test_a_stop_from_outside_gives_the_terminal_back_and_the_prompt_goes_on(random_model):
    """Here nobody could let it go on, so that the system does not stop it for long."""
    with chat(random_model, "--max-tokens", "3") as terminal:
        terminal.wait_for(PROMPT)
        at_prompt = terminal.modes()
        terminal.send("half a ")
        terminal.wait_for("half a")
        written = len(terminal.raw)
        terminal.kill(signal.SIGTSTP)
        wait_until(lambda: b"?2004h" in terminal.raw[written:], meanwhile=terminal.read)
        assert b"?2004l" in terminal.raw[written:]
        assert terminal.modes() == at_prompt
        terminal.line("question")
        terminal.wait_for("token limit")
        assert "half a question" in terminal.text
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0


def test_after_a_stop_that_nobody_is_told_of_enter_still_sends():
    """As by kill -STOP and -CONT: the shell took the terminal meanwhile, and does not give it back
    as it was.
    """
    with Terminal("chat", "-m", "demo") as terminal:
        shells = terminal.modes()
        terminal.wait_for(PROMPT)
        for count, question in enumerate(("1 + 2", "2 + 2"), 1):
            terminal.kill(signal.SIGSTOP)
            terminal.change_modes(shells)
            terminal.kill(signal.SIGCONT)
            wait_until(lambda: not terminal.reads_lines, meanwhile=terminal.read)
            terminal.line(question)
            terminal.wait_for(f"{question} = {count + 2}")
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the shell's child in /proc")
def test_a_chat_that_goes_on_in_the_background_has_its_terminal_again_when_the_shell_gives_it():
    with Terminal("--norc", "-i", command=("bash",)) as terminal:
        terminal.line(shlex.join([*COMMAND, "chat", "--no-save", "-m", "demo"]))
        terminal.wait_for("Ctrl-D leaves")
        (chat,) = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()
        for count in (1, 2):
            os.kill(int(chat), signal.SIGSTOP)
            terminal.wait_for("Stopped", count=count)
            os.kill(int(chat), signal.SIGCONT)
            terminal.read(0.5)  # who types at once, types for both: the system stops the chat again
            terminal.line("fg")
            wait_until(
                lambda: terminal.in_front == int(chat) and not terminal.reads_lines,
                meanwhile=terminal.read,
            )
            terminal.line(f"{count} + 2")
            terminal.wait_for(f"{count} + 2 = {count + 2}")
