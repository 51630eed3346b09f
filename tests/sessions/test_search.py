"""What a person remembers of a conversation finds it, in every script, and is never syntax."""

from __future__ import annotations

import contextlib
import sqlite3
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gptoss_cli.messages import Message, Role, analysis, final, user
from gptoss_cli.sessions import schema, search_index
from gptoss_cli.sessions.folding import alike, searchable
from gptoss_cli.sessions.records import SessionSettings
from gptoss_cli.sessions.search import parse
from gptoss_cli.sessions.store import open_store


def stored(store, *messages: Message | str, title: str = "") -> str:
    session_id = store.create("20b", SessionSettings(), title)
    for message in messages:
        store.add(session_id, None, user(message) if isinstance(message, str) else message)
    return session_id


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("서울에서는 비가 온다", "서울"),
        ("남서울대학교", "서울"),
        ("한국어문법", "어"),
        ("서울특별시", "특별"),
        ("데이터베이스를 만든다", "데이터베이스"),
        ("\u1109\u1165\u110b\u116e\u11af\u110b\u1166", "서울"),  # decomposed
        ("서울", "\u1109\u1165\u110b\u116e\u11af"),
        ("GPT모델을 쓴다", "gpt모델"),
        ("GPT모델을 쓴다", "모델을"),
        ("東京都に行きます", "京都"),
        ("カタカナ", "タカ"),
        ("ㅋㅋㅋㅋ", "ㅋㅋ"),
        ("The Quick brown fox", "qui"),
        ("The Quick brown fox", "FOX the"),
        ("Café au lait", "cafe"),
        ("cafe au lait", "CAFÉ"),
        ("Straße", "strasse"),
        ("Große Straße", "STRASSE große"),
        ("snake_case_name", "case"),
        ("a well-known fact", "well-known"),
        ("see https://example.org/a?b=c now", "example.org"),
        ("plan b", "b"),
        ("привет мир", "ПРИВ"),
        ("नमस्ते दुनिया", "दुनिया"),
        ("x\u0302y and more", "xy"),
        ("one\x00two", "two"),
        ("one\ud800two", "two"),
        ('say "the quick" fox', '"the quick" say'),
        ("비가 오는 서울", '"비가 오는"'),
    ],
)
def test_it_is_found(store, text, query):
    found = stored(store, text)
    stored(store, "something else 다른 것")
    assert [hit.session.id for hit in store.search(query)] == [found]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("그래서 울었다", "서울"),  # no word of it: there is a blank between
        ("서양과 울산", "서울"),
        ("plan beta", "b"),
        ("unquick", "quick"),
        ("the brown quick", '"quick brown"'),
        ("the quick browner", '"quick brown"'),
        ("the quick", "the slow"),
        ("비가 오는", '"비가오는"'),
        ("서울 text", "🎉"),
        ("서울", ""),
        ("서울", '" "'),
    ],
)
def test_it_is_not_found(store, text, query):
    stored(store, text)
    assert store.search(query) == []


def test_all_words_must_be_in_one_message(store):
    stored(store, "서울", "paris")
    both = stored(store, "paris 또는 서울")
    assert [hit.session.id for hit in store.search("서울 paris")] == [both]


def test_the_session_that_changed_last_comes_first(store):
    ids = [store.create("20b", SessionSettings(), created_s=float(n)) for n in range(5)]
    for number, session_id in enumerate(ids):
        store.add(session_id, None, user("서울"), created_s=float(10 + number))
    store.add(ids[1], None, user("이제 가자"), created_s=99.0)
    found = [hit.session.id for hit in store.search("서울")]
    assert found == [ids[1], ids[4], ids[3], ids[2], ids[0]]
    assert [hit.session.id for hit in store.search("서울", limit=2)] == found[:2]


def test_the_newest_message_of_a_session_is_shown(store):
    stored(store, "서울 첫째", "서울 둘째", final("서울 셋째"), user("끝"))
    (hit,) = store.search("서울")
    assert hit.snippet.text == "서울 셋째"
    assert store.load(hit.session.id).messages[2].id == hit.message_id


def test_thinking_is_found_only_on_request(store):
    session_id = stored(store, user("질문"), analysis("생각은 여기"), final("답"))
    assert store.search("생각") == []
    (hit,) = store.search("생각", thinking=True)
    assert (hit.session.id, hit.is_thinking) == (session_id, True)
    (hit,) = store.search("질문", thinking=True)
    assert not hit.is_thinking


