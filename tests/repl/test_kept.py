"""Conversations that are kept, whatever happens to the program or to the store."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from gptoss_cli.messages import final, user
from gptoss_cli.sessions.records import SessionSettings
from gptoss_cli.sessions.store import open_store
from tests.support.chat import ChatTerminal
from tests.support.program import gptoss
from tests.support.waiting import wait_until


@pytest.fixture
def data(home: Path) -> Path:
    """The folder of data of the test's home."""
    return home / ".local" / "share" / "gptoss"


@pytest.fixture
def endless(random_model):
    """A chat with a model that never comes to an end by itself."""
    with ChatTerminal("--temperature", "0", model=random_model, rows=30) as terminal:
        yield terminal


def stored(data: Path) -> list[tuple[str, str]]:
    """The last session's messages from its root to its head: role or channel, and text."""
    with open_store(data / "sessions.db") as store:
        info = store.last()
        assert info is not None
        return [
            (m.message.channel or m.message.role, m.message.content)
            for m in store.load(info.id).path()
        ]


def test_c_goes_on_with_the_last_conversation_and_its_settings(data):
    with ChatTerminal("--temperature", "0", "-e", "high") as chat:
        chat.ask("47 + 85")
        chat.ask("/system 짧게")
        assert chat.leave() == 0
    assert stat.S_IMODE((data / "sessions.db").stat().st_mode) == 0o600
    with ChatTerminal("-c") as again:
        assert "47 + 85 = 132" in again.text
        assert "high" in again.status
        assert "짧게" in again.ask("/system")
        assert "131" in again.ask("and minus 1?")
    assert [kind for kind, _ in stored(data)] == ["user", "analysis", "final"] * 2


def test_options_that_are_named_win_over_those_of_the_session():
    with ChatTerminal("-e", "high") as chat:
        chat.ask("47 + 85")
        chat.leave()
    with ChatTerminal("-c", "-e", "low") as again:
        assert "low" in again.status


def test_session_opens_one_by_its_title():
    with ChatTerminal("--temperature", "0") as chat:
        chat.ask("47 + 85")
        chat.ask("/title 덧셈")
        chat.ask("/new")
        chat.ask("안녕")
        chat.leave()
    with ChatTerminal("--session", "덧셈") as again:
        assert "= 132" in again.text
        assert "덧셈" in again.status


def test_a_session_that_is_not_there_is_said_before_anything_is_loaded():
    with ChatTerminal("--session", "없는 것", waits=False) as chat:
        assert chat.wait_for_end() == 1
        assert "there is no conversation" in chat.text or "no conversation is kept" in chat.text


def test_no_save_leaves_no_trace(home, data):
    with ChatTerminal("--no-save") as chat:
        chat.ask("swordfish")
        assert "not kept" in chat.ask("/sessions")
        assert chat.leave() == 0
    for file in home.rglob("*"):
        assert not file.is_file() or b"swordfish" not in file.read_bytes()
    assert not (data / "sessions.db").exists()


def test_kill_9_in_the_middle_of_an_answer_loses_less_than_a_second(endless, data):
    endless.line("go on")
    endless.wait_for("Esc: stop")
    endless.read(1.5)
    seen = endless.text.partition("> go on")[2]
    endless.kill(signal.SIGKILL)
    endless.wait_until_gone()
    (_, question), (_, answer) = stored(data)
    assert question == "go on"
    assert len(answer) > 100
    with ChatTerminal("-c", model=endless.model) as again:
        assert "[stopped]" in again.text
        assert "> go on" in again.text
    assert seen


def test_a_question_is_kept_before_it_is_answered(endless, data):
    endless.line("질문 하나")
    wait_until((data / "sessions.db").exists, meanwhile=endless.read)
    endless.wait_for("Esc: stop")
    endless.read(0.3)
    endless.kill(signal.SIGKILL)
    endless.wait_until_gone()
    assert stored(data)[0] == ("user", "질문 하나")


