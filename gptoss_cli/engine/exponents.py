"""Keep the exponents of JSON numbers within what a double holds.

``1e999`` follows every schema of a number, and is infinity wherever it is read. llguidance has no
option that bounds exponents, so JSON text is followed here a second time, as far as it takes to
know where the exponent of a number is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MOST_DIGITS: Final = 2
_OUTSIDE, _STRING, _ESCAPE, _NUMBER, _EXPONENT = range(5)
_QUOTE, _BACKSLASH = b'"\\'
_DIGITS: Final = frozenset(b"0123456789")
_MANTISSA: Final = frozenset(b"0123456789.-")


class DigitTokens:
    """The tokens of a vocabulary that can make an exponent too long, as arrays of ids.

    ``leading`` begin with a digit, which counts where an exponent goes on; ``containing`` have a
    long exponent of their own.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.leading = _ids_of(rb"[+-]?[0-9]", pieces)
        self.containing = _ids_of(rb".*[eE][+-]?[0-9]{%d}" % (_MOST_DIGITS + 1), pieces)


class ExponentLimit:
    """Follows one JSON text, byte by byte, and allows exponents of at most two digits."""

    def __init__(self, pieces: Sequence[bytes], tokens: DigitTokens) -> None:
        """`pieces` are the bytes of each token."""
        self._pieces = pieces
        self._tokens = tokens
        self._state = (_OUTSIDE, 0)

    def refused(self) -> list[int]:
        """Return the tokens that would make an exponent too long."""
        suspects = self._tokens.containing.tolist()
        if self._state[0] == _EXPONENT:
            suspects += self._tokens.leading.tolist()
        return [token for token in suspects if not self.allows(token)]

    def allows(self, token: int) -> bool:
        """Whether no exponent becomes too long with `token`."""
        return _after(self._state, self._pieces[token]) is not None

    def advance(self, token: int) -> None:
        """Go on with `token`, which is allowed."""
        self._state = _after(self._state, self._pieces[token]) or self._state


def _ids_of(pattern: bytes, pieces: Sequence[bytes]) -> NDArray[np.int64]:
    match = re.compile(pattern, re.DOTALL).match
    return np.array([i for i, piece in enumerate(pieces) if match(piece)], dtype=np.int64)


def _after(state: tuple[int, int], piece: bytes) -> tuple[int, int] | None:
    """Return the state after `piece` and the digits of the exponent; None if they are too many."""
    place, digits = state
    for byte in piece:
        if place == _STRING:
            if byte == _QUOTE:
                place = _OUTSIDE
            elif byte == _BACKSLASH:
                place = _ESCAPE
        elif place == _ESCAPE or byte == _QUOTE:
            place = _STRING
        elif place == _EXPONENT and byte in _DIGITS:
            digits += 1
            if digits > _MOST_DIGITS:
                return None
        elif place == _NUMBER and byte in b"eE":
            place, digits = _EXPONENT, 0
        elif place != _EXPONENT or byte not in b"+-":
            place = _NUMBER if byte in _MANTISSA else _OUTSIDE
    return place, digits
