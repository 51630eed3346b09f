"""A conversation that goes on: ask, hear the answer as events, remember both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gptoss_cli.chat.context import ContextFitter, Fitted
from gptoss_cli.engine.base import Cancel, Engine, Sampling
from gptoss_cli.events import Event, MessageCompleted, TurnsDropped
from gptoss_cli.messages import Channel, Conversation, Message, Role, user


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that fits: the conversation with it, and what of that the model will see."""

    asked: Conversation
    fitted: Fitted


class Chat:
    """One conversation with `engine`. ``conversation`` holds all that was said, also by a stopped
    answer, whether or not it still fits the window.
    """

    def __init__(
        self,
        engine: Engine,
        conversation: Conversation,
        *,
        sampling: Sampling,
        max_tokens: int | None,
    ) -> None:
        self.conversation = conversation
        self._engine = engine
        self._sampling = sampling
        self._max_tokens = max_tokens
        self._fitter = ContextFitter()

    def prepare(self, text: str) -> Prepared:
        """Put `text` to the conversation and see that it fits; nothing is remembered yet.

        Takes seconds for megabytes of text. Raises DoesNotFitError when it is too long.
        """
        asked = self.conversation.adding(user(text))
        return Prepared(asked, self._fitter.fit(asked, self._engine))

    def answer(self, prepared: Prepared, cancel: Cancel) -> Iterator[Event]:
        """Yield the answer and remember it; the last event is ``Finished``."""
        asked, fitted = prepared.asked, prepared.fitted
        if fitted.newly_dropped:
            yield TurnsDropped(fitted.newly_dropped)
        self.conversation = asked
        answer: list[Message] = []
        try:
            for event in self._engine.answer(
                fitted.conversation,
                sampling=self._sampling,
                max_tokens=self._max_tokens,
                cancel=cancel,
            ):
                if isinstance(event, MessageCompleted):
                    answer.append(event.message)
                yield event
        finally:
            self.conversation = asked.adding(*_remembered(answer))


def _remembered(answer: list[Message]) -> list[Message]:
    """Return what later prompts should know of an answer.

    Thinking that never came to an answer (stopped, out of tokens) would be taken up again by the
    next one, and a call nobody answered would wait for its result: neither stays.
    """
    if any(message.channel is Channel.FINAL for message in answer):
        return answer
    return [
        message
        for message in answer
        if message.role is Role.ASSISTANT
        and message.channel is Channel.COMMENTARY
        and message.recipient is None
    ]
