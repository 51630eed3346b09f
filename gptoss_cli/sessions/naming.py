"""What people call a session: its id or a part of it, its title or the beginning of it."""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from gptoss_cli.sessions.records import SessionInfo
from gptoss_cli.sessions.titles import key_of

_LEAST_ID_CHARACTERS: Final = 4
_ALIKE: Final = 0.5
_LONGEST_CHARACTERS: Final = 200
_MOST_COMPARED: Final = 2_000  # letter by letter: a tenth of a millisecond each


def meant(text: str, sessions: Iterable[SessionInfo]) -> list[SessionInfo]:
    """Return those of `sessions` that `text` may mean, in their order.

    The closest reading that means any counts: an id; a title; the beginning or the end of an id,
    four characters or more (sessions of one week begin alike); the beginning of a title. Case and
    the composition of Hangul do not count.
    """
    key = key_of(text.strip())
    if not key:
        return []
    keyed = [(info, info.id.casefold(), key_of(info.title)) for info in sessions]
    is_part = len(key) >= _LEAST_ID_CHARACTERS
    readings = (
        [info for info, own_id, _ in keyed if own_id == key],
        [info for info, _, title in keyed if title == key],
        [info for info, own_id, _ in keyed if is_part and own_id.startswith(key)],
        [info for info, own_id, _ in keyed if is_part and own_id.endswith(key)],
        [info for info, _, title in keyed if title.startswith(key)],
    )
    return next((reading for reading in readings if reading), [])


def short_ids(sessions: Iterable[SessionInfo]) -> dict[str, str]:
    """Return for each id its shortest end that ``meant`` takes for this session and no other.

    The beginnings are times, alike for sessions of one week; the ends are chance.
    """
    listed = list(sessions)
    titles = {key_of(info.title) for info in listed}
    left = [info.id for info in listed]
    found: dict[str, str] = {}
    length = _LEAST_ID_CHARACTERS
    while left:
        beginnings = {info.id[:length] for info in listed}
        ends = Counter(info.id[-length:] for info in listed)
        for own_id in left:
            end = own_id[-length:]
            is_own = ends[end] == 1 and end not in beginnings and end.casefold() not in titles
            if is_own or length >= len(own_id):
                found[own_id] = end
        left = [own_id for own_id in left if own_id not in found]
        length += 1
    return found


def nearest(text: str, sessions: Sequence[SessionInfo], *, most: int = 5) -> list[SessionInfo]:
    """Return sessions whose titles hold `text`, then the first ones whose titles are like it."""
    key = key_of(text[:_LONGEST_CHARACTERS].strip())
    if not key:
        return []
    titles = [key_of(info.title) for info in sessions]
    holding = [info for info, title in zip(sessions, titles, strict=True) if key in title]
    by_letters: dict[str, SessionInfo] = {}
    for info, title in zip(sessions[:_MOST_COMPARED], titles, strict=False):
        by_letters.setdefault(_letters(title), info)
    alike = difflib.get_close_matches(_letters(key), by_letters, n=most, cutoff=_ALIKE)
    found = {info.id: info for info in (*holding[:most], *(by_letters[title] for title in alike))}
    return list(found.values())[:most]


def _letters(key: str) -> str:
    """Return `key` in letters: Hangul syllables that differ in one are alike."""
    return unicodedata.normalize("NFD", key)
