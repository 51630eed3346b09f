"""One row of standard error that is painted again and again; nothing where nothing may move."""

from __future__ import annotations

from typing import Final, Self

from gptoss_cli.ui.foreground import Foreground
from gptoss_cli.ui.terminal import Environment

_ERASE: Final = "\r\x1b[K"


class MovingRow:
    """The row, while it is entered; leaving takes it away. ``is_live``: it can be painted."""

    def __init__(self, screen: Environment) -> None:
        self._stderr = screen.stderr
        self._is_shown = False
        self.is_live = screen.stderr_tty and screen.live
        # An Enter that is echoed would move the row away from where it is erased.
        self._foreground = Foreground(screen.stderr if self.is_live else None)

    def __enter__(self) -> Self:
        self._foreground.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()
        self._foreground.__exit__()

    def paint(self, text: str) -> None:
        """Show `text`, which fits, in place of what is there."""
        self._write(_ERASE + text)
        self._is_shown = True

    def erase(self) -> None:
        """Take the row away, before something else is written to the same terminal."""
        if self._is_shown:
            self._write(_ERASE)
            self._is_shown = False

    def _write(self, text: str) -> None:
        self._stderr.write(text)
        self._stderr.flush()
