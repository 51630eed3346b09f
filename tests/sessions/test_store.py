"""What is given to the store comes back as it was, as a tree in which nothing is written over."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from gptoss_cli.errors import SessionGoneError
from gptoss_cli.messages import Channel, Message, ReasoningEffort, Role, analysis, final, user
from gptoss_cli.sessions.records import (
    MessageState,
    SessionSettings,
    StoredMessage,
    StoredSession,
)
from gptoss_cli.sessions.store import open_store
from tests.sessions.sample import session

SETTINGS = SessionSettings(
    effort=ReasoningEffort.HIGH,
    instructions="짧게.",
    date="2026-11-22",
    sampling={"temperature": 0.5, "seed": None, "top_k": 40},
)


def texts(session: StoredSession) -> list[str]:
    return [stored.message.content for stored in session.path()]


def chain(store, session_id, *messages):
    """Add messages one below the other; return their ids."""
    ids = []
    for message in messages:
        ids.append(store.add(session_id, ids[-1] if ids else None, message))
    return ids


def test_a_session_comes_back_as_it_was(store):
    session_id = store.create("20b", SETTINGS, created_s=10.0)
    call = Message(
        role=Role.ASSISTANT,
        channel=Channel.COMMENTARY,
        content='{"city": "서울"}',
        recipient="functions.weather",
        content_type="<|constrain|>json",
        tokens=(200_003, 1, -1),
    )
    result = Message(role=Role.TOOL, name="functions.weather", content="맑음")
    asked = store.add(session_id, None, user("날씨?"), created_s=11.0)
    called = store.add(
        session_id,
        asked,
        call,
        model="20b",
        effort=ReasoningEffort.LOW,
        usage={"prompt_tokens": 7, "seconds": 0.5},
        created_s=12.0,
    )
    store.add(session_id, called, result, state=MessageState.STOPPED, created_s=13.0)

    session = store.load(session_id)

    assert session.settings == SETTINGS
    assert [stored.message for stored in session.messages] == [user("날씨?"), call, result]
    assert session.messages[1].message.tokens == (200_003, 1, -1)
    assert session.messages[1].effort is ReasoningEffort.LOW
    assert session.messages[1].usage == {"prompt_tokens": 7, "seconds": 0.5}
    assert session.messages[2].state is MessageState.STOPPED
    assert session.path() == session.messages
    info = session.info
    assert (info.model, info.message_count, info.created_s, info.changed_s) == ("20b", 3, 10, 13)
    assert store.sessions() == [info]


def test_what_is_stored_is_there_after_closing(path):
    with open_store(path) as store:
        session_id = store.create("20b", SETTINGS)
        chain(store, session_id, user("안녕"), final("네"))
    with open_store(path) as store:
        assert texts(store.load(session_id)) == ["안녕", "네"]
        assert store.notice is None


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "끝\udfff", "\ud83d\ude00", "\ufeff"])
def test_any_text_survives(store, text):
    session_id = store.create(text, SessionSettings(instructions=text), title=f"t{text}")
    store.add(session_id, None, Message(role=Role.TOOL, name=text, content=text, recipient=text))
    session = store.load(session_id)
    stored = session.messages[0].message
    assert (stored.content, stored.name, stored.recipient) == (text, text, text)
    assert session.info.model == text
    # JSON joins two halves that stand in the right order.
    assert session.settings.instructions == text.encode("utf-16", "surrogatepass").decode(
        "utf-16", "surrogatepass"
    )
    store.search(text)
    store.remove([session_id])


def test_editing_and_asking_again_branch(store):
    session_id = store.create("20b", SETTINGS)
    first, answer = chain(store, session_id, user("1"), final("one"))
    again = store.add(session_id, first, final("uno"))
    edited = store.add(session_id, None, user("2"))

    session = store.load(session_id)

    assert texts(session) == ["2"]
    assert [m.id for m in session.path(again)] == [first, again]
    assert [m.id for m in session.siblings(answer)] == [answer, again]
    assert [m.id for m in session.children(None)] == [first, edited]
    assert [m.id for m in session.leaves()] == [answer, again, edited]
    store.move_head(session_id, answer)
    assert texts(store.load(session_id)) == ["1", "one"]
    store.move_head(session_id, None)
    assert texts(store.load(session_id)) == []


def test_an_answer_in_progress_grows_and_is_finished_once(store):
    session_id = store.create("20b", SETTINGS)
    asked = store.add(session_id, None, user("세어 줘"))
    answer = store.add(session_id, asked, final(""), state=MessageState.PARTIAL, created_s=5.0)
    store.update(answer, final("하나"), state=MessageState.PARTIAL)
    assert [hit.message_id for hit in store.search("하나")] == [answer]
    store.update(answer, final("하나 둘"), state=MessageState.COMPLETE, usage={"n": 2})

    stored = store.load(session_id).messages[-1]

    assert (stored.message.content, stored.state) == ("하나 둘", MessageState.COMPLETE)
    assert (stored.parent_id, stored.created_s, stored.usage) == (asked, 5.0, {"n": 2})
    with pytest.raises(ValueError, match="complete"):
        store.update(answer, final("셋"), state=MessageState.COMPLETE)
    assert texts(store.load(session_id))[-1] == "하나 둘"


def test_thinking_that_turns_into_an_answer_changes_the_index(store):
    session_id = store.create("20b", SETTINGS)
    answer = store.add(session_id, None, analysis("비밀"), state=MessageState.PARTIAL)
    assert not store.search("비밀")
    store.update(answer, final("공개"), state=MessageState.COMPLETE)
    assert not store.search("비밀", thinking=True)
    assert store.search("공개")


def test_what_fails_half_way_leaves_nothing(store):
    orphan = StoredMessage(id=1, parent_id=7, message=user("lost"), created_s=0.0)
    whole = StoredMessage(id=2, parent_id=None, message=user("also lost"), created_s=0.0)
    with pytest.raises(KeyError):
        store.restore(session(whole, orphan), origin="here")
    assert store.sessions() == store.search("lost") == []
    assert store.restore(session(whole), origin="here")


def test_a_parent_of_another_session_is_refused(store):
    mine, other = store.create("20b", SETTINGS), store.create("20b", SETTINGS)
    (foreign,) = chain(store, other, user("hers"))
    with pytest.raises(SessionGoneError):
        store.add(mine, foreign, user("mine"))
    with pytest.raises(SessionGoneError):
        store.move_head(mine, foreign)
    assert store.load(mine).messages == ()


def test_what_another_program_removed_is_gone(path, store):
    session_id = store.create("20b", SETTINGS)
    answer = store.add(session_id, None, final("..."), state=MessageState.PARTIAL)
    with open_store(path) as other:
        other.remove([session_id])
        newer = other.create("20b", SETTINGS)
        other.add(newer, None, user("another"))
    for attempt in (
        lambda: store.add(session_id, answer, user("more")),
        lambda: store.update(answer, final("..."), state=MessageState.COMPLETE),
        lambda: store.load(session_id),
        lambda: store.set_title(session_id, "title"),
        lambda: store.set_settings(session_id, SETTINGS),
        lambda: store.move_head(session_id, None),
    ):
        with pytest.raises(SessionGoneError) as gone:
            attempt()
        assert gone.value.hint
    assert texts(store.load(newer)) == ["another"]


def test_the_list_is_by_the_last_change(store):
    ids = [store.create("20b", SETTINGS, created_s=float(n)) for n in range(4)]
    store.add(ids[1], None, user("back"), created_s=9.0)
    assert [info.id for info in store.sessions()] == [ids[1], ids[3], ids[2], ids[0]]
    assert [info.id for info in store.sessions(limit=2, offset=1)] == [ids[3], ids[2]]
    assert store.last().id == ids[1]


def test_an_empty_store_has_no_last_session(store):
    assert store.last() is None
    assert store.sessions() == []
    assert store.search("x") == []
    assert store.find("x") == []


def test_the_first_question_is_the_title_until_one_is_given(store):
    session_id = store.create("20b", SETTINGS)
    chain(store, session_id, user("  김치찌개\n어떻게  끓여?"), final("물"), user("얼마나?"))
    info = store.last()
    assert (info.title, info.title_is_own) == ("김치찌개 어떻게 끓여?", False)
    store.set_title(session_id, "요리\n하기")
    info = store.last()
    assert (info.title, info.title_is_own) == ("요리 하기", True)
    store.set_title(session_id, " ")
    assert store.last().title == "김치찌개 어떻게 끓여?"
    store.set_title(store.create("20b", SETTINGS), "")


def test_a_long_title_is_cut(store):
    store.create("20b", SETTINGS, title="긴 " * 1000)
    assert len(store.last().title) <= 80
    assert store.last().title.endswith("…")


def test_settings_and_model_change(store):
    session_id = store.create("20b", SessionSettings())
    store.set_settings(session_id, SETTINGS)
    assert store.load(session_id).info.model == "20b"
    store.set_settings(session_id, SETTINGS, model="120b")
    session = store.load(session_id)
    assert (session.settings, session.info.model) == (SETTINGS, "120b")


def test_find_takes_the_closest_meaning(store):
    first = store.create("20b", SETTINGS, "Recipe", created_s=1e9)
    second = store.create("20b", SETTINGS, "recipes of 할머니", created_s=2e9)

    def found(text):
        return [info.id for info in store.find(text)]

    assert found(first) == found(first.lower()) == found(first[:12]) == found(first[-8:]) == [first]
    assert found("RECIPE") == [first]
    assert found("recipes") == [second]
    assert found("rec") == [second, first]
    decomposed = "recipes of \u1112\u1161\u11af\u1106\u1165"  # 할머, as some disks write it
    assert found(decomposed) == [second]
    assert found(first[:3]) == found("") == found("  ") == found("없음") == found("\ud800") == []


def test_threads_may_take_turns(path):
    made = []

    def work():
        made.append(open_store(path))
        made[0].create("20b", SETTINGS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    with made[0] as store:
        assert len(store.sessions()) == 1


def test_5000_messages_come_back(store):
    session_id = store.create("20b", SETTINGS)
    head = None
    for number in range(5000):
        head = store.add(session_id, head, user(f"{number}"))
    assert texts(store.load(session_id)) == [str(number) for number in range(5000)]


def test_a_removed_session_leaves_no_trace(path, store):
    secret = "zyzzyva 비밀번호는양자역학"
    kept = store.create("20b", SETTINGS)
    chain(store, kept, user("stays 그대로"), analysis("thinking stays"))
    doomed = store.create("20b", SessionSettings(instructions=secret), title=secret)
    chain(store, doomed, user(secret * 3000), analysis(secret), final(secret))
    store.update(
        store.add(doomed, None, final(secret), state=MessageState.PARTIAL),
        final("short"),
        state=MessageState.STOPPED,
    )
    store.set_title(doomed, "another")

    assert store.remove([doomed, "01AAAAAAAAAAAAAAAAAAAAAAAA"]) == 1

    files = {file: file.read_bytes() for file in path.parent.iterdir()}
    assert path in files
    for content in files.values():
        assert b"zyzzyva" not in content
        assert "비밀번호".encode() not in content
    assert not files.get(path.with_name("sessions.db-wal"))
    assert words_in_the_index(path) == {*"그대로", "stays", "thinking"}
    assert texts(store.load(kept)) == ["stays 그대로", "thinking stays"]
    assert [hit.session.id for hit in store.search("stays")] == [kept]
    assert store.remove([doomed]) == 0


def words_in_the_index(path):
    with sqlite3.connect(path) as database:
        words = set()
        for table in ("said", "thought"):
            database.execute(f"CREATE VIRTUAL TABLE temp.v USING fts5vocab(main, {table}, row)")
            words |= {word for (word,) in database.execute("SELECT term FROM v")}
            database.execute("DROP TABLE v")
    database.close()
    return words


def test_the_size_is_that_of_all_files(path, store):
    chain(store, store.create("20b", SETTINGS), user("x" * 100_000))
    assert store.size_bytes() == sum(file.stat().st_size for file in path.parent.iterdir())
    assert store.size_bytes() > 100_000


def test_a_suggested_title_is_better_than_the_question_but_not_than_ones_own(store):
    session_id = store.create("20b", SessionSettings())
    store.add(session_id, None, user("첫 질문입니다"))
    store.suggest_title(session_id, "첫 질문")
    assert store.last().title == "첫 질문"
    assert not store.last().title_is_own
    store.set_title(session_id, "내 제목")
    store.suggest_title(session_id, "다른 제목")
    assert store.last().title == "내 제목"
