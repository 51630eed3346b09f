"""What the program is connected to, found out once and passed down as a value."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO

from gptoss_cli.ui.theme import Paint

Size = tuple[int, int]

_FALLBACK: Size = (80, 24)
_MARKS = "•│─·…␛"
# Consoles of Windows have no TERM and are not dumb.
_DUMB = {"dumb", "unknown"} | ({""} if os.name == "posix" else set())


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The three streams and what they can show.

    ``size`` returns columns and rows as they are at the moment of the call. ``stdout_paint`` and
    ``stderr_paint`` say how much styling each stream may carry. ``live`` tells whether rows may be
    repainted: False for dumb terminals and for readers who have the screen read to them.
    ``term`` is the terminal's name, or None.
    ``stdout_unicode`` and ``stderr_unicode`` tell whether each stream can be written ``…`` and
    ``│``.
    """

    stdout: TextIO
    stderr: TextIO
    stdin_tty: bool = False
    stdout_tty: bool = False
    stderr_tty: bool = False
    stdout_paint: Paint = Paint.NONE
    stderr_paint: Paint = Paint.NONE
    live: bool = True
    stdout_unicode: bool = True
    stderr_unicode: bool = True
    term: str | None = None
    stdout_encoding: str = "utf-8"
    stderr_encoding: str = "utf-8"
    size: Callable[[], Size] = lambda: _FALLBACK

    @property
    def terminal(self) -> TextIO | None:
        """The first output that is a terminal, None without one."""
        if self.stdout_tty:
            return self.stdout
        return self.stderr if self.stderr_tty else None

    @classmethod
    def detect(
        cls,
        variables: Mapping[str, str],
        stdin: TextIO | None,
        stdout: TextIO,
        stderr: TextIO,
        *,
        live: bool = True,
    ) -> Environment:
        """Return what `stdin`, `stdout` and `stderr` are connected to, given the environment's
        `variables`. ``live=False`` asks for a screen on which nothing moves.
        """
        dumb = variables.get("TERM", "") in _DUMB
        stdout_tty, stderr_tty = _is_tty(stdout), _is_tty(stderr)
        return cls(
            stdout=stdout,
            stderr=stderr,
            stdin_tty=_is_tty(stdin),
            stdout_tty=stdout_tty,
            stderr_tty=stderr_tty,
            stdout_paint=_paint(variables, tty=stdout_tty, dumb=dumb),
            stderr_paint=_paint(variables, tty=stderr_tty, dumb=dumb),
            live=live and not dumb,
            stdout_unicode=_takes_unicode(stdout),
            stderr_unicode=_takes_unicode(stderr),
            term=variables.get("TERM"),
            stdout_encoding=_encoding(stdout),
            stderr_encoding=_encoding(stderr),
            size=_size_of((stdout, stderr), variables),
        )


def _is_tty(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _paint(variables: Mapping[str, str], *, tty: bool, dumb: bool) -> Paint:
    """Return the styling allowed. NO_COLOR (https://no-color.org) takes colour away but leaves bold
    and underline on a terminal; FORCE_COLOR brings colour to pipes; a dumb terminal gets nothing.
    """
    forced = variables.get("FORCE_COLOR", "") not in {"", "0"}
    if tty and dumb:
        return Paint.NONE
    if variables.get("NO_COLOR"):
        return Paint.ATTRIBUTES if tty else Paint.NONE
    return Paint.COLOUR if forced or tty else Paint.NONE


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _takes_unicode(stream: TextIO) -> bool:
    try:
        _MARKS.encode(_encoding(stream))
    except UnicodeEncodeError:
        return False
    return True


def _size_of(streams: tuple[TextIO, ...], variables: Mapping[str, str]) -> Callable[[], Size]:
    """Return a function that asks the first terminal among `streams` for its size."""
    descriptors = [_descriptor(stream) for stream in streams if _is_tty(stream)]
    fallback = (
        _positive(variables.get("COLUMNS"), _FALLBACK[0]),
        _positive(variables.get("LINES"), _FALLBACK[1]),
    )

    def size() -> Size:
        for descriptor in descriptors:
            if descriptor is None:
                continue
            try:
                columns, rows = os.get_terminal_size(descriptor)
            except OSError:
                continue
            # A terminal that does not know its size says 0.
            return columns or fallback[0], rows or fallback[1]
        return fallback

    return size


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _positive(text: str | None, otherwise: int) -> int:
    try:
        number = int(text or "")
    except ValueError:
        return otherwise
    return number if number > 0 else otherwise
