"""Text in the encodings people have, told when it is a guess."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptoss_cli.documents.decoding import decode_as, detect
from gptoss_cli.errors import UsageError

KOREAN = "안녕하세요. 오늘 회의는 오후 세 시에 시작합니다.\n자료를 미리 읽어 오세요.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_carries_its_encoding_is_read_without_a_note(encoding):
    found = detect(KOREAN.encode(encoding), subject="a.txt")
    assert (found.text, found.note) == (KOREAN, "")


@pytest.mark.parametrize(
    ("text", "encoding", "note"),
    [
        (KOREAN, "cp949", "read as CP949"),
        (KOREAN, "euc-kr", "read as CP949"),
        (KOREAN, "johab", "read as Johab"),
        ("한글", "cp949", "read as CP949"),
        ("이름,나이\n홍길동,20\n", "cp949", "read as CP949"),
        ("def f():\n    return 1  # 한글\n", "cp949", "read as CP949"),
        ("똠방각하와 펲시콜라", "cp949", "read as CP949"),
        (
            "대한민국(大韓民國)은 민주공화국이다. 모든 권력은 국민으로부터 나온다.",
            "cp949",
            "read as CP949",
        ),
        ("こんにちは。今日の会議は午後三時に始まります。", "shift_jis", "read as Shift-JIS"),
        ("こんにちは。今日の会議は午後三時に始まります。", "euc_jp", "read as EUC-JP"),
        ("你好。今天的会议下午三点开始，请提前阅读材料。", "gb18030", "read as GB18030"),
        ("姓名,年龄\n张三,20\n李四,30\n", "gb18030", "read as GB18030"),
        ("Größe: über 5 Äpfel, café\n", "latin-1", "read as Windows-1252 (Latin)"),
        ("“Quotes” – it’s naïve… 5 €", "cp1252", "read as Windows-1252 (Latin)"),
        ("Привет, сегодня встреча начнётся в три часа.", "cp1251", "read as CP1251"),
    ],
)
def test_what_does_not_is_guessed_and_the_guess_is_told(text, encoding, note):
    found = detect(text.encode(encoding), subject="a.txt")
    assert (found.text, found.note) == (text, note)


def test_the_locale_comes_before_a_guess_and_utf_8_before_the_locale():
    raw = "日本".encode("shift_jis")
    assert detect(raw, "Shift_JIS", subject="a").text == "日本"
    assert detect(KOREAN.encode(), "Shift_JIS", subject="a").text == KOREAN


def test_a_log_that_was_cut_in_a_character_is_still_utf_8():
    found = detect(KOREAN.encode()[1:], subject="a.log")
    assert found.text.endswith("읽어 오세요.\n")
    assert "not UTF-8" in found.note


def test_line_ends_become_one():
    assert detect(b"a\r\nb\rc\n", subject="a").text == "a\nb\nc\n"


def test_what_a_server_declares_is_believed_only_where_it_is_true():
    assert decode_as("한글\r\n".encode("euc-kr"), "ks_c_5601-1987") == "한글\n"
    for wrong in ("utf-8", "no-such-thing", "base64", "idna", "rot13", "\0"):
        assert decode_as("한글".encode("euc-kr"), wrong) is None


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_text_or_a_clear_sentence(raw):
    with contextlib.suppress(UsageError):
        text = detect(raw, subject="a").text
        assert "\0" not in text
        assert "\r" not in text


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_text_in_utf_8_comes_back(text):
    plain = text.replace("\0", "").replace("\r", "").replace("\ufeff", "")
    assert detect(plain.encode(), subject="a").text == plain
