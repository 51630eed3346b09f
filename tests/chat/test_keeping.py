"""A conversation on its way into a real store, and what is in the tree meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gptoss_cli.chat.keeping import Keeper
from gptoss_cli.chat.recording import Recording
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.tree import ConversationTree
from gptoss_cli.chat.turn import Chat
from gptoss_cli.engine.base import Cancel
from gptoss_cli.errors import SessionError
from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    Finished,
    FinishReason,
    MessageCompleted,
    Notice,
    Timings,
    Usage,
)
from gptoss_cli.messages import analysis, final, user
from gptoss_cli.sessions.records import MessageState
from gptoss_cli.sessions.store import SessionStore, open_store

DONE = Finished(
    FinishReason.STOP, Usage(prompt_tokens=9, completion_tokens=5), Timings(decode_tps=3.25)
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    with open_store(tmp_path / "sessions.db") as opened:
        yield opened


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Breaking:
    """A store that fails for as long as ``is_broken``."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self.is_broken = False
        self.patience_s = 5.0

    def __getattr__(self, name: str):
        if self.is_broken:
            raise SessionError("the disk is full.")
        return getattr(self._store, name)


def messages_of(store: SessionStore) -> list[tuple[str, str]]:
    info = store.last()
    return [(m.message.content, m.state) for m in store.load(info.id).path()]


def test_an_answer_grows_in_the_store_while_it_is_written(store):
    clock, keeper, settings = Clock(), Keeper(store), ChatSettings(model="20b")
    tree = ConversationTree()
    tree.add(user("q"))
    recording = Recording(tree, settings, clock)
    recording.take(AnalysisDelta("th"))
    assert not recording.is_due()
    clock.now_s = 0.6
    recording.take(AnalysisDelta("ink"))
    assert recording.is_due()
    assert keeper.keep(tree, settings) == ""
    assert messages_of(store) == [("q", "complete"), ("think", "partial")]
    recording.take(MessageCompleted(analysis("think")))
    recording.take(FinalDelta("an"))
    recording.take(MessageCompleted(final("answer")))
    recording.take(DONE)
    keeper.keep(tree, settings)
    assert messages_of(store) == [
        ("q", "complete"),
        ("think", "complete"),
        ("answer", "complete"),
    ]
    path = store.load(store.last().id).path()
    assert path[1].usage == {"thought_tokens": 2, "thought_s": 0.6}
    assert path[2].usage["decode_tps"] == 3.25


def test_what_is_left_in_the_middle_is_stopped_not_lost(store):
    keeper, settings = Keeper(store), ChatSettings()
    tree = ConversationTree()
    tree.add(user("q"))
    recording = Recording(tree, settings)
    recording.take(FinalDelta("half an ans"))
    recording.end()
    recording.end()
    keeper.keep(tree, settings)
    assert messages_of(store) == [("q", "complete"), ("half an ans", "stopped")]


def test_branches_and_the_head_are_kept(store):
    keeper, settings = Keeper(store), ChatSettings()
    tree = ConversationTree()
    question = tree.add(user("q"))
    tree.add(final("one"))
    keeper.keep(tree, settings)
    tree.head_id = question
    tree.add(final("two"))
    keeper.keep(tree, settings)
    tree.head_id = None
    keeper.keep(tree, settings)
    session = store.load(store.last().id)
    assert len(session.leaves()) == 2
    assert session.head_id is None


def test_a_failure_is_told_once_and_made_good_later(store):
    breaking = Breaking(store)
    keeper, settings = Keeper(breaking), ChatSettings()
    tree = ConversationTree()
    tree.add(user("one"))
    keeper.keep(tree, settings)
    breaking.is_broken = True
    tree.add(final("two"), state=MessageState.COMPLETE)
    assert "the disk is full" in keeper.keep(tree, settings)
    tree.add(user("three"))
    assert keeper.keep(tree, settings) == ""
    breaking.is_broken = False
    assert "kept again" in keeper.keep(tree, settings)
    assert [text for text, _ in messages_of(store)] == ["one", "two", "three"]