def test_two_chats_on_one_store(data):
    with ChatTerminal("--temperature", "0") as one, ChatTerminal("--temperature", "0") as two:
        one.line("47 + 85")
        two.line("100 + 1")
        one.wait_for_echo("47 + 85")
        two.wait_for_echo("100 + 1")
        assert "100 + 1" in one.ask("/sessions")
        one.ask("2 + 2")
        two.ask("3 + 3")
    with open_store(data / "sessions.db") as store:
        assert {info.message_count for info in store.sessions()} == {6}


def test_two_chats_on_one_conversation_branch(data):
    with ChatTerminal("--temperature", "0") as one:
        one.ask("47 + 85")
        with ChatTerminal("-c", "--temperature", "0") as two:
            one.ask("2 + 2")
            two.ask("3 + 3")
    with open_store(data / "sessions.db") as store:
        (info,) = store.sessions()
        assert len(store.load(info.id).leaves()) == 2


def test_a_conversation_that_another_program_removes_is_kept_anew(data):
    with ChatTerminal("--temperature", "0") as chat:
        chat.ask("47 + 85")
        assert gptoss("sessions", "rm", "last", "--yes").exit_code == 0
        chat.ask("2 + 2")
    assert [text for kind, text in stored(data) if kind == "user"] == ["47 + 85", "2 + 2"]


