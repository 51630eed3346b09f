"""Every command of a chat, with the embedded model in a real terminal."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chat import ChatTerminal


@pytest.fixture
def chat() -> Iterator[ChatTerminal]:
    with ChatTerminal("--temperature", "0", columns=120, rows=50) as terminal:
        yield terminal


def test_help_shows_every_command_and_key(chat):
    from gptoss_cli.repl.commands.registry import COMMANDS

    shown = chat.ask("/help")
    for command in COMMANDS:
        assert f"/{command.name}" in shown
    assert "Ctrl-O" in shown
    assert "answer now" in shown


def test_help_of_one_command(chat):
    assert "how long the model thinks" in chat.ask("/help effort")


def test_an_unknown_command_is_not_sent_and_the_nearest_is_named(chat):
    shown = chat.ask("/efort high")
    assert "there is no command /efort" in shown
    assert "/effort" in shown
    assert "thought" not in shown


def test_a_line_that_begins_with_a_slash_can_be_sent(chat):
    assert "thought" in chat.ask("//etc is a folder")


def test_effort_is_shown_changed_and_refused(chat):
    assert "effort medium" in chat.ask("/effort")
    chat.ask("/effort high")
    assert "high" in chat.status
    assert "did you mean low?" in chat.ask("/effort lo")


def test_effort_for_one_message_only(chat):
    chat.ask("/effort high once")
    assert "high" in chat.status
    chat.ask("2 + 2")
    assert "medium" in chat.status


def test_effort_none_answers_without_thinking(chat):
    chat.ask("/effort none")
    shown = chat.ask("2 + 2")
    assert "thought" not in shown
    assert shown.strip()


def test_instructions_are_given_shown_and_cleared(chat):
    chat.ask("/system 항상 한국어로 답해라")
    assert "항상 한국어로 답해라" in chat.ask("/system")
    assert "# Instructions" in chat.ask("/show prompt")
    chat.ask("/system clear")
    assert "there are no instructions" in chat.ask("/system")


def test_numbers_are_set_shown_and_refused(chat):
    chat.ask("/set temperature 0.5")
    assert "temperature 0.5" in chat.ask("/set temperature")
    assert "top_k" in chat.ask("/set")
    assert "takes a number from 0 to 10" in chat.ask("/set temperature 11")
    assert "did you mean temperature" in chat.ask("/set temprature 1")
    chat.ask("/set seed 7")
    chat.ask("/set seed none")
    assert "seed none" in chat.ask("/set seed")


def test_regen_begins_another_branch(chat):
    chat.ask("47 + 85")
    shown = chat.ask("/regen")
    assert "132" in shown
    assert "2  1 turn" in chat.ask("/branches")


def test_regen_with_a_hint_adds_it_to_the_question(chat):
    chat.ask("47 + 85")
    chat.ask("/regen please")
    assert "please" in chat.ask("/show 1")


def test_undo_and_redo(chat):
    chat.ask("47 + 85")
    chat.ask("100 + 1")
    assert "1 turn taken back, 1 turn left" in chat.ask("/undo")
    assert "100 + 1" not in chat.ask("/show all")
    chat.ask("/redo")
    assert "101" in chat.ask("/show all")
    assert "there is no turn 5" in chat.ask("/undo 5")


def test_nothing_to_bring_back(chat):
    assert "there is nothing to bring back" in chat.ask("/redo")


def test_edit_puts_a_question_into_the_input_and_begins_a_branch(chat):
    chat.ask("47 + 85")
    chat.ask("100 + 1")
    chat.line("/edit 1")
    chat.wait_for("question 1 is in the input")
    chat.send("\x7f" * 2 + "86\r")
    assert "133" in chat.wait_for_echo("47 + 86")
    assert "2 " in chat.ask("/branches")
    chat.ask("/branch 1")
    assert "101" in chat.ask("/show all")


def test_branch_goes_round(chat):
    chat.ask("47 + 85")
    chat.ask("/regen")
    assert "branch 1 of 2" in chat.ask("/branch")
    assert "branch 2 of 2" in chat.ask("/branch")


def test_new_sessions_open_title_and_search(chat):
    chat.ask("47 + 85")
    chat.ask("/title 덧셈 연습")
    assert "덧셈 연습" in chat.status
    chat.ask("/new")
    assert "덧셈" not in chat.status
    chat.ask("100 + 1")
    listed = chat.ask("/sessions")
    assert "덧셈 연습" in listed
    assert "100 + 1" in listed
    found = chat.ask("/search 132")
    assert "덧셈 연습" in found
    shown = chat.ask("/open 1")
    assert "132" in shown
    assert "덧셈 연습" in chat.status
    chat.ask("/open 100")
    assert "100 + 1" in chat.status


def test_thinking_is_searched_when_that_is_asked_for(chat):
    chat.ask("거기서 12 빼줘")
    assert "nothing was said" in chat.ask("/search 내가")
    assert "conversation" in chat.ask("/search --thinking 내가")


def test_forget_asks_and_leaves_no_trace(chat, home):
    chat.ask("비밀번호는 swordfish")
    assert "for good" in chat.ask("/forget")
    chat.ask("/forget yes")
    assert chat.leave() == 0
    for file in home.rglob("sessions.db*"):
        assert b"swordfish" not in file.read_bytes()


@pytest.mark.parametrize("form", ["md", "html", "txt", "json"])
def test_export(chat, tmp_path, form):
    chat.ask("47 + 85")
    path = tmp_path / f"out.{form}"
    chat.ask(f"/export {form} {path} --thinking")
    content = path.read_text(encoding="utf-8")
    assert "132" in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if form == "json":
        assert len(json.loads(content)["messages"]) == 3
    assert "is there already" in chat.ask(f"/export {form} {path}")


def test_copy_gives_the_answer_to_the_terminal(tmp_path):
    import base64

    # Without a clipboard of its own the machine asks the terminal.
    with ChatTerminal("--temperature", "0", env={"SSH_CONNECTION": "1 2 3 4"}) as chat:
        chat.ask("47 + 85")
        assert "OSC 52" in chat.ask("/copy")
        answer = base64.b64encode(b"47 + 85 = 132")
        assert b"\x1b]52;c;" + answer in chat.raw
        assert "there is no code block" in chat.ask("/copy code")


def test_save_writes_the_answer(chat, tmp_path):
    chat.ask("47 + 85")
    chat.ask(f"/save {tmp_path / 'a b.md'}")
    assert (tmp_path / "a b.md").read_text() == "47 + 85 = 132\n"


def test_show_prompt_is_what_the_model_gets(chat):
    chat.ask("47 + 85")
    shown = chat.ask("/show prompt")
    assert "<|start|>system<|message|>" in shown
    assert "<|start|>user<|message|>47 + 85<|end|>" in shown
    assert "analysis" not in shown.partition("<|start|>user")[2].partition("132")[0]
    assert shown.rstrip().splitlines()[-2].endswith("<|start|>assistant")


def test_stats_and_context(chat):
    assert "there is no answer yet" in chat.ask("/stats")
    chat.ask("47 + 85")
    figures = chat.ask("/stats")
    assert "tok/s" in figures
    assert "weights   mapped, not repacked: " in figures
    shown = chat.ask("/context")
    assert "turn 1: 47 + 85" in shown
    meter = shown.splitlines()[-1]
    assert meter.strip().startswith("ctx")
    assert meter.split("%")[0] in chat.status


def test_stats_tell_how_the_weights_of_another_model_were_loaded(chat):
    chat.ask("/model demo")
    chat.ask("47 + 85")
    assert "weights   mapped, not repacked: " in chat.ask("/stats")


def test_compact_puts_a_summary_in_the_place_of_old_turns(chat):
    assert "two turns or more" in chat.ask("/compact")
    for question in ("47 + 85", "100 + 1", "900 - 123", "5 + 5"):
        chat.ask(question)
    shown = chat.ask("/compact")
    assert "Summary of our conversation so far" in shown
    assert "2 turns summed up" in shown
    assert "900 - 123" in chat.ask("/show all")
    chat.ask("/redo")
    assert "47 + 85" in chat.ask("/show all")


def test_thinking_of_any_turn(chat):
    assert "there is no thinking yet" in chat.ask("/thinking")
    chat.ask("47 + 85")
    chat.ask("안녕")
    assert "thinking of turn 1" in chat.ask("/thinking 1")
    assert "thinking of turn 2" in chat.ask("/thinking")
    assert "there is no turn 9" in chat.ask("/thinking 9")


def test_thinking_can_be_shown_always(chat):
    chat.ask("/thinking on")
    shown = chat.ask("47 + 85")
    assert len(shown.splitlines()) > 2


def test_theme_is_listed_changed_and_remembered(chat):
    assert "* default" in chat.ask("/theme")
    chat.ask("/theme clear")
    assert "there is no theme dark" in chat.ask("/theme dark")
    assert chat.leave() == 0
    with ChatTerminal() as again:
        assert "* clear" in again.ask("/theme")


def test_model_lists_and_changes(chat, random_model):
    assert "* demo" in chat.ask("/model")
    chat.ask("47 + 85")
    assert "no file" in chat.ask("/model /nowhere/x.gguf").lower()
    chat.ask(f"/model {random_model}")
    assert "random" in chat.status
    chat.ask("/model demo")
    assert "101" in chat.ask("100 + 1")


def test_clear_leaves_the_conversation(chat):
    chat.ask("47 + 85")
    chat.line("/clear")
    chat.wait_until_idle()
    assert "132" in chat.ask("/show")


@pytest.mark.parametrize("command", ["/exit", "/quit", "/bye"])
def test_exit(command):
    with ChatTerminal() as chat:
        chat.line(command)
        assert chat.wait_for_end() == 0


def test_a_save_over_a_file_is_refused(chat, tmp_path: Path):
    (tmp_path / "a").write_text("mine")
    chat.ask("47 + 85")
    assert "is there already" in chat.ask(f"/save {tmp_path / 'a'}")
    assert (tmp_path / "a").read_text() == "mine"


def test_a_regen_that_cannot_be_keeps_the_turn(chat, tmp_path):
    (tmp_path / "img.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    chat.ask("47 + 85")
    assert "image" in chat.ask(f"/regen @{tmp_path}/img.png")
    assert "132" in chat.ask("/show all")


def test_effort_once_freezes_nothing_else_and_stays_behind(chat):
    chat.ask("/effort high once")
    chat.ask("/system BRAVO")
    chat.ask("1 + 1")
    assert "BRAVO" in chat.ask("/show prompt")
    chat.ask("/effort high once")
    chat.ask("/new")
    assert "medium" in chat.status


def test_a_damaged_model_leaves_the_present_one(chat, random_model, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(random_model.read_bytes()[:200_000])
    assert "error" in chat.ask(f"/model {broken}")
    assert "132" in chat.ask("47 + 85")


@pytest.mark.parametrize("command", ["/open " + "9" * 5000, "/undo " + "9" * 5000, "/branch x"])
def test_absurd_numbers(chat, command):
    chat.line(command)
    chat.wait_for("error:")
    chat.wait_until_idle()


def test_absurd_settings_and_names(chat):
    assert "takes" in chat.ask("/set seed " + "9" * 400)
    chat.ask("/set")
    chat.ask("47 + 85")
    chat.send("\x1b[200~/save a\x00b\x1b[201~\r")
    chat.wait_for("error:")
    chat.wait_until_idle()


@pytest.mark.parametrize("editor", ["vim 'x", "rm", "false", "/nowhere/editor"])
def test_editors_that_fail_change_nothing(editor):
    with ChatTerminal("--temperature", "0", columns=120, env={"VISUAL": editor}) as chat:
        assert "error" in chat.ask("/system edit")
        chat.send("kept\x07")
        chat.read(0.5)
        chat.wait_for("> kept")


def test_instructions_that_fill_the_window_are_refused(chat, tmp_path):
    (tmp_path / "big.txt").write_text("word " * 20_000)
    assert "of the window" in chat.ask(f"/system file {tmp_path}/big.txt")
    assert "which file?" in chat.ask("/system file")
    assert "there are no instructions" in chat.ask("/system")


def test_compact_keeps_the_title(chat):
    for question in ("47 + 85", "100 + 1", "900 - 123"):
        chat.ask(question)
    chat.ask("/compact")
    assert "47 + 85" in chat.status


def test_forget_also_forgets_what_was_typed(chat, home):
    chat.ask("swordfish 라는 말")
    chat.ask("/forget yes")
    (history,) = home.rglob("history")
    assert "swordfish" not in history.read_text()


def test_attached_files_stay_behind(chat, tmp_path):
    (tmp_path / "a.txt").write_text("text")
    chat.ask(f"/file {tmp_path}/a.txt")
    chat.ask("/new")
    assert "with the next message" not in chat.status


def test_an_edit_does_not_lose_what_is_typed_meanwhile(random_model):
    with ChatTerminal("--temperature", "0", model=random_model, columns=120) as chat:
        chat.line("one")
        chat.wait_for("Esc: stop")
        chat.line("/edit 1")
        chat.send("half typed")
        chat.wait_for("1 waiting")
        chat.send("\x1b")
        chat.wait_for("not sent")
        chat.wait_for("> half typed")
