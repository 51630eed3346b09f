"""Documents in a chat: by command, by mention, from a glob; what they cost is shown first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chat import ChatTerminal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.log").write_text("one\ntwo\nthree\n")
    (tmp_path / "메모.txt").write_bytes("서울에서 만나요".encode("cp949"))
    (tmp_path / "a b.py").write_text("print('```')\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    return tmp_path


@pytest.fixture
def chat(folder: Path) -> Iterator[ChatTerminal]:
    with ChatTerminal("--temperature", "0", columns=120, rows=50, folder=folder) as terminal:
        yield terminal


def test_a_file_with_a_question_is_sent_at_once(chat):
    shown = chat.ask("/file app.log -- 무엇이 문제인가?")
    assert "app.log · 3 lines · " in shown
    assert "tokens" in shown
    assert "thought for" in shown
    prompt = chat.ask("/show prompt")
    assert "무엇이 문제인가?" in prompt
    assert "File: app.log" in prompt
    assert "two" in prompt


def test_a_file_without_a_question_goes_with_the_next_message(chat):
    chat.ask("/file app.log")
    assert "1 file with the next message" in chat.status
    assert "app.log" in chat.ask("/file")
    chat.ask("what is this?")
    assert "with the next message" not in chat.status
    assert "three" in chat.ask("/show prompt")


def test_files_that_wait_can_be_dropped(chat):
    chat.ask("/file app.log")
    chat.ask("/file clear")
    chat.ask("hello")
    assert "three" not in chat.ask("/show prompt")


def test_a_mention_in_a_message_brings_the_file(chat):
    shown = chat.ask("what is in @app.log?")
    assert "app.log · 3 lines" in shown
    assert "three" in chat.ask("/show prompt")


def test_titles_and_lists_show_what_was_asked_and_not_what_was_in_the_file(chat):
    chat.ask("what is in @app.log?")
    chat.ask("/file app.log -- 또 뭐가 있지?")
    assert chat.status.endswith("what is in @app.log?")
    assert "the last: 또 뭐가 있지?\n" in chat.ask("/branches")
    shown = chat.ask("/context") + chat.ask("/sessions")
    assert shown.count("what is in @app.log?\n") == 2
    assert "File:" not in shown


def test_a_mention_with_a_korean_particle_and_another_encoding(chat):
    shown = chat.ask("@메모.txt에는 뭐라고 써 있어?")
    assert "메모.txt · 1 line" in shown
    assert "CP949" in shown
    assert "서울에서 만나요" in chat.ask("/show prompt")


def test_an_at_sign_that_names_nothing_is_a_word(chat):
    shown = chat.ask("@app.route('/x') is a decorator, kim@example.com an address")
    assert "error" not in shown
    assert "lines" not in shown


def test_blanks_in_names_and_fences_in_texts(chat):
    chat.ask("/file 'a b.py' -- what?")
    prompt = chat.ask("/show prompt")
    assert "File: a b.py" in prompt
    assert "````py" in prompt


def test_a_glob_brings_what_is_text(chat):
    shown = chat.ask("/file *.* -- what?")
    assert "app.log" in shown
    assert "a b.py" in shown
    assert "picture.png ·" not in shown


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/file picture.png", "image"),
        ("/file app.lgo", "app.log"),
        ("/file nothing*", "nothing"),
        ('/file "app', "quotation mark"),
        ("/file", "which file?"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_sent(chat, command, said):
    shown = chat.ask(command)
    assert said in shown
    assert "thought" not in shown


def test_a_question_whose_file_is_refused_keeps_what_was_attached(chat):
    chat.ask("/file app.log")
    chat.ask("/file picture.png")
    assert "1 file with the next message" in chat.status


def test_instructions_from_a_file(chat, folder):
    (folder / "system.md").write_text("Answer in one word.")
    chat.ask("/system file system.md")
    assert "Answer in one word." in chat.ask("/system")


def test_tab_completes_paths(chat):
    chat.send("/file ap\t")
    chat.wait_for("> /file app.log")
    chat.send("\x03")
    chat.wait_until_idle()
    chat.send("see @a\\ \t")
    chat.wait_for("> see @a\\ b.py")


def test_names_that_would_move_the_cursor_are_shown(chat, folder):
    if os.name != "posix":
        pytest.skip("such names cannot be made")
    (folder / "x\x1b[2Jy.txt").write_text("hi")
    shown = chat.ask("/file x* -- what?")
    assert "x␛[2Jy.txt" in shown


@pytest.fixture
def clipboard(tmp_path, monkeypatch) -> Path:
    """A clipboard of this machine: a file, behind the program that Linux has for it."""
    content, folder = tmp_path / "clipboard", tmp_path / "bin"
    folder.mkdir()
    program = folder / "xclip"
    program.write_text(f'#!/bin/sh\ncase "$*" in *-o*) cat {content};; *) cat > {content};; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    content.write_text("복사한 글\n두 줄")
    return content


@pytest.mark.skipif(sys.platform != "linux", reason="the clipboard is made of a program of Linux")
def test_the_clipboard_is_sent_and_filled(clipboard):
    with ChatTerminal("--temperature", "0", columns=120, rows=50) as chat:
        assert "clipboard · 2 lines" in chat.ask("/paste 요약해 줘")
        assert "복사한 글" in chat.ask("/show prompt")
        chat.ask("47 + 85")
        assert "copied" in chat.ask("/copy")
    assert clipboard.read_text() == "47 + 85 = 132"


def test_a_clipboard_that_is_not_there_is_said(monkeypatch):
    with ChatTerminal(columns=120, env={"SSH_CONNECTION": "1 2 3 4"}) as chat:
        assert "on your own machine" in chat.ask("/paste")


def test_what_looks_like_a_mention_in_code_or_in_a_document_is_not_one(chat, folder):
    (folder / "property").mkdir()
    (folder / "doc.md").write_text("@property\n@app.log\n")
    chat.ask("sum @doc.md")
    assert "three" not in chat.ask("/show prompt")
    assert "error" not in chat.ask("/regen shorter")
    assert "three" not in chat.ask("/show prompt")
    chat.line("/edit")
    chat.wait_for("is in the input")
    chat.send("\r")
    chat.wait_until_idle()
    assert chat.ask("/show prompt").count("File: doc.md") == 1


def test_a_file_that_does_not_fit_with_its_question_does_not_stay_attached(chat, folder):
    (folder / "big.txt").write_text("word " * 20_000)
    assert "the context window" in chat.ask("/file big.txt -- what?")
    assert "with the next message" not in chat.status