def test_results_of_tools_are_found(store):
    stored(store, Message(role=Role.TOOL, name="browser.search", content="제주도 날씨"))
    assert store.search("제주")


def test_titles_are_found_by_their_present_words(store):
    session_id = stored(store, "무엇이든", title="여름 휴가")
    (hit,) = store.search("휴가")
    assert (hit.session.id, hit.message_id, hit.snippet.text) == (session_id, None, "여름 휴가")
    store.set_title(session_id, "겨울 방학")
    assert store.search("휴가") == []
    assert store.search("방학")


@pytest.mark.parametrize(
    "query",
    [
        '"',
        '"" ""',
        "NOT",
        "서울 OR",
        "text:서울",
        "서울*",
        "^서울",
        "NEAR(a b)",
        "a AND (b",
        "{a b}:c",
        "-서울",
        "'; DROP TABLE message; --",
        "\x00",
        "\ud800",
        "a\x00b",
        "a " * 5000,
        "가" * 5000,
        "x" * 100_000,
        "-".join("a" * 600),
        "\u3164 \u115f \ufe0f \U000e0001",
        "\U00031350",  # an ideograph that SQLite's tables may not know
    ],
)
def test_a_query_is_never_syntax(store, query):
    stored(store, "서울 or not near text", query)
    store.search(query, thinking=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with open_store(tmp_path_factory.mktemp("search") / "sessions.db") as store:
        stored(store, "서울에서는 the quick brown fox", analysis("생각 and more"))
        yield store


@given(st.text(st.characters(), max_size=40))
@example('"a" * ^ + - ( ) { } : , .')
@settings(max_examples=150, deadline=None)
def test_no_query_fails(shared, query):
    shared.search(query, thinking=True)


_LETTERS = st.sampled_from("서울가힣京都タかaZé1ß -_.\"'\n")


@given(st.text(_LETTERS, max_size=60), st.data())
@settings(max_examples=150, deadline=None)
def test_every_part_of_a_run_of_hangul_is_found(text, data):
    runs = [run for run in "".join(c if c in "서울가힣" else " " for c in text).split() if run]
    if not runs:
        return
    run = data.draw(st.sampled_from(runs))
    start = data.draw(st.integers(0, len(run) - 1))
    part = run[start : data.draw(st.integers(start + 1, len(run)))]
    query = parse(part)
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        for statement in schema.INDEX_TABLES:
            database.execute(statement)
        search_index.add(database, 7, text)
        assert database.execute("SELECT rowid FROM said(?)", (query.fts,)).fetchone() == (7,)
        search_index.remove(database, 7, text)
        assert database.execute("SELECT rowid FROM said(?)", (query.fts,)).fetchone() is None
    snippet = query.find(text)
    assert snippet
    assert snippet.text[snippet.start : snippet.end] == part


@given(st.text(_LETTERS | st.characters()), st.text(_LETTERS | st.characters()))
@settings(max_examples=150, deadline=None)
def test_a_snippet_is_a_short_line_whatever_the_text(text, query):
    snippet = parse(query).find(text)
    if snippet is not None:
        assert "\n" not in snippet.text
        assert len(snippet.text) <= 64
        assert 0 <= snippet.start <= snippet.end <= len(snippet.text)


def test_a_snippet_is_around_the_first_hit():
    text = "앞 " * 100 + "여기\n서울 " + "뒤 " * 100
    snippet = parse("서울").find(text)
    assert snippet.text[snippet.start : snippet.end] == "서울"
    assert snippet.text.startswith("…앞 앞")
    assert "앞 여기 서울 뒤 뒤" in snippet.text
    assert snippet.text.endswith("뒤…")
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in snippet.text)
    assert 50 <= width <= 62


def test_a_short_text_is_its_own_snippet():
    snippet = parse("quick").find("the  quick\nfox")
    assert (snippet.text, snippet.start, snippet.end) == ("the quick fox", 4, 9)


def test_what_is_longer_than_a_line_is_cut():
    snippet = parse('"' + "가" * 200 + '"').find("가" * 300)
    assert len(snippet.text) <= 32


@given(st.text(st.characters()))
@settings(deadline=None)
def test_folding_keeps_every_character_in_its_place(text):
    composed = unicodedata.normalize("NFC", text)
    assert len(alike(composed)) == len(composed)
    assert searchable(text) == searchable(composed)
    searchable(text).encode()
