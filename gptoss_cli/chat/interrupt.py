"""What asks to stop: Ctrl-C, a time limit, the end of the terminal or of the session."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, Self

from gptoss_cli.engine.base import Cancel
from gptoss_cli.errors import ExitCode

_ENDS: Final = ("SIGTERM", "SIGHUP")
# Whoever does not end within this time after the limit is ended where it stands.
_GRACE_S: Final = 5.0


class Halted(KeyboardInterrupt):
    """Somebody asked to stop where nothing could be finished first."""


class Interruption:
    """A context manager that hears the requests to stop, and remembers the first.

    While an answer is being given (``stopping``) the first request only sets its ``Cancel``, so
    that what was said is kept; a second one, or one at any other time, raises Halted. Signals that
    are ignored (``nohup``, jobs in the background of a script) stay so.

    ``timeout_s`` is counted from ``begin_limit``; None: for ever.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self._timeout_s = timeout_s
        self._before: dict[signal.Signals, Any] = {}
        self._cancel: Cancel | None = None
        self._timer: threading.Timer | None = None
        self._ended_by: signal.Signals | None = None
        self._is_halted = False
        self.timed_out = False

    def __enter__(self) -> Self:
        self._handle("SIGINT", self._stop)
        for name in _ENDS:
            self._handle(name, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self.end_limit()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._ended_by is not None:
            # Everything is tidy: now end as the sender expects, by the signal itself.
            signal.signal(self._ended_by, signal.SIG_DFL)
            os.kill(os.getpid(), self._ended_by)

    def begin_limit(self) -> None:
        """Count the time from here on: inside what tidies up when it is over."""
        if self._timeout_s is not None:
            if hasattr(signal, "setitimer"):
                self._handle("SIGALRM", self._run_out)
                signal.setitimer(signal.ITIMER_REAL, self._timeout_s, _GRACE_S)
            else:
                self._timer = threading.Timer(self._timeout_s, self._run_out_elsewhere)
                self._timer.daemon = True
                self._timer.start()

    def end_limit(self) -> None:
        """Let everything from here on take as long as it takes."""
        if self._timer is not None:
            self._timer.cancel()
        elif self._timeout_s is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)

    @property
    def exit_code(self) -> int:
        """What the program ends with when it was stopped, as a shell tells it."""
        if self._ended_by is not None:
            return 128 + self._ended_by
        return ExitCode.TIMEOUT if self.timed_out else ExitCode.INTERRUPTED

    @contextlib.contextmanager
    def stopping(self, cancel: Cancel) -> Iterator[None]:
        """Inside, the first request to stop sets `cancel`. Raises Halted if one came before."""
        if self._is_halted:  # what a signal raises inside a destructor, Python prints and drops
            raise Halted
        self._cancel = cancel
        try:
            yield
        finally:
            self._cancel = None

    def _handle(self, name: str, handler: Any) -> None:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            self._before[number] = signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        if self._cancel is None or self._cancel.is_set():
            self._is_halted = True
            raise Halted
        self._cancel.set()

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._ended_by = self._ended_by or signal.Signals(number)
        self._stop()

    def _run_out(self, *_: object) -> None:
        self.timed_out = True
        self._stop()

    def _run_out_elsewhere(self) -> None:
        """Windows has no alarm: another thread asks, and the main one hears it when it can."""
        self.timed_out = True
        if self._cancel is not None:
            self._cancel.set()
        else:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def stopping(cancel: Cancel) -> Iterator[None]:
    """Inside, the first Ctrl-C sets `cancel`, a second raises KeyboardInterrupt: one answer of a
    chat, in which other requests have their own place.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
