"""A real pseudo-terminal with a terminal emulator behind it: what a person would see."""

from __future__ import annotations

import os
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte

from tests.support.program import COMMAND, ROOT

WAIT_S = 60.0
_LOCAL_MODES = 3  # its place in what tcgetattr returns


class Terminal:
    """The program, or another `command`, in a terminal of `columns` by `rows`."""

    def __init__(
        self,
        *arguments: str,
        command: Sequence[str] = COMMAND,
        columns: int = 80,
        rows: int = 24,
        env: dict[str, str] | None = None,
        folder: Path = ROOT,
    ) -> None:
        self._screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._child = pexpect.spawn(
            command[0],
            [*command[1:], *map(str, arguments)],
            dimensions=(rows, columns),
            cwd=str(folder),
            env=os.environ | {"TERM": "xterm-256color"} | (env or {}),
            timeout=WAIT_S,
        )
        self._child.delaybeforesend = None
        # Answers to the questions a terminal is asked (where is the cursor?) go back to the child.
        self._screen.write_process_input = self._child.send

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.close(force=True)

    def send(self, text: str) -> None:
        """Type `text` as it is."""
        self._child.send(text)

    def send_bytes(self, raw: bytes) -> None:
        """Type bytes, which may be a part of a character."""
        self._child.send(raw)

    def line(self, text: str) -> None:
        """Type `text` and press Enter."""
        self._child.send(text + "\r")

    def resize(self, columns: int, rows: int) -> None:
        self._child.setwinsize(rows, columns)
        self._screen.resize(rows, columns)

    def read(self, seconds: float = 0.05) -> None:
        """Take in what the program has written, for at most `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                piece = self._child.read_nonblocking(65536, timeout=0.02)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return
            self.raw += piece
            self._stream.feed(piece)

    def read_soon(self) -> None:
        """Take in what is there, or the next that comes, as soon as it does."""
        try:
            piece = self._child.read_nonblocking(65536, timeout=1)
        except pexpect.TIMEOUT:
            return
        self.raw += piece
        self._stream.feed(piece)

    @property
    def text(self) -> str:
        """Everything on the screen and in the scrollback, trailing blanks removed."""
        width = self._screen.columns
        above = [
            "".join(row[x].data for x in range(width)).rstrip() for row in self._screen.history.top
        ]
        return "\n".join([*above, *(line.rstrip() for line in self._screen.display)]).rstrip()

    def cells(self) -> list[list[pyte.screens.Char]]:
        """The characters of the screen with their looks, row by row."""
        buffer = self._screen.buffer
        return [
            [buffer[y][x] for x in range(self._screen.columns)] for y in range(len(self.display()))
        ]

    def display(self) -> list[str]:
        """The rows of the screen, trailing blanks and empty rows at the end removed."""
        rows = [line.rstrip() for line in self._screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def wait_for(self, text: str, *, count: int = 1, seconds: float = WAIT_S) -> str:
        """Read until `text` stands `count` times on the screen; return the whole text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.text.count(text) >= count:
                return self.text
            self.read()
        raise AssertionError(f"{text!r} did not appear {count} times in:\n{self.text}")

    def modes(self) -> list[object]:
        """The modes of the terminal: echo, lines, signals."""
        return termios.tcgetattr(self._child.child_fd)

    @property
    def reads_lines(self) -> bool:
        """Whether it hands over whole lines, as for a shell, and not each key."""
        return bool(termios.tcgetattr(self._child.child_fd)[_LOCAL_MODES] & termios.ICANON)

    @property
    def in_front(self) -> int:
        """The group of processes that has the terminal."""
        return os.tcgetpgrp(self._child.child_fd)

    def change_modes(self, modes: list[object]) -> None:
        """Put the terminal into `modes`, as a shell does that takes it."""
        termios.tcsetattr(self._child.child_fd, termios.TCSANOW, modes)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    def kill(self, number: int) -> None:
        """Send the program a signal."""
        self._child.kill(number)

    def wait_until_gone(self, seconds: float = WAIT_S) -> None:
        """Read until the program is gone; the terminal stays."""
        end = time.monotonic() + seconds
        while self._child.isalive() and time.monotonic() < end:
            self.read()
        self.read()

    def wait_for_end(self, seconds: float = WAIT_S) -> int:
        """Read until the program ends; return its exit code (128 + signal if killed)."""
        end = time.monotonic() + seconds
        while self._child.isalive() and time.monotonic() < end:
            self.read()
        self.read()
        self._child.close()
        if self._child.exitstatus is not None:
            return self._child.exitstatus
        return 128 + (self._child.signalstatus or 0)
