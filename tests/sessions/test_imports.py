"""Conversations come from elsewhere once, whole, and whatever stands in the file."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.messages import Channel, analysis, final, user
from gptoss_cli.sessions import foreign, imports, llm_logs, session_json
from gptoss_cli.sessions.export import ExportFormat, export
from gptoss_cli.sessions.imports import import_file
from gptoss_cli.sessions.records import StoredSession
from gptoss_cli.sessions.store import open_store
from tests.sessions.sample import session, sessions


@pytest.fixture
def file(tmp_path):
    return tmp_path / "import.json"


def write(file, plain) -> None:
    file.write_text(json.dumps(plain), encoding="utf-8")


def shape(stored: StoredSession):
    """Return a session without what its store gives it: id, and ids of messages."""
    plain = json.loads(session_json.dump(stored))
    return plain | {"id": None}


# This program's own


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    with open_store(folder / "one.db") as one, open_store(folder / "two.db") as two:
        yield one, two


@given(tree=sessions())
@settings(max_examples=40, deadline=None)
def test_an_export_comes_back_as_it_was(two_stores, tree):
    one, two = two_stores
    file = one.path.with_name("export.json")
    before = one.load(one.restore(tree, origin=os.urandom(8).hex()))
    file.write_text(export(before, ExportFormat.JSON, thinking=True), encoding="utf-8")
    (session_id,) = import_file(two, file).session_ids
    assert shape(two.load(session_id)) == shape(before) == shape(tree)
    assert session_id == before.info.id


def test_an_import_is_made_once(store, file):
    file.write_text(export(session(user("안녕"), final("네")), ExportFormat.JSON))
    result = import_file(store, file)
    assert (len(result.session_ids), result.messages, result.known_sessions) == (1, 2, 0)
    again = import_file(store, file)
    assert (again.session_ids, again.messages, again.known_sessions) == ((), 0, 1)
    assert len(store.sessions()) == 1
    assert store.search("안녕")


def test_what_is_here_already_is_not_imported_again(store, file):
    session_id = store.create("20b", session().settings)
    store.add(session_id, None, user("x"))
    file.write_text(export(store.load(session_id), ExportFormat.JSON))
    assert import_file(store, file).known_sessions == 1
    store.remove([session_id])
    assert import_file(store, file).session_ids == (session_id,)


def test_several_exports_may_stand_in_a_list(store, file):
    one = json.loads(export(session(user("a")), ExportFormat.JSON))
    two = one | {"id": "01KAMXP5J3000000000000000B"}
    write(file, [one, two, {}, 7, one | {"id": "x", "version": 99}])
    result = import_file(store, file)
    assert len(result.session_ids) == 2
    assert result.skipped == {"not understood": 2, "written by a newer gptoss": 1}


def test_sessions_without_an_id_are_told_apart_by_what_is_in_them(store, file):
    one = json.loads(export(session(user("a")), ExportFormat.JSON)) | {"id": 7}
    two = json.loads(export(session(user("b")), ExportFormat.JSON)) | {"id": ""}
    write(file, [one, two])
    assert len(import_file(store, file).session_ids) == 2
    assert import_file(store, file).known_sessions == 2


def test_an_export_that_went_on_elsewhere_comes_back(store, tmp_path, file):
    session_id = store.create("20b", session().settings)
    asked = store.add(session_id, None, user("q"))
    store.add(session_id, asked, final("a"))
    file.write_text(export(store.load(session_id), ExportFormat.JSON))
    with open_store(tmp_path / "elsewhere.db") as other:
        import_file(other, file)
        other.add(session_id, other.load(session_id).head_id, user("more"))
        file.write_text(export(other.load(session_id), ExportFormat.JSON))
    assert import_file(store, file).grown_ids == (session_id,)
    assert [m.message.content for m in store.load(session_id).path()] == ["q", "a", "more"]


def test_no_tokens_come_from_a_file(store, file):
    plain = json.loads(export(session(final("a")), ExportFormat.JSON))
    plain["messages"][0]["tokens"] = [200_012]
    write(file, plain)
    (session_id,) = import_file(store, file).session_ids
    assert store.load(session_id).messages[0].message.tokens is None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 7},
        {"id": "../../x", "title": None, "model": [], "created_s": "x", "changed_s": 1e300},
        {"settings": 7, "head": "x"},
        {"settings": {"effort": "extreme", "sampling": [1], "instructions": 5}, "head": 99},
        {"settings": {"effort": {}, "sampling": {"seed": "x", "t": 1e999}, "date": 1}},
        {"created_s": -5, "changed_s": True, "head": True},
    ],
)
def test_values_of_a_wrong_kind_are_replaced(store, file, changes):
    write(file, json.loads(export(session(user("a")), ExportFormat.JSON)) | changes)
    (session_id,) = import_file(store, file).session_ids
    found = store.load(session_id)
    assert [m.message.content for m in found.path()] == ["a"]
    for form in ExportFormat:
        export(found, form)


@pytest.mark.parametrize(
    "entry",
    [
        *(7, None, {}, {"id": 2, "parent": 9, "role": "user", "content": "b"}),
        {"id": 2, "parent": 2, "role": "user", "content": "b"},
        {"id": 1, "parent": None, "role": "user", "content": "b"},
        {"id": 2, "parent": 1, "role": "king", "content": "b"},
        {"id": 2, "parent": 1, "role": "user", "channel": "sixth", "content": "b"},
        {"id": 2, "parent": 1, "role": "user", "content": ["b"]},
        {"id": [], "parent": {}, "role": {}, "channel": [], "content": "b"},
    ],
)
def test_a_message_that_cannot_be_used_is_counted(store, file, entry):
    plain = json.loads(export(session(user("a")), ExportFormat.JSON))
    plain["messages"].append(entry)
    write(file, plain)
    result = import_file(store, file)
    assert (result.messages, result.skipped) == (1, {"not understood": 1})


def test_too_much_is_skipped(store, file, monkeypatch):
    monkeypatch.setattr(imports, "LONGEST_CHARACTERS", 10)
    monkeypatch.setattr(imports, "MOST_MESSAGES", 3)
    long = json.loads(export(session(user("a" * 11)), ExportFormat.JSON)) | {"id": "x"}
    many = json.loads(export(session(*[user("a")] * 4), ExportFormat.JSON)) | {"id": "y"}
    write(file, [long, many])
    assert import_file(store, file).skipped == {"longer than can be taken": 2}


# ChatGPT's


def node(parent, role, *content, **more):
    message = {
        "author": {"role": role},
        "content": {"content_type": "text", "parts": list(content)},
        "create_time": 1.7e9,
    }
    return {"parent": parent, "message": message | more}


def conversation(mapping, **more):
    return {
        "id": "abc",
        "title": "여행",
        "create_time": 1.7e9,
        "update_time": 1.7e9 + 60,
        "mapping": mapping,
    } | more


def imported(store, file, *conversations) -> tuple[StoredSession, dict[str, int]]:
    write(file, list(conversations))
    result = import_file(store, file)
    assert len(result.session_ids) == 1
    return store.load(result.session_ids[0]), dict(result.skipped)


def test_a_conversation_of_chatgpt_keeps_its_tree(store, file):
    mapping = {
        "root": {"parent": None, "message": None},
        "hidden": node("root", "system", "", weight=0.0),
        "q": node("hidden", "user", "제주도는?"),
        "a": node("q", "assistant", "좋지요.", "네.", metadata={"model_slug": "gpt-4o"}),
        "b": node("q", "assistant", "비가 와요."),
        "more": node("b", "user", "그럼?"),
    }
    found, skipped = imported(store, file, conversation(mapping, current_node="a"))
    assert [m.message for m in found.path()] == [user("제주도는?"), final("좋지요.\n네.")]
    assert [m.message.content for m in found.leaves()] == ["좋지요.\n네.", "그럼?"]
    assert (found.info.title, found.info.model) == ("여행", "gpt-4o")
    assert (found.info.created_s, found.info.changed_s) == (1.7e9, 1.7e9 + 60)
    assert skipped == {}
    assert import_file(store, file).known_sessions == 1


def test_what_is_not_text_is_skipped_and_what_follows_moves_up(store, file):
    thoughts = {"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "흠"}, 7]}
    mapping = {
        "q": node(None, "user", {"content_type": "image_asset_pointer"}, "이게 뭐야?"),
        "t": {
            "parent": "q",
            "message": {"author": {"role": "assistant"}, "content": thoughts},
        },
        "c": node("t", "assistant", "search()", recipient="web"),
        "r": node("c", "tool", "result"),
        "i": node("r", "assistant", {"content_type": "image_asset_pointer"}),
        "a": node("i", "assistant", "고양이"),
    }
    found, skipped = imported(store, file, conversation(mapping, current_node="i"))
    assert [m.message for m in found.messages] == [
        user("이게 뭐야?"),
        analysis("흠"),
        final("고양이"),
    ]
    assert found.messages[1].message.channel is Channel.ANALYSIS
    assert found.messages[2].parent_id == found.messages[1].id
    assert found.head_id == found.messages[1].id
    assert skipped == {"no text": 3}


def test_circles_and_orphans_do_no_harm(store, file):
    mapping = {
        "a": node("b", "user", "circle"),
        "b": node("a", "user", "circle"),
        "c": node("c", "user", "circle"),
        "d": node("nowhere", "user", "orphan"),
        "e": 7,
        "f": {"parent": ["x"], "message": {"author": 1, "content": 2}},
    }
    found, skipped = imported(store, file, conversation(mapping, current_node=["a"]))
    assert [m.message.content for m in found.messages] == ["orphan"]
    assert skipped == {"not understood": 3, "no text": 1}


def test_a_very_deep_conversation_is_imported(store, file):
    mapping = {str(n): node(str(n - 1), "user", f"{n}") for n in range(3000)}
    found, _ = imported(store, file, conversation(mapping))
    assert len(found.path()) == 3000


def test_conversations_without_a_name_or_messages_are_skipped(store, file):
    named = conversation({"q": node(None, "user", "x")})
    nameless = conversation({"q": node(None, "user", "x")}, id=None)
    empty = conversation({"q": {"parent": None, "message": None}}, id="other")
    _, skipped = imported(store, file, named, nameless, empty)
    assert skipped == {"not understood": 1, "no text": 1}


_KEYS = (
    *("mapping", "id", "parent", "message", "author", "role", "content", "parts", "thoughts"),
    *("format", "version", "messages", "head", "settings", "metadata", "weight", "recipient"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain=_JSON)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_json_is_more_than_refused(store, file, plain):
    own = {"format": "gptoss session", "version": 1}
    node_of_it = {"author": {"role": "user"}, "content": plain}
    write(
        file,
        [
            plain,
            own | {"messages": plain, "settings": plain},
            conversation(
                {"a": plain, "b": {"parent": plain, "message": plain}, "c": {"parent": "a"}}
            ),
            conversation({"a": {"message": node_of_it}, "b": {"parent": "a", "message": plain}}),
        ],
    )
    import_file(store, file)
    write(file, plain)
    with contextlib.suppress(UsageError):
        import_file(store, file)


def test_a_conversation_that_went_on_gets_its_new_messages(store, file):
    mapping = {"q": node(None, "user", "제주도는?"), "a": node("q", "assistant", "좋지요.")}
    found, _ = imported(store, file, conversation(mapping, current_node="a"))
    mapping |= {"q2": node("a", "user", "그럼?"), "a2": node("q2", "assistant", "네.")}
    mapping["edited"] = node(None, "user", "부산은?")
    mapping = dict(reversed(mapping.items()))
    grown = conversation(mapping, current_node="a2", update_time=1.7e9 + 90)
    write(file, [grown])
    result = import_file(store, file)
    assert (result.session_ids, result.grown_ids) == ((), (found.info.id,))
    assert (result.messages, result.known_sessions) == (3, 0)
    merged = store.load(found.info.id)
    assert [m.message.content for m in merged.path()] == ["제주도는?", "좋지요.", "그럼?", "네."]
    assert {m.message.content for m in merged.leaves()} == {"네.", "부산은?"}
    assert (merged.info.message_count, merged.info.changed_s) == (5, 1.7e9 + 90)
    assert [hit.session.id for hit in store.search("부산")] == [found.info.id]
    again = import_file(store, file)
    assert (again.messages, again.known_sessions) == (0, 1)
    assert store.load(found.info.id) == merged


def test_what_went_on_here_as_well_stays_where_it_is(store, file):
    mapping = {"q": node(None, "user", "q"), "a": node("q", "assistant", "a")}
    found, _ = imported(store, file, conversation(mapping, current_node="a"))
    own = store.add(found.info.id, found.head_id, user("mine"))
    write(file, [conversation(mapping | {"q2": node("a", "user", "theirs")}, current_node="q2")])
    assert import_file(store, file).messages == 1
    merged = store.load(found.info.id)
    assert merged.head_id == own
    assert [m.message.content for m in merged.leaves()] == ["mine", "theirs"]


# The zip file of ChatGPT


def zipped(file, **members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chat.html", "<html>")
        for name, plain in members.items():
            archive.writestr(name, json.dumps(plain))


def test_the_archive_is_read_as_it_comes(store, file):
    one = conversation({"q": node(None, "user", "a")})
    two = conversation({"q": node(None, "user", "b")}, id="def")
    zipped(file, **{"conversations-001.json": [two], "x/conversations-000.json": [one]})
    result = import_file(store, file)
    assert len(result.session_ids) == 2
    zipped(file, **{"conversations.json": [one, two]})
    assert import_file(store, file).known_sessions == 2


def test_an_archive_without_conversations_is_refused(store, file):
    zipped(file, **{"user.json": {}})
    with pytest.raises(UsageError, match=r"no conversations\.json"):
        import_file(store, file)
    zipped(file, **{"conversations.json": []})
    with pytest.raises(UsageError, match="no conversations in it"):
        import_file(store, file)


def test_an_archive_larger_than_it_looks_is_refused(store, file, monkeypatch):
    monkeypatch.setattr(imports, "_LARGEST_BYTES", 1 << 20)
    zipped(file, **{"conversations.json": " " * (2 << 20)})
    assert file.stat().st_size < 1 << 20
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        import_file(store, file)


@pytest.mark.parametrize("offset", range(0, 300, 7))
def test_a_damaged_archive_is_refused_or_read(store, file, offset):
    zipped(file, **{"conversations.json": [conversation({"q": node(None, "user", "a")})]})
    content = bytearray(file.read_bytes())
    content[min(offset, len(content) - 1)] ^= 0xFF
    file.write_bytes(content)
    with contextlib.suppress(UsageError):
        import_file(store, file)


def test_a_locked_archive_is_refused(store, file):
    zipped(file, **{"conversations.json": []})
    content = bytearray(file.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.rindex(mark) + place] |= 1  # "encrypted"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="locked"):
        import_file(store, file)


# llm's


def log(file, *responses, schema=""):
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE conversations (id TEXT, name TEXT, model TEXT)")
        database.execute(
            schema
            or "CREATE TABLE responses (id TEXT, model TEXT, prompt TEXT, system TEXT,"
            " prompt_json TEXT, response TEXT, conversation_id TEXT, datetime_utc TEXT)"
        )
        database.execute("INSERT INTO conversations VALUES ('c1', '휴가', 'gpt-4o')")
        database.executemany(
            "INSERT INTO responses (id, model, prompt, system, response, conversation_id,"
            " datetime_utc) VALUES (?, ?, ?, ?, ?, ?, ?)",
            responses,
        )


TWO = (
    ("r2", "gpt-4o", "둘째", None, "2", "c1", "2026-01-01T00:00:02.5"),
    ("r1", "gpt-4o", "첫째", "짧게", "1", "c1", "2026-01-01T00:00:01+00:00"),
)


def test_a_log_of_llm_is_imported_and_left_as_it_is(store, file):
    log(file, *TWO, ("r3", "m", "혼자", None, "3", None, None))
    content = file.read_bytes()
    result = import_file(store, file)
    assert (len(result.session_ids), result.messages, result.skipped) == (2, 6, {})
    found = store.load(store.find("휴가")[0].id)
    assert [m.message for m in found.path()] == [user("첫째"), final("1"), user("둘째"), final("2")]
    assert (found.info.model, found.settings.instructions) == ("gpt-4o", "짧게")
    assert (found.info.created_s, found.info.changed_s) == (1767225601.0, 1767225602.5)
    assert import_file(store, file).known_sessions == 2
    assert file.read_bytes() == content
    assert list(file.parent.glob(f"{file.name}?*")) == []


def test_strange_values_in_a_log_are_skipped(store, file):
    strange = sqlite3.Binary(b"\xff\x00")
    log(file, ("r", 7, strange, 8, "답\ud800".encode("utf-8", "surrogatepass"), "c1", "yesterday"))
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE responses SET response = CAST(x'ffeb8bb5' AS TEXT)")
    result = import_file(store, file)
    assert (result.messages, result.skipped) == (1, {"no text": 1})
    assert "답" in store.load(result.session_ids[0]).path()[0].message.content


def test_a_log_that_is_a_query_without_end_is_refused(store, file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(
            "CREATE VIEW responses AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r)"
            " SELECT n AS id, n AS model, n AS prompt, n AS system, n AS response,"
            " n AS conversation_id, n AS datetime_utc FROM r"
        )
    with pytest.raises(UsageError, match="no log of llm"):
        import_file(store, file)


def test_a_log_that_takes_too_long_is_refused(store, file, monkeypatch):
    monkeypatch.setattr(llm_logs, "_STEPS", 10)
    monkeypatch.setattr(llm_logs, "_MOST_STEPS", 5)
    log(file, *TWO)
    with pytest.raises(UsageError, match="no log of llm"):
        import_file(store, file)


def test_a_damaged_log_is_refused(store, file):
    log(file, *TWO)
    with file.open("r+b") as damaged:
        damaged.seek(100)
        damaged.write(b"\xff" * 4000)
    with pytest.raises(UsageError, match="no log of llm"):
        import_file(store, file)


# Files


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"),
        (b"hello", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b"9" * 5000, "no JSON"),
        (b"{}", "no conversations"),
        (b"[]", "no conversations"),
        (b'"mapping"', "no conversations"),
        (b"SQLite format 3\0", "no log of llm"),
        (b"PK\x03\x04", "no zip file"),
        (b"PK", "no zip file"),
    ],
)
def test_a_file_that_is_none_of_these_is_a_clear_error(store, file, content, why):
    file.write_bytes(content)
    with pytest.raises(UsageError, match=why) as error:
        import_file(store, file)
    assert "conversations.json" in error.value.hint
    assert store.sessions() == []


def test_a_file_with_a_mark_at_its_beginning_is_read(store, file):
    text = export(session(user("a")), ExportFormat.JSON)
    file.write_text("\ufeff" + text, encoding="utf-8")
    assert import_file(store, file).messages == 1


def test_absent_and_unreadable_files_are_clear_errors(store, tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(GptossError, match="cannot be imported"):
            import_file(store, path)


def test_a_pipe_does_not_wait_for_a_writer(store, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="no regular file"):
        import_file(store, tmp_path / "pipe")


def test_a_file_that_is_too_large_is_refused_unread(store, file, monkeypatch):
    monkeypatch.setattr(imports, "_LARGEST_BYTES", 10)
    file.write_bytes(b"[" + b" " * 20)
    with pytest.raises(UsageError, match="larger"):
        import_file(store, file)


def test_a_text_that_is_too_long_is_skipped(store, file, monkeypatch):
    monkeypatch.setattr(foreign, "LONGEST_CHARACTERS", 10)
    mapping = {"q": node(None, "user", "x" * 11), "a": node("q", "assistant", "short")}
    found, skipped = imported(store, file, conversation(mapping))
    assert [m.message.content for m in found.messages] == ["short"]
    assert skipped == {"longer than can be taken": 1}
