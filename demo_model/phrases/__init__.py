"""Ways to ask for a sum, a difference and the rest, in English and Korean.

The phrases stand in text files, one a line: `{a}` is the operand named first in the problem and
`{b}` the other. The training and the held-out files share no phrase: the evaluation asks in ways
the model never saw.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of one language."""

    add: tuple[str, ...]
    subtract: tuple[str, ...]
    multiply: tuple[str, ...]
    add_more: tuple[str, ...]
    subtract_more: tuple[str, ...]
    weather: tuple[str, ...]
    greeting: tuple[str, ...]
    identity: tuple[str, ...]
    ability: tuple[str, ...]
    thanks: tuple[str, ...]


def _sections(name: str) -> dict[str, tuple[str, ...]]:
    text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    sections: dict[str, list[str]] = {}
    for line in text.splitlines():
        title = re.fullmatch(r"\[(\w+)\]", line)
        if title:
            lines = sections[title[1]] = []
        elif line:
            lines.append(line)
    return {title: tuple(lines) for title, lines in sections.items()}


ENGLISH = Phrases(**_sections("english"))
KOREAN = Phrases(**_sections("korean"))
ENGLISH_HELD_OUT = Phrases(**_sections("english_held_out"))
KOREAN_HELD_OUT = Phrases(**_sections("korean_held_out"))
UNREACHABLE_HELD_OUT = _sections("unreachable_held_out")
"""By language, ``en`` and ``ko``: what the model is to decline."""
