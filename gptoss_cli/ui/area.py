"""The few rows at the end of a terminal that may still change, and nothing above them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

_HIDE_CURSOR = "\x1b[?25l"
_SHOW_CURSOR = "\x1b[?25h"
_ERASE_LINE = "\x1b[K"
# Terminals in raw mode do not return the carriage by themselves; others do not mind.
_NEWLINE = "\r\n"


class Output:
    """Writes text at once and whole.

    A stream that fails (its reader is gone, the disk is full) raises its OSError once if it is
    `vital`, and never otherwise; after that nothing more is written.
    """

    def __init__(self, stream: TextIO, *, vital: bool = True) -> None:
        self._stream = stream
        self._vital = vital
        self._broken = False

    def write(self, text: str) -> None:
        """Write and flush `text`."""
        if self._broken or not text:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._broken = True
            if self._vital:
                raise


def _up(rows: int) -> str:
    return f"\x1b[{rows}A" if rows > 0 else ""


def _erase(rows: int) -> str:
    """Return what erases so many rows, from the first column of the first and back to it.

    Line by line: some terminals move the screen into the scrollback when all of it is erased.
    """
    return _ERASE_LINE + f"\x1b[B{_ERASE_LINE}" * (rows - 1) + _up(rows - 1)


class Area(Protocol):
    """Where rows are printed for good, and others below them that may still change."""

    @property
    def empty(self) -> bool:
        """Whether nothing is painted that may still change."""

    def update(
        self, finished: Sequence[str], tail: Sequence[str], *, open_end: bool = False
    ) -> None:
        """Print the `finished` rows for good and paint `tail` below them.

        ``open_end=True`` leaves the cursor behind the last finished row; `tail` must be empty.
        """

    def clear(self) -> None:
        """Erase what may still change."""


class Writer(Protocol):
    """Writes text where the cursor is."""

    def write(self, text: str) -> None:
        """Write `text` at once."""


class LiveArea:
    """Rows at the bottom of a terminal that are repainted in place.

    The cursor rests at the end of the last row, or in the first column when there are no rows. It
    moves up inside these rows only; a row must be narrower than the terminal, so that none wraps
    and counting them is right. When the terminal is resized in between, old rows may stay visible
    as a duplicate above, but nothing printed is ever overwritten: the terminal may have broken the
    rows into more, never into fewer. `resumes` counts how often the program was stopped and went
    on: after that the rows begin anew where the cursor is.
    """

    def __init__(self, output: Output, resumes: Callable[[], int] = lambda: 0) -> None:
        self._output = output
        self._painted: list[str] = []
        self._resumes = resumes
        self._seen = resumes()

    @property
    def empty(self) -> bool:
        """Whether nothing is painted: the cursor is in the first column."""
        return not self._painted

    def update(
        self, finished: Sequence[str], tail: Sequence[str], *, open_end: bool = False
    ) -> None:
        """Print the `finished` rows for good and paint `tail` below them.

        ``open_end=True`` leaves the cursor behind the last finished row; `tail` must be empty.
        """
        self._leave_what_is_above()
        old = self._painted
        keep = 0
        if not finished:
            if list(tail) == old:
                return
            while keep < min(len(old), len(tail)) and old[keep] == tail[keep]:
                keep += 1
        parts = [_HIDE_CURSOR]
        if keep < len(old):
            parts += [_up(len(old) - 1 - keep), "\r"]
            if finished or len(tail) < len(old):
                parts.append(_erase(len(old) - keep))
        elif old:
            parts.append(_NEWLINE)
        if finished:
            parts.append(_NEWLINE.join(finished))
            if not open_end:
                parts.append(_NEWLINE)
        rows = [row + _ERASE_LINE for row in tail[keep:]]
        if rows:
            parts.append(_NEWLINE.join(rows))
        elif tail:
            parts += [_up(1), "\r", tail[-1]]  # only rows at the end went away
        parts.append(_SHOW_CURSOR)
        self._painted = list(tail)
        self._output.write("".join(parts))

    def _leave_what_is_above(self) -> None:
        """Forget the rows when the program was stopped since: other words stand below them."""
        resumes = self._resumes()
        if resumes != self._seen:
            self._seen = resumes
            self._painted = []

    def clear(self) -> None:
        """Erase the rows; the cursor is where the first of them began."""
        self.update([], [])


class Pace:
    """Lets through at most so many repaints per second."""

    def __init__(self, clock: Callable[[], float], per_second: float = 25.0) -> None:
        self._clock = clock
        self._interval = 1 / per_second
        self._last = float("-inf")

    def ready(self) -> bool:
        """Tell whether it is time to paint again, and if so count from now."""
        now = self._clock()
        # A hair early is not early: clocks tick in fractions.
        if now - self._last < self._interval * 0.999:
            return False
        self._last = now
        return True
