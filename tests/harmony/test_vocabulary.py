"""Any text becomes ordinary tokens: the reference's, quickly, and back again."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptoss_cli.harmony.vocabulary import Vocabulary
from tests.harmony.conversations import RUNS, TEXTS
from tests.harmony.streams import many_examples
from tests.support.random_model import MARKERS, byte_tokens


def decoded(ids: list[int], vocabulary: Vocabulary) -> str:
    return b"".join(map(vocabulary.piece, ids)).decode()


@pytest.mark.parametrize("name", TEXTS)
def test_text_has_the_reference_s_tokens(
    name: str, goldens: dict[str, Any], vocabulary: Vocabulary
) -> None:
    assert vocabulary.encode(TEXTS[name]) == goldens["texts"][name]


@pytest.mark.parametrize("name", RUNS)
def test_run_has_the_reference_s_tokens(
    name: str, goldens: dict[str, Any], vocabulary: Vocabulary
) -> None:
    golden = goldens["runs"][name]
    ids = vocabulary.encode(RUNS[name] * (golden["characters"] // len(RUNS[name])))
    assert len(ids) == golden["tokens"]
    assert hashlib.sha256(json.dumps(ids).encode()).hexdigest() == golden["sha256"]


@pytest.mark.parametrize("name", RUNS)
def test_run_of_300000_characters_is_no_trouble(name: str, vocabulary: Vocabulary) -> None:
    text = RUNS[name] * (300_000 // len(RUNS[name]))
    vocabulary.prepare()
    began = time.perf_counter()
    ids = vocabulary.encode(text)
    assert time.perf_counter() - began < 5  # Some 0.1 s; the square of the length would be minutes.
    assert decoded(ids, vocabulary) == text


@given(text=st.text())
@many_examples
def test_text_comes_back(text: str, vocabulary: Vocabulary) -> None:
    ids = vocabulary.encode(text)
    assert decoded(ids, vocabulary) == text
    assert not any(vocabulary.control_name(i) for i in ids)


def test_half_a_surrogate_pair_becomes_a_replacement_character(vocabulary: Vocabulary) -> None:
    assert decoded(vocabulary.encode("a\ud83db"), vocabulary) == "a\ufffdb"
    assert decoded(vocabulary.encode("\ud83d\ude00"), vocabulary) == "😀"


def test_a_long_blank_run_does_not_change_the_text_around_it(vocabulary: Vocabulary) -> None:
    for text in TEXTS.values():
        around = vocabulary.encode(f"{text}\n")
        assert vocabulary.encode(f"{text}\n" + " " * 5000 + "x")[: len(around) - 2] == around[:-2]


@pytest.mark.parametrize("blanks", [" ", " \n"])
def test_a_million_blanks_before_a_word_are_no_trouble(blanks: str, vocabulary: Vocabulary) -> None:
    text = "a" + blanks * (1_000_000 // len(blanks)) + "b 😀"
    halves = text.replace("😀", "\ud83d\ude00")
    assert decoded(vocabulary.encode(halves), vocabulary) == text


@pytest.mark.parametrize(
    ("position", "token", "kind"),
    [
        (0x20, "Āā", 1),  # the blank has no token of its own any more
        (0x41, "漢", 1),  # not in the alphabet of bytes
        (256, "<|start|>", 1),  # a marker that any text could spell
    ],
)
def test_a_damaged_table_is_refused(position: int, token: str, kind: int) -> None:
    tokens = [*byte_tokens(), *MARKERS]
    types = [1] * 256 + [3] * len(MARKERS)
    if position == 256:
        position = tokens.index(token)
    tokens[position], types[position] = token, kind
    with pytest.raises(ValueError, match=r"tokens|markers"):
        Vocabulary(tokens, types)


@pytest.mark.parametrize("foreign", ["a b", "\xad", "한"])
def test_a_character_that_stands_for_no_byte_is_refused(foreign: str) -> None:
    tokens = [*byte_tokens(), foreign, *MARKERS]
    with pytest.raises(ValueError, match="256 bytes"):
        Vocabulary(tokens, [1] * 257 + [3] * len(MARKERS))
