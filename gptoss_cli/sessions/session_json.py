"""Sessions as JSON: the form that is exported, and read again by the import.

Version 1 is one object::

    {
      "format": "gptoss session",
      "version": 1,
      "id": "01KAMXP5J3...",            26 characters
      "title": "...", "title_is_own": false,
      "created_s": 1763801640.5,         seconds since 1970, as all times
      "changed_s": 1763801702.0,
      "model": "20b",
      "settings": {"effort": "medium", "thinking": true, "instructions": "", "date": null,
                   "sampling": {}},
      "head": 3,                         the id of a message, or null
      "messages": [
        {"id": 1, "parent": null, "role": "user", "channel": null, "content": "...",
         "name": null, "recipient": null, "content_type": null,
         "state": "complete", "created_s": 1763801640.5,
         "model": null, "effort": null, "usage": null}
      ]
    }

A parent stands before its children; two messages with one parent are versions of each other. The
tokens of a message are not exported: read from a file they could be control tokens. Readers take
what they know, ignore what they do not, and replace values of a wrong kind by these defaults.

Lone halves of surrogate pairs are written as escapes, so that the text is UTF-8. Two halves that
happen to stand in the right order come back as the one character they mean.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from gptoss_cli.characters import json_escaped
from gptoss_cli.messages import Channel, Message, ReasoningEffort, Role
from gptoss_cli.sessions.records import (
    LATEST_S,
    MessageState,
    SessionInfo,
    SessionSettings,
    StoredMessage,
    StoredSession,
)

FORMAT: Final = "gptoss session"
VERSION: Final = 1


def dump(session: StoredSession) -> str:
    """Return the whole tree of `session` as JSON text that is valid UTF-8."""
    return json_escaped(json.dumps(_plain(session), ensure_ascii=False, indent=2)) + "\n"


def is_session(plain: object) -> bool:
    """Return whether `plain`, from a JSON file, says that it is a session of this program."""
    return isinstance(plain, Mapping) and plain.get("format") == FORMAT


def session_of(plain: Mapping[str, Any]) -> tuple[StoredSession, int]:
    """Return the session in `plain`, and how many of its messages could not be used.

    Messages with an unusable parent, too, are left out, so the result is always a tree.
    Raises ValueError when the version is another one.
    """
    version = plain.get("version")
    if version != VERSION:
        raise ValueError(f"its version is {version!r}, this program knows {VERSION}")
    listed = plain.get("messages")
    listed = listed if isinstance(listed, list) else []
    created_s = time_or(plain.get("created_s"), 0.0)
    messages: list[StoredMessage] = []
    new_ids: dict[object, int | None] = {None: None}
    for entry in listed:
        message = _message_of(entry, len(messages) + 1, new_ids, created_s)
        if message is not None:
            messages.append(message)
            new_ids[entry["id"]] = message.id
    head = plain.get("head")
    head_id = new_ids.get(head) if isinstance(head, int) else None
    if head_id is None and messages:
        head_id = messages[-1].id
    info = SessionInfo(
        id=string_or(plain.get("id"), ""),
        title=string_or(plain.get("title"), ""),
        title_is_own=plain.get("title_is_own") is True,
        created_s=created_s,
        changed_s=time_or(plain.get("changed_s"), created_s),
        model=string_or(plain.get("model"), ""),
        message_count=len(messages),
    )
    settings = settings_of(plain.get("settings"))
    return StoredSession(info, settings, tuple(messages), head_id), len(listed) - len(messages)


def settings_plain(settings: SessionSettings) -> dict[str, Any]:
    """Return `settings` as JSON writes them."""
    return {
        "effort": settings.effort,
        "thinking": settings.thinking,
        "instructions": settings.instructions,
        "date": settings.date,
        "sampling": dict(settings.sampling),
    }


def settings_of(plain: object) -> SessionSettings:
    """Return the settings in `plain`; what is missing or of a wrong kind is as in a new session."""
    if not isinstance(plain, Mapping):
        return SessionSettings()
    date = plain.get("date")
    sampling = plain.get("sampling")
    return SessionSettings(
        effort=effort_of(plain.get("effort")) or ReasoningEffort.MEDIUM,
        thinking=plain.get("thinking") is not False,
        instructions=string_or(plain.get("instructions"), ""),
        date=date if isinstance(date, str) else None,
        sampling=numbers_of(sampling, with_none=True) or {},
    )


def effort_of(value: object) -> ReasoningEffort | None:
    """Return the effort named `value`, or None."""
    return next((effort for effort in ReasoningEffort if effort == value), None)


def numbers_of(value: object, *, with_none: bool = False) -> dict[str, Any] | None:
    """Return the finite numbers in the mapping `value`, and with `with_none` the nulls.

    None when it is no mapping.
    """
    if not isinstance(value, Mapping):
        return None
    return {
        name: number
        for name, number in value.items()
        if isinstance(name, str) and (_is_number(number) or (with_none and number is None))
    }


def time_or(value: object, default_s: float) -> float:
    """Return `value` as a time that calendars know, in seconds since 1970, else `default_s`."""
    if not _is_number(value) or not isinstance(value, int | float):
        return default_s
    return float(value) if 0 <= value <= LATEST_S else default_s


def string_or(value: object, default: str) -> str:
    """Return `value` when it is a text, else `default`."""
    return value if isinstance(value, str) else default


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _plain(session: StoredSession) -> dict[str, Any]:
    numbers: dict[int | None, int | None] = {None: None}
    numbers |= {message.id: place for place, message in enumerate(session.messages, 1)}
    info = session.info
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": info.id,
        "title": info.title,
        "title_is_own": info.title_is_own,
        "created_s": info.created_s,
        "changed_s": info.changed_s,
        "model": info.model,
        "settings": settings_plain(session.settings),
        "head": numbers[session.head_id],
        "messages": [
            {
                "id": numbers[stored.id],
                "parent": numbers[stored.parent_id],
                **_message_plain(stored),
            }
            for stored in session.messages
        ],
    }


def _message_plain(stored: StoredMessage) -> dict[str, Any]:
    message = stored.message
    return {
        "role": message.role,
        "channel": message.channel,
        "content": message.content,
        "name": message.name,
        "recipient": message.recipient,
        "content_type": message.content_type,
        "state": stored.state,
        "created_s": stored.created_s,
        "model": stored.model,
        "effort": stored.effort,
        "usage": None if stored.usage is None else dict(stored.usage),
    }


def _message_of(
    entry: object, new_id: int, new_ids: Mapping[object, int | None], default_s: float
) -> StoredMessage | None:
    """Return the message in `entry` under `new_id`; None when it cannot be used."""
    if not isinstance(entry, Mapping):
        return None
    old_id, parent, role, channel = (entry.get(k) for k in ("id", "parent", "role", "channel"))
    content = entry.get("content")
    if (
        not isinstance(old_id, int)
        or old_id in new_ids
        or not isinstance(parent, int | None)
        or parent not in new_ids
        or role not in tuple(Role)
        or channel not in (None, *Channel)
        or not isinstance(content, str)
    ):
        return None
    state = entry.get("state")
    model, *names = (
        value if isinstance(value, str) else None
        for value in (entry.get(k) for k in ("model", "name", "recipient", "content_type"))
    )
    return StoredMessage(
        id=new_id,
        parent_id=new_ids[parent],
        message=Message(
            role=Role(role),
            content=content,
            channel=None if channel is None else Channel(channel),
            name=names[0],
            recipient=names[1],
            content_type=names[2],
        ),
        state=MessageState(state) if state in tuple(MessageState) else MessageState.COMPLETE,
        created_s=time_or(entry.get("created_s"), default_s),
        model=model,
        effort=effort_of(entry.get("effort")),
        usage=numbers_of(entry.get("usage")),
    )
