"""Output without a live area: pipes, files, dumb terminals and screens that are read aloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gptoss_cli.events import Finished, FinishReason, PromptProgress
from gptoss_cli.ui import status, theme
from gptoss_cli.ui.area import Output
from gptoss_cli.ui.sanitize import Sanitizer, sanitize_line
from gptoss_cli.ui.theme import Theme

if TYPE_CHECKING:
    from gptoss_cli.ui.markdown import MarkdownStream

# A call is shown, not delivered, here; nobody reads a long program on one line.
LONGEST_CALL = 400


class WrittenAnswer:
    """The answer exactly as the model writes it: each delta is written at once.

    It ends with one newline, added when the answer itself has none, unless ``newline`` is False.
    ``safe=True`` shows control characters instead of passing them on, for terminals.
    """

    def __init__(self, output: Output, *, safe: bool, newline: bool = True) -> None:
        self._output = output
        self._newline = newline
        self._sanitizer = Sanitizer() if safe else None
        self._last = ""

    def add(self, text: str) -> None:
        """Write more of the answer."""
        self._write(self._sanitizer.feed(text) if self._sanitizer is not None else text)

    def pause(self) -> None:
        """Give the other stream a line of its own, on a terminal."""
        if self._sanitizer is not None:
            self.end()

    def end(self, *, open_end: bool = False) -> bool:
        """End the answer; return whether the line is still open, which `open_end` asks for."""
        if self._sanitizer is not None:
            self._write(self._sanitizer.finish())
        if open_end and self._sanitizer is not None and self._last not in {"", "\n"}:
            self._last = ""
            return True
        if self._newline and self._last not in {"", "\n"}:
            self._write("\n")
        self._last = ""
        return False

    def _write(self, text: str) -> None:
        if text:
            self._last = text[-1]
            self._output.write(text)


class RowsAnswer:
    """The answer rendered, each row when it is final: Markdown where nothing may be repainted."""

    def __init__(self, output: Output, width: Callable[[], int], look: Theme) -> None:
        self._output = output
        self._width = width
        self._look = look
        self._sanitizer = Sanitizer()
        self._markdown: MarkdownStream | None = None

    def add(self, text: str) -> None:
        """Take more of the answer."""
        if self._markdown is None:
            from gptoss_cli.ui.markdown import MarkdownStream  # noqa: PLC0415

            self._markdown = MarkdownStream(self._width, self._look)
        self._markdown.feed(self._sanitizer.feed(text))
        self._print()

    def pause(self) -> None:
        """Do nothing: only whole rows are written."""

    def end(self, *, open_end: bool = False) -> bool:  # noqa: ARG002
        """Write what is left; return False: no line stays open."""
        if self._markdown is not None:
            self._markdown.feed(self._sanitizer.finish())
            self._markdown.finish()
            self._print()
            self._markdown = None
        return False

    def _print(self) -> None:
        assert self._markdown is not None
        rows = self._markdown.take()
        self._output.write("".join(self._look.paint_row(row) + "\n" for row in rows))


class TextSide:
    """All that is not the answer, as plain lines: for stderr in a file, or a dumb terminal.

    ``thinking`` says whether the thinking is written; ``terminal`` whether somebody is watching,
    who then reads that the model thinks and when it has been stopped.
    """

    def __init__(
        self,
        output: Output,
        look: Theme,
        clock: Callable[[], float],
        *,
        thinking: bool,
        collapsed: bool,
        terminal: bool,
    ) -> None:
        self._output = output
        self._look = look
        self._clock = clock
        self._show = thinking
        self._collapsed = collapsed
        self._terminal = terminal
        self._sanitizer = Sanitizer()
        self._doing = ""
        self._last = "\n"
        self._began_s = 0.0
        self._count = 0
        self._recipient = ""
        self._arguments = ""

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees this stream on the screen."""
        return self._terminal

    def think(self, text: str) -> None:
        """Take more of the thinking."""
        if self._doing != "think":
            self.settle()
            self._doing, self._began_s, self._count = "think", self._clock(), 0
            if self._terminal and not self._show:
                self._line(f"{status.THINKING}{self._look.ellipsis}")
        self._count += 1
        if self._show:
            self._write(self._sanitizer.feed(text))

    def say(self, text: str) -> None:
        """Take more of a preamble."""
        if self._doing != "say":
            self.settle()
            self._doing = "say"
        self._write(self._sanitizer.feed(text))

    def call(self, recipient: str, text: str) -> None:
        """Take more of the arguments of a call to `recipient`."""
        if self._doing != "call" or recipient != self._recipient:
            self.settle()
            self._doing, self._recipient, self._arguments = "call", recipient, ""
        self._arguments = (self._arguments + text)[: LONGEST_CALL + 1]

    def loading(self, fraction: float) -> None:
        """Show nothing: a line that moves needs a live area."""

    def reading(self, progress: PromptProgress) -> None:
        """Show nothing: a line that moves needs a live area."""

    def notice(self, text: str) -> None:
        """Write a line."""
        self.settle()
        self._line(text)

    def settle(self) -> None:
        """End what is going on, with a whole line."""
        doing, self._doing = self._doing, ""
        if doing == "call":
            self._line(call_line(self._recipient, self._arguments, self._look))
            return
        self._write(self._sanitizer.finish())
        if self._last != "\n":
            self._write("\n")
        if doing == "think" and self._terminal and (self._show or self._collapsed):
            self._line(status.thought(self._clock() - self._began_s, self._count, self._look.dot))

    def finished(self, event: Finished, *, behind: bool, stats: bool) -> None:
        """Write how the answer ended; `behind`: the cursor is still behind it."""
        if event.reason is FinishReason.CANCELLED and self._terminal:
            self._line((" " if behind else "") + status.STOPPED)
        if event.reason is FinishReason.LENGTH:
            self._line(status.cut_off(event))
        if stats and event.reason is not FinishReason.TOOL_CALLS:
            self._line(status.statistics(event, self._look.dot))

    def _line(self, text: str) -> None:
        self._write(self._look.paint_text(text, theme.FAINT) + "\n")

    def _write(self, text: str) -> None:
        if text:
            self._last = text[-1]
            self._output.write(text)


def call_line(recipient: str, arguments: str, look: Theme) -> str:
    """Return what is shown of a tool call: on one line, safe for a terminal."""
    shown = sanitize_line(arguments)
    if len(shown) > LONGEST_CALL:
        shown = shown[:LONGEST_CALL] + look.ellipsis
    return f"calls {sanitize_line(recipient)} {shown}".rstrip()
