"""Names of sessions: 26 characters, in order of time, the same on no two machines (ULID)."""

from __future__ import annotations

import re
import secrets
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS: Final = 80
_LENGTH: Final = 26
_ID: Final = re.compile(rf"[0-7][{_ALPHABET}]{{{_LENGTH - 1}}}")


def new_id(created_s: float) -> str:
    """Return an id for what was made at `created_s`, seconds since 1970: 48 bits of milliseconds,
    80 of chance.
    """
    value = min(max(int(created_s * 1000), 0), (1 << 48) - 1) << _RANDOM_BITS
    value |= secrets.randbits(_RANDOM_BITS)
    return "".join(_ALPHABET[value >> shift & 31] for shift in range((_LENGTH - 1) * 5, -1, -5))


def is_id(text: str) -> bool:
    """Return whether `text` is an id as ``new_id`` writes them."""
    return _ID.fullmatch(text) is not None
