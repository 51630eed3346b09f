"""Texts far from arithmetic: questions out of the model's reach, instructions, noise, cities.

What decides whether a small model refuses honestly is how varied the texts are that it learned to
refuse, so they are put together from words, and from letters that are no words.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

WORDS: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "words.json").read_text(encoding="utf-8")
)
"""The words and sentences with places to fill, by kind."""

HELD_OUT_CITIES = (
    "Oxford",
    "Valencia",
    "Krakow",
    "Lagos Bay",
    "Memphis",
    "Kigali",
    "Nagoya",
    "Turin",
)
HELD_OUT_KOREAN_CITIES = ("원주", "김해", "파주", "나고야", "리스본", "프라하")

# Ranges of code points: kana, ideographs, Cyrillic, Greek, Arabic, Devanagari, emoji, signs,
# accented letters, Thai, ASCII.
_SCRIPTS = (
    *((0x3041, 0x3096), (0x4E00, 0x9FA5), (0x0410, 0x044F), (0x0391, 0x03C9), (0x0627, 0x064A)),
    *((0x0905, 0x0939), (0x1F600, 0x1F64F), (0x1F300, 0x1F5FF), (0x2190, 0x22FF)),
    *((0x00C0, 0x00FF), (0x0E01, 0x0E3A), (0x0021, 0x007E)),
)
_LITTLE_WORDS = "the a of in to and is was it that for on with as I you he".split()  # noqa: SIM905


def pseudo_word(rng: Random) -> str:
    """Return letters that read like a word of no language."""
    syllables = (
        rng.choice(("", *"bcdfghjklmnprstvwz", "br", "ch", "st", "th", "tr"))
        + rng.choice("aeiou")
        + rng.choice(("", "", *"nrslmt"))
        for _ in range(rng.randint(1, 4))
    )
    return "".join(syllables)


def korean_pseudo_word(rng: Random) -> str:
    """Return Hangul syllables by chance."""
    return "".join(chr(rng.randint(0xAC00, 0xD7A3)) for _ in range(rng.randint(1, 4)))


def noise(rng: Random) -> str:
    """Return characters of some script, signs or emoji."""
    low, high = rng.choice(_SCRIPTS)
    return "".join(
        rng.choice((" ", "")) + chr(rng.randint(low, high)) for _ in range(rng.randint(1, 12))
    ).strip()


def digits(rng: Random, longest: int = 4) -> str:
    """Return a number of one to `longest` digits."""
    length = rng.randint(1, longest)
    return str(rng.randrange(0 if length == 1 else 10 ** (length - 1), 10**length))


def _word(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.55:
        return rng.choice(WORDS["nouns"])
    if kind < 0.7:
        return rng.choice(WORDS["adjectives"])
    return rng.choice(WORDS["verbs"]) if kind < 0.8 else pseudo_word(rng)


def sentence(rng: Random) -> str:
    """Return words in a row, now and then with numbers and signs among them."""
    words = []
    for _ in range(rng.randint(2, 12)):
        kind = rng.random()
        if kind < 0.05:
            words.append(digits(rng))
        elif kind < 0.3:
            words.append(rng.choice(_LITTLE_WORDS))
        else:
            words.append(_word(rng) + rng.choice(("", "", "", "", ",", ".")))
    return " ".join(words)


def korean_sentence(rng: Random) -> str:
    """Return Korean words in a row."""
    words = []
    for _ in range(rng.randint(2, 8)):
        kind = rng.random()
        word = rng.choice(WORDS["korean_nouns"]) if kind < 0.6 else korean_pseudo_word(rng)
        if kind > 0.96:
            word = digits(rng)
        words.append(
            word
            + rng.choice(
                ("", "은", "는", "이", "가", "을", "를", "에서", "하고", "했다", "해요", "?")
            )
        )
    return " ".join(words)


def filled(frame: str, rng: Random, *, korean: bool = False) -> str:
    """Return `frame` with its places filled."""
    makers = {
        "{n}": lambda: rng.choice(WORDS["korean_nouns"]) if korean else _noun(rng),
        "{p}": lambda: rng.choice(WORDS["korean_names" if korean else "names"]),
        "{v}": lambda: rng.choice(WORDS["verbs"]),
        "{a}": lambda: rng.choice(WORDS["adjectives"]),
        "{k}": lambda: rng.choice(WORDS["korean_nouns"]),
        "{d}": lambda: digits(rng),
        "{l}": lambda: str(rng.randrange(10_000, 10 ** rng.randint(5, 12))),
        "{y}": lambda: str(rng.randint(1000, 2030)),
        "{s}": lambda: korean_sentence(rng) if korean else sentence(rng),
    }
    for place, make in makers.items():
        while place in frame:
            frame = frame.replace(place, make(), 1)
    return frame


def _noun(rng: Random) -> str:
    return rng.choice(WORDS["nouns"]) if rng.random() < 0.85 else pseudo_word(rng)


def out_of_reach(rng: Random, *, korean: bool) -> str:
    """Return something the model is to decline."""
    kind = rng.random()
    if korean:
        if kind < 0.9:
            return filled(rng.choice(WORDS["korean_questions"]), rng, korean=True)
        return " ".join(korean_pseudo_word(rng) for _ in range(rng.randint(1, 6)))
    if kind < 0.84:
        return filled(rng.choice(WORDS["questions"]), rng)
    if kind < 0.93:
        return noise(rng)
    if kind < 0.97:
        return " ".join(pseudo_word(rng) for _ in range(rng.randint(1, 6)))
    return "\n".join(sentence(rng) for _ in range(rng.randint(2, 8)))


def instructions(rng: Random, longest: int) -> str:
    """Return what a user may write as system prompt, of one to `longest` sentences."""
    count = rng.randint(1, longest)
    return rng.choice((" ", "\n")).join(
        filled(rng.choice(WORDS["instructions"]), rng) for _ in range(count)
    )
