"""Idle time in a real terminal: what the next message costs, and that nobody waits for it."""

from __future__ import annotations

import json
import re

import pytest

from gptoss_cli.sessions.store import open_store
from tests.support.chat import ChatTerminal
from tests.support.program import gptoss

IDLE_S = 1.0  # 0.3 s until it begins, and a moment to read a line


def read(chat: ChatTerminal) -> int:
    """How many tokens were read for the last answer, as /stats tells."""
    found = re.search(r"cached, ([\d,]+) read", chat.ask("/stats"))
    assert found
    return int(found[1].replace(",", ""))


def test_the_next_message_costs_its_own_words_and_nothing_is_seen():
    with ChatTerminal("--temperature", "0") as chat:
        chat.read(IDLE_S)
        chat.ask("47 + 85")
        assert read(chat) < 15
        chat.read(IDLE_S)
        before = chat.text
        chat.read(IDLE_S)
        assert chat.text == before
        assert "120" in chat.ask("and minus 12?")
        assert read(chat) < 15
        chat.ask("/undo")
        assert "131" in chat.ask("and minus 1?")
        assert read(chat) < 15
        assert chat.leave() == 0


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ([], 1),
        (["--system", "Mine."], 1),
        (["--no-save"], 1),
        (["--no-save", "--system", "Mine."], 0),
        (["--no-cache"], 0),
        (["--seed", "1"], 0),
    ],
)
def test_before_the_first_message_what_prompts_share_is_read_and_kept(options, kept):
    with ChatTerminal(*options) as chat:
        chat.read(IDLE_S)
        assert chat.leave() == 0
    states = json.loads(gptoss("cache", "ls", "--json").stdout)["states"]
    assert [state["kind"] for state in states] == ["beginning"] * kept


@pytest.mark.parametrize("how", ["--no-idle-prefill", "GPTOSS_IDLE_PREFILL", "--seed"])
def test_it_can_be_switched_off_and_is_with_a_seed(how):
    options, env = ([how], {}) if how.startswith("--") else ([], {how: "false"})
    if how == "--seed":
        options += ["3"]
    with ChatTerminal("--temperature", "0", *options, env=env) as chat:
        chat.read(IDLE_S)
        chat.ask("47 + 85")
        assert read(chat) > 30  # the system message as well


def test_lines_that_come_at_any_moment_of_idle_time_are_answered_right():
    with ChatTerminal("--temperature", "0", rows=60) as chat:
        for number, question in enumerate(("47 + 85", "and minus 12?", "900 - 123", "5 + 5")):
            chat.read(0.1 * number)
            chat.ask("/effort high")
            chat.read(0.15 * number)
            chat.ask("/system Be brief.")
            chat.read(0.1 * number)
            chat.ask("/effort low")
            chat.ask("/system clear")
            said = chat.ask(question)
            assert ("132", "120", "777", "10")[number] in said
        chat.line("/model demo")
        chat.read(0.35)
        assert "11" in chat.ask("5 + 6")
        chat.read(0.32)
        assert chat.leave() == 0


def test_leaving_while_it_reads_leaves_at_once(random_model, home):
    with ChatTerminal("--temperature", "0", model=random_model, rows=30) as chat:
        chat.line("word " * 300)
        chat.read(1)
        chat.send("\x03")
        chat.wait_until_idle()
        chat.line("/effort high")  # all is to be read anew
        chat.read(0.35)
        assert chat.leave() == 0
    with open_store(home / ".local" / "share" / "gptoss" / "sessions.db") as store:
        info = store.last()
        assert info is not None
        assert info.title.startswith("word")


def test_a_plain_chat_reads_ahead_as_well():
    with ChatTerminal("--plain", "--temperature", "0", waits=False) as chat:
        for question, answer in (("47 + 85", "= 132"), ("and minus 12?", "= 120")):
            chat.wait_for("\n>")
            chat.read(IDLE_S)
            chat.line(question)
            chat.wait_for(answer)
            chat.read(IDLE_S / 2)
        chat.line("/stats")
        chat.wait_for("ended by")
        found = re.search(r"cached, ([\d,]+) read", chat.text)
        assert found
        assert int(found[1]) < 15
        chat.send("\x04")
        assert chat.wait_for_end() == 0
