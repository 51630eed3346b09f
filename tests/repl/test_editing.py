"""A question that is edited: what shows it, what ends it, what leaves it open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.chat import ChatTerminal

UP = "\x1b[A"
PASTE, PASTED = "\x1b[200~", "\x1b[201~"
EDITED, STAYS = "editing question 1", "question 1 stays as it is."


@pytest.fixture
def chat() -> Iterator[ChatTerminal]:
    with ChatTerminal("--temperature", "0", "--context", "65536", columns=120, rows=50) as terminal:
        terminal.ask("47 + 85")
        terminal.ask("100 + 1")
        yield terminal


def edit(chat: ChatTerminal, number: int = 1) -> None:
    chat.line(f"/edit {number}")
    chat.wait_for(f"question {number} is in the input")
    chat.wait_for(f"editing question {number}")


def cleared(chat: ChatTerminal) -> None:
    """Empty the input, and nothing more."""
    chat.send("\x05\x15")
    chat.wait_until_idle()


def test_ctrl_c_ends_an_edit_and_the_next_message_goes_on_where_the_conversation_is(chat):
    edit(chat)
    chat.send("\x03")
    chat.wait_for(STAYS)
    chat.wait_until_idle()
    assert EDITED not in chat.status
    chat.ask("2 + 2")
    assert "3  turn" not in chat.ask("/branches")
    assert "101" in chat.ask("/show all")


def test_ctrl_c_on_an_empty_input_ends_an_edit_before_it_leaves(chat):
    edit(chat)
    cleared(chat)
    chat.send("\x03")
    chat.wait_for(STAYS)
    chat.wait_until_idle()
    assert "leaves." not in chat.text
    chat.send("\x03")
    chat.wait_for("Ctrl-C again")


def test_nothing_sent_ends_an_edit(chat):
    edit(chat)
    cleared(chat)
    chat.send("\r")
    chat.wait_for(STAYS)
    chat.wait_until_idle()
    chat.ask("2 + 2")
    assert "101" in chat.ask("/show all")


@pytest.mark.parametrize("command", ["/effort high once", "/set seed 1", "/help edit", "/undo 9"])
def test_commands_that_move_nothing_leave_an_edit_open(chat, command):
    edit(chat)
    cleared(chat)
    chat.ask(command)
    assert EDITED in chat.status
    assert "133" in chat.ask("47 + 86")
    assert EDITED not in chat.status
    assert "101" not in chat.ask("/show all")


@pytest.mark.parametrize("command", ["/undo", "/regen", "/branch 1", "/new"])
def test_commands_that_move_the_conversation_end_an_edit(chat, command):
    chat.ask("/regen")
    edit(chat)
    cleared(chat)
    chat.ask(command)
    assert EDITED not in chat.status
    turns = chat.ask("/show all").count("\n> ")
    chat.ask("2 + 2")
    assert chat.ask("/show all").count("\n> ") == turns + (command != "/new")


def test_another_edit_takes_the_place_of_the_first(chat):
    edit(chat, 1)
    cleared(chat)
    edit(chat, 2)
    assert STAYS in chat.text
    chat.send("\x7f2\r")
    assert "102" in chat.wait_for_echo("100 + 2")
    assert "132" in chat.ask("/show all")


def test_an_edit_that_does_not_fit_stays_open(chat):
    edit(chat)
    chat.send(f"{PASTE}{' word' * 80_000}{PASTED}\r")
    chat.wait_for("the context window")
    chat.wait_until_idle()
    assert EDITED in chat.status
    assert "133" in chat.ask("47 + 86")
    assert "101" not in chat.ask("/show all")


def test_an_edit_that_is_stopped_before_it_is_read_stays_open(chat):
    edit(chat)
    chat.send(f"{PASTE}{' 가나' * 8000}{PASTED}\r")
    chat.wait_for("reading")
    chat.send("\x1b")
    chat.wait_for("is left out")
    chat.wait_until_idle()
    assert EDITED in chat.status
    assert "133" in chat.ask("47 + 86")
    assert "101" not in chat.ask("/show all")


def test_what_was_sent_before_the_edit_began_is_no_part_of_it(random_model):
    with ChatTerminal("--temperature", "0", "--max-tokens", "700", model=random_model) as chat:
        chat.line("one")
        chat.wait_for("Esc: stop")
        chat.line("/edit 1")
        chat.line("two")
        chat.wait_for("is in the input", seconds=30)
        chat.wait_for("> two")
        chat.wait_for("token limit", count=2)
        chat.wait_for("editing question 1")
        chat.send("\x03")
        chat.wait_for(STAYS)
        assert "there is one branch only" in chat.ask("/branch")


def test_an_effort_for_once_stays_when_the_question_was_not_read_again(chat):
    chat.send(f"{PASTE}{' 가나' * 1000}{PASTED}\r")
    chat.wait_for("Esc: stop")
    chat.wait_until_idle()
    chat.ask("/effort high once")  # at the beginning of the prompt: all is read again
    chat.line("/regen")
    chat.wait_for("Esc: stop")
    chat.send("\x1b")
    chat.wait_until_idle()
    assert "high" in chat.status


def test_plain_says_where_a_question_of_several_lines_is():
    with ChatTerminal("--plain", "--temperature", "0", columns=120, waits=False) as chat:
        chat.wait_for("/help shows the commands")
        chat.line('"""47')
        chat.line('+ 85"""')
        chat.wait_for("thought for")
        chat.line("/edit")
        chat.wait_for("this is question 1")
        assert "in the input" not in chat.text
        chat.line("")
        chat.wait_for(STAYS)
        chat.line("/edit")
        chat.wait_for("this is question 1", count=2)
        chat.line("47 + 86")
        chat.wait_for("133")
        chat.line("/branches")
        chat.wait_for("* 2  1 turn")


@pytest.mark.parametrize("columns", [20, 40])
def test_narrow_terminals_show_an_edit_where_there_is_room(columns):
    with ChatTerminal("--temperature", "0", columns=columns) as chat:
        chat.ask("47 + 85")
        chat.line("/edit 1")
        chat.wait_for("Ctrl-C")
        chat.read(0.3)
        assert (EDITED in chat.status) == (columns == 40)
        assert chat.status.startswith(" ctx")
