"""Which test runs now: a row that moves at a terminal, nothing in a pipe."""

from __future__ import annotations

import time
from typing import Final, Self

from gptoss_cli.ui.cells import cells
from gptoss_cli.ui.moving_row import MovingRow
from gptoss_cli.ui.terminal import Environment

_EVERY_S: Final = 0.1


class MeasuringRow:
    """Shows a test and how far it is on standard error. Use it with ``with``."""

    def __init__(self, screen: Environment) -> None:
        self._screen = screen
        self._painted_at = -_EVERY_S
        self._name = ""
        self._row = MovingRow(screen)

    def __enter__(self) -> Self:
        self._row.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._row.__exit__()

    def show(self, name: str, repetition: int, count: int, fraction: float) -> None:
        """Paint `name`, which `repetition` of `count` it is (0: a warm-up), and how far it is."""
        now = time.monotonic()
        if not self._row.is_live or (name == self._name and now - self._painted_at < _EVERY_S):
            return
        self._painted_at, self._name = now, name
        parts = [f"measuring {name}"]
        if count > 1:
            parts.append(f"{repetition} of {count}" if repetition else "warming up")
        if 0.0 < fraction < 1.0:
            parts.append(f"{fraction:.0%}".replace("%", " %"))
        while len(parts) > 1 and cells(" · ".join(parts)) >= self._screen.size()[0]:
            parts.pop()
        dot = " · " if self._screen.stdout_unicode else " - "
        self._row.paint(dot.join(parts))
