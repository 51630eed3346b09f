"""What is typed before it is sent, and the line below it."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.history import FileHistory

from gptoss_cli.repl import attaching
from gptoss_cli.repl.dialogue import Doing, Status
from gptoss_cli.repl.history import forget, open_history
from gptoss_cli.repl.status_line import meter, status_row
from gptoss_cli.repl.typed import Pastes, Sent, as_typed, is_open_block, without_quotes
from gptoss_cli.ui.cells import row_cells

STATUS = Status("gpt-oss-20b", "medium", 6100, 8192, 10.34, "로그에서 새는 곳 찾기", 0)


@given(st.lists(st.text(max_size=1500), max_size=4), st.text(max_size=20))
def test_every_paste_is_sent_whole(texts, between):
    pastes = Pastes()
    shown = between.join(pastes.shown(text) for text in texts)
    plain = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]
    if "[pasted" not in between and not any("[pasted" in text for text in texts):
        assert pastes.whole(shown) == between.join(plain)


def test_what_only_looks_like_a_paste_is_left_alone():
    assert Pastes().whole("[pasted #3: 40 lines]") == "[pasted #3: 40 lines]"


@pytest.mark.parametrize("text", ['"""a', '"""a\nb', ' """', '"""'])
def test_blocks_that_are_open(text):
    assert is_open_block(text)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('"""a\nb"""', "a\nb"),
        ('"""\na\n"""\n', "a"),
        ('say """hi"""', 'say """hi"""'),
        ("a", "a"),
        ('"""Doc."""\nimport os', '"""Doc."""\nimport os'),
    ],
)
def test_blocks_that_are_closed(text, inside):
    assert not is_open_block(text)
    assert without_quotes(text) == inside


@pytest.mark.parametrize(
    ("used", "window", "shown"),
    [
        (0, 8192, "ctx 0/8k 0 %"),
        (3113, 8192, "ctx 3.1k/8k 38 %"),
        (640, 4096, "ctx 640/4k 16 %"),
        (131072, 131072, "ctx 128k/128k 100 %"),
        (None, 8192, "ctx …/8k"),
    ],
)
def test_the_meter(used, window, shown):
    assert meter(used, window) == shown


@pytest.mark.parametrize("columns", range(12, 120, 3))
@pytest.mark.parametrize("doing", list(Doing))
def test_the_status_line_fits_every_width_and_keeps_what_matters(columns, doing):
    row = status_row(STATUS, doing, 2, columns)
    text = "".join(part for part, _ in row)
    assert row_cells(row) <= max(columns, 19)  # one part is always there; it may be cut off
    if doing is Doing.NOTHING and columns > 30:
        assert "ctx 6.1k/8k" in text
    if doing is Doing.THINKING and columns > 50:
        assert "Enter: answer now" in text


def test_the_status_line_tells_all_where_there_is_room():
    text = "".join(part for part, _ in status_row(STATUS, Doing.NOTHING, 0, 120))
    assert text == (" ctx 6.1k/8k 74 % · gpt-oss-20b · medium · 10.3 tok/s · 로그에서 새는 곳 찾기")


@pytest.mark.parametrize("text", ["/help", "/efort high", "/usr/bin", "/system one\ntwo", "/?"])
def test_commands(text):
    assert Sent(text, text).is_command


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("//etc is a folder", "/etc is a folder"),
        ("// a comment\nint x;", "// a comment\nint x;"),
        ("/* a comment */\nint x;", "/* a comment */\nint x;"),
        ("/usr/bin/env python\nimport os", "/usr/bin/env python\nimport os"),
        ("hello", "hello"),
    ],
)
def test_messages(text, message):
    sent = Sent(text, text)
    assert not sent.is_command
    assert sent.message == message


def test_a_long_paste_is_never_a_command():
    sent = Sent("/etc/passwd\n" * 20, "[pasted #1: 21 lines]")
    assert not sent.is_command


def test_typed_lines_are_forgotten_in_the_history(tmp_path):
    path = tmp_path / "history"
    history = open_history(path)
    old = "\n# 2026-01-01 10:00:00.000001\n+비밀\n+두 줄\n\n# 2026-01-02 10:00:00\n+two\n"
    path.write_text(old)
    for text, conversation in (("one", "A"), ("two", "B"), ("/title x", "B"), ("three", "A")):
        history.note(text, conversation)
    assert next(iter(FileHistory(str(path)).load_history_strings())) == "three"  # as older versions
    forget(path, {"비밀\n두 줄", "one"}, ["B"])
    assert list(open_history(path).load_history_strings()) == ["three", "one", "two"]
    assert list(FileHistory(str(path)).load_history_strings()) == ["three", "one", "two"]
    forget(path, {"two"}, [])
    assert list(open_history(path).load_history_strings()) == ["three", "one"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    forget(tmp_path / "absent", {"x"}, ["A"])


@pytest.mark.parametrize(
    "message", ["/etc/hosts", "/new x", "// a comment", "//x", "plain", "/* c */"]
)
def test_a_message_can_be_typed_again_as_it_was_sent(message):
    typed = as_typed(message)
    text = without_quotes(typed)
    sent = Sent(text, text, is_block=text != typed)
    assert not sent.is_command
    assert sent.message == message


def test_a_block_is_a_message_whatever_it_begins_with():
    assert not Sent("/new x", "/new x", is_block=True).is_command
    assert Sent("//x", "//x", is_block=True).message == "//x"


@pytest.mark.parametrize(
    "sent",
    [
        Sent("/undo", "/undo", is_block=True),
        Sent("//x y", "//x y", is_block=True),
        Sent("/undo\n" + "x\n" * 20, "[pasted #1: 21 lines]"),
        Sent("//etc", "//etc"),
    ],
)
def test_what_was_a_message_is_one_again_when_it_comes_back(sent):
    for again in (sent.for_history, sent.for_input):
        text = without_quotes(again)
        back = Sent(text, text, is_block=text != again)
        assert not back.is_command
    assert Sent(text, text, is_block=text != again).message in {sent.message, sent.typed}


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://a.b/c를", "https://a.b/c"),
        ("https://a.b/c.", "https://a.b/c"),
        ("https://a.b/c?d=1에서는,", "https://a.b/c?d=1"),
        ("https://ko.wikipedia.org/wiki/서울", "https://ko.wikipedia.org/wiki/서울"),
        ("https://a.b/", "https://a.b/"),
        ("https://a.b/wiki/Mercury_(planet)", "https://a.b/wiki/Mercury_(planet)"),
        ("https://a.b/wiki/Mercury_(planet))를,", "https://a.b/wiki/Mercury_(planet)"),
        ("https://a.b/?q=a[1]", "https://a.b/?q=a[1]"),
        ("https://a.b/?q=a[1]](x", "https://a.b/?q=a[1]](x"),
        ("https://a.b/c).", "https://a.b/c"),
        ("https://a.b/c'라는", "https://a.b/c"),
        ("https://ko.wikipedia.org/wiki/서울.", "https://ko.wikipedia.org/wiki/서울"),
        ("https://ko.wikipedia.org/wiki/서울」。", "https://ko.wikipedia.org/wiki/서울"),
        ("https://ko.wikipedia.org/wiki/이란", "https://ko.wikipedia.org/wiki/이란"),
        ("https://a.b/3/를", "https://a.b/3/"),
        *(
            (f"https://a.b/c{particle}", "https://a.b/c")
            for particle in (
                *("라는", "이라는", "에서도", "에게", "에게서는", "까지도", "에서부터", "으로부터"),
                *("로만", "랑", "하고", "처럼", "보다", "마다", "에만", "께서", "조차", "이나"),
            )
        ),
    ],
)
def test_an_address_in_a_sentence(tmp_path, written, address):
    assert attaching._meant(written, tmp_path) == address
