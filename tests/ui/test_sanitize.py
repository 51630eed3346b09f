"""Nothing a model writes may command the terminal; everything a language needs must pass."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptoss_cli.ui.sanitize import Sanitizer, sanitize, sanitize_line

DANGEROUS = st.sampled_from("\x1b\r\n\t\x07\x08\x7f\x9b\u202e\u2066\u200f\u2028\U000e0041a한é👍")


def streamed(parts: list[str]) -> str:
    sanitizer = Sanitizer()
    return "".join([*map(sanitizer.feed, parts), sanitizer.finish()])


@pytest.mark.parametrize(
    ("untrusted", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x1b]52;c;cm0gLXJm\x1b\\", "␛]52;c;cm0gLXJm␛\\"),
        ("\x9b31m", "<U+009B>31m"),
        ("ab\x08c", "ab␈c"),
        ("\x7f", "␡"),
        ("\x00", "␀"),
        ("safe\rEVIL", "safe␍EVIL"),
        ("one\r\ntwo", "one\ntwo"),
        ("\r\r\n", "␍\n"),
        ("end\r", "end␍"),
        ("user\u202egnp.exe", "user<U+202E>gnp.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c", "<U+2066>a<U+2069><U+200E><U+200F><U+061C>"),
        ("a\u2028b\u2029", "a<U+2028>b<U+2029>"),
        ("\U000e0001\U000e0041", "<U+E0001><U+E0041>"),
        ("zero\u200bwidth\ufeff\u2060", "zero<U+200B>width<U+FEFF><U+2060>"),
        ("\ud800", "<U+D800>"),
    ],
)
def test_what_commands_or_deceives_is_shown(untrusted: str, shown: str) -> None:
    assert sanitize(untrusted) == shown
    assert streamed(list(untrusted)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "tab\tand\nnewline",
        "한국어 조합형 각",
        "日本語、中文，",
        "👨‍👩‍👧 ❤️ 👍🏽 🇰🇷",
        "می‌خواهم",
        "é ñ ä̈",
        "a\u00a0b\u202fc\u2011d",
        "x = √2 ≤ ∞ — “quoted” …",
    ],
)
def test_languages_and_emoji_pass(text: str) -> None:
    assert sanitize(text) == text
    assert streamed(list(text)) == text


@given(st.lists(st.text(DANGEROUS, max_size=4), max_size=8))
def test_how_a_stream_is_cut_makes_no_difference(parts: list[str]) -> None:
    assert streamed(parts) == sanitize("".join(parts))


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    for character in sanitize(text):
        assert character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs"}


@given(st.text(DANGEROUS))
def test_safe_text_stays_as_it_is(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)


def test_one_line_stays_one_line() -> None:
    assert sanitize_line('{"a":\r\n  "\x1b[1m"}\t') == '{"a": "␛[1m"}'


def test_hidden_alphabets_and_marks_without_a_shape_are_shown() -> None:
    assert sanitize("a\U000e0101\u034fb") == "a<U+E0101><U+034F>b"


def test_an_encoding_gets_what_it_can_write() -> None:
    made = Sanitizer("euc-kr")
    assert made.feed("좋아 👍\x1b") + made.finish() == "좋아 \\U0001f44d\\u241b"
