"""Keep the prompt inside the context window: the oldest turns leave first, whole ones.

The developer message never leaves, nor does the present turn. When the window is full, more turns
leave than must, so that the next turns find the same beginning of the prompt, and with it the KV
cache, instead of a new one each time.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gptoss_cli.engine.base import WINDOW_STEP, Engine
from gptoss_cli.errors import DoesNotFitError, prompt_too_long
from gptoss_cli.messages import Conversation, Message, Role

_LEAST_ROOM_FOR_ANSWER: Final = 512
_FULL_SHARE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Fitted:
    """A conversation that fits, and how many turns were newly left out of it."""

    conversation: Conversation
    newly_dropped: int


class ContextFitter:
    """Decides which turns the model still sees; remembers what it left out before.

    ``dropped_turns`` is the number of the oldest turns that are left out.

    `most_tokens`: the largest window the model was trained for.
    """

    def __init__(self, most_tokens: int) -> None:
        self._most_tokens = most_tokens
        self.dropped_turns = 0

    def reset(self) -> None:
        """Forget what was left out: another conversation, or another part of it, comes now."""
        self.dropped_turns = 0

    def preview(self, conversation: Conversation, engine: Engine) -> Fitted:
        """Return what ``fit`` would, without remembering it; all of it where nothing fits."""
        remembered = self.dropped_turns
        try:
            return self.fit(conversation, engine)
        except DoesNotFitError:
            return Fitted(conversation, 0)
        finally:
            self.dropped_turns = remembered

    def fit(self, conversation: Conversation, engine: Engine) -> Fitted:
        """Return `conversation` without the oldest turns that do not fit the window of `engine`.

        Raises DoesNotFitError when the present turn alone is larger than the window.
        """
        turns = split_turns(conversation.messages)
        dropped = max(min(self.dropped_turns, len(turns) - 1), 0)
        # One value is measured and returned: the engine remembers the tokens of the last one.
        kept = _without(conversation, turns, dropped)
        size = engine.prompt_tokens(kept)
        window = engine.window_for(size)
        room = min(_LEAST_ROOM_FOR_ANSWER, window // 4)
        if size > window - room:
            present = engine.prompt_tokens(_without(conversation, turns, len(turns) - 1))
            # Where the present turn fills the window by itself, no more leave than must.
            goal = window * _FULL_SHARE if present <= window * _FULL_SHARE else window - room
            # Each look renders the whole prompt: in a long conversation one by one takes seconds.
            dropped = bisect.bisect_left(
                range(len(turns) - 1),
                -goal,
                lo=dropped,
                key=lambda count: -engine.prompt_tokens(_without(conversation, turns, count)),
            )
            kept = _without(conversation, turns, dropped)
            size = engine.prompt_tokens(kept)
        if size >= window:
            needed = -(-(size + room) // WINDOW_STEP) * WINDOW_STEP
            hint = f"use a larger context: --context {needed}"
            if needed > self._most_tokens:
                hint = f"a shorter prompt: the model reads {self._most_tokens:,} tokens at most"
            raise prompt_too_long(size, window, hint=hint)
        newly, self.dropped_turns = dropped - self.dropped_turns, dropped
        return Fitted(kept, max(0, newly))


def split_turns(messages: Sequence[Message]) -> list[tuple[Message, ...]]:
    """Return the messages by turn; a turn begins with a user's message."""
    turns: list[list[Message]] = []
    for message in messages:
        if message.role is Role.USER or not turns:
            turns.append([])
        turns[-1].append(message)
    return [tuple(turn) for turn in turns]


def _without(
    conversation: Conversation, turns: Sequence[tuple[Message, ...]], dropped: int
) -> Conversation:
    messages = tuple(message for turn in turns[dropped:] for message in turn)
    return Conversation(
        system=conversation.system, developer=conversation.developer, messages=messages
    )
