"""What a command is, and what commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from gptoss_cli.errors import UsageError
from gptoss_cli.repl.dialogue import Dialogue

if TYPE_CHECKING:
    from gptoss_cli.chat.tree import Turn
    from gptoss_cli.engine.base import Cancel


_MOST_DIGITS: Final = 10


class Completes(Enum):
    """What the argument of a command is, for completion."""

    NOTHING = auto()
    COMMAND = auto()
    MODEL = auto()
    PATH = auto()
    SESSION = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A line that begins with ``/name``.

    ``run`` gets what stands behind the name, without blanks around it. ``words`` are those that may
    stand there, where ``completes`` is WORD.
    """

    name: str
    does: str
    run: Callable[[Dialogue, str, Cancel], None]
    arguments: str = ""
    completes: Completes = Completes.NOTHING
    words: Sequence[str] = ()
    also: Sequence[str] = ()


def number_of(text: str, most: int, what: str) -> int:
    """Return the number from 1 to `most` that `text` spells. Raises UsageError."""
    try:
        number = int(text) if len(text) < _MOST_DIGITS else 0
    except ValueError:
        number = 0
    if 1 <= number <= most:
        return number
    if not most:
        raise UsageError(f"there is no {what} yet.")
    raise UsageError(f"there is no {what} {text}.", hint=f"1 to {most}" if most > 1 else "1")


def turn_of(dialogue: Dialogue, text: str) -> Turn:
    """Return the turn that `text` numbers, the last one if it is empty. Raises UsageError."""
    turns = dialogue.chat.tree.turns()
    return turns[number_of(text or str(len(turns)), len(turns), "turn") - 1]


def plural(count: int, what: str) -> str:
    """Return ``1 turn`` or ``3 turns``."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")
