"""Ways to ask for a sum, a difference and the rest, in English and Korean.

The phrases stand in text files, one a line under the ``[title]`` of their section: `{a}` is the
operand named first in the problem and `{b}` the other. In the training files a line may name
other sections: ``<answer>`` stands for a line of ``[answer]``, and ``<@np>`` for one of
``[add_np]`` when a sum is asked for (of ``[np]`` where there is no such section). ``4 | text`` is
four times as likely as ``text``. So a few hundred lines say the same thing in millions of ways,
which is what makes the model understand those it never saw. The held-out files are plain lists:
the evaluation asks in their words, and what the training files happen to say in the same words is
left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

KINDS = (
    *("add", "subtract", "multiply", "add_more", "subtract_more", "weather"),
    *("greeting", "identity", "ability", "thanks"),
)
"""The sections that every language has."""

_REFERENCE = re.compile(r"<([^<>]+)>")
_WEIGHTED = re.compile(r"(\d+) \| (.*)")


class Phrases:
    """The phrases of one language."""

    def __init__(self, name: str) -> None:
        self._sections: dict[str, list[str]] = {}
        text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
        lines: list[str] = []
        for line in text.splitlines():
            title = re.fullmatch(r"\[([^\]]+)\]", line)
            if title:
                lines = self._sections[title[1]] = []
            elif line:
                weighted = _WEIGHTED.fullmatch(line)
                lines += [weighted[2]] * int(weighted[1]) if weighted else [line]

    def sections(self) -> tuple[str, ...]:
        """Return the titles."""
        return tuple(self._sections)

    def lines(self, kind: str) -> tuple[str, ...]:
        """Return the lines of a section as they stand."""
        return tuple(self._sections[kind])

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield each (section, reference) of the file."""
        for title, lines in self._sections.items():
            for line in dict.fromkeys(lines):
                yield from ((title, found) for found in _REFERENCE.findall(line))

    def some(self, rng: Random, kind: str) -> str:
        """Return a phrase of `kind` by chance."""

        def replaced(match: re.Match[str]) -> str:
            title = match[1]
            if title.startswith("@"):
                own = f"{kind}_{title[1:]}"
                title = own if own in self._sections else title[1:]
            return expanded(title)

        def expanded(title: str) -> str:
            return _REFERENCE.sub(replaced, rng.choice(self._sections[title]))

        return expanded(kind)


def bare(text: str) -> str:
    """Return what is left of a phrase without its case, blanks and closing signs."""
    return re.sub(r"[\s.,!?~:]+", "", text).casefold()


ENGLISH = Phrases("english")
KOREAN = Phrases("korean")
ENGLISH_HELD_OUT = Phrases("english_held_out")
KOREAN_HELD_OUT = Phrases("korean_held_out")
UNREACHABLE_HELD_OUT = Phrases("unreachable_held_out")
"""By language, ``en`` and ``ko``: what the model is to decline."""

_HELD_OUT = {
    bare(line)
    for phrases, kinds in (
        (ENGLISH_HELD_OUT, KINDS),
        (KOREAN_HELD_OUT, KINDS),
        (UNREACHABLE_HELD_OUT, ("en", "ko")),
    )
    for kind in kinds
    for line in phrases.lines(kind)
}


def is_held_out_phrase(text: str) -> bool:
    """Whether `text`, with ``{a}``, ``{b}`` and ``{city}`` in place, is one of the evaluation's."""
    return bare(text) in _HELD_OUT
