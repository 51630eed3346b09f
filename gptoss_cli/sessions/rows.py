"""Rows of the store from and to frozen values."""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gptoss_cli.messages import Channel, Message, Role
from gptoss_cli.sessions.records import (
    MessageState,
    SessionInfo,
    SessionSettings,
    StoredMessage,
)
from gptoss_cli.sessions.session_json import (
    effort_of,
    numbers_of,
    settings_of,
    settings_plain,
)

INSERT_MESSAGE: Final = """
    INSERT INTO message (id, parent_id, role, channel, content, name, recipient, content_type,
      tokens, state, created_s, model, effort, usage)
    VALUES (?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
      ?, ?, ?, CAST(? AS TEXT), ?, ?)"""
MESSAGES: Final = """
    SELECT id, parent_id, role, channel, content, name, recipient, content_type,
      tokens, state, created_s, model, effort, usage
    FROM message WHERE id BETWEEN ? AND ? ORDER BY id"""


def utf8(text: str | None) -> bytes | None:
    """Return `text` as it is stored: SQLite's driver refuses lone halves of surrogate pairs."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


def message_row(stored: StoredMessage) -> tuple[Any, ...]:
    """Return the parameters of ``INSERT_MESSAGE``."""
    message = stored.message
    return (
        stored.id,
        stored.parent_id,
        message.role.value,
        message.channel and message.channel.value,
        utf8(message.content),
        utf8(message.name),
        utf8(message.recipient),
        utf8(message.content_type),
        packed(message.tokens),
        stored.state.value,
        stored.created_s,
        utf8(stored.model),
        stored.effort and stored.effort.value,
        usage_text(stored.usage),
    )


def message_of(row: Sequence[Any]) -> StoredMessage:
    """Return the message in a row of ``MESSAGES``."""
    channel = row[3]
    return StoredMessage(
        id=row[0],
        parent_id=row[1],
        message=Message(
            role=Role(row[2]),
            channel=None if channel is None else Channel(channel),
            content=row[4],
            name=row[5],
            recipient=row[6],
            content_type=row[7],
            tokens=_unpacked(row[8]),
        ),
        state=MessageState(row[9]),
        created_s=row[10],
        model=row[11],
        effort=effort_of(row[12]),
        usage=None if row[13] is None else numbers_of(_json(row[13])),
    )


def info_of(row: Sequence[Any]) -> SessionInfo:
    """Return the session in a row of id, title, title_is_own, created_s, changed_s, model,
    message_count.
    """
    return SessionInfo(
        id=row[0],
        title=row[1],
        title_is_own=bool(row[2]),
        created_s=row[3],
        changed_s=row[4],
        model=row[5],
        message_count=row[6],
    )


def settings_text(settings: SessionSettings) -> str:
    """Return `settings` as they are stored, in ASCII."""
    return json.dumps(settings_plain(settings))


def stored_settings(text: str) -> SessionSettings:
    """Return the settings in `text`."""
    return settings_of(_json(text))


def usage_text(usage: Mapping[str, float | int] | None) -> str | None:
    """Return `usage` as it is stored, in ASCII."""
    return None if usage is None else json.dumps(dict(usage))


def packed(tokens: Sequence[int] | None) -> bytes | None:
    """Return `tokens` as 32-bit integers, little-endian."""
    if tokens is None:
        return None
    numbers = array("i", tokens)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _unpacked(stored: bytes | None) -> tuple[int, ...] | None:
    if stored is None:
        return None
    numbers = array("i", stored)
    if sys.byteorder == "big":
        numbers.byteswap()
    return tuple(numbers)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
