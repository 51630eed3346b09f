"""A chat that somebody stopped without asking (kill -STOP) takes its terminal back when it goes on.

Ctrl-Z asks, and the terminal is given back and taken again. Of SIGSTOP a program hears nothing: a
shell puts the terminal into the mode it reads lines in. If somebody else lets the program go on,
that mode stays, also when the shell gives it the terminal later, and Enter is a new line.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any, Final

from prompt_toolkit.application import Application

from gptoss_cli.ui.foreground import is_in_front, reads_lines

_LOOK_S: Final = 0.2


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
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone
            terminal = app.input.fileno()
            if not is_in_front(terminal):
                loop.call_soon_threadsafe(lambda: app.create_background_task(wait()))
            elif reads_lines(terminal):
                # At once: the app may stand in a read that would wait for a whole line.
                app.input.raw_mode().__enter__()  # the app leaves it at its end
                loop.call_soon_threadsafe(draw_anew)

    async def wait() -> None:
        """The shell says nothing when it gives the terminal; reading before would stop the app."""
        nonlocal is_waiting
        is_waiting = True
        try:
            with app.input.detach(), contextlib.suppress(OSError, ValueError):
                while not is_in_front(app.input.fileno()):
                    await asyncio.sleep(_LOOK_S)
        finally:
            is_waiting = False
        resumed()

    def draw_anew() -> None:
        app.renderer.reset()  # others have written below
        app.renderer.request_absolute_cursor_position()
        app.invalidate()

    if not hasattr(signal, "SIGCONT"):  # Windows
        yield
        return
    before = signal.signal(signal.SIGCONT, resumed)
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before)
