"""Thinking opened by a key: some rows above the input, gone when it is closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gptoss_cli.ui import status, theme
from gptoss_cli.ui.cells import Row, clip
from gptoss_cli.ui.flow import TextFlow
from gptoss_cli.ui.sanitize import sanitize

_INDENT: Final = "  "
_SHARE: Final = 2  # of the screen's rows, at most one in so many


@dataclass(frozen=True, slots=True)
class Thinking:
    """The thinking of one turn: its number, its text, and what it took; ``tokens`` 0 means that
    nobody counted.
    """

    turn: int
    text: str
    tokens: int
    duration_s: float
    is_going_on: bool

    def heading(self) -> str:
        """Return what it is, on one line."""
        if self.is_going_on:
            return f"thinking of turn {self.turn}, going on"
        line = f"thinking of turn {self.turn}"
        if self.tokens:
            line += f": {status.seconds(self.duration_s)} · {status.tokens(self.tokens)}"
        return line


class ThinkingPane:
    """Shows one of the thoughts that `thoughts` returns, the newest first; closed at first."""

    def __init__(self, thoughts: Callable[[], list[Thinking]]) -> None:
        self._thoughts = thoughts
        self._back = 0  # how many turns before the newest
        self._above: int | None = None  # rows scrolled up from the end; None follows what comes
        self.is_open = False

    def toggle(self) -> bool:
        """Open or close it; False when there is no thinking to show."""
        self._back, self._above = 0, None
        self.is_open = not self.is_open and bool(self._thoughts())
        return self.is_open

    def turn(self, step: int) -> None:
        """Go `step` turns back, or forward if it is negative."""
        self._back = min(max(self._back + step, 0), len(self._thoughts()) - 1)
        self._above = None

    def scroll(self, rows: int) -> None:
        """Scroll up by `rows`, down if negative."""
        self._above = max((self._above or 0) + rows, 0)

    def rows(self, columns: int, lines: int) -> list[Row]:
        """Return what is seen of it on a screen of `columns` by `lines`."""
        thoughts = self._thoughts() if self.is_open else []
        if not thoughts:
            return []
        thought = thoughts[-1 - min(self._back, len(thoughts) - 1)]
        width = max(columns - 1, 8)
        whole = _wrapped(thought.text, width - len(_INDENT))
        most = max(lines // _SHARE - 1, 1)
        self._above = min(self._above, max(len(whole) - most, 0)) if self._above else None
        end = len(whole) - (self._above or 0)
        seen = whole[max(end - most, 0) : end]
        heading = f"{thought.heading()}  Ctrl-O closes"
        if len(whole) > most:
            heading += ", PgUp PgDn scroll"
        if len(thoughts) > 1:
            heading += ", Alt-↑ Alt-↓ other turns"
        return [
            clip([(heading, theme.FAINT)], width),
            *([(_INDENT, theme.PLAIN), *row] for row in seen),
        ]


def _wrapped(text: str, width: int) -> list[Row]:
    flow = TextFlow(lambda: width, theme.FAINT)
    flow.feed(sanitize(text).strip("\n"))
    flow.finish()
    return flow.take()
