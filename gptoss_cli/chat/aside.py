"""A question to the model that is no part of the conversation: for a title, for a summary."""

from __future__ import annotations

from gptoss_cli.engine.base import Cancel, Engine, Sampling
from gptoss_cli.events import Finished, FinishReason, MessageCompleted
from gptoss_cli.messages import Channel, Conversation


def answer_to(
    conversation: Conversation,
    engine: Engine,
    *,
    sampling: Sampling,
    max_tokens: int,
    thinking: bool,
    cancel: Cancel,
) -> str | None:
    """Return the final answer to the last question of `conversation`; nothing of it is remembered.

    Empty when there was none or it was cut off, None when it was stopped.
    """
    text = ""
    for event in engine.answer(
        conversation, sampling=sampling, max_tokens=max_tokens, cancel=cancel, thinking=thinking
    ):
        match event:
            case MessageCompleted(message, complete) if message.channel is Channel.FINAL:
                text = message.content if complete else ""
            case Finished(FinishReason.CANCELLED):
                return None
            case _:
                pass
    return text
