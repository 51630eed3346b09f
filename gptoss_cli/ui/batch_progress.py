"""How far a batch is: a row that moves at a terminal, nothing in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Self

from gptoss_cli.ui.cells import cells
from gptoss_cli.ui.moving_row import MovingRow
from gptoss_cli.ui.status import loading, seconds
from gptoss_cli.ui.terminal import Environment

_EVERY_S: Final = 0.1


class BatchProgress:
    """Shows lines, rates and the time left on standard error. Use it with ``with``.

    `total` is the number of lines, None where nobody knows; `before` of them were done earlier.
    """

    def __init__(
        self,
        screen: Environment,
        total: int | None,
        *,
        before: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._screen = screen
        self._total = total
        self._clock = clock
        self._painted_at = -_EVERY_S
        # Records that go to the same terminal would stand in one row with it.
        self._shares = screen.stdout_tty
        self._began: float | None = None
        self._before = before
        self._row = MovingRow(screen)

    def __enter__(self) -> Self:
        self._row.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._row.__exit__()

    def show(self, lines: int, tokens: int, loaded: float | None = None) -> None:
        """Paint that `lines` are done and `tokens` written, or how far the weights are loaded."""
        now = self._clock()
        if self._began is None or loaded is not None:
            self._began = now
        if not self._row.is_live or now - self._painted_at < _EVERY_S:
            return
        self._painted_at = now
        text = loading(loaded) if loaded is not None else self.text(lines, tokens)
        room = max(self._screen.size()[0] - 1, 8)
        while cells(text) > room and " · " in text:
            text = text.rpartition(" · ")[0]
        self._row.paint(text[:room])

    def before_record(self) -> None:
        """Take the row away if the record that comes goes to the same terminal."""
        if self._shares:
            self._row.erase()

    def text(self, lines: int, tokens: int) -> str:
        """Return how far it is, in words."""
        parts = [f"{lines:,}/{self._total:,}" if self._total is not None else f"{lines:,} lines"]
        passed = self._clock() - self._began if self._began is not None else 0.0
        done = lines - self._before
        if passed > 0 and done > 0:
            parts.append(f"{done / passed:,.1f} lines/s")
        if passed > 0 and tokens:
            parts.append(f"{tokens / passed:,.0f} tok/s")
        if passed > 0 and done > 0 and self._total is not None and lines < self._total:
            parts.append(f"{seconds((self._total - lines) * passed / done)} left")
        return " · ".join(parts)
