"""Events to the screen: which words go to which stream, and which pair of writers does it.

stdout carries the final answer and nothing else. Everything else goes to stderr.
"""

from __future__ import annotations

import time
from collections.abc import Callable
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
    PreambleDelta,
    PromptProgress,
    ToolCallDelta,
    TurnsDropped,
)
from gptoss_cli.messages import Channel
from gptoss_cli.ui import status
from gptoss_cli.ui.terminal import Environment
from gptoss_cli.ui.theme import Paint, Theme

if TYPE_CHECKING:
    from gptoss_cli.ui.area import Output


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


class StreamRenderer:
    """Sends each event to the answer or to the side."""

    def __init__(self, answer: Answer, side: Side, *, stats: bool) -> None:
        self._answer = answer
        self._side = side
        self._stats = stats
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
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _aside(
        self,
        event: LoadProgress
        | PromptProgress
        | AnalysisDelta
        | PreambleDelta
        | ToolCallDelta
        | TurnsDropped,
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
        behind = self._answer.end(open_end=event.reason is FinishReason.CANCELLED)
        self._side.finished(event, behind=behind, stats=self._stats)


def make_renderer(
    environment: Environment,
    *,
    show_thinking: bool | None = None,
    markdown: bool | None = None,
    stats: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Renderer:
    """Return the renderer that fits what `environment` is connected to.

    ``show_thinking``: True shows all of the thinking, on stderr; False none; None as much as is
    useful: a moving tail and then one line at a terminal, nothing in a pipe. ``markdown``: None
    renders at a terminal and leaves the answer as it is written elsewhere. ``stats`` adds a line of
    figures on stderr. `clock` counts seconds.
    """
    from gptoss_cli.ui.area import Output  # noqa: PLC0415

    stdout, stderr = Output(environment.stdout), Output(environment.stderr, vital=False)
    return StreamRenderer(
        _answer(environment, stdout, markdown, clock),
        _side(environment, stderr, show_thinking, clock),
        stats=stats,
    )


def _answer(
    environment: Environment,
    output: Output,
    markdown: bool | None,
    clock: Callable[[], float],
) -> Answer:
    terminal = environment.stdout_tty
    look = Theme(environment.stdout_paint, unicode=environment.stdout_unicode)
    if terminal and environment.live and markdown is not False:
        from gptoss_cli.ui.live import LiveAnswer  # noqa: PLC0415
        from gptoss_cli.ui.screen import Screen  # noqa: PLC0415

        return LiveAnswer(Screen(output, look, environment.size, clock))
    from gptoss_cli.ui.plain import RowsAnswer, WrittenAnswer  # noqa: PLC0415

    if markdown:
        return RowsAnswer(output, lambda: max(environment.size()[0] - 1, 8), look)
    return WrittenAnswer(output, safe=terminal)


def _side(
    environment: Environment,
    output: Output,
    show_thinking: bool | None,
    clock: Callable[[], float],
) -> Side:
    if environment.stderr_tty and environment.live:
        from gptoss_cli.ui import thinking  # noqa: PLC0415
        from gptoss_cli.ui.live import LiveSide  # noqa: PLC0415
        from gptoss_cli.ui.screen import Screen  # noqa: PLC0415

        look = Theme(environment.stderr_paint, unicode=environment.stderr_unicode)
        screen = Screen(output, look, environment.size, clock)
        if show_thinking:
            return LiveSide(screen, lambda: thinking.WholeThought(screen))
        if show_thinking is None and environment.stdout_tty:
            return LiveSide(screen, lambda: thinking.ThoughtTail(screen))
        return LiveSide(screen, lambda: thinking.HiddenThought(screen))
    from gptoss_cli.ui.plain import TextSide  # noqa: PLC0415

    return TextSide(
        output,
        # Where nothing may be repainted nothing is painted, unless FORCE_COLOR asks for a pipe.
        Theme(
            Paint.NONE if environment.stderr_tty else environment.stderr_paint,
            unicode=environment.stderr_unicode,
        ),
        clock,
        thinking=bool(show_thinking),
        collapsed=show_thinking is None and environment.stdout_tty,
        terminal=environment.stderr_tty,
    )
