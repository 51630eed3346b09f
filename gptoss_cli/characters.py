"""Characters that a terminal obeys or hides, in one table, and what is written in their place.

Newline and tab are in neither set. What languages and emoji need is not, either: combining marks,
joiners, variation selectors, conjoining Hangul. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_OBEYED: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # order of reading: marks, embeddings, isolates
    "\u2028\u2029"  # line ends that only some programs obey
    "\ud800-\udfff"  # halves of a pair: no encoder takes them
)
_HIDDEN: Final = (
    "\u00ad"  # soft hyphen: a word looks whole and is not
    "\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff"  # nothing to see, but there
    "\u034f\u17b4\u17b5"  # marks without a shape
    "\u3164\uffa0"  # blank letters
    "\ufff9-\ufffb"  # annotations
    "\U0001d173-\U0001d17a"  # musical formatting
    "\U000e0000-\U000e007f"  # tags: a hidden alphabet
    "\U000e0100-\U000e01ef"  # variants of ideographs: another one
)
# A syllable may be followed by its final consonant.
_PARTS: Final = re.compile("[\uac00-\ud7a3]?[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]+")
OBEYED: Final = re.compile(f"[{_OBEYED}]")
"""What a terminal acts upon, or cannot be written."""
# One class, one search: text without any of these, nearly all of it, costs a single scan.
UNSAFE: Final = re.compile(f"[{_OBEYED}{_HIDDEN}]")
"""The same, and what nobody sees."""


@lru_cache(maxsize=512)
def shown(character: str) -> str:
    """Return what people see instead of `character`: a control picture (``␛``) or its code point
    (``<U+202E>``).
    """
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


def hangul_composed(text: str) -> str:
    """Return `text` with syllables where it has their parts (jamo), as macOS writes file names.

    Models know the syllables. All else stays as it is: composing everything would change signs.
    """
    return _PARTS.sub(lambda match: unicodedata.normalize("NFC", match.group()), text)


def with_shown(pattern: re.Pattern[str], text: str) -> str:
    r"""Return `text` with all that `pattern` finds shown; \r\n becomes \n."""
    return pattern.sub(lambda match: shown(match.group()), text.replace("\r\n", "\n"))


def json_escaped(text: str) -> str:
    """Return JSON, written by ``json.dumps(..., ensure_ascii=False)``, with escapes for what is
    unsafe to print. It means the same, and is valid UTF-8.
    """
    return UNSAFE.sub(lambda match: _json_escape(match.group()), text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
