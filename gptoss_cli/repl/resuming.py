"""A chat that somebody stopped without asking (kill -STOP) takes its terminal back when it goes on.

Ctrl-Z asks, and the terminal is given back and taken again. Of SIGSTOP a program hears nothing: a
shell puts the terminal into the mode it reads lines in. If somebody else lets the program go on,
that mode stays, also when the shell gives it the terminal later, and Enter is a new line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any, Final

from prompt_toolkit.application import Application

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

_LOOK_S: Final = 0.2
_LOCAL_MODES: Final = 3  # its place in what tcgetattr returns


@contextlib.contextmanager
def terminal_taken_back(app: Application[Any], is_lent: Callable[[], bool]) -> Iterator[None]:
    """Inside, `app` has its terminal again whenever it was stopped and goes on.

    `is_lent`: whether another program has the terminal, and gives it back as it was. For the main
    thread, on which the app runs.
    """
    is_waiting = False

    def resumed(*_: object) -> None:
        loop = app.loop
        if loop is None or not app.is_running or is_waiting or is_lent():
            return
        if _is_in_front(app):
            if _reads_lines(app):
                # At once: the app may stand in a read that would wait for a whole line.
                app.input.raw_mode().__enter__()  # the app leaves it at its end
                loop.call_soon_threadsafe(draw_anew)
        else:
            loop.call_soon_threadsafe(lambda: app.create_background_task(wait()))

    async def wait() -> None:
        """The shell says nothing when it gives the terminal; reading before would stop the app."""
        nonlocal is_waiting
        is_waiting = True
        try:
            with app.input.detach():
                while not _is_in_front(app):
                    await asyncio.sleep(_LOOK_S)
        finally:
            is_waiting = False
        resumed()

    def draw_anew() -> None:
        app.renderer.reset()  # others have written below
        app.renderer.request_absolute_cursor_position()
        app.invalidate()

    if termios is not None:
        before = signal.signal(signal.SIGCONT, resumed)
    try:
        yield
    finally:
        if termios is not None:
            signal.signal(signal.SIGCONT, before)


def _is_in_front(app: Application[Any]) -> bool:
    try:
        return os.tcgetpgrp(app.input.fileno()) == os.getpgrp()
    except (OSError, ValueError, NotImplementedError):  # no terminal, or it is gone
        return True


def _reads_lines(app: Application[Any]) -> bool:
    """Whether the terminal hands over whole lines, as it does to a shell's programs."""
    try:
        return bool(termios.tcgetattr(app.input.fileno())[_LOCAL_MODES] & termios.ICANON)
    except (OSError, ValueError, NotImplementedError, termios.error):
        return False
