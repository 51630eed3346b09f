"""What the store holds, as frozen values. All texts in them are untrusted where they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from gptoss_cli.messages import Channel, Message, ReasoningEffort

LATEST_S: Final = 253_402_300_799.0  # the end of the year 9999, the last one calendars know
_TITLE_CHARACTERS: Final = 80
# As chats put documents into a message: a name, and a fence (documents.document).
_DOCUMENT: Final = re.compile(r"(?:\A|\n\n+)(?P<name>File: [^\n]*)\n(?P<fence>`{3,})[^\n`]*\n")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MessageState(StrEnum):
    """How far a message came; the values stand in the store and in exports.

    ``PARTIAL`` is being written, or its program ended in the middle; ``STOPPED`` was cut off on
    request or by the end of the window.
    """

    COMPLETE = "complete"
    STOPPED = "stopped"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What a session is continued with. ``date`` is ISO, of the system message, or None.
    ``thinking`` False: answers are opened at once, whatever the effort.

    ``sampling`` holds numbers by name (``temperature``, ``seed``); None means not set.
    """

    effort: ReasoningEffort = ReasoningEffort.MEDIUM
    thinking: bool = True
    instructions: str = ""
    date: str | None = None
    sampling: Mapping[str, float | int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """A line of the list. Times are seconds since 1970; ``changed_s`` is that of the last message.

    ``title_is_own`` tells a title somebody gave from one made of the first question;
    ``message_count`` counts all branches.
    """

    id: str
    title: str
    title_is_own: bool
    created_s: float
    changed_s: float
    model: str
    message_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message with its place in the tree; ``parent_id`` is None at a root.

    A parent's id is always less than its child's. ``usage`` are counts by name, in tokens, or None.
    """

    id: int
    parent_id: int | None
    message: Message
    state: MessageState = MessageState.COMPLETE
    created_s: float
    model: str | None = None
    effort: ReasoningEffort | None = None
    usage: Mapping[str, float | int] | None = None


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it was when it was read: all branches, ``messages`` in order of their ids.

    ``head_id`` is the message that the next one answers, None as long as there is none.
    """

    info: SessionInfo
    settings: SessionSettings
    messages: tuple[StoredMessage, ...]
    head_id: int | None
    _by_id: dict[int, StoredMessage] = field(init=False, repr=False, compare=False)
    _children: dict[int | None, list[StoredMessage]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        children: dict[int | None, list[StoredMessage]] = {}
        for message in self.messages:
            children.setdefault(message.parent_id, []).append(message)
        object.__setattr__(self, "_by_id", {message.id: message for message in self.messages})
        object.__setattr__(self, "_children", children)

    def path(self, to_id: int | None = None) -> tuple[StoredMessage, ...]:
        """Return the messages from a root to `to_id`, or to the head. Raises KeyError if `to_id`
        is no message of this session.
        """
        found: list[StoredMessage] = []
        next_id = self.head_id if to_id is None else to_id
        while next_id is not None:
            found.append(self._by_id[next_id])
            next_id = found[-1].parent_id
        return tuple(reversed(found))

    def children(self, message_id: int | None) -> tuple[StoredMessage, ...]:
        """Return the messages that follow `message_id`, oldest first; the roots for None."""
        return tuple(self._children.get(message_id, ()))

    def siblings(self, message_id: int) -> tuple[StoredMessage, ...]:
        """Return `message_id` and its other versions, oldest first. Raises KeyError."""
        return self.children(self._by_id[message_id].parent_id)

    def leaves(self) -> tuple[StoredMessage, ...]:
        """Return the last message of every branch, in order of their ids."""
        return tuple(message for message in self.messages if message.id not in self._children)

    def without_thinking(self) -> StoredSession:
        """Return the session without the analysis channel; what followed it moves up."""
        kept: list[StoredMessage] = []
        moved: dict[int | None, int | None] = {None: None}  # an id, or what stands for it
        for message in self.messages:
            parent_id = moved[message.parent_id]
            if message.message.channel is Channel.ANALYSIS:
                moved[message.id] = parent_id
            else:
                moved[message.id] = message.id
                kept.append(replace(message, parent_id=parent_id))
        info = replace(self.info, message_count=len(kept))
        return StoredSession(info, self.settings, tuple(kept), moved[self.head_id])


def words_of(question: str) -> str:
    """Return what of `question` its person wrote: all behind the documents that it begins with, up
    to one that stands behind it; the name of the first one where there is nothing else.
    """
    start, name = 0, ""
    while (document := _DOCUMENT.match(question, start)) is not None:
        name = name or document["name"]
        fence = f"\n{document['fence']}\n"
        end = question.find(fence, document.end() - 1)
        start = len(question) if end < 0 else end + len(fence) - 1
    document = _DOCUMENT.search(question, start)
    if document is None:
        words = question[start:]
    else:
        words, name = question[start : document.start()], name or document["name"]
    return (words.strip("\n") if start else words) or name


def title_of(text: str) -> str:
    """Return `text` as a title: its beginning, on one line."""
    # Only the beginning is split: a question can be megabytes of a file.
    title = " ".join(text[: 64 * _TITLE_CHARACTERS].split())
    if len(title) <= _TITLE_CHARACTERS:
        return title
    return title[: _TITLE_CHARACTERS - 1].rstrip() + "…"


def moment(seconds: float) -> datetime:
    """Return a time of the store in UTC, the nearest one that calendars know."""
    return _EPOCH + timedelta(seconds=min(max(seconds, 0.0), LATEST_S))
