"""Events to the screen: which words go to which stream, and which pair of writers does it.

stdout carries the final answer and nothing else. Everything else goes to stderr.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, assert_never

from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    Finished,
    FinishReason,
    LoadProgress,
    MessageCompleted,
    Notice,
    PreambleDelta,
    PromptProgress,
    ToolCallDelta,
    TurnsDropped,
)
from gptoss_cli.messages import Channel
from gptoss_cli.ui import status
from gptoss_cli.ui.sanitize import sanitize_line
from gptoss_cli.ui.terminal import Environment
from gptoss_cli.ui.theme import Paint, Theme

if TYPE_CHECKING:
    from gptoss_cli.ui.area import Output
    from gptoss_cli.ui.screen import Screen
    from gptoss_cli.ui.thinking import Thought


class Renderer(Protocol):
    """Shows one answer after another. A context manager: leaving it closes it."""

    def feed(self, event: Event) -> None:
        """Show `event`. ``BrokenPipeError`` means that nobody reads any more."""

    def close(self) -> None:
        """Show what is left and leave the terminal clean; calling it again does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Answer(Protocol):
    """Where the final answer goes."""

    def add(self, text: str) -> None:
        """Take more of the answer."""

    def pause(self) -> None:
        """Make room for a line of the other stream."""

    def end(self, *, open_end: bool = False) -> bool:
        """End the answer. With ``open_end`` the cursor may stay behind it; the result tells."""


