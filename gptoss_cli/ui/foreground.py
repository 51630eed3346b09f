"""The terminal while an answer is shown: keys are not echoed into it, and Ctrl-Z does no harm.

What is typed meanwhile stays in the terminal's own queue, key by key, and is read at the next
prompt, Enter and Ctrl-D too. Echoed at once it would move the cursor, and rows that are repainted
would miss their place. After Ctrl-Z the
shell has written below the answer, so what is repainted begins anew there.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self, TextIO

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

_INPUT_MODES, _LOCAL_MODES = 0, 3  # places in what tcgetattr returns
_STOPS, _CONTINUES, _ENDS = "SIGTSTP", "SIGCONT", ("SIGTERM", "SIGHUP", "SIGQUIT")
# No marks around what is pasted, a visible cursor, no colours: what a shell expects.
_SANE = b"\x1b[?2004l\x1b[?25h\x1b[0m"
_MARKED_PASTES = b"\x1b[?2004h"


def is_in_front(descriptor: int) -> bool:
    """Whether this program has the terminal: changing it from the background would stop it."""
    return os.tcgetpgrp(descriptor) == os.getpgrp()


def reads_lines(descriptor: int) -> bool:
    """Whether a terminal hands over whole lines, as to a shell's programs, and not each key."""
    with contextlib.suppress(termios.error):
        return bool(termios.tcgetattr(descriptor)[_LOCAL_MODES] & termios.ICANON)
    return False


def drop_typed(stream: TextIO) -> None:
    """Forget what was typed at the terminal of `stream` and read by nobody yet.

    It was typed before there was a question, and is no answer to it.
    """
    if termios is not None:
        with contextlib.suppress(OSError, ValueError, termios.error):
            if is_in_front(stream.fileno()):
                termios.tcflush(stream.fileno(), termios.TCIFLUSH)


@contextlib.contextmanager
def terminal_kept(stream: TextIO) -> Iterator[None]:
    """Inside, a signal that ends or stops the program leaves the terminal of `stream` as it is now.

    A prompt puts the terminal into a mode of its own, in which a shell does not work; what goes on
    after a stop finds that mode again.
    """
    modes: list[Any] = []
    before: dict[signal.Signals, Any] = {}
    if termios is not None:
        with contextlib.suppress(OSError, ValueError, termios.error):
            modes = termios.tcgetattr(stream.fileno())

    def end(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(OSError, ValueError, termios.error):
            if is_in_front(stream.fileno()):
                termios.tcsetattr(stream.fileno(), termios.TCSADRAIN, modes)
                os.write(stream.fileno(), _SANE)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def stop(number: int, frame: FrameType | None) -> None:
        now: list[Any] = []
        with contextlib.suppress(OSError, ValueError, termios.error):
            now = termios.tcgetattr(stream.fileno())
        end(number, frame)  # here the program stands still
        signal.signal(number, stop)
        with contextlib.suppress(OSError, ValueError, termios.error):
            if now and is_in_front(stream.fileno()):
                termios.tcsetattr(stream.fileno(), termios.TCSADRAIN, now)
                os.write(stream.fileno(), _MARKED_PASTES)
                os.kill(os.getpid(), signal.SIGWINCH)  # a prompt draws itself again

    for name in (_STOPS, *_ENDS) if modes else ():
        number = signal.Signals[name]
        if signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, stop if name == _STOPS else end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Foreground:
    """A context manager around an answer on the terminal that `stream` writes to.

    ``resumes`` counts how often the program was stopped and went on. Signals that somebody else
    handles or ignores are left alone.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.resumes = 0
        self._stream = stream
        self._descriptor = -1
        self._modes: list[Any] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if termios is None or self._stream is None:
            return self
        with contextlib.suppress(OSError, ValueError):
            self._descriptor = self._stream.fileno()
            self._silence()
            self._handle(_STOPS, self._stop)
            self._handle(_CONTINUES, self._go_on)
            for name in _ENDS:
                self._handle(name, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        self._restore()

    def typed(self, stdin: TextIO) -> str:
        """Return what was typed before this was entered, Enter as a carriage return; once.

        Until then the terminal had made newlines of it, which an input of several lines takes for
        a wish to go on.
        """
        if self._modes is None:
            return ""
        raw = b""
        with contextlib.suppress(OSError, ValueError):
            while select.select([stdin], [], [], 0)[0]:
                piece = os.read(stdin.fileno(), 65_536)
                if not piece:
                    break
                raw += piece
        return raw.decode("utf-8", "replace").replace("\n", "\r")

    def _handle(self, name: str, handler: Any) -> None:
        number = signal.Signals[name]
        if signal.getsignal(number) is signal.SIG_DFL:
            self._before[number] = signal.signal(number, handler)

    def _silence(self) -> None:
        """Turn the echo off; not from the background, where it would stop the program."""
        if not is_in_front(self._descriptor):
            return
        modes = termios.tcgetattr(self._descriptor)
        if modes[_LOCAL_MODES] & termios.ECHO:
            self._modes = list(modes)
            # Line by line, an early Ctrl-D would be lost, and an early Enter be a new line.
            modes[_LOCAL_MODES] &= ~(termios.ECHO | termios.ICANON)
            modes[_LOCAL_MODES] |= termios.NOFLSH  # Ctrl-C stops the answer, not what was typed
            modes[_INPUT_MODES] &= ~termios.ICRNL
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, modes)

    def _restore(self) -> None:
        modes, self._modes = self._modes, None
        if modes is not None:
            with contextlib.suppress(OSError, termios.error):
                if is_in_front(self._descriptor):
                    termios.tcsetattr(self._descriptor, termios.TCSADRAIN, modes)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # here the program stands still
        signal.signal(number, self._stop)
        with contextlib.suppress(OSError, termios.error):
            self._silence()

    def _go_on(self, _number: int, _frame: FrameType | None) -> None:
        self.resumes += 1
        with contextlib.suppress(OSError, termios.error):
            self._silence()

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