def test_a_store_of_a_newer_version_is_left_alone_and_the_chat_goes_on(data):
    data.mkdir(parents=True)
    with open_store(data / "sessions.db"):
        pass
    with sqlite3.connect(data / "sessions.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = (data / "sessions.db").read_bytes()
    with ChatTerminal("--temperature", "0") as chat:
        assert "This conversation is not kept" in " ".join(chat.text.split())
        assert "132" in chat.ask("47 + 85")
        chat.leave()
    assert (data / "sessions.db").read_bytes() == before


def test_a_damaged_store_is_put_aside_and_a_new_one_begun(data):
    data.mkdir(parents=True)
    (data / "sessions.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        assert "was damaged; it is kept as" in chat.text
        chat.ask("47 + 85")
        chat.leave()
    assert list(data.glob("sessions.db.damaged-*"))
    assert stored(data)[0] == ("user", "47 + 85")


def test_a_store_that_breaks_during_the_chat_is_told_once_and_nothing_is_lost(data):
    """As on a disk that becomes read-only: the folder is in the way of the store, then gone."""
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        chat.ask("47 + 85")
        kept = data.with_name("kept")
        data.rename(kept)
        data.write_text("in the way")
        assert "not kept for now" in chat.ask("2 + 2")
        assert "not kept" not in chat.ask("3 + 3")
        data.unlink()
        kept.rename(data)
        assert "kept again" in chat.ask("4 + 4")
    questions = [text for kind, text in stored(data) if kind == "user"]
    assert questions == ["47 + 85", "2 + 2", "3 + 3", "4 + 4"]


def test_a_full_disk_is_told_and_the_chat_goes_on(data):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        chat.ask("47 + 85")
        resource.prlimit(chat.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
        shown = chat.ask("2 + 2")
        assert "4" in shown
        assert "not kept for now" in shown
        resource.prlimit(chat.pid, resource.RLIMIT_FSIZE, limits)
        assert "kept again" in chat.ask("3 + 3")
    questions = [text for kind, text in stored(data) if kind == "user"]
    assert questions == ["47 + 85", "2 + 2", "3 + 3"]


def test_what_terminals_obey_is_shown_in_titles_and_old_answers(data, random_model):
    with ChatTerminal() as chat:
        chat.ask("hello")
        chat.leave()
    with sqlite3.connect(data / "sessions.db") as database:
        hostile = "\x1b]0;owned\x07\x1b[31mred\u202e"
        database.execute("UPDATE session SET title = ?", (hostile,))
        database.execute("UPDATE message SET content = ? || content", (hostile,))
    database.close()
    with ChatTerminal("-c") as again:
        again.ask("/sessions")
        again.ask("/show all")
        again.ask("/branches")
        again.ask("/thinking")
        assert b"\x1b]0;" not in again.raw
        assert b"\x1b[31mred" not in again.raw
        assert "␛]0;owned␇" in again.text


def test_a_long_conversation_loses_its_oldest_turns_and_says_so(data):
    with ChatTerminal("--temperature", "0", "--context", "512", columns=100) as chat:
        text = ""
        for number in range(12):
            text += chat.ask(f"{number} + 85 그리고 아무 말이나 덧붙인다")
            if "leaves the prompt" in text or "leave the prompt" in text:
                break
        assert "the context window is full" in text
        assert "no longer in the prompt" in chat.ask("/context")
        assert "turn 1" in chat.ask("/thinking 1")
    assert len([kind for kind, _ in stored(data) if kind == "user"]) >= 3


def test_the_question_that_is_too_long_is_not_cut_and_nothing_is_lost(data):
    with ChatTerminal("--context", "512", columns=100) as chat:
        chat.ask("47 + 85")
        chat.send("\x1b[200~" + "word " * 600 + "\x1b[201~\r")
        chat.wait_for("the context window 512")
        chat.wait_until_idle()
        chat.send("\x1b[A")
        chat.wait_for("word word")


def test_plain_moves_nothing_and_does_all_the_same(data, home):
    with ChatTerminal("--plain", "--temperature", "0", waits=False) as chat:
        chat.wait_for("/help shows the commands")
        chat.line("47 + 85")
        chat.wait_for("= 132")
        chat.line("/title 덧셈")
        chat.line("/sessions")
        chat.wait_for("/open N")
        chat.line("/nonsense")
        chat.wait_for("there is no command")
        chat.line('"""one')
        chat.line('two"""')
        chat.wait_for("thought for", count=2)
        chat.wait_for_prompt()
        chat.send("\x04")
        assert chat.wait_for_end() == 0
        assert b"\x1b[A" not in chat.raw
        assert b"\x1b[K" not in chat.raw
    assert ("user", "one\ntwo") in stored(data)


def test_a_dumb_terminal_gets_the_plain_chat():
    with ChatTerminal("--temperature", "0", env={"TERM": "dumb"}, waits=False) as chat:
        chat.wait_for("/help shows the commands")
        chat.line("47 + 85")
        chat.wait_for("= 132")
        assert b"\x1b" not in chat.raw.replace(b"\x1b[?2004h", b"").replace(b"\x1b[?2004l", b"")


def test_export_of_the_shell_reads_what_the_chat_kept(data):
    with ChatTerminal("--temperature", "0") as chat:
        chat.ask("47 + 85")
        chat.leave()
    exported = json.loads(gptoss("sessions", "export", "last", "json", "--thinking").stdout)
    assert [message["role"] for message in exported["messages"]] == ["user"] + ["assistant"] * 2
    assert exported["messages"][1]["usage"]["thought_tokens"] > 0
    assert exported["model"] == "demo"


def test_2000_messages_are_opened_at_once(data):
    """RESULTS.md has the time; here: the last turns are seen, all the others are there."""
    data.mkdir(parents=True)
    with open_store(data / "sessions.db") as store:
        session_id = store.create("demo", SessionSettings())
        parent = None
        for number in range(1000):
            parent = store.add(session_id, parent, user(f"{number} + 1"))
            parent = store.add(session_id, parent, final(f"{number + 1}"))
    with ChatTerminal("-c") as chat:
        assert "998 earlier turns" in chat.text
        assert "> 999 + 1" in chat.text
        assert "1000" in chat.ask("/show")


@pytest.mark.parametrize("arguments", [("-c", "--session", "x"), ("-c", "--no-save")])
def test_options_that_contradict_each_other_are_refused(arguments):
    with ChatTerminal(*arguments, waits=False) as chat:
        assert chat.wait_for_end() == 2


def test_a_data_folder_that_cannot_be_written_is_told(home, data):
    data.parent.mkdir(parents=True)
    data.write_text("a file in the place of the folder")
    with ChatTerminal("--temperature", "0") as chat:
        assert "This conversation is not kept" in " ".join(chat.text.split())
        assert "132" in chat.ask("47 + 85")
        assert chat.leave() == 0


def test_a_defect_of_ours_ends_the_chat_with_a_report_and_the_conversation_is_kept(tmp_path, data):
    (tmp_path / "sitecustomize.py").write_text(
        "from gptoss_cli.repl.dialogue import Dialogue\n"
        "def broken(self):\n"
        "    if self.chat.tree.turns():\n"
        "        raise KeyError('a defect')\n"
        "Dialogue.measure = broken\n"
    )
    env = {"PYTHONPATH": f"{tmp_path}:."}
    with ChatTerminal("--temperature", "0", columns=160, env=env, waits=False) as chat:
        chat.wait_for("\n>")
        chat.line("47 + 85")
        assert chat.wait_for_end() == 70
        assert "a report is in" in chat.text
    assert [kind for kind, _ in stored(data)] == ["user", "analysis", "final"]


def test_a_session_longer_than_the_window_is_measured_as_it_will_be_sent(data):
    data.mkdir(parents=True)
    with open_store(data / "sessions.db") as store:
        session_id = store.create("demo", SessionSettings())
        parent = None
        for number in range(100):
            parent = store.add(session_id, parent, user(f"{number} + 1 " + "word " * 100))
            parent = store.add(session_id, parent, final(f"{number + 1}"))
    with ChatTerminal("-c", columns=100, rows=50) as chat:
        share = int(chat.status.split("%")[0].split()[-1])
        assert 30 < share <= 100
        assert "no longer in the prompt" in chat.ask("/context")


def test_tab_while_an_answer_is_stored(endless):
    endless.line("go on")
    endless.wait_for("Esc: stop")
    endless.send("/open zzz" + "\t" * 100)
    endless.read(1.0)
    endless.send("\x03")
    endless.wait_for("[stopped]")


def test_where_the_conversation_went_back_to_is_kept_and_an_edit_that_was_not_sent_is_not(data):
    with ChatTerminal("--temperature", "0") as chat:
        chat.ask("47 + 85")
        chat.ask("100 + 1")
        chat.ask("/undo")
        chat.leave()
    with ChatTerminal("-c") as again:
        assert "= 132" in again.text
        assert "100 + 1" not in again.text
        again.line("/edit 1")
        again.wait_for("question 1 is in the input")
        again.send("\x03\x04")
        again.wait_for_end()
    assert stored(data)[0] == ("user", "47 + 85")


def test_what_could_not_be_kept_is_kept_on_leaving(data):
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        chat.ask("47 + 85")
        kept = data.with_name("kept")
        data.rename(kept)
        data.write_text("in the way")
        assert "not kept for now" in chat.ask("2 + 2")
        data.unlink()
        kept.rename(data)
        chat.leave()
    assert [text for kind, text in stored(data) if kind == "user"] == ["47 + 85", "2 + 2"]


def test_the_present_conversation_can_be_opened_after_the_store_failed(data):
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        chat.ask("47 + 85")
        kept = data.with_name("kept")
        data.rename(kept)
        data.write_text("in the way")
        chat.ask("2 + 2")
        data.unlink()
        kept.rename(data)
        shown = chat.ask("/open 47 + 85")
        assert "kept again" in shown
        assert "> 2 + 2" in shown
        chat.ask("3 + 3")
    questions = [text for kind, text in stored(data) if kind == "user"]
    assert questions == ["47 + 85", "2 + 2", "3 + 3"]


def test_a_title_given_while_the_store_fails_is_kept_and_told_when_it_is_left(data):
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        chat.ask("47 + 85")
        kept = data.with_name("kept")
        data.rename(kept)
        data.write_text("in the way")
        assert "not kept for now" in chat.ask("/title 덧셈")
        assert "kept again" not in chat.ask("/new")
        data.unlink()
        kept.rename(data)
        assert "kept again" in chat.ask("/new")
    with open_store(data / "sessions.db") as store:
        assert [info.title for info in store.sessions()] == ["덧셈"]


def test_a_store_that_another_program_locks_holds_up_neither_answers_nor_leaving(data):
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        chat.ask("47 + 85")
        with contextlib.closing(sqlite3.connect(data / "sessions.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            began_s = time.monotonic()
            chat.line("100 + 1")
            chat.wait_for("= 101")
            assert time.monotonic() - began_s < 3  # less than another program is waited for
            chat.wait_for("not kept for now")
            began_s = time.monotonic()
            chat.line("2 + 2")
            chat.wait_for("= 4")
            chat.line("/title x")
            chat.wait_until_idle()
            chat.send("\x04")
            chat.wait_for_end()
            assert time.monotonic() - began_s < 4
            assert "could not be kept" in chat.text


def test_leaving_does_not_wait_long_for_another_program(data):
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        chat.ask("47 + 85")
        with contextlib.closing(sqlite3.connect(data / "sessions.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            chat.line("/title x")  # this waits
            chat.wait_for("> /title x")
            began_s = time.monotonic()
            chat.send("\x04")
            chat.wait_for_end()
            assert time.monotonic() - began_s < 3
            assert "could not be kept" in chat.text


def test_what_cannot_be_kept_is_said_on_leaving(data):
    with ChatTerminal("--temperature", "0", columns=200) as chat:
        chat.ask("47 + 85")
        data.rename(data.with_name("kept"))
        data.write_text("in the way")
        chat.ask("2 + 2")
        assert chat.leave() == 0
        assert "could not be kept" in chat.text


def test_a_regen_that_is_stopped_before_it_is_read_keeps_the_answer(data):
    with ChatTerminal("--temperature", "0", "--context", "65536") as chat:
        chat.ask("47 + 85")
        chat.send("\x1b[200~" + "가나 " * 8000 + "\x1b[201~")
        chat.wait_for("[pasted")
        chat.send("\x01/regen \r")
        chat.wait_for("Esc: stop")
        chat.send("\x1b")
        chat.wait_until_idle()
        chat.leave()
    with ChatTerminal("-c", "--context", "65536") as again:
        assert "= 132" in again.text


def test_forget_forgets_every_way_of_asking(data, home, tmp_path):
    (tmp_path / "note.txt").write_text("text")
    with ChatTerminal("--temperature", "0", folder=tmp_path) as chat:
        chat.ask("@note.txt swordfish1")
        chat.ask("/file note.txt -- swordfish2")
        chat.ask("//swordfish3 x")
        chat.ask("/regen swordfish4")
        chat.ask("/title swordfish5")
        chat.ask("/forget yes")
    (history,) = home.rglob("history")
    assert "swordfish" not in history.read_text()


def test_forget_forgets_what_was_typed_in_earlier_chats_of_the_conversation(data, home):
    with ChatTerminal("--temperature", "0") as chat:
        chat.ask("/system swordfish1")
        chat.ask("47 + 85")
        chat.ask("/title swordfish2")
        chat.send("swordfish3")
        chat.wait_for("> swordfish3")
        chat.send("\x03")
        chat.wait_until_idle()
        chat.ask("/new")
        chat.ask("/title tunafish")
        chat.leave()
    (history,) = home.rglob("history")
    assert history.read_text().count("swordfish") == 3
    with ChatTerminal("--session", "swordfish2") as again:
        again.ask("/forget yes")
        assert "swordfish" not in history.read_text()
        assert "tunafish" in history.read_text()


def test_the_arrow_keys_do_not_bring_back_what_was_forgotten():
    with ChatTerminal("--temperature", "0", rows=50) as chat:
        chat.ask("100 + 1")
        chat.ask("/new")
        chat.ask("swordfish")
        chat.ask("/title swordfish")
        chat.ask("/forget yes")
        chat.send("\x1b[A" * 2)
        wait_until(lambda: chat.display()[-2] in {"> 100 + 1", "> swordfish"}, meanwhile=chat.read)
        assert chat.display()[-2] == "> 100 + 1"