def test_a_session_that_is_removed_meanwhile_is_begun_anew_with_all_of_it(store):
    keeper, settings = Keeper(store), ChatSettings()
    tree = ConversationTree()
    tree.add(user("one"))
    keeper.keep(tree, settings)
    store.remove([keeper.session_id])
    tree.add(final("two"))
    assert keeper.keep(tree, settings) == ""
    assert [text for text, _ in messages_of(store)] == ["one", "two"]


def test_two_programs_on_one_session_lose_nothing(store, tmp_path):
    keeper, settings = Keeper(store), ChatSettings()
    tree = ConversationTree()
    tree.add(user("one"))
    keeper.keep(tree, settings)
    with open_store(tmp_path / "sessions.db") as other_store:
        session = other_store.load(keeper.session_id)
        other_tree = ConversationTree(session.messages, session.head_id)
        other = Keeper(other_store)
        other.resume(session.info, other_tree, settings)
        other_tree.add(final("theirs"))
        tree.add(final("ours"))
        other.keep(other_tree, settings)
        keeper.keep(tree, settings)
        other_tree.add(user("their next"))
        tree.add(user("our next"))
        keeper.keep(tree, settings)
        other.keep(other_tree, settings)
    texts = {m.message.content for m in store.load(keeper.session_id).messages}
    assert texts == {"one", "theirs", "ours", "their next", "our next"}
    leaves = store.load(keeper.session_id).leaves()
    assert [leaf.message.content for leaf in leaves] == ["our next", "their next"]


def test_nothing_said_is_no_session(store):
    Keeper(store).keep(ConversationTree(), ChatSettings())
    assert store.sessions() == []


def test_settings_that_change_are_kept(store):
    keeper, tree = Keeper(store), ConversationTree()
    tree.add(user("q"))
    keeper.keep(tree, ChatSettings(instructions="one"))
    keeper.keep(tree, ChatSettings(instructions="two", model="120b"))
    session = store.load(store.last().id)
    assert session.settings.instructions == "two"
    assert session.info.model == "120b"


