"""What a conversation is held with: efforts, and numbers with what each takes.

One table for the options of the command line, the configuration and ``/set``; nothing heavy is
imported for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

EFFORTS: Final = ("low", "medium", "high", "none")
"""How long the model thinks; none, which gpt-oss does not know, opens the answer at once."""

LARGEST: Final = 2**31 - 1
_MOST_DIGITS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """What a setting takes: a number from `least` to `most`, or None where it may be left open.

    ``why`` says what bounds it, where a person would ask.
    """

    least: float
    most: float
    whole: bool = False
    open: bool = False
    why: str = ""

    @property
    def range(self) -> str:
        """From where to where, in words."""
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.least:g} to {self.most:,.0f}"

    @property
    def words(self) -> str:
        """What it takes, in words."""
        return self.range + (" or none" if self.open else "")

    def read(self, text: str) -> float | int | None:
        """Return the number that `text` spells, NaN where it spells none."""
        if self.open and text == "none":
            return None
        if not text.isascii() or "_" in text:  # Python takes 1_0 for ten, and digits of any script
            return math.nan
        try:
            return int(text[:_MOST_DIGITS]) if self.whole else float(text)
        except ValueError:
            return math.nan

    def stored(self, value: object) -> object:
        """Return what `value` of a file means: a word stands for a number left open."""
        if self.open and value == "none":
            return None
        is_number = isinstance(value, int) and not isinstance(value, bool)
        # Beyond its range a whole number may have no float at all.
        if is_number and not self.whole and self.takes(value):
            return float(value)  # type: ignore[arg-type]
        return value

    def takes(self, value: object) -> bool:
        """Whether `value` can be set. A truth is no number."""
        if value is None:
            return self.open
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.least <= value <= self.most and (isinstance(value, int) or not self.whole)

    def spelled(self, value: object) -> str:
        """Return `value` as ``read`` takes it."""
        return "none" if value is None else str(value)


NUMBERS: Final = {
    "temperature": Number(least=0, most=10),
    "top_p": Number(least=0, most=1),
    "top_k": Number(least=0, most=LARGEST, whole=True),
    "min_p": Number(least=0, most=1),
    "seed": Number(least=0, most=LARGEST, whole=True, open=True),
    "max_tokens": Number(least=1, most=LARGEST, whole=True, open=True),
}
