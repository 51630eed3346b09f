"""Output at a terminal: what is finished is printed once, the unfinished end is repainted.

Two streams may share one screen. Each has its own live area, and before one writes the other has
cleared or finished its rows, so they cannot overwrite each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gptoss_cli.events import Finished, FinishReason, PromptProgress
from gptoss_cli.ui import status, theme
from gptoss_cli.ui.area import Pace
from gptoss_cli.ui.cells import Row, cells, clip, row_cells
from gptoss_cli.ui.markdown import MarkdownStream
from gptoss_cli.ui.plain import call_line
from gptoss_cli.ui.sanitize import Sanitizer
from gptoss_cli.ui.screen import Screen
from gptoss_cli.ui.thinking import Thought

# Who waits less than this does not need to know for what.
_PATIENCE_S = 1.0


class Flow(Protocol):
    """Text that turns into rows: ``MarkdownStream`` and ``TextFlow``."""

    def feed(self, text: str) -> None:
        """Take more text."""

    def take(self) -> list[Row]:
        """Return the rows that became final since the last call."""

    def tail(self) -> list[Row]:
        """Return what the unfinished end looks like now."""

    def finish(self) -> None:
        """Make everything final."""


class LiveText:
    """One text on its way to the screen, sanitised, painted not more often than eyes can follow."""

    def __init__(self, screen: Screen, flow: Flow) -> None:
        self._screen = screen
        self._flow = flow
        self._sanitizer = Sanitizer(screen.encoding)

    def add(self, text: str) -> None:
        """Take more text and paint it when it is time."""
        self._flow.feed(self._sanitizer.feed(text))
        if self._screen.pace.ready():
            self._screen.paint(self._flow.take(), self._flow.tail())

    def pause(self) -> None:
        """Take the unfinished rows off the screen; the next text brings them back."""
        self._screen.paint(self._flow.take(), [])
        self._screen.pace = Pace(self._screen.clock)

    def finish(self, *, room: int = 0) -> bool:
        """Print what is left. With ``room`` columns to spare behind the last row the cursor stays
        there and the result is True, else it is on a new line.
        """
        self._flow.feed(self._sanitizer.finish())
        self._flow.finish()
        rows = self._flow.take()
        behind = bool(room and rows) and row_cells(rows[-1]) + room <= self._screen.width()
        self._screen.paint(rows, [], open_end=behind)
        return behind


class LiveAnswer:
    """The answer as Markdown on a terminal."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._text: LiveText | None = None

    def add(self, text: str) -> None:
        """Take more of the answer."""
        if self._text is None:
            self._text = LiveText(
                self._screen, MarkdownStream(self._screen.width, self._screen.look)
            )
        self._text.add(text)

    def pause(self) -> None:
        """Make room for a line of the other stream."""
        if self._text is not None:
            self._text.pause()

    def end(self, *, open_end: bool = False) -> bool:
        """Print the rest; return whether the cursor stays behind it, which `open_end` asks for."""
        text, self._text = self._text, None
        if text is None:
            return False
        return text.finish(room=cells(status.STOPPED) + 1 if open_end else 0)


class LiveSide:
    """All that is not the answer, on a terminal: thinking, preambles, calls, progress, notices."""

    def __init__(self, screen: Screen, thought: Callable[[], Thought]) -> None:
        self._screen = screen
        self._make_thought = thought
        self._thought: Thought | None = None
        self._preamble: LiveText | None = None
        self._call: tuple[str, str] | None = None
        self._loading_since_s: float | None = None
        self._reading_since: PromptProgress | None = None

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees this stream on the screen."""
        return True

    def think(self, text: str) -> None:
        """Take more of the thinking."""
        if self._thought is None:
            self.settle()
            self._thought = self._make_thought()
        self._thought.add(text)

    def say(self, text: str) -> None:
        """Take more of a preamble."""
        if self._preamble is None:
            self.settle()
            flow = MarkdownStream(self._screen.width, self._screen.look)
            self._preamble = LiveText(self._screen, flow)
        self._preamble.add(text)

    def call(self, recipient: str, text: str) -> None:
        """Take more of the arguments of a call to `recipient`."""
        if self._call is None or self._call[0] != recipient:
            self.settle()
            self._call = (recipient, "")
        self._call = (recipient, (self._call[1] + text)[:4096])
        if self._screen.pace.ready():
            self._screen.paint([], [self._call_row()])

    def loading(self, fraction: float) -> None:
        """Show how far the weights are loaded."""
        now = self._screen.clock()
        if self._loading_since_s is None:
            self.settle()
            self._loading_since_s = now
        if now - self._loading_since_s >= _PATIENCE_S:
            self._progress(status.loading(fraction))

    def reading(self, progress: PromptProgress) -> None:
        """Show how far the prompt is read."""
        if self._reading_since is None or progress.done_tokens < self._reading_since.done_tokens:
            self.settle()
            self._reading_since = progress
        if progress.elapsed_s >= _PATIENCE_S:
            self._progress(status.reading(progress, self._reading_since))

    def notice(self, text: str) -> None:
        """Print a line."""
        self.settle()
        self._screen.print_line(text)

    def settle(self) -> None:
        """End what is going on; nothing live stays on this stream."""
        thought, self._thought = self._thought, None
        preamble, self._preamble = self._preamble, None
        if thought is not None:
            thought.end()
        if preamble is not None:
            preamble.finish()
        if self._call is not None:
            self._screen.paint([self._call_row()], [])
            self._call = None
        self._loading_since_s = self._reading_since = None
        self._screen.area.clear()

    def finished(self, event: Finished, *, behind: bool, stats: bool) -> None:
        """Print how the answer ended; `behind`: the cursor is still behind it."""
        if event.reason is FinishReason.CANCELLED:
            if behind:
                self._screen.write(f" {status.STOPPED}", theme.FAINT)
            else:
                self._screen.print_line(status.STOPPED)
        if event.reason is FinishReason.LENGTH:
            self._screen.print_line(status.cut_off(event))
        if stats and event.reason is not FinishReason.TOOL_CALLS:
            self._screen.print_line(status.statistics(event, self._screen.look.dot))

    def _progress(self, text: str) -> None:
        if self._screen.pace.ready():
            self._screen.paint([], [[(text, theme.FAINT)]])

    def _call_row(self) -> Row:
        assert self._call is not None
        row: Row = [(call_line(*self._call, self._screen.look), theme.FAINT)]
        width = self._screen.width()
        if row_cells(row) > width:
            ellipsis = self._screen.look.ellipsis
            row = [*clip(row, width - cells(ellipsis)), (ellipsis, theme.FAINT)]
        return row
