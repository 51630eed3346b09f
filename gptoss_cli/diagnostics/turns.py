"""The turns of a chat, for how long the first token of each is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gptoss_cli.events import (
    AnalysisDelta,
    FinalDelta,
    Finished,
    FinishReason,
    MessageCompleted,
)
from gptoss_cli.messages import Channel, Message, final, user

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel, Engine, Sampling
    from gptoss_cli.messages import Conversation


def next_turns(
    engine: Engine, conversation: Conversation, sampling: Sampling, tokens: int, cancel: Cancel
) -> Iterator[float]:
    """Yield for turn after turn the seconds from its question to its first token.

    The first one reads the system message, too. An answer has at most `tokens`, and its thinking
    is cut short, so that there is one: the next turn reads it once more, without the thinking.
    """
    cancel.answer_now()
    number = 1
    while True:
        conversation = conversation.adding(user(f"{number} + {number}"))
        said: list[Message] = []
        text = ""
        for event in engine.answer(
            conversation, sampling=sampling, max_tokens=tokens, cancel=cancel
        ):
            match event:
                case MessageCompleted(message):
                    said.append(message)
                case AnalysisDelta(piece) | FinalDelta(piece):
                    text += piece
                case Finished(reason, _, timings):
                    if reason is FinishReason.CANCELLED:
                        return
                    yield timings.ttft_s
        # Random weights come to no answer: what they wrote is one, for the next turn to read.
        answered = any(message.channel is Channel.FINAL for message in said)
        conversation = conversation.adding(*(said if answered else [final(text)]))
        number += 1
