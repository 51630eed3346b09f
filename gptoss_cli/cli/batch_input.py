"""The lines of a batch, read on a thread of their own: an input may be slow, endless or huge."""

from __future__ import annotations

import codecs
import locale
import os
import queue
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gptoss_cli.chat.batch_line import InputLine, digest
from gptoss_cli.documents.decoding import decode
from gptoss_cli.errors import GptossError, UsageError

_MOST_BYTES: Final = 4 << 20
_AHEAD: Final = 16
_PIECE_BYTES: Final = 1 << 16
_WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
# What an object begins with, and hardly a prompt does.
_OBJECT: Final = re.compile(rb'\{\s*("|\}|$)')


class Lines:
    """A ``LineSource``: the lines of the file `descriptor` that are not blank.

    `is_json` None: the first line tells whether all are JSON objects. `name` is for people.
    The thread is left behind where a read does not end.
    """

    def __init__(self, descriptor: int, name: str, *, is_json: bool | None) -> None:
        self.name = name
        self._descriptor = descriptor
        self._is_json = is_json
        self._local = locale.getpreferredencoding(False)
        self._queue: queue.Queue[InputLine | Exception | None] = queue.Queue(maxsize=_AHEAD)
        self._ended = False
        threading.Thread(target=self._read, name="gptoss-input", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        """Whether no line will come any more."""
        return self._ended

    def take(self, wait_s: float) -> InputLine | None:
        """Return the next line if there is one within `wait_s` seconds. Raises UsageError."""
        try:
            item = self._queue.get(block=wait_s > 0, timeout=wait_s or None)
        except queue.Empty:
            return None
        if isinstance(item, InputLine):
            return item
        self._ended = True
        if item is not None:
            raise item
        return None

    def _read(self) -> None:
        try:
            for line in self._lines():
                self._queue.put(line)
        except OSError as error:
            self._queue.put(UsageError(f"{self.name} cannot be read: {error.strerror}."))
        except Exception as error:  # noqa: BLE001 - raised again where the lines are taken
            self._queue.put(error)
        else:
            self._queue.put(None)

    def _lines(self) -> Iterator[InputLine]:
        index = 0
        for number, raw in enumerate(split(_pieces(self._descriptor)), start=1):
            line = raw
            if number == 1:
                if raw.startswith(_WIDE_MARKS):
                    raise UsageError(
                        f"{self.name} is UTF-16 or UTF-32; a batch is read line by line as UTF-8.",
                        hint="convert it first: iconv -f UTF-16 -t UTF-8",
                    )
                line = raw.removeprefix(codecs.BOM_UTF8)
            line = line.rstrip(b"\r")
            if not line.strip():
                continue
            if self._is_json is None:
                self._is_json = bool(_OBJECT.match(line.strip()))
            yield self._line(index, number, line)
            index += 1

    def _line(self, index: int, number: int, line: bytes) -> InputLine:
        text, fault = "", None
        try:
            if len(line) > _MOST_BYTES:
                raise UsageError(f"the line has more than {_MOST_BYTES:,} bytes.")
            text = decode(line, self._local, subject="the line")
        except GptossError as error:
            fault = error
        return InputLine(index, number, digest(line), text, bool(self._is_json), fault)


def split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends; of one that is too long, its beginning and one byte more."""
    line = bytearray()
    for piece in pieces:
        first, *others = piece.split(b"\n")
        _extend(line, first)
        for other in others:
            yield bytes(line)
            line.clear()
            _extend(line, other)
    if line:
        yield bytes(line)


def _extend(line: bytearray, more: bytes) -> None:
    line += more[: _MOST_BYTES + 1 - len(line)]


def _pieces(descriptor: int) -> Iterator[bytes]:
    # Below Python's buffers, whose locks a thread that is left behind would hold for ever.
    while piece := os.read(descriptor, _PIECE_BYTES):
        yield piece


def open_lines(path: str | None, *, is_json: bool | None) -> Lines:
    """Return the lines of the file at `path`, or of standard input where that is None or ``-``.

    Raises UsageError when there is nothing to read.
    """
    if path is None or path == "-":
        if sys.stdin is None or (path is None and sys.stdin.isatty()):
            raise UsageError(
                "a batch needs lines to answer.", hint="gptoss batch FILE, or a pipe into it"
            )
        return Lines(sys.stdin.fileno(), "standard input", is_json=is_json)
    if Path(path).is_dir():
        raise UsageError(f"{path} is a folder.", hint="gptoss batch takes one file")
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    return Lines(descriptor, path, is_json=is_json)


def count_lines(path: str | None) -> int | None:
    """Return how many lines a file has that are not blank, None for what is no file."""
    if path is None or not Path(path).is_file():
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb"):
            return sum(bool(line.strip()) for line in split(_pieces(descriptor)))
    except OSError:
        return None
