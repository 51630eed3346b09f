"""Several programs use one store at once, and die when they like."""

from __future__ import annotations

import json
import signal
import sqlite3
import time

import pytest

from gptoss_cli.messages import user
from gptoss_cli.sessions.records import MessageState, SessionSettings
from gptoss_cli.sessions.store import open_store
from tests.sessions import program


def test_kill_9_loses_nothing_that_was_given_to_the_store(path):
    with program.start("write_for_ever", path) as writer:
        assert writer.stdout
        for _ in range(200):
            last_said = json.loads(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        for line in writer.stdout:
            last_said = json.loads(line)
    with open_store(path) as store:
        assert store.notice is None
        question, answer = store.load(store.last().id).path()
        assert question.message == user("how long?")
        assert answer.state is MessageState.PARTIAL
        # One more may have been committed that could not be printed any more.
        assert answer.message.content.startswith(last_said)
        assert len(answer.message.content) <= len(last_said) + 8
        assert store.search("how long")
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_two_writers_to_one_session_lose_nothing(path):
    with open_store(path) as store:
        session_id = store.create("20b", SessionSettings())
        writers = [program.start("add_many", path, session_id, name, "100") for name in "ab"]
        for writer in writers:
            assert program.said(writer) == []
        session = store.load(session_id)
    assert len(session.messages) == session.info.message_count == 200
    ends = session.leaves()
    assert sorted(end.message.content for end in ends) == ["a 99", "b 99"]
    for end in ends:  # each is a branch of its own, whole and in order
        name = end.message.content[0]
        contents = [stored.message.content for stored in session.path(end.id)]
        assert contents == [f"{name} {number}" for number in range(100)]
    assert session.head_id in [end.id for end in ends]


@pytest.mark.parametrize("is_damaged", [False, True])
def test_programs_may_begin_the_store_at_the_same_moment(path, is_damaged):
    if is_damaged:
        path.write_bytes(b"damaged")
    start_s = time.time() + 1
    programs = [program.start("open_at", path, str(start_s)) for _ in range(4)]
    made = [answer for started in programs for answer in program.said(started)]
    assert sum(notice is not None for _, notice in made) == is_damaged
    assert len(list(path.parent.glob("*.damaged-*"))) == is_damaged
    with open_store(path) as store:
        assert {info.id for info in store.sessions()} == {session_id for session_id, _ in made}
