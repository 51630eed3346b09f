"""What is kept of prompts on disk: when, for whom, and how it goes away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.test_sessions import documented
from tests.support.chat import ChatTerminal
from tests.support.program import Done, gptoss

LONG = "Please add 47 + 85. " * 10  # enough to be worth keeping
SYSTEM_TOKENS = 71  # of a plain system message in the vocabulary of the embedded model


def ask(*arguments: str, **options: object) -> dict[str, object]:
    """Return what ``run --json`` says."""
    done = gptoss("run", "-m", "demo", "--json", *arguments, **options)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def cached(*arguments: str, **options: object) -> int:
    return ask(*arguments, **options)["usage"]["cached_tokens"]


def states() -> list[dict[str, object]]:
    return json.loads(gptoss("cache", "ls", "--json").stdout)["states"]


@pytest.fixture
def folder(home: Path) -> Path:
    return home / ".cache" / "gptoss" / "kv"


def test_the_second_run_of_the_day_does_not_read_the_system_message_again(folder):
    first, second = ask("--seed", "7", "12 + 30"), ask("--seed", "7", "12 + 30")
    assert first["usage"]["cached_tokens"] == 0
    assert second["usage"]["cached_tokens"] == SYSTEM_TOKENS
    assert (first["final"], first["thinking"]) == (second["final"], second["thinking"])
    assert cached("--date", "2020-01-01", "12 + 30") == 0
    assert cached("-e", "high", "12 + 30") == 0
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_without_a_cache_nothing_is_read_and_nothing_written(folder):
    assert ask("--no-cache", "12 + 30")["exit_code"] == 0
    assert not folder.exists()
    ask("12 + 30")
    assert cached("--no-cache", "12 + 30") == 0
    assert cached("12 + 30", env={"GPTOSS_CACHE": "false"}) == 0
    assert cached("12 + 30") == SYSTEM_TOKENS


def test_a_conversation_goes_on_from_where_it_was_put_away():
    ask("--save", LONG)
    again = ask("-c", "and minus 12?")
    prompt = again["usage"]["prompt_tokens"]
    assert again["usage"]["cached_tokens"] > SYSTEM_TOKENS + 100
    kinds = sorted(state["kind"] for state in states())
    assert kinds == ["beginning", "conversation"]
    once_more = ask("-c", "and minus 12?")
    assert once_more["usage"]["cached_tokens"] > prompt - 60  # all but the last words


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text("one two three, 12 + 30\n" * 10)
    return path


def test_another_question_about_a_file_does_not_read_the_file_again(document):
    first = ask("--seed", "7", "-f", str(document), "What is this?")
    assert first["usage"]["cached_tokens"] == 0
    again = ask("--seed", "7", "-f", str(document), "What is this?")
    fresh = ask("--seed", "7", "--no-cache", "-f", str(document), "What is this?")
    for answer in (again, fresh):
        assert (answer["final"], answer["thinking"]) == (first["final"], first["thinking"])
    left = again["usage"]["prompt_tokens"] - again["usage"]["cached_tokens"]
    assert left < 15
    assert cached("-f", str(document), "And what is 12 + 30?") == again["usage"]["cached_tokens"]
    assert cached("-f", str(document), "-e", "low", "What is this?") == 0
    assert len(states()) == 4  # instructions and the file behind them, of two efforts
    document.write_text("one" + document.read_text())
    assert cached("-f", str(document), "What is this?") == SYSTEM_TOKENS


def test_of_a_file_that_is_to_leave_no_trace_nothing_is_kept(document):
    ask("--no-save", "-f", str(document), "What is this?")
    assert [state["tokens"] for state in states()] == [SYSTEM_TOKENS]
    ask("-f", str(document), "What is this?")
    assert cached("--no-save", "-f", str(document), "What is this?") > SYSTEM_TOKENS


def test_what_is_not_to_leave_a_trace_is_not_kept(folder):
    ask("--no-save", "--system", "A secret.", "12 + 30")
    assert states() == []
    ask("--no-save", "12 + 30")  # nothing of the person's is in that
    assert [state["tokens"] for state in states()] == [SYSTEM_TOKENS]
    ask("--system", "No secret.", "12 + 30")
    assert len(states()) == 2
    assert cached("--no-save", "--system", "No secret.", "12 + 30") > SYSTEM_TOKENS


def test_a_conversation_that_is_removed_takes_its_state_along(folder):
    first = ask("--save", LONG)["session"]
    ask("--save", f"1 + 2? {LONG}")
    assert gptoss("sessions", "rm", first, "--yes").exit_code == 0
    kept = [state["session"] for state in states()]
    assert first not in kept
    assert len(kept) == 2
    assert gptoss("sessions", "rm", "--all", "--yes").exit_code == 0
    assert [state["kind"] for state in states()] == ["beginning"]


def test_a_chat_puts_conversations_away_and_forgets_them():
    with ChatTerminal() as chat:
        chat.ask(LONG)
        chat.ask("/new")
        chat.ask(f"1 + 2? {LONG}")
        chat.leave()
    assert sorted(state["kind"] for state in states()) == ["beginning"] + ["conversation"] * 2
    with ChatTerminal("-c") as chat:
        chat.ask("/forget yes")
        chat.leave()
    assert sorted(state["kind"] for state in states()) == ["beginning", "conversation"]


def test_the_cache_is_listed_and_cleared(folder):
    assert gptoss("cache").stderr == "nothing is kept yet.\n"
    assert gptoss("cache", "clear").stderr == "there is nothing to remove.\n"
    session = ask("--save", LONG)["session"]
    rows = [line.split("\t") for line in gptoss("cache", "ls").stdout.splitlines()]
    assert sorted((row[0], row[1]) for row in rows) == [("", "demo"), (session, "demo")]
    assert all(set(state) == documented("… each of `states`") for state in states())
    size = sum(path.stat().st_size for path in folder.iterdir())
    done = gptoss("cache", "clear")
    assert done.stderr.startswith("2 states removed, ")
    assert size
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("n_bytes", [0, 1, 20, 300, 20_000])
def test_a_damaged_cache_costs_time_only_and_is_told_with_the_figures(folder, n_bytes):
    expected = ask("--seed", "7", "12 + 30")
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:n_bytes])
    done: Done = gptoss("run", "-m", "demo", "--stats", "--seed", "7", "12 + 30")
    assert (done.stdout.strip(), done.exit_code) == (expected["final"], 0)
    assert "is damaged" in done.stderr
    path.write_bytes(path.read_bytes()[:n_bytes])
    assert gptoss("run", "-m", "demo", "12 + 30").stderr == ""
    assert cached("12 + 30") == SYSTEM_TOKENS  # written anew


def test_a_cache_that_cannot_be_written_costs_time_only(home, folder):
    folder.parent.mkdir(parents=True)
    folder.write_text("a file in its place")
    assert cached("12 + 30") == cached("12 + 30") == 0
    done = gptoss("run", "-m", "demo", "12 + 30", env={"XDG_CACHE_HOME": "/proc/none"})
    assert (done.exit_code, done.stderr) == (0, "")
    assert cached("12 + 30", env={"GPTOSS_CACHE_GIB": "0"}) == 0


def test_a_cache_that_nobody_can_look_into_is_not_called_empty(folder):
    session = ask("--save", LONG)["session"]
    shutil.rmtree(folder)
    folder.symlink_to(folder)
    assert ask("12 + 30")["exit_code"] == 0
    for command in (["cache", "ls"], ["cache", "clear"], ["sessions", "rm", session, "--yes"]):
        done = gptoss(*command)
        assert done.exit_code == 1
        assert f"{folder} cannot be read: Too many levels of symbolic links." in done.stderr
    assert "1 conversation removed" in done.stderr


def test_a_batch_takes_what_an_earlier_one_read():
    lines = "12 + 30\n9 + 9\n"

    def batch(*arguments: str) -> list[dict[str, object]]:
        done = gptoss("batch", "-m", "demo", "--seed", "3", *arguments, stdin=lines)
        return [json.loads(line) for line in done.stdout.splitlines()]

    assert batch("--no-cache")[0]["usage"]["cached_tokens"] == 0
    first, second = batch(), batch()
    assert first[0]["usage"]["cached_tokens"] == 0
    assert second[0]["usage"]["cached_tokens"] == SYSTEM_TOKENS
    assert [record["final"] for record in first] == [record["final"] for record in second]
