"""The conversations that a shell offers while one is typed."""

from __future__ import annotations

import time
from collections import Counter

_MOST = 200


def session_names(incomplete: str) -> list[tuple[str, str]]:
    """Return titles that begin like that, the newest first, and what to say of each.

    Where a title cannot be typed, or is that of another, too, its id stands for it. An id is
    completed as well.
    """
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.sessions.titles import key_of, titles

    path = user_paths().sessions
    if not path.is_absolute():
        return []
    listed = titles(path)
    keys = [key_of(entry.title) for entry in listed]
    counts = Counter(keys)
    found: list[tuple[str, str]] = []
    for entry, key in zip(listed, keys, strict=True):
        if _can_be_typed(entry.title) and counts[key] == 1 and key.startswith(key_of(incomplete)):
            found.append((entry.title, _day(entry.changed_s)))
        elif (incomplete or not _can_be_typed(entry.title) or counts[key] > 1) and (
            entry.id.startswith(incomplete.upper())
        ):
            found.append((entry.id, f"{_day(entry.changed_s)} {entry.title}"))
        if len(found) == _MOST:
            break
    return found


def _can_be_typed(title: str) -> bool:
    return (
        title.isprintable()
        and title == " ".join(title.split())
        and not title.startswith("-")
        and title not in {"", "last"}
    )


def _day(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):  # at the ends of the calendar
        return ""
