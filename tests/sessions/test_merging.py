"""What is laid over a session adds what it did not have, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from gptoss_cli.messages import analysis, final, user
from gptoss_cli.sessions.merging import growth
from gptoss_cli.sessions.records import StoredMessage, StoredSession
from tests.sessions.sample import session, sessions


def stored(number, parent_id, message, created_s=0.0) -> StoredMessage:
    return StoredMessage(id=number, parent_id=parent_id, message=message, created_s=created_s)


def texts(found: tuple[StoredMessage, ...]) -> list[str]:
    return [message.message.content for message in found]


@given(tree=sessions())
@settings(max_examples=60, deadline=None)
def test_a_session_adds_nothing_to_itself_or_to_more_of_itself(tree):
    assert growth(tree, tree).messages == ()
    assert growth(tree, tree.without_thinking()).messages == ()
    empty = StoredSession(tree.info, tree.settings, (), None)
    assert growth(empty, tree).messages == tree.messages


@given(tree=sessions())
@settings(max_examples=60, deadline=None)
def test_what_is_missing_is_all_that_is_missing(tree):
    half = tree.messages[: (len(tree.messages) + 1) // 2]
    here = StoredSession(tree.info, tree.settings, half, half[-1].id)
    added = growth(here, tree)
    if len(added.same) > 1:
        assert len(added.messages) == len(tree.messages) - len(half)
        assert all(m.parent_id in added.same or m.parent_id > half[-1].id for m in added.messages)


def test_another_conversation_adds_nothing():
    assert growth(session(user("a")), session(user("b"), final("c"))).messages == ()


def test_thinking_that_is_not_here_is_no_difference():
    here = session(user("q"), final("a"))
    there = session(user("q"), analysis("t"), final("a"), user("more"), analysis("u"), final("b"))
    added = growth(here, there)
    assert texts(added.messages) == ["more", "u", "b"]
    assert added.same == {None: None, 1: 1, 2: 1, 3: 2}
    assert added.goes_on


def test_another_answer_hangs_on_the_thinking_it_hung_on():
    here = session(user("q"), analysis("t"), final("a"))
    there = session(
        *here.messages,
        stored(4, 2, final("b")),
        stored(5, 1, analysis("u")),
        stored(6, 5, final("c")),
    )
    added = growth(here, there)
    assert [(m.id, m.parent_id) for m in added.messages] == [(4, 2), (5, 1), (6, 5)]
    assert added.same[2] == 2
    assert not growth(there, here).messages


def test_versions_that_say_the_same_are_told_apart_by_their_time():
    here = session(
        stored(1, None, user("q"), 1.0),
        stored(2, 1, final("a"), 2.0),
        stored(3, 1, final("a"), 3.0),
    )
    there = session(
        stored(1, None, user("q"), 1.0),
        stored(2, 1, final("a"), 3.0),
        stored(3, 1, final("a"), 2.0),
        stored(4, 2, user("more"), 4.0),
    )
    added = growth(here, there)
    assert added.same == {None: None, 1: 1, 2: 3, 3: 2}
    assert texts(added.messages) == ["more"]


def test_the_head_moves_only_forwards():
    here = session(user("q"), final("a"))
    there = session(user("q"), final("a"), user("more"))
    assert growth(here, there).goes_on
    assert growth(replace(here, head_id=1), there).goes_on
    elsewhere = session(*here.messages, stored(3, 1, final("b")), head_id=3)
    assert not growth(elsewhere, there).goes_on
    assert not growth(here, session(*here.messages, stored(3, None, user("x")), head_id=2)).goes_on


def test_halves_that_json_joined_are_the_same():
    assert not growth(session(user("\ud83d\ude00")), session(user("😀"), head_id=1)).messages
