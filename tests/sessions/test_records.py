"""Small rules of the values: ids, titles, trees without thinking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptoss_cli.documents.document import Document, Kind
from gptoss_cli.messages import analysis, final, user
from gptoss_cli.sessions.ids import is_id, new_id
from gptoss_cli.sessions.records import StoredMessage, title_of, words_of
from tests.sessions.sample import session


def place(number, parent_id, message):
    return StoredMessage(id=number, parent_id=parent_id, message=message, created_s=0.0)


def test_ids_are_in_order_of_time_and_never_the_same():
    ids = [new_id(float(number)) for number in range(100)]
    assert ids == sorted(ids)
    assert all(len(made) == 26 and is_id(made) for made in ids)
    assert len({new_id(5.0) for _ in range(100)}) == 100
    assert new_id(1e300)[:10] == "7ZZZZZZZZZ"
    assert new_id(-1.0)[:10] == "0000000000"


@pytest.mark.parametrize("text", ["", "x", "../../etc/passwd", "8" + "0" * 25, "0" * 25 + "\n"])
def test_other_texts_are_no_ids(text):
    assert not is_id(text)


@pytest.mark.parametrize(
    ("text", "title"),
    [("", ""), (" \n ", ""), ("a\n\nb\tc", "a b c"), ("x" * 80, "x" * 80)],
)
def test_titles_are_one_line(text, title):
    assert title_of(text) == title


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("sum up\n\nFile: a b.txt\n````py\none\n````\n", "sum up"),
        ("File: a.txt\n```\none\n```\n", "File: a.txt"),
        ("say\n\nFile: a.txt is what?", "say\n\nFile: a.txt is what?"),
        ("File: a.txt\n```\none\n```\n\n\nsum up", "sum up"),
        ("File: a\n```\n```\n\n\nFile: b\n````\n```\n````\n\n\nsum\n\nup", "sum\n\nup"),
        ("File: a\n```\n```\n\n\nsum up\n\nFile: b\n```\none\n```\n", "sum up"),
        ("File: a\n```\n1\n```\n\n\nFile: b\n```\n2\n```\n", "File: a"),
        ("File: a\n```\nnever closed", "File: a"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_the_words_of_a_question_are_what_its_person_wrote(question, words):
    assert words_of(question) == words


@given(st.text(min_size=1), st.text(max_size=50))
def test_a_document_as_chats_write_it_is_not_what_its_person_wrote(name, text):
    document = Document(name, text, Kind.TEXT, 0)
    assert words_of(f"what?\n\n{document.fenced()}") == "what?"
    assert words_of(f"{document.fenced()}\n\nwhat?") == "what?"
    assert words_of(f"{document.fenced()}\n\n{document.fenced()}\n\nwhat?") == "what?"


def test_without_thinking_what_followed_moves_up():
    tree = session(
        place(1, None, user("q")),
        place(2, 1, analysis("hm")),
        place(3, 2, final("a")),
        place(4, 1, analysis("only thought")),
        head_id=4,
    )
    plain = tree.without_thinking()
    assert [(m.id, m.parent_id) for m in plain.messages] == [(1, None), (3, 1)]
    assert plain.head_id == 1
    assert plain.info.message_count == 2
    assert len(tree.messages) == 4


def test_a_stranger_has_no_path():
    with pytest.raises(KeyError):
        session(user("q")).path(99)


def test_an_empty_session_has_empty_answers():
    empty = session()
    assert empty.path() == empty.children(None) == empty.leaves() == ()
