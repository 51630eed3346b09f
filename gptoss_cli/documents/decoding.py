"""Bytes to text: the home of charset_normalizer.

Three answers are certain: a byte order mark, valid UTF-8, and the encoding of the locale where
that is one in which bytes can be wrong. Everything else is a guess, and said to be one.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from gptoss_cli.documents.document import normalised
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
# Without bounds charset_normalizer takes short texts for encodings that nobody has used for years.
_GUESSED: Final = (
    *("cp932", "euc_jp", "gb18030", "big5", "johab", "cp1252", "cp1250", "cp1251", "koi8_r"),
    *("cp1253", "cp1254", "cp1255", "cp1256", "tis_620"),
)
_SAMPLE_BYTES: Final = 256 << 10
_NAMES: Final = {
    "cp932": "Shift-JIS",
    "shift_jis": "Shift-JIS",
    "gb18030": "GB18030",
    "cp1252": "Windows-1252 (Latin)",
    "big5": "Big5",
    "johab": "Johab",
}
_KANA: Final = frozenset(map(chr, range(0x3041, 0x30FB)))
_FOREIGN: Final = re.compile(r"[^\x00-\xa0\W\d_]")  # letters beyond ASCII
_CONTROL: Final = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
# Letters with accents stand alone, or in pairs beside others; scripts of two bytes do not.
_NOT_WESTERN: Final = re.compile(
    rb"[\x80-\xff]{3}|[\x80-\xbf][\x80-\xff]|[\x80-\xff][\x80-\xbf]"
    rb"|(?<![A-Za-z])[\xc0-\xff]{2}(?![A-Za-z])"
)


@dataclass(frozen=True, slots=True)
class Decoded:
    r"""Text with \n as its only line end; ``note`` says how it was read where that is a guess."""

    text: str
    note: str = ""


def decode(raw: bytes, local: str = "utf-8", *, subject: str = "standard input") -> str:
    """Return `raw` as text: what its byte order mark says, UTF-8, or the `local` encoding.

    Raises UsageError, which names `subject`, when it is none of them, and when it is binary.
    """
    marked = _marked(raw)
    try:
        text = raw.decode(marked or "utf-8")
    except UnicodeDecodeError as error:
        if b"\0" in raw and not marked:
            raise binary(subject) from None
        if not marked and (local_text := _local(raw, local)) is not None:
            return local_text
        name = "UTF-16 or UTF-32" if marked and marked != "utf-8-sig" else "UTF-8"
        raise UsageError(
            f"{subject} is not valid {name} (byte {error.start + 1:,}).",
            hint="convert it first, for example: iconv -f CP949 -t UTF-8",
        ) from None
    if "\0" in text:
        raise binary(subject)
    return text


def detect(raw: bytes, local: str = "utf-8", *, subject: str) -> Decoded:
    """Return `raw` as text as ``decode`` does, else in the encoding it seems to be in.

    Raises UsageError, which names `subject`, when it is not text in any encoding.
    """
    try:
        return Decoded(normalised(decode(raw, local, subject=subject)), _local_note(raw, local))
    except UsageError:
        if b"\0" in raw or _marked(raw):
            raise
        found = _mostly_utf8(raw) or _guessed(raw)
        if found is None or "\0" in found.text:
            raise
        sample = found.text[:_SAMPLE_BYTES]
        if len(_CONTROL.findall(sample)) > len(sample) / 100:
            raise binary(subject) from None
        return found


def decode_as(raw: bytes, encoding: str) -> str | None:
    """Return `raw` as text in the `encoding` somebody declared, or None where that is not true."""
    try:
        if not codecs.lookup(encoding)._is_text_encoding:  # noqa: SLF001  base64, zlib and so on
            return None
        text = raw.decode(encoding)
    except (LookupError, ValueError):
        return None
    return None if "\0" in text else normalised(text)


def binary(subject: str) -> UsageError:
    """Return the error of what is no text at all."""
    return UsageError(f"{subject} is binary, gpt-oss reads text.", hint="convert it to text first")


def _marked(raw: bytes) -> str | None:
    return next((name for mark, name in _MARKS if raw.startswith(mark)), None)


def _local(raw: bytes, local: str) -> str | None:
    """Return `raw` in the encoding of the locale, if that is one that can be wrong."""
    # Every byte means something in ASCII with escapes, Latin-1 and their like: that says nothing.
    return _strict(raw, local) if codecs.lookup(local).name in _CHECKED else None


def _local_note(raw: bytes, local: str) -> str:
    if _marked(raw) or _strict(raw, "utf-8") is not None:
        return ""
    return _note(local)


def _strict(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except ValueError:
        return None


def _mostly_utf8(raw: bytes) -> Decoded | None:
    """Return UTF-8 in which a few bytes are wrong: logs that were cut, files put together."""
    text = raw.decode("utf-8", "replace")
    wrong = text.count("\ufffd") - raw.count("\ufffd".encode())
    right = len(text) - len(text.encode("ascii", "ignore")) - text.count("\ufffd")
    if right < 10 * wrong:
        return None
    count = "1 byte is" if wrong == 1 else f"{wrong:,} places are"
    return Decoded(normalised(text), f"{count} not UTF-8, shown as \ufffd")


def _guessed(raw: bytes) -> Decoded | None:
    """Return `raw` in the encoding it is most likely in, or None."""
    # charset_normalizer needs more text than a short note has; the scripts tell sooner. Chinese
    # read as Korean is half Hanja, and Japanese rare syllables or single letters.
    for encoding, script, share in (("cp949", _hangul(), 0.7), ("euc_jp", _KANA, 0.3)):
        text = _strict(raw, encoding)
        if text is not None and _share(script, text) >= share:
            return Decoded(normalised(text), _note(encoding))
    if not _NOT_WESTERN.search(raw):
        western = _strict(raw, "cp1252")
        if western is not None:
            return Decoded(normalised(western), _note("cp1252"))
    from charset_normalizer import from_bytes  # most text needs no guess

    best = from_bytes(_sample(raw), cp_isolation=list(_GUESSED)).best()
    text = _strict(raw, best.encoding) if best else None
    if best is None or text is None:
        return None
    return Decoded(normalised(text), _note(best.encoding))


@cache
def _hangul() -> frozenset[str]:
    """Return the syllables that are in use: the 2,350 of KS X 1001."""
    rows = (bytes((row, cell)) for row in range(0xB0, 0xC9) for cell in range(0xA1, 0xFF))
    return frozenset(pair.decode("euc_kr") for pair in rows)


def _share(script: frozenset[str], text: str) -> float:
    """Return how many of the letters beyond ASCII are of the `script`, from 0 to 1."""
    letters = _FOREIGN.findall(text[:_SAMPLE_BYTES])
    return sum(letter in script for letter in letters) / len(letters) if letters else 0.0


def _sample(raw: bytes) -> bytes:
    # Whole lines: half a character at the end would speak against every encoding.
    if len(raw) <= _SAMPLE_BYTES:
        return raw
    end = raw.rfind(b"\n", 0, _SAMPLE_BYTES)
    return raw[: end + 1] if end > 0 else raw[:_SAMPLE_BYTES]


def _note(encoding: str) -> str:
    name = codecs.lookup(encoding).name
    return f"read as {_NAMES.get(name, name.replace('_', '-').upper())}"
