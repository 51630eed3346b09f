"""One stream of a terminal: its size, its look, and the rows that are repainted on it."""

from __future__ import annotations

from collections.abc import Callable

from gptoss_cli.ui import theme
from gptoss_cli.ui.area import Area, Pace, Writer
from gptoss_cli.ui.cells import Row, clip, wrap
from gptoss_cli.ui.terminal import Size
from gptoss_cli.ui.theme import Theme

_TAIL_ROWS = 8
_MIN_WIDTH = 8


class Screen:
    """One stream of a terminal: its size, its look, its encoding, its live area."""

    def __init__(
        self,
        output: Writer,
        area: Area,
        look: Theme,
        size: Callable[[], Size],
        clock: Callable[[], float],
        *,
        encoding: str = "utf-8",
    ) -> None:
        self.look = look
        self.clock = clock
        self.encoding = encoding
        self.area = area
        self._output = output
        self._size = size
        self.pace = Pace(clock)

    def width(self) -> int:
        """Return the columns to use: one less than there are, so that no row wraps by itself."""
        return max(self._size()[0] - 1, _MIN_WIDTH)

    def paint(self, finished: list[Row], tail: list[Row], *, open_end: bool = False) -> None:
        """Print rows for good and repaint the tail, as much of it as fits."""
        columns, lines = self._size()
        rows = tail[-max(min(_TAIL_ROWS, lines - 1), 1) :]
        self.area.update(
            [self.look.paint_row(row) for row in finished],
            [self.look.paint_row(clip(row, columns - 1)) for row in rows],
            open_end=open_end,
        )

    def print_line(self, text: str, style: int = theme.FAINT) -> None:
        """Print a line, or as many as it needs, instead of the live rows."""
        self.paint(wrap([(text, style)], self.width()), [])

    def write(self, text: str, style: int) -> None:
        """Write `text` where the cursor is, and end the line."""
        self._output.write(self.look.paint_text(text, style) + "\r\n")
