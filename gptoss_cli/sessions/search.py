"""What a person types to find a conversation, as a query of the index and as a place in a text.

Words are separated by blanks, and all must occur in one message, in any order. A word of letters
is the beginning of a word, a single letter is all of it; Hangul, ideographs and kana are found
anywhere (``sessions.folding``). What stands between quotes must occur as it stands. Signs do not
count. None of it is ever syntax of FTS5: every word reaches it as a string.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from gptoss_cli.sessions.folding import ALONE, PIECES, alike, searchable
from gptoss_cli.sessions.records import SessionInfo

_SNIPPET_CELLS: Final = 60
_LEAD_CELLS: Final = 20
_LONGEST_CHARACTERS: Final = 1_000
_MOST_TERMS: Final = 32
_TERMS: Final = re.compile(r'"([^"]*)"|([^\s"]+)')
_WIDE: Final = frozenset("WF")
# Letters and digits make one word with their neighbours, unless these stand alone.
_BEGIN: Final = rf"(?:(?<![^\W_])|(?<={ALONE.pattern}))"
_END: Final = rf"(?!(?!{ALONE.pattern})[^\W_])"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A line of a text around what was found, which is ``text[start:end]``.

    About 60 columns of a terminal. The text is composed (NFC), white space is one blank, and what
    was left out is an ellipsis. It is untrusted.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A session that was found, and its newest message that matches; None when its title does."""

    session: SessionInfo
    message_id: int | None
    is_thinking: bool
    snippet: Snippet


@dataclass(frozen=True, slots=True)
class _Term:
    fts: str
    pattern: re.Pattern[str]
    is_exact: bool  # where the pattern finds nothing, there is nothing


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the index; ``fts`` is in the language of FTS5, and empty when nothing is asked.

    The index does not know blanks between characters that stand alone, so what it finds has still
    to be looked at: ``find`` returns None where 서울 is only the end of 그래서 before 울다.
    """

    fts: str
    _terms: tuple[_Term, ...]

    def find(self, text: str) -> Snippet | None:
        """Return `text` around the first place that was asked for; None if a word is missing."""
        composed = unicodedata.normalize("NFC", text)
        folded = alike(composed)
        places: list[tuple[int, int]] = []
        for term in self._terms:
            place = term.pattern.search(folded)
            if place is not None:
                places.append(place.span())
            elif term.is_exact:
                return None
        return _snippet(composed, *min(places, default=(0, 0)))


def parse(text: str) -> Query:
    """Return what `text` asks for; of a very long one only the beginning counts."""
    terms: dict[str, _Term] = {}
    # A quote that is not closed is none.
    for phrase, word in _TERMS.findall(text[:_LONGEST_CHARACTERS]):
        term = _term(phrase or word, is_phrase=bool(phrase))
        if term is not None and len(terms) < _MOST_TERMS:
            terms[term.fts] = term
    return Query(" ".join(terms), tuple(terms.values()))


def _term(text: str, *, is_phrase: bool) -> _Term | None:
    composed = unicodedata.normalize("NFC", text)
    pieces = [(match.lastgroup, match.group()) for match in PIECES.finditer(alike(composed))]
    if not pieces:
        return None
    words = searchable(composed).replace('"', " ")
    kind, last = pieces[-1]
    is_whole = is_phrase or kind == "alone" or len(last) == 1
    return _Term(
        f'"{" ".join(words.split())}"' + ("" if is_whole else "*"),
        _pattern(pieces, is_whole=is_whole),
        is_exact=any(kind == "alone" for kind, _ in pieces),
    )


def _pattern(pieces: list[tuple[str | None, str]], *, is_whole: bool) -> re.Pattern[str]:
    """Return what matches `pieces` one after the other, signs and blanks between them or not."""
    parts: list[str] = []
    before = None
    for kind, piece in pieces:
        if before == kind:  # two words, or two runs, had something between them
            parts.append(r"[\W_]+")
        elif before is not None:
            parts.append(r"[\W_]*")
        elif kind == "word":
            parts.append(_BEGIN)
        parts.append(re.escape(piece))
        before = kind
    if is_whole and before == "word":
        parts.append(_END)
    return re.compile("".join(parts))


def _snippet(composed: str, start: int, end: int) -> Snippet:
    """Return about one line of `composed` around the place from `start` to `end`."""
    first = _walk(composed, start, -1, _LEAD_CELLS)
    last = max(_walk(composed, start, 1, _SNIPPET_CELLS - _LEAD_CELLS), min(end, start + 1))
    before = " ".join(composed[first:start].split())
    found = " ".join(composed[start : min(end, last)].split())
    after = " ".join(composed[min(end, last) : last].split())
    if before and composed[start - 1].isspace():
        before += " "
    if after and end < last and composed[end].isspace():
        after = " " + after
    if first > 0:
        before = "…" + before
    if last < len(composed):
        after += "…"
    return Snippet(before + found + after, len(before), len(before) + len(found))


def _walk(text: str, start: int, step: int, cells: int) -> int:
    """Return the index that lies up to `cells` columns from `start`, forwards or backwards."""
    place = start
    while 0 <= (character := place - (step < 0)) < len(text):
        cells -= 2 if unicodedata.east_asian_width(text[character]) in _WIDE else 1
        if cells < 0:
            break
        place += step
    return place
