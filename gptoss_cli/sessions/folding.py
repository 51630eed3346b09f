"""Text as the search compares it: without case, accents and ways of composing.

Scripts that are written without blanks between words, or glue particles to them, are indexed one
character at a time: Hangul syllables, ideographs and kana. A word of theirs is then a run of
tokens, found wherever it stands, 서울 in 서울에서는 as well as in 남서울.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Hangul syllables; ideographs with their marks of repetition; kana, half-width ones too.
_ALONE: Final = (
    "\uac00-\ud7a3\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
)
ALONE: Final = re.compile(f"[{_ALONE}]")
# Runs of one kind, as words are told apart: what stands alone, and other letters and digits.
PIECES: Final = re.compile(rf"(?P<alone>[{_ALONE}]+)|(?P<word>[^\W_{_ALONE}]+)")
_UNINDEXED: Final = re.compile("[\x00\ud800-\udfff]")


def searchable(text: str) -> str:
    """Return `text` as the index is given it, every character that stands alone between blanks.

    The result depends on `text` only: a message leaves the index by the same words it came with.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    if not folded.isascii():
        folded = ALONE.sub(r" \g<0> ", folded)
    return _UNINDEXED.sub(" ", folded)


class _Alike(dict[int, str]):
    """One character for each: its small form without accents, looked up once."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        alike = character.casefold()[0]
        if not ALONE.match(character):
            alike = unicodedata.normalize("NFD", alike)[0]
        self[code] = alike
        return alike


_ALIKE: Final = _Alike()


def alike(composed: str) -> str:
    """Return `composed`, a text in NFC, folded so that every character keeps its place."""
    return composed.lower() if composed.isascii() else composed.translate(_ALIKE)
