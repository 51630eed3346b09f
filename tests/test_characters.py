"""The table of unsafe characters, where it is not tested through the screen and the export."""

from __future__ import annotations

import json

import pytest

from gptoss_cli.characters import OBEYED, UNSAFE, hangul_composed, json_escaped

HOSTILE = "a\x7f\x9b\u202e\u2028\ufeff\U000e0041\U0001d173\ud800한👍\u200d\n"


def test_json_means_the_same_and_holds_nothing_unsafe():
    text = json_escaped(json.dumps({"t": HOSTILE}, ensure_ascii=False))
    assert json.loads(text) == {"t": HOSTILE}
    assert not UNSAFE.search(text)
    assert "한👍" in text
    text.encode()  # lone halves of surrogate pairs are escapes, too


@pytest.mark.parametrize(
    "kept", ["\n", "\t", "é", "\u0301", "\u200c", "\u200d", "\ufe0f", "\u1100"]
)
def test_what_languages_and_emoji_need_is_safe(kept):
    assert not UNSAFE.search(kept)


def test_all_that_is_obeyed_is_unsafe():
    assert all(UNSAFE.search(chr(c)) for c in range(0x110000) if OBEYED.search(chr(c)))


def test_parts_of_hangul_become_syllables_and_nothing_else_changes():
    from unicodedata import normalize

    text = "47 더하기 85는? 각 뷁 Å é ﬁ"
    assert hangul_composed(normalize("NFD", "더하기 뷁")) == "더하기 뷁"
    assert hangul_composed("\uac00\u11a8") == "각"
    assert hangul_composed(text) == text
    assert hangul_composed("e\u0301 \u212b ㄱㅏ") == "e\u0301 \u212b ㄱㅏ"
