"""The prompt of a one-shot: arguments, standard input, or both."""

from __future__ import annotations

import locale
import os
import stat
import sys
from collections.abc import Sequence

from gptoss_cli.documents.decoding import decode
from gptoss_cli.errors import UsageError


def compose(arguments: Sequence[str]) -> str:
    """Return the prompt: the words of `arguments`, then what is piped in, after a blank line.

    Raises UsageError when both are empty, or one is not text.
    """
    words = " ".join(arguments)
    try:
        words.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(
            "the prompt is not valid UTF-8.", hint="check the encoding of the terminal: locale"
        ) from None
    piped = _piped().rstrip("\n")
    parts = [part for part in (words, piped) if part.strip()]
    if not parts:
        raise UsageError(
            "the prompt is empty.", hint='gptoss "your question", or gptoss for a chat'
        )
    return "\n\n".join(parts)


def is_at_a_terminal() -> bool:
    """Whether a person types at standard input; a closed one is None."""
    return sys.stdin is not None and sys.stdin.isatty()


def is_piped() -> bool:
    """Whether standard input brings text: a pipe, a file or a socket, not a terminal."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _piped() -> str:
    if not is_piped():
        return ""
    try:
        raw = sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError(f"standard input cannot be read: {error.strerror}.") from None
    return decode(raw, locale.getpreferredencoding(False))
