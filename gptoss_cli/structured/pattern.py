r"""Regular expressions of JSON Schema (ECMA-262) in a spelling that two engines read alike.

An answer is generated under Rust's syntax and validated under Python's. They disagree about
``\d``, ``\w``, ``\s``, ``.`` and ``$``, so that each is spelled out here as ECMA-262 means it. What
only one of them knows (lookarounds, back-references, ``\b``) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Ranges = tuple[tuple[int, int], ...]

_LARGEST: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)
_MOST_REPEATS: Final = 100_000
_DIGITS: Final = ((0x30, 0x39),)
_WORDS: Final = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_LINE_ENDS: Final = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_BLANKS: Final = (
    *((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
_QUANTIFIER = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_NAMED_GROUP = re.compile(r"\?<[A-Za-z_$][A-Za-z0-9_$]*>")
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}


class PatternError(Exception):
    """A pattern that cannot be used; the message says what of it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One language in two spellings: for Rust's regex crate and for ``re.search``."""

    rust: str
    python: str


@lru_cache(maxsize=1024)
def translated(pattern: str) -> Pattern:
    """Return `pattern`, of ECMA-262, in both spellings. Raises PatternError."""
    reader = _Reader(pattern)
    reader.read()
    spelled = Pattern("".join(reader.rust), "".join(reader.python))
    try:
        re.compile(spelled.python)
    except RecursionError as error:
        raise PatternError("it is nested too deeply") from error
    except (re.error, OverflowError) as error:
        raise PatternError(f"it is no regular expression: {error}") from error
    return spelled


class _Reader:
    """Reads a pattern from left to right and writes both spellings."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self.rust: list[str] = []
        self.python: list[str] = []

    def read(self) -> None:
        while self._at < len(self._text):
            char = self._next()
            match char:
                case "$":
                    self._write("$", r"\Z")
                case "^" | "|" | ")":
                    self._write(char)
                case "(":
                    self._open_group()
                case "*" | "+" | "?":
                    self._write_quantifier(char)
                case "{" if quantifier := _QUANTIFIER.match(self._text, self._at - 1):
                    self._at = quantifier.end()
                    self._write_quantifier(_checked(quantifier))
                case ".":
                    self._write_set(_complement(_LINE_ENDS))
                case "[":
                    self._write_set(self._class())
                case "\\":
                    self._write_set(self._escape(in_class=False))
                case _:
                    self._write_set(((ord(char), ord(char)),))

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise PatternError("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _write(self, rust: str, python: str | None = None) -> None:
        self.rust.append(rust)
        self.python.append(rust if python is None else python)

    def _write_quantifier(self, quantifier: str) -> None:
        if self._text[self._at : self._at + 1] == "?":  # a lazy one matches the same texts
            self._at += 1
        self._write(quantifier)

    def _write_set(self, ranges: Ranges) -> None:
        if not ranges:
            self._write(r"[^\x{0}-\x{10FFFF}]", "(?!)")
        elif len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            self._write(_rust(ranges[0][0]), _python(ranges[0][0]))
        else:
            self._write(_spelled(ranges, _rust), _spelled(ranges, _python))

    def _open_group(self) -> None:
        if self._text.startswith("?:", self._at):
            self._at += 2
        elif group := _NAMED_GROUP.match(self._text, self._at):
            self._at = group.end()
        elif self._text.startswith(("?=", "?!", "?<=", "?<!"), self._at):
            raise PatternError("lookarounds are not supported")
        elif self._text.startswith("?", self._at):
            raise PatternError("groups that begin with (? are not supported")
        self._write("(?:")

    def _class(self) -> Ranges:
        is_negated = self._text.startswith("^", self._at)
        self._at += is_negated
        ranges: list[tuple[int, int]] = []
        while (char := self._next()) != "]":
            first = self._class_atom(char)
            is_range = self._text.startswith("-", self._at) and not self._text.startswith(
                "-]", self._at
            )
            if not is_range:
                ranges += first
                continue
            self._at += 1
            last = self._class_atom(self._next())
            if not (_is_one(first) and _is_one(last)) or first[0][0] > last[0][0]:
                raise PatternError("a range of characters in it is out of order")
            ranges.append((first[0][0], last[0][0]))
        merged = _merged(ranges)
        return _complement(merged) if is_negated else merged

    def _class_atom(self, char: str) -> Ranges:
        return self._escape(in_class=True) if char == "\\" else ((ord(char), ord(char)),)

    def _escape(self, *, in_class: bool) -> Ranges:
        char = self._next()
        sets = {"d": _DIGITS, "w": _WORDS, "s": _BLANKS}
        if char.lower() in sets:
            ranges: Ranges = sets[char.lower()]
            return ranges if char.islower() else _complement(ranges)
        code = self._escaped_code(char, in_class=in_class)
        return ((code, code),)

    def _escaped_code(self, char: str, *, in_class: bool) -> int:
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "b" and in_class:
            return 8
        if char == "x":
            return self._hexadecimal(2)
        if char == "u":
            return self._unicode_escape()
        if char == "c":
            return ord(self._next()) % 32
        if char.isascii() and char.isalnum():
            raise PatternError(f"\\{char} is not supported")
        return ord(char)

    def _unicode_escape(self) -> int:
        if self._text.startswith("{", self._at):
            end = self._text.find("}", self._at)
            self._at += 1
            code = self._hexadecimal(end - self._at)
            self._at += 1
            return code
        code = self._hexadecimal(4)
        if 0xD800 <= code < 0xDC00 and self._text.startswith("\\u", self._at):
            self._at += 2
            return 0x10000 + ((code - 0xD800) << 10) + (self._hexadecimal(4) - 0xDC00)
        return code

    def _hexadecimal(self, length: int) -> int:
        digits = self._text[self._at : self._at + max(length, 0)]
        if len(digits) != length or not re.fullmatch(r"[0-9A-Fa-f]{1,6}", digits):
            raise PatternError("an escape in it is not complete")
        self._at += length
        code = int(digits, 16)
        if code > _LARGEST:
            raise PatternError("an escape in it is no character")
        return code


def _checked(quantifier: re.Match[str]) -> str:
    least, comma, most = quantifier.groups()
    if any(len(n) > 6 or int(n) > _MOST_REPEATS for n in (least, most) if n):
        raise PatternError(f"it repeats more than {_MOST_REPEATS:,} times")
    return f"{{{int(least)}{',' if comma else ''}{int(most) if most else ''}}}"


def _is_one(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _merged(ranges: Sequence[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _complement(ranges: Ranges) -> Ranges:
    """Return all characters but `ranges`, which are merged."""
    gaps = []
    start = 0
    for first, last in _merged((*ranges, _SURROGATES)):
        if start < first:
            gaps.append((start, first - 1))
        start = last + 1
    if start <= _LARGEST:
        gaps.append((start, _LARGEST))
    return tuple(gaps)


def _spelled(ranges: Ranges, spell: Callable[[int], str]) -> str:
    return "[" + "".join(f"{spell(first)}-{spell(last)}" for first, last in ranges) + "]"


def _rust(code: int) -> str:
    if _SURROGATES[0] <= code <= _SURROGATES[1]:
        raise PatternError("a surrogate in it is no character")
    return chr(code) if _is_plain(code) else f"\\x{{{code:x}}}"


def _python(code: int) -> str:
    return chr(code) if _is_plain(code) else f"\\U{code:08x}"


def _is_plain(code: int) -> bool:
    return code < 128 and chr(code).isalnum()