class Engine:
    """Answers with what it is given."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    def prompt_tokens(self, _conversation: object) -> int:
        return 1

    def window_for(self, _prompt_tokens: int) -> int:
        return 1000

    def answer(self, _conversation: object, **_options: object) -> Iterator[Event]:
        yield from self._events

    def put_away(self, _conversation: object, _session_id: str) -> None:
        pass


def test_what_was_computed_of_a_removed_conversation_is_not_put_away(store):
    put_away = []

    class Noting(Engine):
        def put_away(self, _conversation: object, session_id: str) -> None:
            put_away.append(session_id)

    chat = Chat(Noting([FinalDelta("a"), DONE]), ChatSettings(), keeper=Keeper(store))
    list(chat.answer(chat.prepare("q"), Cancel()))
    session_id = chat.keeper.session_id
    chat.put_away()
    store.remove([session_id])
    chat.put_away()
    assert put_away == [session_id]


def test_a_notice_comes_before_the_end_of_the_answer(store):
    breaking = Breaking(store)
    breaking.is_broken = True
    chat = Chat(Engine([FinalDelta("a"), DONE]), ChatSettings(), keeper=Keeper(breaking))
    events = list(chat.answer(chat.prepare("q"), Cancel()))
    assert any(isinstance(event, Notice) for event in events)
    assert isinstance(events[-1], Finished)


def test_the_tree_knows_its_turns_and_branches():
    tree = ConversationTree()
    first = tree.add(user("one"))
    tree.add(analysis("t"))
    answer = tree.add(final("a"))
    tree.add(user("two"))
    tree.head_id = answer
    second = tree.add(user("other two"))
    assert [turn.number for turn in tree.turns()] == [1, 2]
    assert tree.turns()[0].question.id == first
    assert len(tree.turns()[0].answer) == 2
    assert tree.leaves() == [4, second]
    assert [stored.id for stored in tree.path(second)] == [1, 2, 3, 5]


def test_what_could_not_be_written_is_written_after_the_conversation_was_left(store):
    breaking = Breaking(store)
    keeper, settings = Keeper(breaking), ChatSettings()
    tree = ConversationTree()
    tree.add(user("one"))
    keeper.keep(tree, settings)
    breaking.is_broken = True
    tree.add(final("two"))
    keeper.keep(tree, settings)
    keeper.leave(tree, settings)
    other = ConversationTree()
    other.add(user("three"))
    assert keeper.keep(other, settings) == ""
    breaking.is_broken = False
    assert "kept again" in keeper.keep(other, settings)
    texts = [[m.message.content for m in store.load(s.id).path()] for s in store.sessions()]
    assert sorted(texts) == [["one", "two"], ["three"]]


def test_a_title_given_before_the_first_question_is_kept(store):
    keeper, tree = Keeper(store), ConversationTree()
    keeper.call("내 제목")
    tree.add(user("question"))
    keeper.keep(tree, ChatSettings())
    assert (store.last().title, store.last().title_is_own) == ("내 제목", True)
    store.remove([keeper.session_id])
    tree.add(final("answer"))
    keeper.keep(tree, ChatSettings())
    assert store.last().title == "내 제목"


def test_two_threads_may_use_one_store(store):
    """As when titles are completed while an answer is stored."""
    session_id = store.create("20b", ChatSettings().record())
    is_over, failures = threading.Event(), []

    def read():
        try:
            while not is_over.is_set():
                store.sessions()
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    parent = None
    for number in range(300):
        parent = store.add(session_id, parent, user(f"{number}"))
    is_over.set()
    reader.join()
    assert not failures
    assert len(store.load(session_id).path()) == 300


def test_what_is_forgotten_does_not_come_back(store):
    breaking = Breaking(store)
    keeper, settings, tree = Keeper(breaking), ChatSettings(), ConversationTree()
    tree.add(user("secret"))
    keeper.keep(tree, settings)
    breaking.is_broken = True
    tree.add(final("more"))
    keeper.keep(tree, settings)
    session = store.load(keeper.session_id)
    keeper.leave(tree, settings)
    keeper.resume(session.info, ConversationTree(session.messages, session.head_id), settings)
    breaking.is_broken = False
    store.remove([session.info.id])
    keeper.leave(tree, settings, forgets=True)
    other = ConversationTree()
    other.add(user("other"))
    keeper.keep(other, settings)
    assert [info.title for info in store.sessions()] == ["other"]


def test_all_that_could_not_be_written_is_written_after_the_conversation_was_left(store):
    breaking = Breaking(store)
    keeper, settings, tree = Keeper(breaking), ChatSettings(), ConversationTree()
    first = tree.add(user("q"))
    tree.add(final("a"))
    keeper.keep(tree, settings)
    session_id = keeper.session_id
    breaking.is_broken = True
    keeper.call("제목")
    tree.head_id = first
    changed = ChatSettings(instructions="짧게")
    keeper.keep(tree, changed)
    assert not keeper.has_all_of(session_id, tree, changed)
    keeper.leave(tree, changed)
    assert not keeper.has_all_of(session_id, ConversationTree(), settings)
    breaking.is_broken = False
    keeper.keep(ConversationTree(), settings)
    kept = store.load(session_id)
    assert (kept.info.title, kept.settings.instructions) == ("제목", "짧게")
    assert [stored.message.content for stored in kept.path()] == ["q"]
    assert keeper.has_all_of(session_id, ConversationTree(), settings)


def test_what_works_again_when_a_conversation_is_left_is_told(store):
    breaking = Breaking(store)
    chat = Chat(Engine([FinalDelta("a"), DONE]), ChatSettings(), keeper=Keeper(breaking))
    breaking.is_broken = True
    list(chat.answer(chat.prepare("q"), Cancel()))
    breaking.is_broken = False
    assert "kept again" in chat.begin_anew()


def test_a_title_that_could_not_be_written_is_written_later(store):
    breaking = Breaking(store)
    keeper, settings, tree = Keeper(breaking), ChatSettings(), ConversationTree()
    tree.add(user("q"))
    keeper.keep(tree, settings)
    breaking.is_broken = True
    keeper.call("제목")
    assert keeper.keep(tree, settings)
    breaking.is_broken = False
    keeper.keep(tree, settings)
    assert store.last().title == "제목"
