"""The prompt of a one-shot: arguments, standard input, or both."""

from __future__ import annotations

import codecs
import locale
import os
import stat
import sys
from collections.abc import Sequence
from typing import Final

from gptoss_cli.errors import UsageError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings in which bytes can be wrong. Where every byte means something, that says nothing.
_CHECKED: Final = frozenset(
    ("euc_kr", "cp949", "johab", "shift_jis", "cp932", "euc_jp", "gb2312", "gbk", "gb18030", "big5")
)


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


def decode(raw: bytes, local: str = "utf-8") -> str:
    """Return `raw` as text: what its byte order mark says, UTF-8, or the `local` encoding.

    Raises UsageError when it is none of them.
    """
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    try:
        text = raw.decode(marked or "utf-8")
    except UnicodeDecodeError as error:
        if b"\0" in raw and not marked:
            raise _binary() from None
        if not marked and (local_text := _decoded(raw, local)) is not None:
            return local_text
        name = "UTF-16 or UTF-32" if marked and marked != "utf-8-sig" else "UTF-8"
        raise UsageError(
            f"standard input is not valid {name} (byte {error.start + 1:,}).",
            hint="convert it first, for example: iconv -f CP949 -t UTF-8",
        ) from None
    if "\0" in text:
        raise _binary()
    return text


def _decoded(raw: bytes, encoding: str) -> str | None:
    """Return `raw` in the encoding of the locale, if that is one that can be wrong."""
    # Every byte means something in ASCII with escapes, Latin-1 and their like: that says nothing.
    if codecs.lookup(encoding).name not in _CHECKED:
        return None
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _binary() -> UsageError:
    return UsageError(
        "standard input is binary, gpt-oss reads text.", hint="convert it to text first"
    )
