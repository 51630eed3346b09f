"""A conversation with all of its versions: what was edited or asked again is a branch, not gone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gptoss_cli.messages import Message, ReasoningEffort, Role
from gptoss_cli.sessions.records import MessageState, StoredMessage

Usage = Mapping[str, float | int]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and all that answers it. ``number`` counts from 1 along the present path."""

    number: int
    question: StoredMessage | None
    answer: tuple[StoredMessage, ...]

    @property
    def messages(self) -> tuple[StoredMessage, ...]:
        """The question and the answer."""
        return (self.question, *self.answer) if self.question else self.answer


class ConversationTree:
    """Messages below one another; the path from a root to ``head_id`` is what is talked about now.

    Ids count from 1 in the order of writing, so that a parent's is less than its child's.
    ``touched`` are the ids of messages that are new or have grown since they were last kept.
    """

    def __init__(self, messages: Iterable[StoredMessage] = (), head_id: int | None = None) -> None:
        self._by_id = {message.id: message for message in messages}
        self.head_id = head_id
        self.touched: set[int] = set()

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[StoredMessage]:
        return iter(self._by_id.values())

    def __getitem__(self, message_id: int) -> StoredMessage:
        return self._by_id[message_id]

    def add(
        self,
        message: Message,
        *,
        state: MessageState = MessageState.COMPLETE,
        model: str | None = None,
        effort: ReasoningEffort | None = None,
        usage: Usage | None = None,
    ) -> int:
        """Add `message` below the head, which it becomes; return its id."""
        new_id = max(self._by_id, default=0) + 1
        self._by_id[new_id] = StoredMessage(
            id=new_id,
            parent_id=self.head_id,
            message=message,
            state=state,
            created_s=time.time(),
            model=model,
            effort=effort,
            usage=usage,
        )
        self.head_id = new_id
        self.touched.add(new_id)
        return new_id

    def grow(
        self, message_id: int, message: Message, state: MessageState, usage: Usage | None = None
    ) -> None:
        """Put what a partial message has grown to in its place."""
        old = self._by_id[message_id]
        grown = replace(old, message=message, state=state, usage=usage or old.usage)
        self._by_id[message_id] = grown
        self.touched.add(message_id)

    def path(self, to_id: int | None = None) -> list[StoredMessage]:
        """Return the messages from a root to `to_id`, or to the head."""
        found: list[StoredMessage] = []
        next_id = self.head_id if to_id is None else to_id
        while next_id is not None:
            found.append(self._by_id[next_id])
            next_id = found[-1].parent_id
        found.reverse()
        return found

    def turns(self) -> list[Turn]:
        """Return the turns of the path; only the first may lack its question."""
        groups: list[list[StoredMessage]] = []
        for stored in self.path():
            if stored.message.role is Role.USER or not groups:
                groups.append([])
            groups[-1].append(stored)
        return [_turn(number, group) for number, group in enumerate(groups, 1)]

    def leaves(self) -> list[int]:
        """Return the id of the last message of every branch, in the order of writing."""
        parents = {message.parent_id for message in self}
        return [message_id for message_id in self._by_id if message_id not in parents]


def _turn(number: int, group: list[StoredMessage]) -> Turn:
    if group[0].message.role is Role.USER:
        return Turn(number, group[0], tuple(group[1:]))
    return Turn(number, None, tuple(group))
