"""Single steps inside a transaction of the store; rows, index and counts stay in agreement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from gptoss_cli.errors import SessionGoneError
from gptoss_cli.messages import Channel, Role
from gptoss_cli.sessions import rows, search_index
from gptoss_cli.sessions.records import (
    SessionInfo,
    SessionSettings,
    StoredMessage,
    title_of,
    words_of,
)
from gptoss_cli.sessions.rows import utf8
from gptoss_cli.sessions.schema import MESSAGE_BITS

_GONE_HINT: Final = "it may have been removed meanwhile"


def ids_of(key: int) -> tuple[int, int]:
    """Return the first and the last id that messages of the session `key` can have."""
    return (key << MESSAGE_BITS) + 1, ((key + 1) << MESSAGE_BITS) - 1


def key_of_session(database: sqlite3.Connection, session_id: str) -> int:
    """Return the key of the session. Raises SessionGoneError."""
    row = database.execute(
        "SELECT key FROM session WHERE id = CAST(? AS TEXT)", (utf8(session_id),)
    ).fetchone()
    if row is None:
        raise SessionGoneError(f"there is no session {session_id}.", hint=_GONE_HINT)
    return int(row[0])


def key_of_origin(database: sqlite3.Connection, origin: str, session_id: str) -> int | None:
    """Return the key of the session that came from `origin`, else of the one with this id."""
    row = database.execute(
        "SELECT key FROM session WHERE origin = CAST(?1 AS TEXT) OR id = CAST(?2 AS TEXT)"
        " ORDER BY origin IS CAST(?1 AS TEXT) DESC",
        (utf8(origin), utf8(session_id)),
    ).fetchone()
    return None if row is None else int(row[0])


def require_message(database: sqlite3.Connection, key: int, message_id: int) -> None:
    """Raise SessionGoneError when `message_id` is no message of the session `key`."""
    first, last = ids_of(key)
    row = database.execute("SELECT 1 FROM message WHERE id = ?", (message_id,)).fetchone()
    if row is None or not first <= message_id <= last:
        raise message_gone()


def message_gone() -> SessionGoneError:
    """Return the error of a message that is not there."""
    return SessionGoneError("the message is not in this session.", hint=_GONE_HINT)


def insert_session(
    database: sqlite3.Connection,
    info: SessionInfo,
    settings: SessionSettings,
    *,
    origin: str | None = None,
) -> int:
    """Add a session without messages and return its key."""
    key = database.execute(
        "INSERT INTO session (id, title, title_is_own, created_s, changed_s, model, settings,"
        " message_count, origin) VALUES (?, CAST(? AS TEXT), ?, ?, ?, CAST(? AS TEXT), ?, ?,"
        " CAST(? AS TEXT))",
        (
            info.id,
            utf8(info.title),
            info.title_is_own,
            info.created_s,
            info.changed_s,
            utf8(info.model),
            rows.settings_text(settings),
            info.message_count,
            utf8(origin),
        ),
    ).lastrowid
    assert key is not None
    search_index.add(database, key << MESSAGE_BITS, info.title)
    return key


def retitle(database: sqlite3.Connection, key: int, title: str, *, is_own: bool) -> None:
    """Give the session `key` another title."""
    (old,) = database.execute("SELECT title FROM session WHERE key = ?", (key,)).fetchone()
    search_index.remove(database, key << MESSAGE_BITS, old)
    database.execute(
        "UPDATE session SET title = CAST(? AS TEXT), title_is_own = ? WHERE key = ?",
        (utf8(title), is_own, key),
    )
    search_index.add(database, key << MESSAGE_BITS, title)


def question_title(database: sqlite3.Connection, key: int) -> str:
    """Return the title that the first question of the session `key` makes."""
    row = database.execute(
        "SELECT content FROM message WHERE id BETWEEN ? AND ? AND role = ? ORDER BY id LIMIT 1",
        (*ids_of(key), Role.USER.value),
    ).fetchone()
    return title_of(words_of(row[0])) if row else ""


def next_message_id(database: sqlite3.Connection, key: int) -> int:
    """Return the id of the next message of the session `key`."""
    first, last = ids_of(key)
    (newest,) = database.execute(
        "SELECT max(id) FROM message WHERE id BETWEEN ? AND ?", (first, last)
    ).fetchone()
    return first if newest is None else newest + 1


def insert_message(database: sqlite3.Connection, stored: StoredMessage) -> None:
    """Add a message, found by its text from now on."""
    database.execute(rows.INSERT_MESSAGE, rows.message_row(stored))
    is_thinking = stored.message.channel is Channel.ANALYSIS
    search_index.add(database, stored.id, stored.message.content, is_thinking=is_thinking)


def replace_message(database: sqlite3.Connection, old: StoredMessage, new: StoredMessage) -> None:
    """Put `new` in the place of `old`, which has the same id."""
    _unindex(database, old.id, old.message.channel, old.message.content)
    database.execute("DELETE FROM message WHERE id = ?", (old.id,))
    insert_message(database, new)


def remove_session(database: sqlite3.Connection, session_id: str) -> bool:
    """Remove a session, its messages and their words in the index; False if there is none."""
    row = database.execute(
        "SELECT key, title FROM session WHERE id = CAST(? AS TEXT)", (utf8(session_id),)
    ).fetchone()
    if row is None:
        return False
    key, title = row
    search_index.remove(database, key << MESSAGE_BITS, title)
    messages: Iterable[tuple[int, str | None, str]] = database.execute(
        "SELECT id, channel, content FROM message WHERE id BETWEEN ? AND ?", ids_of(key)
    )
    for message_id, channel, content in messages:
        _unindex(database, message_id, channel, content)
    database.execute("DELETE FROM message WHERE id BETWEEN ? AND ?", ids_of(key))
    database.execute("DELETE FROM session WHERE key = ?", (key,))
    return True


def _unindex(
    database: sqlite3.Connection, message_id: int, channel: str | None, content: str
) -> None:
    search_index.remove(database, message_id, content, is_thinking=channel == Channel.ANALYSIS)
