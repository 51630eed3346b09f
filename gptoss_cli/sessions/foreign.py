"""What every import knows: how much it takes, and a tree built from messages of any origin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from gptoss_cli.messages import Message
from gptoss_cli.sessions.records import (
    SessionInfo,
    SessionSettings,
    StoredMessage,
    StoredSession,
)

MOST_MESSAGES: Final = 100_000  # of one session
LONGEST_CHARACTERS: Final = 8_000_000  # of one message
MOST_CHARACTERS: Final = 256_000_000  # of one session

TOO_LONG: Final = "longer than can be taken"
NOT_TEXT: Final = "no text"
NOT_UNDERSTOOD: Final = "not understood"


@dataclass(frozen=True, slots=True)
class Found:
    """A session in a file. ``origin`` names it for ever; ``skipped`` counts what was left out."""

    session: StoredSession
    origin: str
    skipped: Counter[str]


@dataclass(slots=True)
class Tree:
    """The messages of a session, parents first, numbered from 1."""

    skipped: Counter[str]
    messages: list[StoredMessage] = field(default_factory=list)
    characters: int = 0

    def add(
        self, message: Message, parent_id: int | None, *, created_s: float, model: str | None
    ) -> int | None:
        """Add a message below `parent_id` and return its number; the parent's if it is too much."""
        size = len(message.content)
        if (
            size > LONGEST_CHARACTERS
            or self.characters + size > MOST_CHARACTERS
            or len(self.messages) >= MOST_MESSAGES
        ):
            self.skipped[TOO_LONG] += 1
            return parent_id
        self.characters += size
        number = len(self.messages) + 1
        self.messages.append(
            StoredMessage(
                id=number,
                parent_id=parent_id,
                message=message,
                created_s=created_s,
                model=model,
            )
        )
        return number

    def session(
        self,
        *,
        title: str,
        model: str,
        created_s: float,
        changed_s: float,
        head_id: int | None,
        instructions: str = "",
    ) -> StoredSession:
        """Return the session; without `head_id` the last message is its head."""
        last_id = self.messages[-1].id if self.messages else None
        info = SessionInfo(
            id="",
            title=title,
            title_is_own=bool(title.strip()),
            created_s=created_s,
            changed_s=max(created_s, changed_s),
            model=model,
            message_count=len(self.messages),
        )
        settings = SessionSettings(instructions=instructions[:LONGEST_CHARACTERS])
        return StoredSession(info, settings, tuple(self.messages), head_id or last_id)
