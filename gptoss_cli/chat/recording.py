"""An answer on its way into the conversation, while it is being written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.tree import ConversationTree, Usage
from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    Finished,
    MessageCompleted,
    PreambleDelta,
    ToolCallDelta,
)
from gptoss_cli.messages import Channel, Message, Role
from gptoss_cli.sessions.records import MessageState

_KEPT_EVERY_S: Final = 0.5  # a program that is killed loses less than a second of an answer


class Recording:
    """Puts the messages of one answer into `tree` as they grow.

    A message is partial until the next one begins or ``end`` is called: only then is all known
    that belongs to it. ``is_due`` says when what has come should be kept.
    """

    def __init__(
        self,
        tree: ConversationTree,
        settings: ChatSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tree = tree
        self._settings = settings
        self._clock = clock
        self._id: int | None = None
        self._parts: list[str] = []
        self._kind: tuple[Channel, str | None] | None = None
        self._whole: tuple[Message, MessageState] | None = None
        self._began_s = 0.0
        self._kept_s = clock()
        self.is_empty = True

    def take(self, event: Event) -> None:
        """Take what `event` adds to the answer."""
        match event:
            case AnalysisDelta(text):
                self._add((Channel.ANALYSIS, None), text)
            case FinalDelta(text):
                self._add((Channel.FINAL, None), text)
            case PreambleDelta(text):
                self._add((Channel.COMMENTARY, None), text)
            case ToolCallDelta(recipient, text):
                self._add((Channel.COMMENTARY, recipient), text)
            case MessageCompleted(message, complete):
                if self._kind is None:
                    self._begin((message.channel or Channel.FINAL, message.recipient))
                self._whole = (
                    message,
                    MessageState.COMPLETE if complete else MessageState.STOPPED,
                )
                self._kind = None
            case Finished():
                self.end(_usage(event))
            case _:
                pass

    def is_due(self) -> bool:
        """Whether it is time to keep what has come; if so it is in the tree now."""
        if self._id is None or self._clock() - self._kept_s < _KEPT_EVERY_S:
            return False
        self._kept_s = self._clock()
        if self._whole is None:
            self._tree.grow(self._id, self._so_far(), MessageState.PARTIAL)
        return True

    def end(self, usage: Usage | None = None) -> None:
        """Settle the last message, with the `usage` of the whole answer; what is partial stopped.

        Calling it again does nothing.
        """
        if self._id is None:
            return
        message, state = self._whole or (self._so_far(), MessageState.STOPPED)
        if message.channel is Channel.ANALYSIS:
            duration_s = round(self._clock() - self._began_s, 3)
            usage = {**(usage or {}), "thought_tokens": len(self._parts), "thought_s": duration_s}
        self._tree.grow(self._id, message, state, usage)
        self._id = self._whole = self._kind = None
        self._parts = []

    def _add(self, kind: tuple[Channel, str | None], text: str) -> None:
        if kind != self._kind:
            self._begin(kind)
        self._parts.append(text)

    def _begin(self, kind: tuple[Channel, str | None]) -> None:
        self.end()
        self.is_empty = False
        self._kind, self._began_s = kind, self._clock()
        self._id = self._tree.add(
            self._so_far(),
            state=MessageState.PARTIAL,
            model=self._settings.model,
            effort=self._settings.effort,
        )

    def _so_far(self) -> Message:
        channel, recipient = self._kind or (Channel.FINAL, None)
        return Message(
            role=Role.ASSISTANT,
            content="".join(self._parts),
            channel=channel,
            recipient=recipient,
        )


def _usage(finished: Finished) -> Usage:
    usage, timings = finished.usage, finished.timings
    return {
        "prompt_tokens": usage.prompt_tokens,
        "cached_tokens": usage.cached_tokens,
        "completion_tokens": usage.completion_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "ttft_s": round(timings.ttft_s, 3),
        "total_s": round(timings.total_s, 3),
        "prefill_tps": round(timings.prefill_tps, 2),
        "decode_tps": round(timings.decode_tps, 2),
    }
