"""One-shots as conversations: kept, gone on with, or not."""

from __future__ import annotations

import json

import pytest

from tests.support.program import gptoss
from tests.support.screen import Terminal

GREEDY = ("run", "-m", "demo", "--temperature", "0")


@pytest.fixture
def ask(tmp_path):
    def run(*arguments, **options):
        done = gptoss(*GREEDY, *arguments, env={"XDG_DATA_HOME": str(tmp_path)}, **options)
        assert done.exit_code == 0, done.stderr
        return done

    return run


@pytest.fixture
def kept(tmp_path):
    def sessions() -> list[dict]:
        done = gptoss("sessions", "ls", "--json", env={"XDG_DATA_HOME": str(tmp_path)})
        return json.loads(done.stdout)["sessions"]

    return sessions


def test_what_programs_ask_is_not_kept(ask, kept, tmp_path):
    ask("1 + 2")
    assert kept() == []
    assert list(tmp_path.iterdir()) == []


def test_what_a_person_asks_is_kept(kept, tmp_path):
    with Terminal(*GREEDY, "1 + 2", env={"XDG_DATA_HOME": str(tmp_path)}) as terminal:
        assert terminal.wait_for_end() == 0
    with Terminal(*GREEDY, "--no-save", "3 + 4", env={"XDG_DATA_HOME": str(tmp_path)}) as terminal:
        assert terminal.wait_for_end() == 0
    (session,) = kept()
    assert session["title"] == "1 + 2"


def test_the_last_one_goes_on(ask, kept):
    ask("--save", "1 + 2")
    ask("-c", "3 + 4")
    (session,) = kept()
    assert session["messages"] == 6
    shown = ask("-c", "--dry-run", "5 + 6").stdout
    assert "1 + 2 = 3<|end|>" in shown
    assert "3 + 4 = 7<|end|>" in shown


def test_another_one_goes_on_by_its_title_with_its_own_settings(ask, kept):
    ask("--save", "--system", "Add.", "-e", "low", "1 + 2")
    ask("--save", "3 + 4")
    answer = json.loads(ask("--session", "1 + 2", "--json", "5 + 6").stdout)
    assert answer["effort"] == "low"
    assert {s["id"]: s["messages"] for s in kept()}[answer["session"]] == 6
    assert "Add." in ask("--session", "1 + 2", "--dry-run", "7 + 8").stdout


def test_without_saving_a_conversation_is_asked_and_stays_as_it_was(ask, kept):
    ask("--save", "1 + 2")
    assert "7" in ask("-c", "--no-save", "3 + 4").stdout
    (session,) = kept()
    assert session["messages"] == 3


def test_there_is_none_to_go_on_with(tmp_path):
    done = gptoss(*GREEDY, "-c", "1 + 2", env={"XDG_DATA_HOME": str(tmp_path)})
    assert done.exit_code == 1
    assert "no conversation" in done.stderr


def test_an_answer_is_given_also_where_it_cannot_be_kept(tmp_path):
    (tmp_path / "gptoss").write_text("in the way")
    done = gptoss(*GREEDY, "--save", "1 + 2", env={"XDG_DATA_HOME": str(tmp_path)})
    assert (done.stdout, done.exit_code) == ("1 + 2 = 3\n", 0)
    assert "not kept" in done.stderr


def test_a_seed_of_its_own_choice_is_none_of_the_conversation(ask, tmp_path):
    """A chat that goes on with it would draw every answer with that one."""

    def seed() -> object:
        done = gptoss("sessions", "show", "last", "--json", env={"XDG_DATA_HOME": str(tmp_path)})
        return json.loads(done.stdout)["settings"]["sampling"]["seed"]

    told = json.loads(ask("--save", "--json", "1 + 2").stdout)
    assert isinstance(told["seed"], int)
    assert seed() is None
    ask("--save", "--seed", "7", "3 + 4")
    assert seed() == 7
    told = json.loads(ask("-c", "--json", "5 + 6").stdout)
    assert told["seed"] != 7
    assert seed() == 7


def test_it_is_called_by_its_words_though_a_document_stands_before_them(ask, kept, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("12 + 30")
    ask("--save", "-f", path, "Please add:")
    assert [session["title"] for session in kept()] == ["Please add:"]
