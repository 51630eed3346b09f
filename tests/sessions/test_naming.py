"""A session is found by what people call it, and called by the shortest that finds it."""

from __future__ import annotations

import random
import unicodedata

from gptoss_cli.sessions import naming
from gptoss_cli.sessions.ids import new_id
from gptoss_cli.sessions.naming import meant, nearest, short_ids
from gptoss_cli.sessions.records import SessionInfo

START = "01KAMXP5J3"


def named(end: str, title: str = "", *, start: str = START) -> SessionInfo:
    own_id = start + end.rjust(26 - len(start), "0")
    return SessionInfo(
        id=own_id,
        title=title,
        title_is_own=True,
        created_s=0.0,
        changed_s=0.0,
        model="",
        message_count=0,
    )


def test_the_short_id_is_the_shortest_end_that_means_no_other():
    one, two, three = named("AB7XYZ"), named("CD7XYZ"), named("QRST")
    assert short_ids([one, two, three]) == {one.id: "B7XYZ", two.id: "D7XYZ", three.id: "QRST"}


def test_a_short_id_is_no_beginning_of_an_id_and_no_title():
    like_a_beginning, like_a_title = named(f"9{START[:4]}"), named("5ABCD", "x")
    sessions = [like_a_beginning, like_a_title, named("1111", "abcd")]
    found = short_ids(sessions)
    assert found[like_a_beginning.id] == f"9{START[:4]}"
    assert found[like_a_title.id] == "5ABCD"


def test_every_short_id_means_its_session():
    chance = random.Random(1)
    titles = ["", "여름", "ABCD", START[:4], START]
    sessions = [named("", chance.choice(titles), start=new_id(1.7e9 + n)) for n in range(3000)]
    found = short_ids(sessions)
    for info in chance.sample(sessions, 50):
        assert meant(found[info.id].lower(), sessions) == [info]
    assert max(map(len, found.values())) <= 8


def test_the_nearest_titles_hold_the_text_or_are_like_it():
    titles = ["여름 휴가 계획", "파이썬 오류", "summer plans", "Sumer plan"]
    sessions = [named(str(n), title) for n, title in enumerate(titles)]
    assert [info.title for info in nearest("휴가", sessions)] == ["여름 휴가 계획"]
    assert [info.title for info in nearest("summer plan", sessions)] == titles[2:]
    decomposed = unicodedata.normalize("NFD", "파이선 오류")
    assert [info.title for info in nearest(decomposed, sessions)] == ["파이썬 오류"]
    assert nearest("zzzz", sessions) == nearest(" ", sessions) == nearest("x", []) == []


def test_only_the_newest_titles_are_compared_letter_by_letter(monkeypatch):
    monkeypatch.setattr(naming, "_MOST_COMPARED", 1)
    sessions = [named("1", "other"), named("2", "summer")]
    assert nearest("sumer", sessions) == []
    assert nearest("summ", sessions) == sessions[1:]
