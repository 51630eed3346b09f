"""Thinking at a terminal: a few rows that move, then one line that stays; or all of it; or none."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from gptoss_cli.ui import status, theme
from gptoss_cli.ui.cells import Row, cells
from gptoss_cli.ui.flow import TextFlow
from gptoss_cli.ui.sanitize import Sanitizer

if TYPE_CHECKING:
    from gptoss_cli.ui.screen import Screen

_TAIL_ROWS = 4
_INDENT = "  "


class Thought(Protocol):
    """One stretch of thinking, from its first delta to what comes after it."""

    def add(self, text: str) -> None:
        """Take more of the thinking."""

    def end(self) -> None:
        """Leave the screen as it shall stay."""


class _Counted:
    """Counts deltas, which are tokens almost always, and the time since the first one."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._began_s = screen.clock()
        self._count = 0

    def _line(self) -> str:
        return status.thought(
            self._screen.clock() - self._began_s, self._count, self._screen.look.dot
        )

    def _inner_width(self) -> int:
        return max(self._screen.width() - len(_INDENT), 1)


class ThoughtTail(_Counted):
    """The last rows of the thinking, then only how long it took, and `hint`."""

    def __init__(self, screen: Screen, hint: str = "") -> None:
        super().__init__(screen)
        self._hint = hint
        self._sanitizer = Sanitizer(screen.encoding)
        self._flow = TextFlow(self._inner_width, theme.FAINT)
        self._rows: deque[Row] = deque(maxlen=_TAIL_ROWS)
        self._dropped = False

    def add(self, text: str) -> None:
        """Take more of the thinking."""
        self._count += 1
        self._flow.feed(self._sanitizer.feed(text))
        for row in filter(None, self._flow.take()):
            self._dropped = self._dropped or len(self._rows) == _TAIL_ROWS
            self._rows.append(row)
        if self._screen.pace.ready():
            self._screen.paint([], self._tail())

    def end(self) -> None:
        """Put one line in the place of the rows."""
        line = self._line()
        with_hint = f"{line}  {self._hint}"
        if self._hint and cells(with_hint) <= self._screen.width():
            line = with_hint
        self._screen.print_line(line)

    def _tail(self) -> list[Row]:
        rows = [*self._rows, *self._flow.tail()]
        look = self._screen.look
        head = status.THINKING
        if self._dropped or len(rows) > _TAIL_ROWS:
            head += f"  {look.ellipsis} earlier thinking omitted"
        return [
            [(head, theme.FAINT)],
            *([(_INDENT, theme.PLAIN), *row] for row in rows[-_TAIL_ROWS:]),
        ]


class WholeThought(_Counted):
    """All of the thinking, which stays on the screen, and how long it took."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._sanitizer = Sanitizer(screen.encoding)
        self._flow = TextFlow(screen.width, theme.FAINT)

    def add(self, text: str) -> None:
        """Take more of the thinking."""
        self._count += 1
        self._flow.feed(self._sanitizer.feed(text))
        if self._screen.pace.ready():
            self._screen.paint(self._flow.take(), self._flow.tail())

    def end(self) -> None:
        """Print the rest and one line below it."""
        self._flow.feed(self._sanitizer.finish())
        self._flow.finish()
        self._screen.paint(self._flow.take(), [])
        self._screen.print_line(self._line())


class HiddenThought(_Counted):
    """Nothing but the sign that the model thinks, as long as it does."""

    def add(self, text: str) -> None:  # noqa: ARG002
        """Count, and show that time passes."""
        self._count += 1
        if self._screen.pace.ready():
            look = self._screen.look
            passed = status.seconds(self._screen.clock() - self._began_s)
            line = f"{status.THINKING}{look.ellipsis} {passed}"
            self._screen.paint([], [[(line, theme.FAINT)]])

    def end(self) -> None:
        """Take the sign away."""
        self._screen.area.clear()