class Side(Protocol):
    """Where everything else goes."""

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees this stream on the screen."""

    def think(self, text: str) -> None:
        """Take more of the thinking."""

    def say(self, text: str) -> None:
        """Take more of a preamble."""

    def call(self, recipient: str, text: str) -> None:
        """Take more of the arguments of a call to `recipient`."""

    def loading(self, fraction: float) -> None:
        """Show how far the weights are loaded, from 0 to 1."""

    def reading(self, progress: PromptProgress) -> None:
        """Show how far the prompt is read."""

    def notice(self, text: str) -> None:
        """Show a line."""

    def settle(self) -> None:
        """End what is going on; nothing live stays."""

    def finished(self, event: Finished, *, behind: bool, stats: bool) -> None:
        """Show how the answer ended; `behind`: the cursor is still behind it."""


class NoAnswer:
    """Takes an answer that is not shown here."""

    def add(self, text: str) -> None:
        """Do nothing."""

    def pause(self) -> None:
        """Do nothing."""

    def end(self, *, open_end: bool = False) -> bool:  # noqa: ARG002
        """Return False: no line is open."""
        return False


class StreamRenderer:
    """Sends each event to the answer or to the side."""

    def __init__(
        self,
        answer: Answer,
        side: Side,
        *,
        stats: bool,
        around: contextlib.AbstractContextManager[object],
    ) -> None:
        self._answer = answer
        self._side = side
        self._stats = stats
        self._around = around
        self._closed = False

    def feed(self, event: Event) -> None:
        """Show `event`."""
        match event:
            case FinalDelta(text):
                self._side.settle()
                self._answer.add(text)
            case Finished():
                self._finish(event)
            case MessageCompleted():
                self._complete(event)
            case _:
                self._answer.pause()
                self._aside(event)

    def close(self) -> None:
        """Show what is left; the cursor is on a new line and visible."""
        if self._closed:
            return
        self._closed = True
        try:
            self._side.settle()
        finally:
            self._answer.end()

    def __enter__(self) -> Self:
        self._around.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        finally:
            self._around.__exit__(kind, error, trace)

    def _aside(
        self,
        event: LoadProgress
        | PromptProgress
        | AnalysisDelta
        | PreambleDelta
        | ToolCallDelta
        | TurnsDropped
        | Notice,
    ) -> None:
        side = self._side
        match event:
            case AnalysisDelta(text):
                side.think(text)
            case PreambleDelta(text):
                side.say(text)
            case ToolCallDelta(recipient, text):
                side.call(recipient, text)
            case LoadProgress(fraction):
                side.loading(fraction)
            case PromptProgress():
                side.reading(event)
            case TurnsDropped(count):
                side.notice(status.dropped(count))
            case Notice(text):
                side.notice(sanitize_line(text))
            case _:
                assert_never(event)

    def _complete(self, event: MessageCompleted) -> None:
        # An incomplete message is followed by the reason, which belongs behind its last word.
        if event.message.channel is not Channel.FINAL:
            self._side.settle()
        elif event.complete:
            self._answer.end()

    def _finish(self, event: Finished) -> None:
        self._side.settle()
        said = event.reason is FinishReason.CANCELLED and self._side.is_watched
        behind = self._answer.end(open_end=said)
        self._side.finished(event, behind=behind, stats=self._stats)


def make_renderer(
    environment: Environment,
    *,
    show_thinking: bool | None = None,
    markdown: bool | None = None,
    newline: bool = True,
    silent: bool = False,
    stats: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Renderer:
    """Return the renderer that fits what `environment` is connected to.

    ``show_thinking``: True shows all of the thinking, on stderr; False none; None as much as is
    useful: a moving tail and then one line at a terminal, nothing in a pipe. ``markdown``: None
    renders at a terminal and leaves the answer as it is written elsewhere; ``newline`` False then
    adds none at its end. ``silent``: the answer is not shown at all, somebody else writes it.
    ``stats`` adds a line of figures on stderr. `clock` counts seconds.
    """
    from gptoss_cli.ui.area import Output  # noqa: PLC0415
    from gptoss_cli.ui.foreground import Foreground  # noqa: PLC0415

    foreground = Foreground(environment.terminal if environment.live else None)
    parts = _Parts(environment, clock, lambda: foreground.resumes)
    return StreamRenderer(
        NoAnswer() if silent else parts.answer(Output(environment.stdout), markdown, newline),
        parts.side(Output(environment.stderr, vital=False), show_thinking),
        stats=stats,
        around=foreground,
    )


def make_live_renderer(
    screen: Screen, *, show_thinking: bool | None, stats: bool, thought_hint: str = ""
) -> Renderer:
    """Return the renderer of a `screen` that both the answer and all else are shown on.

    ``show_thinking`` and ``stats`` are as in ``make_renderer``; `thought_hint` stands behind what
    stays of the thinking.
    """
    from gptoss_cli.ui.live import LiveAnswer, LiveSide  # noqa: PLC0415

    return StreamRenderer(
        LiveAnswer(screen),
        LiveSide(screen, _thoughts(screen, show_thinking, thought_hint)),
        stats=stats,
        around=contextlib.nullcontext(),
    )


def _thoughts(screen: Screen, show_thinking: bool | None, hint: str = "") -> Callable[[], Thought]:
    """Return what makes the display of one stretch of thinking."""
    from gptoss_cli.ui import thinking  # noqa: PLC0415

    if show_thinking:
        return lambda: thinking.WholeThought(screen)
    if show_thinking is None:
        return lambda: thinking.ThoughtTail(screen, hint)
    return lambda: thinking.HiddenThought(screen)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Chooses what writes the answer, and what all else."""

    environment: Environment
    clock: Callable[[], float]
    resumes: Callable[[], int]

    def answer(self, output: Output, markdown: bool | None, newline: bool) -> Answer:
        environment = self.environment
        terminal = environment.stdout_tty
        look = Theme(environment.stdout_paint, unicode=environment.stdout_unicode)
        if terminal and environment.live and markdown is not False:
            from gptoss_cli.ui.live import LiveAnswer  # noqa: PLC0415

            return LiveAnswer(self._screen(output, look, environment.stdout_encoding))
        from gptoss_cli.ui.plain import RowsAnswer, WrittenAnswer  # noqa: PLC0415

        if markdown:
            return RowsAnswer(output, lambda: max(environment.size()[0] - 1, 8), look)
        return WrittenAnswer(output, safe=terminal, newline=newline or terminal)

    def side(self, output: Output, show_thinking: bool | None) -> Side:
        environment = self.environment
        look = Theme(environment.stderr_paint, unicode=environment.stderr_unicode)
        if environment.stderr_tty and environment.live:
            from gptoss_cli.ui.live import LiveSide  # noqa: PLC0415

            screen = self._screen(output, look, environment.stderr_encoding)
            if show_thinking is None and not environment.stdout_tty:
                show_thinking = False
            return LiveSide(screen, _thoughts(screen, show_thinking))
        from gptoss_cli.ui.plain import TextSide  # noqa: PLC0415

        # Where nothing may be repainted nothing is painted, unless FORCE_COLOR asks for a pipe.
        paint = Paint.NONE if environment.stderr_tty else environment.stderr_paint
        return TextSide(
            output,
            Theme(paint, unicode=environment.stderr_unicode),
            self.clock,
            thinking=bool(show_thinking),
            collapsed=show_thinking is None and environment.stdout_tty,
            terminal=environment.stderr_tty,
        )

    def _screen(self, output: Output, look: Theme, encoding: str) -> Screen:
        from gptoss_cli.ui.area import LiveArea  # noqa: PLC0415
        from gptoss_cli.ui.screen import Screen  # noqa: PLC0415

        return Screen(
            output,
            LiveArea(output, self.resumes),
            look,
            self.environment.size,
            self.clock,
            encoding=encoding,
        )
