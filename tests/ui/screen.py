"""A terminal to look at: bytes in, text out, as a person would see it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyte

from gptoss_cli.events import Event
from gptoss_cli.ui.renderer import Renderer, make_renderer
from gptoss_cli.ui.terminal import Environment


class Terminal:
    """A screen with all it ever scrolled away."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=100_000, ratio=0.5)
        self._stream = pyte.Stream(self.screen)
        self._widest = columns
        self._scrolled: list[str] = []
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text
        self._stream.feed(text)

    def size(self) -> tuple[int, int]:
        return self.screen.columns, self.screen.lines

    def resize(self, columns: int, lines: int) -> None:
        self._widest = max(columns, self._widest)
        self.screen.resize(lines, columns)

    def rows(self) -> list[str]:
        """Everything visible and scrolled away down to the row of the cursor, right-stripped."""
        history = self.screen.history.top
        for index in range(len(self._scrolled), len(history)):
            row = history[index]
            self._scrolled.append("".join(row[x].data for x in range(self._widest)).rstrip())
        visible = self.screen.display[: self.screen.cursor.y + 1]
        rows = [*self._scrolled, *(row.rstrip() for row in visible)]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def text(self) -> str:
        return "\n".join(self.rows())


class Stream(io.StringIO):
    """A stream of the program: a terminal when it is given one, else a file."""

    def __init__(self, terminal: Terminal | None = None, encoding: str = "utf-8") -> None:
        super().__init__()
        self.terminal = terminal
        self.writes: list[str] = []
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        if self.closed:
            raise ValueError("closed")
        return self.terminal is not None

    def write(self, text: str) -> int:
        # As the program sets its streams up: what cannot be encoded is written as an escape.
        text = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        self.writes.append(text)
        if self.terminal is not None:
            self.terminal.write(text)
        return super().write(text)


class Clock:
    """A clock that is told when time passes."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Session:
    """A renderer with its streams; ``columns=None`` for one without terminals."""

    def __init__(
        self,
        *,
        columns: int = 80,
        lines: int = 24,
        stdout_tty: bool = True,
        stderr_tty: bool = True,
        variables: dict[str, str] | None = None,
        step_s: float = 1.0,
        live: bool = True,
        encoding: str = "utf-8",
        **options: Any,
    ) -> None:
        self.terminal = Terminal(columns, lines)
        self.stdout = Stream(self.terminal if stdout_tty else None, encoding)
        self.stderr = Stream(self.terminal if stderr_tty else None, encoding)
        self.clock = Clock()
        self.step_s = step_s
        found = Environment.detect(
            {"TERM": "xterm"} | (variables or {}), None, self.stdout, self.stderr, live=live
        )
        self.environment = with_size(found, self.terminal.size)
        self.renderer: Renderer = make_renderer(self.environment, clock=self.clock, **options)

    def feed(self, *events: Event) -> None:
        for event in events:
            self.clock.now_s += self.step_s
            self.renderer.feed(event)

    def run(self, events: Iterable[Event]) -> str:
        """Show `events` and close; return what is on the screen."""
        with self.renderer:
            self.feed(*events)
        return self.terminal.text

    def live_rows(self) -> int:
        """How many rows at the bottom may still change."""
        found = 0
        for part in (self.renderer._answer, self.renderer._side):  # type: ignore[attr-defined]
            screen = getattr(part, "_screen", None)
            if screen is not None:
                found += len(screen.area._painted)
        return found


def with_size(environment: Environment, size: Callable[[], tuple[int, int]]) -> Environment:
    import dataclasses

    return dataclasses.replace(environment, size=size)


def pieces(text: str, seed: int = 0, longest: int = 6) -> Iterator[str]:
    """Cut `text` into short pieces of random lengths, as tokens cut it."""
    choose, start = random.Random(seed), 0
    while start < len(text):
        length = choose.randint(1, longest)
        yield text[start : start + length]
        start += length
